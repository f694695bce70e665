"""Compose files among the artifacts of an app: resources, their order, and what is told."""

from __future__ import annotations

import base64
import json

import pytest

from atomicapp.errors import NOTE, WARNING, SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, PersistentVolume, Rendered, Resource, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import kubernetes, openshift
from atomicapp.providers.base import Provider
from tests.compose import keys

HERE = Position("Nulecule", 1, 1)
SHOP = """\
services:
  web:
    image: example/web:1
    environment: {DB: 'db:5432', GREETING: '${GREETING}'}
    ports: ['8080:80']
    depends_on: {db: {condition: service_healthy}, seed: {condition: service_completed_successfully}}
  seed:
    image: example/seed:1
    depends_on: [db]
  db:
    image: example/db:1
    volumes: ['data:/data']
    secrets: [password]
    healthcheck: {test: [CMD, ready]}
    ulimits: {nofile: 10}
volumes: {data: {}}
secrets: {password: {environment: PASSWORD}}
"""
NATIVE = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tool"}, "spec": {"containers": []}})


def parsed(
    *artifacts: tuple[str, str, str],
    provider: Provider = kubernetes,
    volumes: tuple[Volume, ...] = (),
    secrets: frozenset[str] = frozenset(),
    app: str = "app",
) -> Parsed:
    """The outcome of artifacts given as component, provider and text."""
    found = tuple(
        Artifact(component, of, f"parts/{number}.yaml", text, f"{number}.yaml", HERE)
        for number, (component, of, text) in enumerate(artifacts)
    )
    rendered = Rendered(
        found,
        volumes,
        read=lambda artifact, path: keys.FILES[path.removeprefix("parts/")],
        secrets=secrets,
        variables=lambda scope: keys.VARIABLES,
    )
    return provider.parse(rendered, Target(app))


def by_key(found: Parsed) -> dict[str, Resource]:
    return {resource.key: resource for resource in found.resources}


def test_services_become_resources_in_their_order() -> None:
    found = by_key(parsed(("shop", COMPOSE, SHOP)))
    db, seed, web = found["apps/StatefulSet/db"], found["batch/Job/seed"], found["apps/Deployment/web"]
    assert db.order < seed.order < web.order
    assert (seed.needs, seed.waits) == ((db.key,), ())
    assert web.needs == web.waits == (db.key, seed.key)
    assert {resource.component for resource in found.values()} == {"shop"}
    assert found["PersistentVolumeClaim/data"].lifetime == DATA
    ranks = [found[key].order for key in ("Secret/password", "PersistentVolumeClaim/data", "Service/db")]
    assert ranks == sorted(ranks)
    assert max(ranks) < db.order


def test_resources_know_their_place_in_the_file() -> None:
    found = by_key(parsed(("shop", COMPOSE, SHOP)))
    assert found["apps/Deployment/web"].position[:2] == ("0.yaml", 2)
    assert found["Service/web-published"].position.line == 5
    assert found["Secret/password"].position.line == 17
    assert found["PersistentVolumeClaim/data"].position.line == 16


def test_variables_of_the_file_are_params_of_the_app() -> None:
    spec = by_key(parsed(("shop", COMPOSE, SHOP)))["apps/Deployment/web"].body["spec"]
    assert {"name": "GREETING", "value": "hello"} in spec["template"]["spec"]["containers"][0]["env"]


def test_secrets_are_coded_and_kept_from_view() -> None:
    found = parsed(("shop", COMPOSE, SHOP))
    data = by_key(found)["Secret/password"].body["data"]
    assert data == {"password": base64.b64encode(b"hush").decode()}
    assert found.secrets == {"hush"}


def test_what_is_lost_is_told_at_its_place() -> None:
    issues = parsed(("shop", COMPOSE, SHOP)).issues
    (lost,) = [issue for issue in issues if issue.severity == WARNING]
    assert lost.message == "ulimits of db is lost on kubernetes: Kubernetes has no word for it"
    assert (lost.position[:2], lost.excerpt.strip()) == (("0.yaml", 15), "ulimits: {nofile: 10}")
    assert {issue.code for issue in issues if issue.severity == NOTE} == {"approximated"}


def test_components_come_one_after_the_other() -> None:
    found = by_key(
        parsed(
            ("first", "kubernetes", NATIVE),
            ("shop", COMPOSE, SHOP),
            ("last", "kubernetes", NATIVE.replace("tool", "end")),
        )
    )
    orders = [found[key].order for key in ("Pod/tool", "apps/StatefulSet/db", "apps/Deployment/web", "Pod/end")]
    assert orders == sorted(set(orders))
    assert orders[-1] - orders[0] == 4


