"""Our mechanisms and the words of public benchmarks for them: flat tables, read in both directions.

Fault types that no case at hand has are named by the pattern of the others.
"""

import re

from autopilot.incident.cause import MECHANISMS, CauseKind, Mechanism

FAULT_MECHANISMS: tuple[tuple[str, Mechanism], ...] = (
    ("gateway_misroute", "wrong_route"),
    ("service_selector_mismatch", "selector_mismatch"),
    ("service_port_mapping_mismatch", "port_mismatch"),
    ("service_protocol_mismatch", "protocol_mismatch"),
    ("service_env_var_address_mismatch", "wrong_address"),
    ("deployment_zero_replicas", "no_replicas"),
    ("service_sidecar_port_conflict", "port_conflict"),
    ("mysql_invalid_port", "wrong_database_port"),
    ("cpu_capacity_mismatch", "insufficient_cpu"),
    ("memory_capacity_mismatch", "insufficient_memory"),
    ("node_selector_mismatch", "node_selector"),
    ("node_affinity_mismatch", "node_affinity"),
    ("pod_anti_affinity_conflict", "anti_affinity"),
    ("node_cordon_mismatch", "cordoned_node"),
    ("taint_toleration_mismatch", "taint"),
    ("pvc_capacity_mismatch", "claim_size"),
    ("pvc_selector_mismatch", "claim_selector"),
    ("pvc_storage_class_mismatch", "claim_storage_class"),
    ("pvc_access_mode_mismatch", "claim_access_mode"),
    ("pv_binding_occupied", "volume_taken"),
    ("oom_killed", "out_of_memory"),
    ("pod_cpu_overload", "cpu_overload"),
    ("pod_network_delay", "network_delay"),
    ("node_network_delay", "node_network_delay"),
    ("node_network_packet_loss", "node_packet_loss"),
    ("service_dns_resolution_failure", "name_resolution"),
    ("mysql_invalid_credentials", "bad_credentials"),
    ("missing_service_account", "missing_service_account"),
    ("volume_mount_permission_denied", "volume_permission"),
    ("missing_secret_binding", "missing_secret"),
    ("readiness_probe_incorrect_port", "readiness_port"),
    ("readiness_probe_incorrect_protocol", "readiness_protocol"),
    ("readiness_probe_incorrect_timing", "readiness_timing"),
    ("liveness_probe_incorrect_port", "liveness_port"),
    ("liveness_probe_incorrect_protocol", "liveness_protocol"),
    ("liveness_probe_incorrect_timing", "liveness_timing"),
    ("incorrect_image_reference", "image_reference"),
    ("missing_image_pull_secret", "image_pull_secret"),
    ("image_registry_dns_failure", "image_registry"),
    ("namespace_cpu_quota_exceeded", "quota_cpu"),
    ("namespace_memory_quota_exceeded", "quota_memory"),
    ("namespace_pod_quota_exceeded", "quota_pods"),
    ("namespace_service_quota_exceeded", "quota_services"),
    ("namespace_storage_quota_exceeded", "quota_storage"),
    ("containerd_unavailable", "container_runtime_down"),
    ("kubelet_unavailable", "kubelet_down"),
    ("kube_scheduler_unavailable", "scheduler_down"),
    ("kube_proxy_unavailable", "proxy_down"),
    ("db_read_only", "database_read_only"),
    ("db_connection_exhaustion", "connections_exhausted"),
)
"""Fault type of a Kubernetes benchmark, and the mechanism that it is."""

MECHANISM_FAULT: dict[Mechanism, str] = {mechanism: fault for fault, mechanism in FAULT_MECHANISMS}
"""Mechanism → the fault type we answer with; mechanisms without one are no answer."""

CAUSE_REMEDIATION: dict[CauseKind, str] = {
    "bad_deploy": "rollback",
    "config_change": "rollback",
    "certificate": "rotate-cert",
    "dependency": "failover",
    "network": "failover",
    "capacity": "scale",
    "traffic_surge": "scale",
    "throttled": "scale",
    "quota": "scale",
    "crash": "restart",
    "memory": "restart",
    "connection_pool": "restart",
}
"""Cause kind → the kind of remedy; kinds without one leave it to a person."""

FAULT_KINDS: tuple[tuple[str, tuple[CauseKind, ...]], ...] = (
    (r"cpu|cpu_contention|cpu_consumed", ("cpu",)),
    (r"mem", ("memory",)),
    (r"network_delay", ("network",)),
    (r"return|exception", ("bad_deploy",)),
    (r"aws ssm put-parameter .*", ("config_change",)),
    (r"cloud-region-impairment", ("dependency", "network")),
    (r"tls-cert-expiry", ("certificate",)),
    (r"recommendation-memory-leak", ("bad_deploy", "memory")),
    (r"checkout-latency-n-plus-one|unbounded-query-delayed-onset", ("bad_deploy", "slow_query")),
    (r"grpc-deadline-too-tight", ("bad_deploy", "config_change")),
    (r"olapdb-tso-cas-retry-budget|payment-nil-deref-panic", ("bad_deploy",)),
)
"""What other benchmarks call a fault, and the kinds of cause that name it rightly.

Code that returns or raises what it should not is a defect of a version, although no deployment is recorded with it.
"""


def kinds_of(fault: str) -> tuple[CauseKind, ...]:
    """The kinds of cause that are right for a published fault; none where nobody said which."""
    mechanism = dict(FAULT_MECHANISMS).get(fault)
    if mechanism is not None:
        return (MECHANISMS[mechanism][0],)
    return next((kinds for pattern, kinds in FAULT_KINDS if re.fullmatch(pattern, fault)), ())
