"""The Kubernetes cluster of the tests: one node of real parts (scripts/cluster.sh), shared by all test processes.

The cluster that runs is taken; else one is started, and stopped by the last test process that leaves. Its API is
spoken to by plain HTTP, so that what the tests see does not come through the code under test.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.engines import images
from tests.engines.docker import ROOT, DockerEngine
from tests.engines.process import missing

LABELS = {"io.atomicapp.test": "1"}
"""What tests make outside of their namespaces carries this label."""

OPENSHIFT = Path(__file__).parent / "k8s" / "openshift-crds.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class RefusedError(Exception):
    """The API server said no: `status` is that of HTTP, the text the server's own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Cluster:
    """`acquire` before use, `release` after; between them the members below tell where it is.

    `server` is the API's address, `token` an administrator's, `cafile` the CA of the server. `kubeconfig` has the
    contexts `tests` (the token) and `certificate` (a client's certificate). A NodePort answers at 127.0.0.1 and at
    `node_ip`. The node pulls from `registry` (`localhost:PORT`); `push` brings an image there.
    """

    kubeconfig: Path
    token: str
    server: str
    cafile: Path
    client_certificate: Path
    client_key: Path
    node_ip: str
    registry: str

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._users = engine.folder / "cluster-users"
        self._users.mkdir(exist_ok=True)
        self._ours = engine.folder / "cluster-is-ours"

    def acquire(self) -> None:
        """Take the cluster that runs, or start one; see `missing` for what happens when there can be none."""
        with self._engine.lock("cluster"):
            found = self._script("status")
            if found.returncode != 0:
                found = self._script("up")
                if found.returncode != 0:
                    missing(f"no Kubernetes cluster: {found.stderr.strip()}")
                self._ours.touch()
            (self._users / str(os.getpid())).touch()
        told = dict(line.split("=", 1) for line in found.stdout.splitlines())
        self.kubeconfig = Path(told["KUBECONFIG"])
        self.token = told["TOKEN"]
        self.server = told["SERVER"]
        self.cafile = Path(told["CAFILE"])
        self.client_certificate = Path(told["CLIENT_CERTIFICATE"])
        self.client_key = Path(told["CLIENT_KEY"])
        self.node_ip = told["NODE_IP"]
        self.registry = told["REGISTRY"]
        self._volumes = Path(told["VOLUMES"])
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.cafile))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)

    def release(self) -> None:
        """Leave; the last one removes what the tests left and stops the cluster if a test started it."""
        with self._engine.lock("cluster"):
            (self._users / str(os.getpid())).unlink(missing_ok=True)
            if any(self._engine.alive(user) for user in self._users.iterdir()):
                return
            if self._ours.exists():
                done = self._script("down")
                assert done.returncode == 0, done.stderr
                self._ours.unlink()
            else:
                self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Namespaces, volumes and definitions with the label of the tests go; nothing is waited for."""
        selector = "labelSelector=" + ",".join(f"{key}%3D{value}" for key, value in LABELS.items())
        for space in self.call("GET", f"/api/v1/namespaces?{selector}")["items"]:
            self.remove_namespace(space["metadata"]["name"])
        for path in ("/api/v1/persistentvolumes", CRDS):
            self.call("DELETE", f"{path}?{selector}")

    def call(
        self, method: str, path: str, body: object = None, *, kind: str = "application/json", token: str = ""
    ) -> Any:
        """What the API answers to a request, as JSON; raises RefusedError.

        `kind` is the body's content type; `token` another's than the administrator's.
        """
        bearer = f"Bearer {token or self.token}"
        request = urllib.request.Request(
            self.server + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": bearer, "Accept": "application/json", "Content-Type": kind},
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                text = refused.read().decode(errors="replace")
            with contextlib.suppress(ValueError, KeyError, TypeError):
                text = json.loads(text)["message"]
            raise RefusedError(refused.code, text) from None

    def text(self, path: str) -> str:
        """What the API answers to a GET when that is no JSON: a pod's log, `/readyz`."""
        request = urllib.request.Request(self.server + path, headers={"Authorization": f"Bearer {self.token}"})
        with self._opener.open(request, timeout=30) as answer:
            return str(answer.read().decode())

    def until(self, path: str, good: Callable[[Any], object], seconds: float = 60) -> Any:
        """Poll an object until `good` says yes to it, and return it; fail with how it was at last."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.call("GET", path)
                if good(found):
                    return found
            except RefusedError as refused:
                found = {"refused": str(refused)}
            assert time.monotonic() < deadline, f"{path} after {seconds:.0f} s: {json.dumps(found, indent=1)[-3000:]}"
            time.sleep(0.1)

    def make_namespace(self, name: str = "") -> str:
        """A new namespace whose default service account is there, so that pods can be made; returns its name."""
        name = name or f"test-{uuid.uuid4().hex[:8]}"
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": LABELS}})
        self.until(f"/api/v1/namespaces/{name}/serviceaccounts/default", bool)
        return name

    def remove_namespace(self, name: str) -> None:
        """Begin to remove a namespace with all in it, its pods at once; one that is gone is fine."""
        try:
            self.call("DELETE", f"/api/v1/namespaces/{name}")
            self.call("DELETE", f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0")
        except RefusedError as refused:
            if refused.status not in (404, 409):
                raise

    def make_volume(self, namespace: str, claim: str, size: str = "1Gi", mode: str = "ReadWriteOnce") -> str:
        """A new persistent volume for the claim of that name, which must not ask for a storage class; returns its name.

        It is a folder of this machine, and kept for that claim: those of other tests run beside it. Remove it with
        `remove_volume`: one that was claimed serves no other claim.
        """
        name = f"test-{uuid.uuid4().hex[:8]}"
        spec = {
            "capacity": {"storage": size},
            "accessModes": [mode],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": str(self._volumes / name), "type": "DirectoryOrCreate"},
        }
        self.call("POST", "/api/v1/persistentvolumes", {"metadata": {"name": name, "labels": LABELS}, "spec": spec})
        return name

    def remove_volume(self, name: str) -> None:
        """Begin to remove a persistent volume; its folder goes with the cluster. One that is gone is fine."""
        try:
            self.call("DELETE", f"/api/v1/persistentvolumes/{name}")
        except RefusedError as refused:
            if refused.status != 404:
                raise

    def make_account(self, namespace: str, *rules: dict[str, list[str]]) -> str:
        """A new service account that may do in `namespace` what the rules of a Role allow; returns its token."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        core, rbac = f"/api/v1/namespaces/{namespace}", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        metadata = {"name": name}
        self.call("POST", f"{core}/serviceaccounts", {"metadata": metadata})
        self.call("POST", f"{rbac}/roles", {"metadata": metadata, "rules": rules})
        binding = {
            "metadata": metadata,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        }
        self.call("POST", f"{rbac}/rolebindings", binding)
        return str(self.call("POST", f"{core}/serviceaccounts/{name}/token", {})["status"]["token"])

    def push(self, image: str, name: str) -> str:
        """Bring an image of the Docker Engine to the cluster's registry as `name`; returns its reference there."""
        reference = f"{self.registry}/{name}"
        with self._engine.lock("cluster-images"):
            return images.push(self._engine, image, reference)

    def define_openshift(self) -> None:
        """OpenShift's kinds as definitions of custom resources. Nothing acts on their objects."""
        with self._engine.lock("cluster-openshift"):
            self.until(CRDS, _none_goes)
            for definition in yaml.safe_load_all(OPENSHIFT.read_text()):
                name = definition["metadata"]["name"]
                definition["metadata"]["labels"] = LABELS
                path = f"{CRDS}/{name}?fieldManager=tests&force=true"
                self.call("PATCH", path, definition, kind="application/apply-patch+yaml")
                self.until(f"{CRDS}/{name}", _established)

    def _script(self, verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(ROOT / "scripts" / "cluster.sh"), verb],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={**os.environ, "ATOMICAPP_CACHE": str(images.CACHE)},
        )


def _established(definition: Any) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def _none_goes(definitions: Any) -> bool:
    return not any("deletionTimestamp" in item["metadata"] for item in definitions["items"])