def test_several_files_of_one_app_work_together() -> None:
    cache = "services: {cache: {image: 'example/cache:1', expose: ['6379']}}"
    app = "services: {app: {image: 'example/app:1', environment: {C: 'cache:6379'}, volumes: ['data:/x']}}\nvolumes: {data: {external: true}}"
    found = by_key(parsed(("shop", COMPOSE, SHOP), ("store", COMPOSE, cache), ("app", COMPOSE, app)))
    assert {"Service/cache", "Service/web", "Service/app"} <= set(found)
    # a component of one service is called by its own name, too
    assert found["Service/store"].body["spec"] == found["Service/cache"].body["spec"]
    assert "Service/shop" not in found
    pod = found["apps/StatefulSet/app"].body["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]


def test_the_name_of_a_component_gives_way() -> None:
    native = json.dumps(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"}, "spec": {"ports": [{"port": 1}]}}
    )
    cache = "services: {cache: {image: 'example/cache:1'}}"
    found = by_key(parsed(("store", COMPOSE, cache), ("other", "kubernetes", native)))
    assert found["Service/store"].component == "other"


def test_one_name_twice_is_an_error_at_its_place() -> None:
    text = "services: {db: {image: 'example/db:1'}}"
    with pytest.raises(SpecError) as caught:
        parsed(("one", COMPOSE, text), ("two", COMPOSE, text))
    assert [issue.code for issue in caught.value.issues if issue.severity == "error"] == ["duplicate"] * 2
    assert caught.value.message.startswith("1.yaml:1:12: Deployment 'db' stands here a second time")


SHARING = "services: {%s: {image: 'example/a:1', volumes: ['data:/d']}}\nvolumes: {data: {labels: {a: '%s'}}}"


def test_components_of_one_app_share_what_they_describe_in_the_same_way() -> None:
    found = by_key(parsed(("one", COMPOSE, SHARING % ("a", 1)), ("two", COMPOSE, SHARING % ("b", 1))))
    assert {"apps/StatefulSet/a", "apps/StatefulSet/b", "PersistentVolumeClaim/data"} <= set(found)


@pytest.mark.parametrize(
    ("components", "label"), [(("one", "two"), 2), (("a:db", "b:db"), 1)], ids=["other words", "another app"]
)
def test_what_else_has_one_name_is_an_error(components: tuple[str, str], label: int) -> None:
    first, second = components
    with pytest.raises(SpecError, match="PersistentVolumeClaim 'data' stands here a second time"):
        parsed((first, COMPOSE, SHARING % ("a", 1)), (second, COMPOSE, SHARING % ("b", label)))


def test_faults_of_all_files_are_told_at_once() -> None:
    bad = "services: {db: {image: 'example/db:1', prots: [80]}}"
    clash = "services: {a_b: {image: 'example/a:1'}, a-b: {image: 'example/b:1'}}"
    with pytest.raises(SpecError) as caught:
        parsed(("one", COMPOSE, bad), ("two", COMPOSE, clash), ("three", "kubernetes", "kind: Pod"))
    files = {issue.position.file for issue in caught.value.issues if issue.severity == "error"}
    assert files == {"0.yaml", "1.yaml", "2.yaml"}


@pytest.mark.parametrize(("namespace", "taken"), [("", True), ("a", True), ("a:b", False)])
def test_a_requirement_gives_the_volume_of_its_name(namespace: str, taken: bool) -> None:
    text = "services: {db: {image: 'example/db:1', volumes: ['my_data:/data']}}\nvolumes: {my_data: {}}"
    volume = Volume(namespace, PersistentVolume("my_data", "ReadWriteMany", 4, HERE))
    found = by_key(parsed(("a:db", COMPOSE, text), volumes=(volume,)))
    claim = found["PersistentVolumeClaim/my-data"]
    assert (claim.body["spec"]["accessModes"] == ["ReadWriteMany"]) == taken
    assert (claim.body["spec"]["resources"]["requests"]["storage"] == "4Gi") == taken


def test_hidden_params_in_variables_and_configs_are_kept_as_secrets() -> None:
    text = (
        "services: {db: {image: 'example/db:1', environment: {URL: 'db://u:topsecret@x', N: '1'}, configs: [c, d]}}\n"
        "configs: {c: {content: 'password=topsecret'}, d: {content: '1'}}"
    )
    found = by_key(parsed(("db", COMPOSE, text), secrets=frozenset({"topsecret", "1", ""})))
    assert set(found["Secret/db-env"].body["data"]) == {"URL", "N"}
    assert {"Secret/c-config", "Secret/d-config"} <= set(found)
    assert "topsecret" not in str({key: item.body for key, item in found.items() if item.kind != "Secret"})
    # a short one counts only where it is the whole
    found = by_key(parsed(("db", COMPOSE, text), secrets=frozenset({"1"})))
    assert set(found["Secret/db-env"].body["data"]) == {"N"}
    assert "ConfigMap/c" in found


def test_files_beside_the_compose_file() -> None:
    text = "services: {db: {image: 'example/db:1', env_file: [./one.env], volumes: ['./page.html:/p:ro']}}"
    found = by_key(parsed(("db", COMPOSE, text)))
    (config,) = (item for item in found.values() if item.kind == "ConfigMap")
    assert [*config.body["data"].values()] == [keys.FILES["page.html"]]
    spec = found["apps/Deployment/db"].body["spec"]["template"]["spec"]
    assert spec["containers"][0]["env"] == [{"name": "ONE", "value": "1"}]


def test_what_opens_the_node_is_said() -> None:
    text = (
        "services:\n"
        "  a:\n"
        "    image: example/a:1\n"
        "    privileged: true\n"
        "    cap_add: [SYS_ADMIN, CHOWN]\n"
        "    pid: host\n"
        "    network_mode: host\n"
        "    security_opt: ['seccomp:unconfined']\n"
        "    volumes: ['/var/run/docker.sock:/s', '/etc:/e', '/srv:/v']\n"
    )
    risky = [issue for issue in parsed(("a", COMPOSE, text)).issues if issue.code == "risky"]
    assert [issue.position.line for issue in risky] == [4, 5, 8, 7, 6, 9, 9]
    assert all(issue.severity == WARNING and issue.excerpt and issue.hint for issue in risky)


def test_the_same_file_makes_the_same_resources() -> None:
    first, second = (parsed(("shop", COMPOSE, SHOP)) for _ in range(2))
    assert [item.hash for item in first.resources] == [item.hash for item in second.resources]


# ---------------------------------------------------------------- openshift

PORTS = """\
services:
  web:
    image: example/web:1
    labels: {%s}
    ports: ['8080:80', '8443:443', '2222:22', '53:80/udp', '127.0.0.1:3000:3000',
            {target: 7000, published: 7000, app_protocol: https}, {target: 7001, published: 7001, name: http-admin},
            {target: 8080, published: 9999, app_protocol: amqp}, {target: 8000, published: 8000, mode: host}]
"""


def test_ports_that_speak_http_get_routes() -> None:
    found = by_key(parsed(("web", COMPOSE, PORTS % ""), provider=openshift))
    routes = {item.name: item.body["spec"] for item in found.values() if item.kind == "Route"}
    to = {"kind": "Service", "name": "web"}
    assert routes == {
        "web-80": {"to": to, "port": {"targetPort": "tcp-80"}},
        "web-443": {"to": to, "port": {"targetPort": "tcp-443"}, "tls": {"termination": "passthrough"}},
        "web-7000": {"to": to, "port": {"targetPort": "tcp-7000"}, "tls": {"termination": "passthrough"}},
        "web-7001": {"to": to, "port": {"targetPort": "http-admin"}},
    }
    published = found["Service/web-published"].body["spec"]["ports"]
    assert [(item["port"], item.get("protocol", "TCP")) for item in published] == [
        (2222, "TCP"),
        (53, "UDP"),
        (9999, "TCP"),
    ]
    assert found["route.openshift.io/Route/web-80"].order > found["apps/Deployment/web"].order


def test_a_label_asks_for_a_service_in_place_of_routes() -> None:
    text = PORTS % "io.atomicapp.kubernetes.publish: LoadBalancer"
    found = by_key(parsed(("web", COMPOSE, text), provider=openshift))
    assert not [item for item in found.values() if item.kind == "Route"]
    assert len(found["Service/web-published"].body["spec"]["ports"]) == 7


def test_openshift_says_its_own_name() -> None:
    issues = parsed(("shop", COMPOSE, SHOP), provider=openshift).issues
    assert "ulimits of db is lost on openshift: Kubernetes has no word for it" in [issue.message for issue in issues]
    how = next(issue.message for issue in issues if "ports.published" in issue.message)
    assert "a Route leads to it" in how
