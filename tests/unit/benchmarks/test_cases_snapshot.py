"""What kubectl printed becomes the objects that the Kubernetes API would have returned."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import PublicCase, read_case
from tests.unit.benchmarks.small_cases import write_case, write_json

AT = datetime(2026, 1, 10, 16, 0, tzinfo=UTC)
POD = """Name:             db-5d8-x1
Namespace:        shop
Service Account:  db
Node:             n1/10.0.0.1
Start Time:       Sat, 10 Jan 2026 15:50:00 +0800
Labels:           app=db
                  tier=store
Annotations:      team: storage
Status:           Running
IP:               10.1.0.7
Controlled By:    ReplicaSet/db-5d8
Containers:
  db:
    Image:          db:1.2
    Ports:          5432/TCP, 9187/TCP
    Args:
      --config
      mode: strict
    State:          Waiting
      Reason:       CrashLoopBackOff
      Message:      back-off 40s
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
    Ready:          False
    Restart Count:  4
    Limits:
      memory:  64Mi
    Liveness:   http-get https://:9187/live delay=5s timeout=1s period=10s #success=1 #failure=3
    Readiness:  exec [sh -c ping] delay=0s timeout=2s period=5s #success=1 #failure=2
    Environment Variables from:
      db-settings  ConfigMap  Optional: true
    Environment:
      PASSWORD:  <set to the key 'password' in secret 'db-key'>  Optional: false
      HOST_IP:    (v1:status.hostIP)
      MODE:      a:b
    Mounts:
      /data from store (rw,path="pg")
Conditions:
  Type    Status
  Ready   False
Volumes:
  store:
    Type:       PersistentVolumeClaim (a reference to a claim)
    ClaimName:  db-claim
Node-Selectors:  disk=ssd
Tolerations:     spot=yes:NoSchedule
                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Events:
  Type     Reason   Age                  From     Message
  ----     ------   ----                 ----     -------
  Warning  BackOff  26s (x4 over 108s)   kubelet  Back-off restarting failed container
"""
DEPLOYMENT = """Name:               db
Namespace:          shop
Labels:             app=db
Selector:           app=db
Replicas:           2 desired | 2 updated | 2 total | 0 available | 2 unavailable
StrategyType:       Recreate
Pod Template:
  Labels:           app=db
  Service Account:  db
  Containers:
   db:
    Image:        db:1.2
    Port:         5432/TCP
    Environment:  <none>
    Mounts:       <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:             <none>
"""
MANIFEST = """
kind: Deployment
metadata: {name: db}
spec:
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    spec:
      affinity: {nodeAffinity: {}}
      nodeSelector: {disk: none}
      containers: [{name: db, image: "db:1.2", imagePullPolicy: Always, livenessProbe: {exec: {command: [x]}}}]
