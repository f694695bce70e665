"""The cluster itself: what the tests of the Kubernetes provider lean on is there and does what its fixture says."""

from __future__ import annotations

import ssl
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml

from tests.engines.cluster import LABELS, OPENSHIFT, Cluster, RefusedError
from tests.engines.docker import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def pod(name: str, image: str, *command: str, **spec: Any) -> dict[str, Any]:
    """A pod of one container; busybox ignores TERM as process 1, so none is waited for."""
    container = {"name": "main", "image": image, "command": list(command), **spec.pop("container", {})}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def succeeded(found: Any) -> bool:
    phase = found["status"]["phase"]
    assert phase != "Failed", found["status"]
    return bool(phase == "Succeeded")


def is_ready(found: Any) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in found["status"].get("conditions", []))


def fetch(url: str, seconds: float = 30) -> str:
    """The page, once it is there: kube-proxy follows a pod's readiness by about a second."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                return str(page.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_node_is_ready(cluster: Cluster) -> None:
    nodes = cluster.call("GET", "/api/v1/nodes")["items"]
    assert [(is_ready(node), node["status"]["nodeInfo"]["kubeletVersion"][:5]) for node in nodes] == [(True, "v1.33")]
    assert cluster.text("/readyz") == "ok"


def test_a_pod_of_an_image_in_the_local_registry_runs(
    cluster: Cluster, namespace: str, busybox_in_cluster: str
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    script = 'echo $((6*7)); test -s /var/run/secrets/kubernetes.io/serviceaccount/token && echo "has a token"'
    cluster.call("POST", pods, pod("answer", busybox_in_cluster, "sh", "-c", script, restartPolicy="Never"))
    cluster.until(f"{pods}/answer", succeeded)
    assert cluster.text(f"{pods}/answer/log") == "42\nhas a token\n"


def test_a_service_is_found_by_its_name_and_by_its_node_port(
    cluster: Cluster, namespace: str, busybox_in_cluster: str
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    probe = {"readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}}
    cluster.call("POST", pods, pod("web", busybox_in_cluster, "httpd", "-f", "-h", "/www", container=probe))
    service = cluster.call(
        "POST",
        f"/api/v1/namespaces/{namespace}/services",
        {
            "metadata": {"name": "web"},
            "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        },
    )
    port = service["spec"]["ports"][0]["nodePort"]
    cluster.until(f"{pods}/web", is_ready)
    assert fetch(f"http://127.0.0.1:{port}/index.html") == "hello\n"
    assert fetch(f"http://{cluster.node_ip}:{port}/index.html") == "hello\n"

    names = ("web", f"web.{namespace}.svc.cluster.local", service["spec"]["clusterIP"])
    script = "".join(f"until timeout 2 wget -qO- http://{name}/index.html; do sleep 0.2; done; " for name in names)
    cluster.call("POST", pods, pod("client", busybox_in_cluster, "sh", "-c", script, restartPolicy="Never"))
    cluster.until(f"{pods}/client", succeeded)
    assert cluster.text(f"{pods}/client/log") == "hello\n" * 3


def test_pods_reach_the_api_by_its_name(cluster: Cluster, namespace: str, busybox_in_cluster: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    script = "until timeout 2 nc kubernetes.default.svc 443 </dev/null; do sleep 0.2; done; echo reached"
    cluster.call("POST", pods, pod("client", busybox_in_cluster, "sh", "-c", script, restartPolicy="Never"))
    cluster.until(f"{pods}/client", succeeded)
    assert "reached" in cluster.text(f"{pods}/client/log")


@pytest.mark.parametrize("storage_class", [{}, {"storageClassName": ""}], ids=["no class", "empty class"])
def test_a_claim_binds_and_keeps_data(
    cluster: Cluster, namespace: str, busybox_in_cluster: str, volume: str, storage_class: dict[str, str]
) -> None:
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **storage_class}
    cluster.call("POST", claims, {"metadata": {"name": "data"}, "spec": spec})
    bound = cluster.until(f"{claims}/data", lambda found: found["status"]["phase"] == "Bound")
    assert bound["spec"]["volumeName"].startswith("test-")

    pods = f"/api/v1/namespaces/{namespace}/pods"
    data = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    for name, script in (("writer", "echo kept >/data/file"), ("reader", "cat /data/file")):
        body = pod(name, busybox_in_cluster, "sh", "-c", script, restartPolicy="Never", volumes=data, container=mount)
        cluster.call("POST", pods, body)
        cluster.until(f"{pods}/{name}", succeeded)
    assert cluster.text(f"{pods}/reader/log") == "kept\n"


def test_a_deployment_is_made_scaled_and_removed(cluster: Cluster, namespace: str, busybox_in_cluster: str) -> None:
    template = pod("web", busybox_in_cluster, "httpd", "-f")
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    cluster.call("POST", deployments, {"metadata": {"name": "web"}, "spec": spec})
    cluster.until(f"{deployments}/web", lambda found: found["status"].get("readyReplicas") == 2)
    patch = {"spec": {"replicas": 0}}
    cluster.call("PATCH", f"{deployments}/web/scale", patch, kind="application/merge-patch+json")
    cluster.until(f"/api/v1/namespaces/{namespace}/pods", lambda found: found["items"] == [])


def test_both_contexts_of_the_kubeconfig_are_administrators(cluster: Cluster) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == cluster.server
    assert {item["name"] for item in config["contexts"]} == {"tests", "certificate"}
    trust = ssl.create_default_context(cafile=cluster.cafile)
    trust.load_cert_chain(cluster.client_certificate, cluster.client_key)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    with opener.open(f"{cluster.server}/api/v1/namespaces/kube-system/secrets", timeout=10) as answer:
        assert answer.status == 200


def test_strangers_are_refused(cluster: Cluster) -> None:
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cluster.cafile))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(f"{cluster.server}/api/v1/secrets", timeout=10)
    refused.value.close()
    assert refused.value.code == 403


def test_an_account_may_do_what_its_rules_allow(cluster: Cluster, namespace: str) -> None:
    token = cluster.make_account(namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]})
    core = f"/api/v1/namespaces/{namespace}"

    def reads_maps() -> bool:
        try:
            return bool(cluster.call("GET", f"{core}/configmaps", token=token)["items"])
        except RefusedError as refused:
            if refused.status != 403:
                raise
            return False

    # the API server learns of the binding a moment later
    deadline = time.monotonic() + 10
    while not reads_maps():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(RefusedError, match="secrets is forbidden"):
        cluster.call("GET", f"{core}/secrets", token=token)


def test_openshift_kinds_are_stored_and_checked(openshift: Cluster, namespace: str) -> None:
    groups = {definition["spec"]["group"] for definition in yaml.safe_load_all(OPENSHIFT.read_text())}
    assert groups <= {group["name"] for group in openshift.call("GET", "/apis")["groups"]}
    routes = f"/apis/route.openshift.io/v1/namespaces/{namespace}/routes"
    route = {"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": {"name": "web"}}
    made = openshift.call("POST", routes, {**route, "spec": {"to": {"kind": "Service", "name": "web"}}})
    assert made["spec"]["to"]["name"] == "web"
    with pytest.raises(RefusedError, match=r"spec\.to: Required value"):
        openshift.call("POST", routes, {**route, "spec": {}})

    configs = f"/apis/apps.openshift.io/v1/namespaces/{namespace}/deploymentconfigs"
    kind = {"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig", "metadata": {"name": "web"}}
    openshift.call("POST", configs, {**kind, "spec": {"replicas": 1}})
    patch = {"spec": {"replicas": 3}}
    openshift.call("PATCH", f"{configs}/web/scale", patch, kind="application/merge-patch+json")
    assert openshift.call("GET", f"{configs}/web")["spec"]["replicas"] == 3


def test_a_namespace_goes_with_all_in_it(cluster: Cluster, busybox_in_cluster: str) -> None:
    name = cluster.make_namespace()
    assert cluster.call("GET", f"/api/v1/namespaces/{name}")["metadata"]["labels"].items() >= LABELS.items()
    pods = f"/api/v1/namespaces/{name}/pods"
    cluster.call("POST", pods, pod("sleeper", busybox_in_cluster, "sleep", "1000"))
    cluster.until(f"{pods}/sleeper", is_ready)
    cluster.remove_namespace(name)
    gone = cluster.until("/api/v1/namespaces", lambda found: all(s["metadata"]["name"] != name for s in found["items"]))
    assert {"default", "kube-system"} <= {space["metadata"]["name"] for space in gone["items"]}


def test_starting_what_runs_changes_nothing(cluster: Cluster) -> None:
    words = ["bash", str(ROOT / "scripts" / "cluster.sh"), "up"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"TOKEN={cluster.token}" in said.splitlines()
