"""The cases: every provider, on every engine that speaks to it."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator

import pytest
import yaml

from atomicapp import providers
from atomicapp.model import COMPOSE, Target
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.observer import Observer
from tests.contract.case import Case
from tests.contract.driver import plan_of
from tests.engines.cluster import Cluster


def docker_case(host: str, image: str) -> Case:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    run = f"docker run -d --label io.atomicapp.test=1 --stop-timeout 1 --network {name}"
    return Case(
        provider=providers.load("docker"),
        target=Target(name, api=host),
        web=f"{run} -e COLOUR=blue {image} sh -c 'echo hello; exec sleep 1000'",
        web_changed=f"{run} -e COLOUR=green {image} sh -c 'echo hello; exec sleep 1000'",
        broken=f"{run} {image} sh -c 'echo boom; exit 3'",
        db=f"{run} -v {name}-data:/data {image} sh -c 'echo 1 >>/data/starts; exec sleep 1000'",
    )


def kubernetes_case(cluster: Cluster, namespace: str, image: str) -> Case:
    def deployment(name: str, script: str, colour: str = "blue", volume: str = "") -> str:
        mounts = "volumeMounts: [{name: data, mountPath: /data}]" if volume else ""
        volumes = f"volumes: [{{name: data, persistentVolumeClaim: {{claimName: {volume}}}}}]" if volume else ""
        return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  strategy: {{type: Recreate}}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: {image}
          command: [sh, -c, "{script}"]
          env: [{{name: COLOUR, value: {colour}}}]
          {mounts}
      {volumes}
"""

    claim = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
"""
    return Case(
        provider=providers.load("kubernetes"),
        target=Target(
            f"contract-{uuid.uuid4().hex[:8]}",
            namespace,
            api=cluster.server,
            auth=cluster.token,
            cafile=str(cluster.cafile),
        ),
        web=deployment("web", "echo hello; exec sleep 1000"),
        web_changed=deployment("web", "echo hello; exec sleep 1000", colour="green"),
        broken=deployment("web", "echo boom; exit 3"),
        db=deployment("db", "echo 1 >>/data/starts; exec sleep 1000", volume="data") + claim,
    )


def openshift_case(cluster: Cluster, namespace: str, image: str) -> Case:
    """The objects of Kubernetes in templates, which the provider takes apart."""
    plain = kubernetes_case(cluster, namespace, image)

    def template(text: str) -> str:
        objects = [document for document in yaml.safe_load_all(text) if document]
        colour = objects[0]["spec"]["template"]["spec"]["containers"][0]["env"][0]
        parameters = [{"name": "COLOUR", "value": colour["value"]}]
        colour["value"] = "${COLOUR}"
        found = {"apiVersion": "v1", "kind": "Template", "parameters": parameters, "objects": objects}
        return json.dumps(found, indent=1)

    return plain._replace(
        provider=providers.load("openshift"),
        web=template(plain.web),
        web_changed=template(plain.web_changed),
        broken=template(plain.broken),
        db=template(plain.db),
    )


def swarm_case(host: str, image: str) -> Case:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    create = "docker service create --label io.atomicapp.test=1 --stop-grace-period 1s --update-monitor 1s"
    return Case(
        provider=providers.load("swarm"),
        target=Target(name, api=host),
        web=f"{create} -e COLOUR=blue {image} sh -c 'echo hello; exec sleep 1000'",
        web_changed=f"{create} -e COLOUR=green {image} sh -c 'echo hello; exec sleep 1000'",
        broken=f"{create} {image} sh -c 'echo boom; exit 3'",
        # a volume is of one node: here of the one that is spoken to
        db=f"{create} --constraint node.role==manager --mount source={name}-data,target=/data {image} "
        "sh -c 'echo 1 >>/data/starts; exec sleep 1000'",
    )


def systemd_case(image: str) -> Case:
    """Units without containers: what systemd itself does."""
    name = f"contract-{uuid.uuid4().hex[:8]}"

    def unit(component: str, script: str, more: str = "") -> str:
        # by the name of the unit, as `systemctl cat` prints it: the file is called otherwise
        return f"""\
# /etc/systemd/system/{name}-{component}.service
[Unit]
Description={component}

[Service]
{more}ExecStart=/bin/sh -c '{script}'

