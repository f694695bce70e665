"""Templates on a real cluster: what they generate is made once, kept, and never shown."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, DATA, KEEP, UPDATE
from atomicapp.planning import diff
from tests.engines.cluster import Cluster, RefusedError
from tests.engines.kubernetes_apps import Body, body, deployment
from tests.engines.openshift_apps import OpenShiftApp, template
from tests.engines.program import Program

pytestmark = [pytest.mark.engine, pytest.mark.slow]

GENERATED = "[a-zA-Z0-9]{24}"
SAME = '[ -n "$PLAIN" ] && [ "$PLAIN" = "$FROM_SECRET" ] && exec sleep 1000; echo they differ; exit 3'


@pytest.fixture
def app(openshift: Cluster, namespace: str) -> Iterator[OpenShiftApp]:
    found = OpenShiftApp(openshift, namespace)
    yield found
    found.uninstall()


def secretive(image: str, more: str = "", **parameters: str) -> Body:
    """A Secret with a password, and a Deployment that ends unless both its ways to the password lead to the same."""
    env = [
        {"name": "PLAIN", "value": "${PASSWORD}"},
        {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        *([{"name": "MORE", "value": more}] if more else []),
    ]
    return template(
        "shop",
        body("Secret", "db", stringData={"password": "${PASSWORD}"}),
        deployment("web", image, SAME, env=env),
        **{"PASSWORD": GENERATED, **parameters},
    )


def secret(app: OpenShiftApp, name: str) -> dict[str, str]:
    """The plain values of a Secret as it is on the cluster."""
    found = app.cluster.call("GET", f"/api/v1/namespaces/{app.target.namespace}/secrets/{name}")
    return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}


def kept(app: OpenShiftApp) -> dict[str, str]:
    return secret(app, f"{app.target.app}-generated")


def test_a_generated_password_is_made_once_and_is_the_same_for_all(
    app: OpenShiftApp, openshift: Cluster, busybox_in_cluster: str
) -> None:
    wanted = secretive(busybox_in_cluster)
    assert set(app.run(wanted).values()) == {CREATE}
    password = kept(app)["web.shop.PASSWORD"]
    assert len(password) == 24
    assert secret(app, "db") == {"password": password}
    live = openshift.call("GET", f"/apis/apps/v1/namespaces/{app.target.namespace}/deployments/web")
    assert live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == password
    # a second run, and one of another machine
    assert app.run(wanted) == {}
    other = OpenShiftApp(openshift, app.target.namespace, app=app.target.app)
    assert {step.op for step in other.plan(wanted)} == {KEEP}


def test_it_outlives_an_uninstall_and_goes_with_the_data(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = secretive(busybox_in_cluster)
    app.run(wanted)
    password = kept(app)
    app.carry_out(diff.uninstall(app.held().values(), purge_data=False))
    assert {item.kind: item.lifetime for item in app.held().values()} == {"Secret": DATA}
    assert set(app.run(wanted).values()) == {CREATE}
    assert kept(app) == password
    assert secret(app, "db") == {"password": password["web.shop.PASSWORD"]}
    app.uninstall()
    assert app.held() == {}
    with pytest.raises(RefusedError, match="404"):
        kept(app)


def test_a_plan_never_shows_it(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    app.run(secretive(busybox_in_cluster))
    password = kept(app)["web.shop.PASSWORD"]
    for changed in (
        secretive(busybox_in_cluster, more="x-${PASSWORD}"),
        secretive(busybox_in_cluster, PASSWORD="chosen by hand"),
    ):
        steps = [step for step in app.plan(changed) if step.op != KEEP]
        assert {step.op for step in steps} == {UPDATE}
        shown = json.dumps([tuple(change) for step in steps for change in step.changes])
        assert "(hidden)" in shown
        assert password not in shown
        assert "io.atomicapp.generated" not in shown
    app.run(secretive(busybox_in_cluster, PASSWORD="chosen by hand"))
    assert secret(app, "db") == {"password": "chosen by hand"}
    # what was made with it may need it again
    assert kept(app)["web.shop.PASSWORD"] == password
    assert app.run(secretive(busybox_in_cluster)).keys() == {"Secret/db", "apps/Deployment/web"}
    assert secret(app, "db") == {"password": password}


def test_a_further_value_leaves_the_first_as_it_is(app: OpenShiftApp) -> None:
    def wanted(**parameters: str) -> Body:
        data = {name: f"${{{name}}}" for name in parameters}
        return template("t", body("Secret", "s", stringData=data), **parameters)

    app.run(wanted(A=GENERATED))
    first = kept(app)["web.t.A"]
    assert set(app.run(wanted(A=GENERATED, B=r"[\d]{6}")).values()) == {UPDATE}
    both = kept(app)
    assert both["web.t.A"] == first
    assert both["web.t.B"].isdigit()
    assert secret(app, "s") == {"A": first, "B": both["web.t.B"]}
    # what is no longer asked for is kept too
    app.run(wanted(A=GENERATED))
    assert kept(app) == both
    assert secret(app, "s") == {"A": first}
    assert {step.op for step in app.plan(wanted(A=GENERATED))} == {KEEP}


def test_when_someone_removes_the_values_all_get_new_ones(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = secretive(busybox_in_cluster)
    app.run(wanted)
    before = kept(app)
    path = f"/api/v1/namespaces/{app.target.namespace}/secrets/{app.target.app}-generated"
    app.cluster.call("DELETE", path)
    done = app.run(wanted)
    assert {key.rpartition("/")[0]: op for key, op in done.items() if "db" not in key} == {
        "Secret": CREATE,
        "apps/Deployment": UPDATE,
    }
    assert done["Secret/db"] == UPDATE
    after = kept(app)
    assert after != before
    assert secret(app, "db") == {"password": after["web.shop.PASSWORD"]}


def test_a_number_may_be_generated(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    service = body("Service", "s", spec={"selector": {"app": "x"}, "ports": [{"port": "${{PORT}}"}]})
    app.run(template("t", service, PORT="[1-9]{4}"))
    live = app.cluster.call("GET", f"/api/v1/namespaces/{app.target.namespace}/services/s")
    assert live["spec"]["ports"][0]["port"] == int(kept(app)["web.t.PORT"])


def test_a_refusal_does_not_show_it(app: OpenShiftApp) -> None:
    claim = body(
        "PersistentVolumeClaim",
        "c",
        spec={"accessModes": ["${PASSWORD}"], "resources": {"requests": {"storage": "1Gi"}}},
    )
    wanted = template("t", claim, PASSWORD=GENERATED)
    with pytest.raises(EngineError) as caught:
        app.run(wanted)
    password = kept(app)["web.t.PASSWORD"]
    with app.session() as session, pytest.raises(EngineError) as planned:
        resources = tuple(app.wanted(wanted).values())
        session.observe(app.target.app, resources)
        session.check(resources)
    for error in (caught.value, planned.value):
        told = json.dumps([str(error), error.message, error.details, error.hint])
        assert "accessModes" in told
        assert "(hidden)" in told
        assert password not in told


def test_a_plan_of_what_is_new_writes_nothing(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = tuple(app.wanted(secretive(busybox_in_cluster)).values())
    with app.session() as session:
        session.observe(app.target.app, wanted)
        session.check(wanted)
    assert app.held() == {}


NULECULE = """\
specversion: 0.0.2
id: shop-app
graph:
  - name: web
    params:
      - {name: COLOUR, default: blue}
    artifacts:
      openshift: [file://template.yaml]
"""

TEMPLATE = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: shop}
message: "log in with ${PASSWORD}"
parameters:
  - {name: COLOUR, value: red}
  - {name: PASSWORD, generate: expression, from: "[a-z]{20}"}
  - {name: SIZE, required: true, description: how much}
objects:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: shop}
    data: {colour: "$COLOUR", password: "p=${PASSWORD}", size: "${SIZE}"}
"""


def test_the_command_line_keeps_no_value_on_disk(openshift: Cluster, namespace: str, tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "Nulecule").write_text(NULECULE)
    (package / "template.yaml").write_text(TEMPLATE)
    home = tmp_path / "home"
    program = Program(home)
    name = f"shop-{uuid.uuid4().hex[:8]}"
    where = (str(package), "--provider-config", str(openshift.kubeconfig), "--namespace", namespace, "--name", name)
    asked = program.attempt("run", *where)
    assert asked.returncode == 1
    assert "template.yaml:8:5: the parameter SIZE (how much) needs a value" in asked.stderr
    assert "[web] SIZE = VALUE" in asked.stderr
    answers = tmp_path / "answers.conf"
    answers.write_text("[web]\nSIZE = 7\nCOLOUR = green\n")
    given = (*where, "-a", str(answers))
    said = program.attempt("run", *given, "-v")
    assert said.returncode == 0, said.stderr
    path = f"/api/v1/namespaces/{namespace}/configmaps/shop"
    data: dict[str, Any] = openshift.call("GET", path)["data"]
    password = data["password"].removeprefix("p=")
    assert data == {"colour": "green", "password": f"p={password}", "size": "7"}
    assert len(password) == 20
    assert f"the template says: log in with (web.shop.PASSWORD of the Secret {name}-generated)" in said.stderr
    assert program.json("plan", *given)["pending"] is False
    answers.write_text("[web]\nSIZE = 8\n")
    shown = program("plan", *given)
    assert "data/size: 7 -> 8" in shown
    outputs = [said.stdout, said.stderr, shown]
    assert not [text for text in outputs if password in text]
    kept_files = [file for file in home.rglob("*") if file.is_file()]
    assert kept_files
    assert not [file for file in kept_files if password.encode() in file.read_bytes()]
    program("uninstall", name, "--purge-data")
