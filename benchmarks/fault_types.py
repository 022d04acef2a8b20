"""Our cause kinds and the words of public benchmarks for them: flat tables, read in both directions.

The product's taxonomy is coarser than a benchmark that injects 49 kinds of fault. Where several of its names fall
under one of our kinds, the first one in the table is the answer we give. Fault types that no known case has are not
in the table.
"""

from autopilot.incident.cause import CauseKind

FAULT_CAUSES: tuple[tuple[str, CauseKind], ...] = (
    ("gateway_misroute", "config_change"),
    ("service_selector_mismatch", "config_change"),
    ("service_port_mapping_mismatch", "config_change"),
    ("deployment_zero_replicas", "config_change"),
    ("service_sidecar_port_conflict", "config_change"),
    ("cpu_capacity_mismatch", "capacity"),
    ("memory_capacity_mismatch", "capacity"),
    ("pvc_capacity_mismatch", "disk"),
    ("pvc_selector_mismatch", "disk"),
    ("pvc_storage_class_mismatch", "disk"),
    ("pv_binding_occupied", "disk"),
    ("oom_killed", "memory"),
    ("pod_cpu_overload", "cpu"),
    ("pod_network_delay", "network"),
    ("service_dns_resolution_failure", "network"),
    ("node_network_delay", "network"),
    ("node_network_packet_loss", "network"),
    ("mysql_invalid_credentials", "permission"),
    ("missing_service_account", "permission"),
    ("volume_mount_permission_denied", "permission"),
    ("namespace_cpu_quota_exceeded", "quota"),
    ("namespace_memory_quota_exceeded", "quota"),
    ("namespace_service_quota_exceeded", "quota"),
    ("namespace_storage_quota_exceeded", "quota"),
    ("liveness_probe_incorrect_port", "crash"),
    ("liveness_probe_incorrect_protocol", "crash"),
    ("liveness_probe_incorrect_timing", "crash"),
    ("readiness_probe_incorrect_protocol", "startup"),
    ("missing_secret_binding", "startup"),
    ("node_selector_mismatch", "scheduling"),
    ("node_affinity_mismatch", "scheduling"),
    ("node_cordon_mismatch", "scheduling"),
    ("pod_anti_affinity_conflict", "scheduling"),
    ("incorrect_image_reference", "image"),
    ("missing_image_pull_secret", "image"),
    ("db_read_only", "data"),
    ("containerd_unavailable", "dependency"),
    ("kube_scheduler_unavailable", "dependency"),
    ("kubelet_unavailable", "dependency"),
)
"""Fault type of a Kubernetes benchmark, and the cause kind that it is."""

CAUSE_FAULT: dict[CauseKind, str] = {cause: fault for fault, cause in reversed(FAULT_CAUSES)}
"""Cause kind → the fault type we answer with; kinds without one are no answer."""

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