[Install]
WantedBy=multi-user.target
"""

    return Case(
        provider=providers.load("systemd"),
        target=Target(name),
        web=unit("web", "echo hello; exec sleep 1000", "Environment=COLOUR=blue\n"),
        web_changed=unit("web", "echo hello; exec sleep 1000", "Environment=COLOUR=green\n"),
        broken=unit("web", "echo boom; exit 3"),
        db=unit("db", "echo 1 >>$STATE_DIRECTORY/starts; exec sleep 1000", f"StateDirectory={name}\n"),
    )


def marathon_case(url: str, image: str) -> Case:
    name = f"contract-{uuid.uuid4().hex[:8]}"

    def app(path: str, script: str, colour: str = "", volume: str = "") -> str:
        container: dict[str, object] = {"type": "DOCKER", "docker": {"image": image, "network": "BRIDGE"}}
        if volume:
            kept = {"containerPath": volume, "mode": "RW", "persistent": {"size": 16}}
            container["volumes"] = [kept, {"containerPath": f"/{volume}", "hostPath": volume, "mode": "RW"}]
        body = {"id": f"/{name}/{path}", "args": ["sh", "-c", script], "cpus": 0.1, "mem": 16, "container": container}
        return json.dumps({**body, **({"env": {"COLOUR": colour}} if colour else {})}, indent=1)

    return Case(
        provider=providers.load("marathon"),
        target=Target(name, api=url),
        web=app("web", "echo hello; exec sleep 1000", "blue"),
        web_changed=app("web", "echo hello; exec sleep 1000", "green"),
        broken=app("web", "echo boom; exit 3"),
        db=app("db", "echo 1 >>/data/starts; exec sleep 1000", volume="data"),
    )


def fleet_case(host: str) -> Case:
    def service(script: str, colour: str = "blue", more: str = "") -> str:
        return f"""\
[Unit]
Description=of the tests
[Service]
Environment=COLOUR={colour}
ExecStart=/bin/sh -c '{script}'
{more}"""

    name = f"contract-{uuid.uuid4().hex[:8]}"
    return Case(
        provider=providers.load("fleet"),
        target=Target(name, api=host),
        web=service("echo hello; exec sleep 1000"),
        web_changed=service("echo hello; exec sleep 1000", colour="green"),
        broken=service("echo boom; exit 3"),
        db=service("exec sleep 1000", more=f"[X-Atomicapp]\nVolume={name}-data\n"),
    )


def of_compose(case: Case, image: str) -> Case:
    """The same two components from Compose files."""

    def service(name: str, script: str, colour: str = "blue", more: str = "") -> str:
        return f"""\
services:
  {name}:
    image: {image}
    command: [sh, -c, "{script}"]
    environment: {{COLOUR: {colour}}}
    labels: {{io.atomicapp.test: "1"}}
    stop_grace_period: 1s
    {more}
"""

    # a volume of a swarm is of one node: here of the one that is spoken to
    place = "deploy: {placement: {constraints: [node.role == manager]}}"
    there = f"{place}\n    " if case.provider.NAME == "swarm" else ""
    volume = f"{there}volumes: ['data:/data']\nvolumes: {{data: {{}}}}\n"
    return case._replace(
        artifacts=COMPOSE,
        web=service("web", "echo hello; exec sleep 1000"),
        web_changed=service("web", "echo hello; exec sleep 1000", colour="green"),
        broken=service("web", "echo boom; exit 3"),
        db=service("db", "echo 1 >>/data/starts; exec sleep 1000", more=volume),
    )


@pytest.fixture(
    params=[
        *("docker", "fleet", "fleet_systemd", "kubernetes", "marathon", "openshift", "swarm", "systemd"),
        *("docker-compose", "fleet-compose", "fleet_systemd-compose", "kubernetes-compose"),
        *("marathon-compose", "swarm-compose", "systemd-compose"),
    ]
)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """A deployment of its own on each engine; whatever a test leaves of it is removed."""
    of = request.getfixturevalue
    engine, _, compose = request.param.partition("-")
    if engine == "docker":
        image = of("busybox_image")
        found = docker_case(of("docker_engine").host, image)
    elif engine == "marathon":
        image = of("busybox_image")
        found = marathon_case(of("marathon").url, image)
    elif engine == "swarm":
        image = of("busybox_in_swarm")
        found = swarm_case(of("swarm").manager.host, image)
    elif engine == "systemd":
        image = of("busybox_image")
        for variable, text in of("systemd_node").environment.items():
            monkeypatch.setenv(variable, text)
        found = systemd_case(image)
    elif engine.startswith("fleet"):
        # no fleet can be had: its contract server stands in, on simulated machines and on such that systemd runs
        fleet = of(engine)
        image = "busybox" if engine == "fleet" else of("busybox_image")
        for variable, value in fleet.environment.items():
            monkeypatch.setenv(variable, value)
        found = fleet_case(fleet.host)
    else:
        of("volume")
        image = of("busybox_in_cluster")
        made, cluster = (kubernetes_case, "cluster") if engine == "kubernetes" else (openshift_case, "openshift")
        found = made(of(cluster), of("namespace"), image)
    if compose:
        found = of_compose(found, image)
    yield found
    with contextlib.closing(found.provider.connect(found.target)) as session:
        left = diff.uninstall(session.observe(found.target.app, ()), purge_data=True)
        apply(plan_of(found, left), session, Observer())