---
kind: Secret
metadata: {name: db-key}
stringData: {password: hunter2}
---
: [broken
"""


EVENTS = "26s   Warning   Unhealthy   pod/web-77f-a2   Probe failed: refused\n"
CONNECTIONS = """=== Service db:5432 Connectivity test report ===
Debug Pod test results deployed on n1: db (10.2.0.1:5432) open
Connection Succeeded
Debug Pod test results deployed on n2: Connection Failed"""
STOPPED = "Status: x\n Active: inactive (dead) since"


def imported(tmp_path: Path, outputs: dict[str, Any]) -> PublicCase:
    folder = write_case(
        tmp_path / "cluster" / "a", collected_at="2026-01-10T16:00:00", namespace="shop", symptom={"service": None},
        candidates=["app/web", "app/db", "node/n1", "namespace/shop"],
    )  # fmt: skip
    write_json(folder / "snapshot.json.gz", outputs)
    return read_case(folder)


def rows(tmp_path: Path, outputs: dict[str, Any]) -> dict[tuple[str, str], Any]:
    state = imported(tmp_path, outputs).case.table("state").to_dicts()
    return {(row["kind"], row["name"]): row | {"body": json.loads(row["body"])} for row in state}


def described(kind: str, name: str, text: str) -> dict[str, str]:
    return {f'DescribeResource:{{"resource_type":"{kind}","name":"{name}","namespace":"shop"}}': text}


def test_a_described_pod_speaks_the_words_of_the_api(tmp_path: Path) -> None:
    found = rows(tmp_path, described("pods", "db-5d8-x1", POD))
    row = found["k8s_pod", "db-5d8-x1"]
    pod = row["body"]
    assert row["service"] == "db"
    assert pod["metadata"]["labels"] == {"app": "db", "tier": "store"}
    assert pod["metadata"]["annotations"] == {"team": "storage"}
    assert pod["metadata"]["ownerReferences"][0]["name"] == "db-5d8"
    assert (pod["spec"]["nodeName"], pod["spec"]["nodeSelector"]) == ("n1", {"disk": "ssd"})
    assert pod["spec"]["tolerations"] == [
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {
            "key": "node.kubernetes.io/not-ready",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        },
    ]
    assert pod["spec"]["volumes"] == [{"name": "store", "persistentVolumeClaim": {"claimName": "db-claim"}}]
    status = pod["status"]["containerStatuses"][0]
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}
    assert status["lastState"] == {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    assert (status["ready"], status["restartCount"], pod["status"]["startTime"]) == (
        False,
        4,
        "2026-01-10T15:50:00Z",
    )


def test_a_container_keeps_its_probes_ports_and_sources_of_settings(tmp_path: Path) -> None:
    pod = rows(tmp_path, described("pods", "db-5d8-x1", POD))["k8s_pod", "db-5d8-x1"]["body"]
    container = pod["spec"]["containers"][0]
    assert [port["containerPort"] for port in container["ports"]] == [5432, 9187]
    assert container["args"] == ["--config", "mode: strict"]
    assert container["resources"] == {"limits": {"memory": "64Mi"}}
    assert container["livenessProbe"]["httpGet"] == {"scheme": "HTTPS", "port": 9187, "path": "/live"}
    assert container["livenessProbe"]["initialDelaySeconds"] == 5
    assert container["readinessProbe"]["exec"] == {"command": ["sh", "-c", "ping"]}
    assert container["readinessProbe"]["failureThreshold"] == 2
    assert container["envFrom"] == [{"configMapRef": {"name": "db-settings", "optional": True}}]
    secret, host, mode = container["env"]
    assert secret["valueFrom"]["secretKeyRef"] == {"name": "db-key", "key": "password", "optional": False}
    assert host["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert mode == {"name": "MODE", "value": "a:b"}
    assert container["volumeMounts"] == [
        {"mountPath": "/data", "name": "store", "readOnly": False, "subPath": "pg"}
    ]


def test_a_manifest_tells_what_describe_does_not_and_never_overrules_the_live_object(tmp_path: Path) -> None:
    outputs = described("pods", "db-5d8-x1", POD.replace("db-5d8", "db-5d8"))
    outputs |= described("deployments", "db", DEPLOYMENT) | {'GetAppYAML:{"app_name":"db"}': MANIFEST}
    outputs['GetResources:{"resource_type":"deployments"}'] = "NAME   READY   AGE\ndb     1/2     5m\n"
    found = rows(tmp_path, outputs)
    live = found["k8s_deployment", "db"]["body"]
    assert (live["apiVersion"], live["spec"]["replicas"], live["status"]["readyReplicas"]) == ("apps/v1", 2, 1)
    assert "nodeSelector" not in live["spec"]["template"]["spec"]
    assert "livenessProbe" not in live["spec"]["template"]["spec"]["containers"][0]
    assert live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert live["metadata"]["creationTimestamp"] == "2026-01-10T15:55:00Z"
    assert found["k8s_declared_deployment", "db"]["body"]["spec"]["replicas"] == 3
    pod = found["k8s_pod", "db-5d8-x1"]["body"]
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    secret = found["k8s_declared_secret", "db-key"]
    assert secret["body"]["data"] == {"password": ""}
    assert "hunter2" not in json.dumps([row["body"] for row in found.values()])


def test_a_manifest_that_agrees_is_no_row_of_its_own(tmp_path: Path) -> None:
    agreed = MANIFEST.replace("replicas: 3", "replicas: 2").replace("nodeSelector: {disk: none}", "")
    outputs = described("deployments", "db", DEPLOYMENT) | {'GetAppYAML:{"app_name":"db"}': agreed}
    kinds = {kind for kind, _ in rows(tmp_path, outputs)}
    assert kinds == {"k8s_deployment", "k8s_declared_secret"}


def test_ports_of_a_service_and_addresses_behind_it(tmp_path: Path) -> None:
    service = (
        "Name:        db\nSelector:    app=db,tier=store\nType:        NodePort\nIP:          10.2.0.1\n"
        "Port:        sql  5432/TCP\nTargetPort:  pg/TCP\nNodePort:    sql  30432/TCP\nEndpoints:   \n"
        "Port:        <unset>  9187/TCP\nTargetPort:  9187/TCP\nEvents:      <none>\n"
    )
    endpoints = (
        "Name:         db\nSubsets:\n  Addresses:          10.1.0.7,10.1.0.8\n  NotReadyAddresses:  <none>\n"
        "  Ports:\n    Name  Port  Protocol\n    ----  ----  --------\n    sql   5432  TCP\n"
        "  Addresses:          <none>\n  NotReadyAddresses:  10.1.0.9\n"
        "  Ports:\n    Name  Port  Protocol\n    ----  ----  --------\n    web   80    TCP\n\nEvents:  <none>\n"
    )
    found = rows(tmp_path, described("services", "db", service) | described("endpoints", "db", endpoints))
    spec = found["k8s_service", "db"]["body"]["spec"]
    assert spec["selector"] == {"app": "db", "tier": "store"}
    assert spec["ports"] == [
        {"port": 5432, "protocol": "TCP", "name": "sql", "targetPort": "pg", "nodePort": 30432},
        {"port": 9187, "protocol": "TCP", "targetPort": 9187},
    ]
    first, second = found["k8s_endpoints", "db"]["body"]["subsets"]
    assert [address["ip"] for address in first["addresses"]] == ["10.1.0.7", "10.1.0.8"]
    assert first["ports"] == [{"name": "sql", "port": 5432, "protocol": "TCP"}]
    assert [address["ip"] for address in second["notReadyAddresses"]] == ["10.1.0.9"]


def test_storage_nodes_and_quotas(tmp_path: Path) -> None:
    claim = "Name:          db-claim\nStorageClass:  \nStatus:        Pending\nVolume:        \nAccess Modes:  \n"
    volume = (
        "Name:            pv-1\nStorageClass:    slow\nStatus:          Released\nClaim:           shop/db-claim\n"
        "Access Modes:    RWO,ROX\nCapacity:        1Gi\nNode Affinity:   \n  Required Terms:  \n"
        "    Term 0:        zone in [a, b]\nSource:\n    Type:  HostPath (bare)\n    Path:  /mnt\n"
    )
    node = (
        "Name:           n1\nTaints:         gpu=yes:NoSchedule\n"
        "                node.kubernetes.io/down:NoExecute\n"
        "Unschedulable:  true\nAllocatable:\n  cpu:  8\nConditions:\n  Type   Status  Reason\n"
        "  ----   ------  ------\n  Ready  False   KubeletNotReady\nAllocated resources:\n"
        "  (Total limits may be over 100 percent.)\n  Resource  Requests    Limits\n"
        "  --------  --------    ------\n"
        "  cpu       825m (10%)  2 (25%)\n"
    )
    quota = (
        "Name:       cpu\nNamespace:  shop\nResource      Used   Hard\n--------      ----   ----\n"
        "pods          9      9\n"
    )
    manifest = (
        "kind: PersistentVolumeClaim\nmetadata: {name: db-claim}\nspec: {resources: {requests: {storage: 9Gi}}}"
    )
    outputs = described("persistentvolumeclaims", "db-claim", claim) | described("nodes", "n1", node)
    outputs |= described("persistentvolumes", "pv-1", volume) | described("resourcequota", "cpu", quota)
    found = rows(tmp_path, outputs | {'GetAppYAML:{"app_name":"db"}': manifest})
    wanted = found["k8s_persistentvolumeclaim", "db-claim"]
    assert wanted["body"]["spec"] == {"storageClassName": "", "resources": {"requests": {"storage": "9Gi"}}}
    assert wanted["service"] == "db"
    given = found["k8s_persistentvolume", "pv-1"]["body"]["spec"]
    assert given["accessModes"] == ["ReadWriteOnce", "ReadOnlyMany"]
    assert given["claimRef"] == {"namespace": "shop", "name": "db-claim"}
    term = given["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert term == {"key": "zone", "operator": "In", "values": ["a", "b"]}
    host = found["k8s_node", "n1"]
    assert host["service"] == "n1"
    assert host["body"]["spec"]["taints"][0] == {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    assert host["body"]["status"]["x-allocated"] == {"requests": {"cpu": "825m"}, "limits": {"cpu": "2"}}
    assert found["k8s_resourcequota", "cpu"]["body"]["status"]["used"] == {"pods": "9"}
    assert found["k8s_resourcequota", "cpu"]["service"] == "shop"


def test_settings_and_policies(tmp_path: Path) -> None:
    settings = (
        "Name:  conf\nNamespace:  shop\n\nData\n====\napp.yml:\n----\nroutes:\n- id: a\n\nb:\n----\n1\n\n"
        "BinaryData\n====\n\nEvents:  <none>\n"
    )
    policy = (
        "Name:         wall\nSpec:\n  PodSelector:     app=db\n  Allowing ingress traffic:\n"
        "    To Port: 5432/TCP\n    From:\n      PodSelector: app=web\n  Not affecting egress traffic\n"
        "  Policy Types: Ingress\n"
    )
    found = rows(tmp_path, described("configmaps", "conf", settings) | described("networkpolicies", "wall", policy))
    assert found["k8s_configmap", "conf"]["body"]["data"] == {"app.yml": "routes:\n- id: a", "b": "1"}
    assert found["k8s_networkpolicy", "wall"]["body"]["spec"] == {
        "podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 5432, "protocol": "TCP"}],
                     "from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}],
    }  # fmt: skip


def test_facts_that_are_no_objects(tmp_path: Path) -> None:
    outputs = {
        'GetResources:{"resource_type":"events"}': EVENTS,
        'CheckServiceConnectivity:{"service_name":"db","port":5432}': CONNECTIONS,
        'CheckNodeServiceStatus:{"node_name":"n1","service_name":"kubelet"}': STOPPED,
        'CheckNodeServiceStatus:{"node_name":"n2","service_name":"kubelet"}': "Error: Failed to connect to n2",
        'GetServiceDependencies:{"service_name":"web"}': "[Service]: web (Entrypoint)\nweb\n└── db  <-- (Database)",
        "GetClusterConfiguration:{}": {"nodes": [{"name": "n1", "status": "NotReady", "taints": ["a:NoSchedule"]}]},
    } | described("pods", "db-5d8-x1", POD)
    public = imported(tmp_path, outputs)
    found = {
        (row["kind"], row["name"]): row | {"body": json.loads(row["body"])}
        for row in public.case.table("state").to_dicts()
    }
    unhealthy = found["event", "web-77f-a2"]
    assert (unhealthy["service"], unhealthy["time"]) == ("web", AT.replace(hour=15, minute=59, second=34))
    assert found["event", "db-5d8-x1"]["body"]["count"] == 4
    assert found["event", "db-5d8-x1"]["body"]["object"] == "pod/db-5d8-x1"
    reached = found["connectivity", "db/5432"]["body"]
    assert (reached["reachable"], reached["unreachable_from"], reached["port"]) == (True, ["n2"], 5432)
    stopped = found["node_service", "n1/kubelet"]
    assert (stopped["service"], stopped["body"]["state"], stopped["body"]["sub_state"]) == (
        "n1",
        "inactive",
        "dead",
    )
    assert ("node_service", "n2/kubelet") not in found
    assert found["k8s_node", "n1"]["body"]["status"]["conditions"] == [{"type": "Ready", "status": "False"}]
    assert public.case.table("topology").select("caller", "callee").rows() == [("web", "db")]
    assert public.case.scope.services == ("web", "db")
    assert public.candidate("db") == "app/db"


def test_stamps_of_another_zone_are_moved_to_the_clock_of_the_cluster(tmp_path: Path) -> None:
    lines = ["2026-01-10T07:59:00Z by UTC", "2026-01-10T15:59:00.250+08:00 by the cluster", "no stamp"]
    outputs = {'GetErrorLogs:{"service_name":"web"}': {"app": lines}}
    outputs |= described("deployments", "db", "Name: db\nCreationTimestamp:  Sat, 10 Jan 2026 15:00:00 +0800\n")
    logs = imported(tmp_path, outputs).case.table("logs")
    assert logs["time"].to_list() == [
        AT.replace(hour=15, minute=59), AT.replace(hour=15, minute=59, microsecond=250_000), AT
    ]  # fmt: skip


def test_counted_errors_and_both_sorts_of_alerts(tmp_path: Path) -> None:
    counted = {
        "total_errors": 3,
        "patterns": [{"count": 3, "sample": "2026-01-10T15:59:00.5+08:00 cannot reach db"}],
    }
    alerts = [
        {"entity_name": "db", "evidence": ["SLOW [p90] | 1 -> 9"], "metric_category": "SLOW"},
        {"entry_service": "web", "business_action": "pay", "url": "/pay", "raw_error": "503"},
    ]
    outputs = {
        'GetErrorLogs:{"service_name":"web"}': json.dumps(counted), "GetAlerts:{}": {"alerts": alerts},
        'GetErrorLogs:{"service_name":"db"}': {"app": ["gone"]}, 'GetErrorLogs:{"service_name":"x"}': "no json",
    }  # fmt: skip
    case = imported(tmp_path, outputs).case
    logs = case.table("logs").sort("time")
    assert logs["message"].to_list() == ["cannot reach db"] * 3 + ["gone"]
    assert logs["time"][0] == AT.replace(hour=15, minute=59, second=0, microsecond=500_000)
    alarms = case.table("alarms").select("service", "name", "reason").sort("service").rows()
    assert alarms == [("db", "SLOW", "SLOW [p90] | 1 -> 9"), ("web", "pay", "503")]


@pytest.mark.parametrize(
    "text", ["", "Error from server", "Name:", "Name: x\n\t: [\nContainers:\n  a", "Name: x\nPort: ?"]
)
@pytest.mark.parametrize(
    "kind", ["pods", "services", "nodes", "endpoints", "configmaps", "resourcequota", "gadgets"]
)
def test_broken_descriptions_never_stop_an_import(tmp_path: Path, kind: str, text: str) -> None:
    found = rows(tmp_path, described(kind, "x", text))
    assert all(row["body"]["metadata"]["name"] == "x" for row in found.values())


def test_of_a_secret_only_hosts_and_ports_are_told(tmp_path: Path) -> None:
    manifest = (
        "kind: Secret\nmetadata: {name: db-key}\n"
        "stringData: {DB_HOST: db, DB_PORT: '5432', DB_PASSWORD: hunter2, TOKEN: abc}\n"
    )
    listing = 'GetResources:{"resource_type":"secrets","namespace":"shop"}'
    outputs = {'GetAppYAML:{"app_name":"web"}': manifest, listing: "NAME     TYPE\ndb-key   Opaque\n"}
    secret = rows(tmp_path, outputs)["k8s_secret", "db-key"]
    assert secret["service"] == "web"
    assert secret["body"]["stringData"] == {"DB_HOST": "db", "DB_PORT": "5432"}
    assert set(secret["body"]["data"].values()) == {""}
