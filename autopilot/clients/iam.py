"""Which IAM action an AWS call takes: its own name under the service's prefix, and the published exceptions.

Sources: the service authorization reference (https://docs.aws.amazon.com/service-authorization/latest/reference/),
whose "Actions" tables name an action's API operation and its dependent actions, and the pages named below.
"""

from collections.abc import Mapping

PREFIX: Mapping[str, str] = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Signing name → IAM prefix, where they differ: the reference's page of CloudWatch, of Resource Group Tagging."""

EXCEPTIONS: Mapping[str, str] = {
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Operation → the action that it takes: "Required permissions for Amazon S3 API operations"
(AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""

FREE = frozenset({"sts:GetCallerIdentity"})
""""No permissions are required to perform this operation" (STS/latest/APIReference/API_GetCallerIdentity.html)."""

BY_METHOD = frozenset({"apigateway"})
"""Services whose actions are HTTP methods: the reference's page "Amazon API Gateway Management"."""

ALSO: Mapping[str, tuple[str, ...]] = {
    "application-autoscaling:RegisterScalableTarget": ("iam:CreateServiceLinkedRole",),
    "application-autoscaling:PutScalingPolicy": ("iam:CreateServiceLinkedRole",),
    "cloudformation:DescribeStacks": ("cloudformation:ListStacks",),
    "ecs:UpdateService": ("iam:PassRole",),
    "rds:CreateDBInstanceReadReplica": ("rds:AddTagsToResource",),
    "scheduler:UpdateSchedule": ("iam:PassRole",),
}
"""Action → what AWS checks besides, depending on the request: the reference's "Dependent actions"; for ECS "IAM
roles for Amazon ECS" (those of a new task definition are passed); for Application Auto Scaling "Service-linked
roles for Application Auto Scaling" (made by the first registration)."""


def action_of(service: str, operation: str, method: str = "GET") -> str:
    """The IAM action of a call, such as `dynamodb:UpdateTable`.

    Args:
        service: the name that requests are signed with, such as `monitoring`.
        operation: the API's name of the operation, such as `UpdateTable`.
        method: the HTTP method, which is the action where services are authorised by it.
    """
    if service in BY_METHOD:
        return f"{service}:{method or 'GET'}"
    action = f"{PREFIX.get(service, service)}:{operation}".lstrip(":")
    return EXCEPTIONS.get(action, action)
