"""A simulated account that enforces IAM: users with given policies ask it for operations."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.unit.permissions.calls import model

REGION = "us-east-1"
Answer = Literal["let through", "denied", "unverified"]
"""`unverified`: moto did not get as far as the policy."""
Policy = Mapping[str, Any]
_ONCE = Config(retries={"total_max_attempts": 1})


def least(shape: Any) -> Any:
    """The smallest value that the SDK lets pass for a shape."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        return {name: least(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [least(shape.member)]
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    simple: dict[str, Any] = {"map": {}, "boolean": False, "timestamp": 1_700_000_000, "blob": b"{}"}
    return simple.get(shape.type_name, max(1, shape.metadata.get("min", 1)))


class Account:
    """Made inside moto's `mock_aws`; users are made before enforcement begins."""

    def __init__(self) -> None:
        self._session: Any = boto3.Session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._root = self._session.client("iam", region_name=REGION)

    def user(self, name: str, *policies: Policy) -> tuple[str, str]:
        """A user's access key; moto checks each policy's grammar as IAM does."""
        self._root.create_user(UserName=name)
        for number, policy in enumerate(policies):
            self._root.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(policy))
        key = self._root.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def ask(self, key: tuple[str, str], service: str, operation: str) -> Answer:
        """Send the operation with as little in it as possible; what comes after the policy is of no interest."""
        arguments = least(model(service).operation_model(operation).input_shape)
        call = getattr(self._client(service, key), xform_name(operation))
        try:
            call(**arguments)
        except ClientError as error:
            if "not authorized to perform" in str(error):
                return "denied"
            unread = "SignatureDoesNotMatch" in str(error) or "Not yet implemented" in str(error)
            return "unverified" if unread else "let through"
        except (NotImplementedError, KeyError, TypeError, AttributeError, ValueError):
            return "let through"  # moto's own code for the operation, which it enters after the policy
        return "let through"

    def _client(self, service: str, key: tuple[str, str]) -> Any:
        if (service, key[0]) not in self._clients:
            self._clients[service, key[0]] = self._session.client(
                service, region_name=REGION, aws_access_key_id=key[0], aws_secret_access_key=key[1], config=_ONCE
            )
        return self._clients[service, key[0]]
