"""Artifacts as resources of the systemd provider: which units there are, what is started, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.errors import WARNING, SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, PersistentVolume, Rendered, Resource, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import systemd

HERE = Position("Nulecule", 1, 1)
WEB = "[Service]\nExecStart=/bin/sleep 1000\n\n[Install]\nWantedBy=multi-user.target\n"


def parsed(
    *artifacts: tuple[str, str, str],
    provider: str = "systemd",
    secrets: frozenset[str] = frozenset(),
    volumes: tuple[Volume, ...] = (),
    program: str = "docker",
) -> Parsed:
    """The outcome of artifacts given as component, path and text."""
    found = tuple(Artifact(name, provider, path, text, path, HERE) for name, path, text in artifacts)
    rendered = Rendered(found, volumes, secrets=secrets, variables=lambda scope: {})
    return systemd.parse(rendered, Target("app", api=program))


def resources(*artifacts: tuple[str, str, str], **options: Any) -> dict[str, Resource]:
    return {item.key: item for item in parsed(*artifacts, **options).resources}


def faults(*artifacts: tuple[str, str, str], **options: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*artifacts, **options)
    return [f"{issue.position} {issue.message}" for issue in caught.value.issues if issue.severity == "error"]


# ---------------------------------------------------------------- unit files


def test_a_unit_is_called_as_its_file_and_keeps_its_text() -> None:
    found = resources(("web", "units/web.service", WEB))["unit/web.service"]
    assert (found.name, found.component, found.kind, found.order) == ("web.service", "web", "unit", 1)
    assert found.body == {"text": WEB}


def test_a_file_of_another_name_holds_units_as_systemctl_cat_prints_them() -> None:
    text = f"# /etc/systemd/system/web.service\n{WEB}\n# job.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
    found = resources(("web", "all_run", text))
    assert list(found) == ["unit/web.service", "unit/job.service"]
    assert found["unit/job.service"].body["way"] == "once"
    assert found["unit/job.service"].position.line == 8
    bad = text + "Oops\n"
    assert faults(("web", "all_run", bad)) == ["all_run:12:1 'Oops' is no option: it has no '='"]


def test_a_file_without_any_name_is_the_service_of_its_component() -> None:
    assert list(resources(("a:web", "web_run", WEB))) == ["unit/app-a-web.service"]


def test_components_come_one_after_the_other_and_the_units_of_one_together() -> None:
    found = resources(("db", "db.service", WEB), ("web", "web.service", WEB), ("web", "web2.service", WEB))
    assert [item.order for item in found.values()] == [1, 2, 2]


def test_what_a_timer_or_a_socket_starts_is_not_started_by_us() -> None:
    service = "[Service]\nExecStart=/bin/true\n"
    timer = "[Timer]\nOnCalendar=daily\nUnit=backup.service\n"
    socket = "[Socket]\nListenStream=8080\nAccept=yes\n"
    found = resources(
        ("a", "backup.service", service),
        ("a", "daily.timer", timer),
        ("a", "echo.socket", socket),
        ("a", "echo@.service", service),
        ("a", "other.service", service),
    )
    ways = {item.name: item.body.get("way", "") for item in found.values()}
    assert ways == {
        "backup.service": "file",
        "daily.timer": "",
        "echo.socket": "",
        "echo@.service": "file",
        "other.service": "",
    }
    # one that a boot starts, too, is started
    both = resources(("a", "backup.service", WEB), ("a", "daily.timer", timer))
    assert "way" not in both["unit/backup.service"].body


@pytest.mark.parametrize(
    ("said", "instances"),
    [
        ("[X-Atomicapp]\nInstances=3\n", ["1", "2", "3"]),
        ("[X-Atomicapp]\nInstances=blue green\n", ["blue", "green"]),
        ("[Install]\nDefaultInstance=main\n", ["main"]),
    ],
)
def test_a_template_says_its_instances(said: str, instances: list[str]) -> None:
    found = resources(("web", "web@.service", f"[Service]\nExecStart=/bin/true\n{said}"))
    assert found["unit/web@.service"].body["instances"] == instances


def test_a_template_without_instances_is_only_there() -> None:
    found = resources(("web", "web@.service", "[Service]\nExecStart=/bin/true\n"))["unit/web@.service"]
    assert found.body["way"] == "file"
    assert "instances" not in found.body


def test_a_unit_that_is_only_to_be_loaded_is_not_started() -> None:
    found = resources(("web", "web.service", f"{WEB}[X-Atomicapp]\nDesiredState=loaded\n"))
    assert found["unit/web.service"].body["way"] == "file"


def test_a_unit_names_the_volumes_that_hold_its_data() -> None:
    found = resources(("web", "web.service", f"{WEB}[X-Atomicapp]\nVolume=one two\n"))
    assert [item.name for item in found.values() if item.lifetime == DATA] == ["one", "two"]
    assert found["volume/two"].body == {"purge": ["/usr/bin/docker", "volume", "rm", "two"]}
    assert found["unit/web.service"].needs == ("volume/one", "volume/two")


def test_folders_of_state_are_data() -> None:
    text = WEB.replace("ExecStart", "StateDirectory=shop %p/x\nExecStart")
    found = resources(("web", "web.service", text))
    assert {key: item.lifetime for key, item in found.items() if item.kind == "state"} == {
        "state/shop": DATA,
        "state/web/x": DATA,
    }
    assert found["unit/web.service"].needs == ("state/shop", "state/web/x")


def test_a_hidden_value_in_a_unit_is_told_as_a_risk() -> None:
    text = WEB.replace("ExecStart", "Environment=PASSWORD=s3cret-x A=b\nExecStart")
    found = parsed(("web", "web.service", text), secrets=frozenset({"s3cret-x"}))
    assert found.resources[0].body["hidden"] == ["Service/Environment/PASSWORD"]
    assert [issue.severity for issue in found.issues] == [WARNING]
    assert "every user of the machine can read" in found.issues[0].message


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("a.service", "[Unit]\nDescription=x\n", "a.service:1:1 a.service does not say what it runs (ExecStart=)"),
        ("a.timer", "[Timer]\nPersistent=yes\n", "a.timer:1:1 a.timer does not say when it elapses"),
        ("a.socket", "[Socket]\nAccept=no\n", "a.socket:1:1 a.socket does not say where it listens"),
        ("a.path", "[Path]\nUnit=b.service\n", "a.path:1:1 a.path does not say what it watches"),
        ("a.mount", "[Mount]\nWhat=/dev/x\nWhere=/srv/data\n", "must be called srv-data.mount, not a.mount"),
        ("a.scope", "[Scope]\nA=b\n", "a.scope:1:1 'a.scope': systemd makes no scope of a file"),
        (".service", WEB, "there is nothing before its dot"),
        ("a.yaml", "services: {}", "a.yaml:1:1 a.yaml is no unit file"),
        ("a b.service", WEB, "invalid character ' ' in unit name"),
        ("a.service", f"{WEB}[X-Atomicapp]\nInstances=2\n", "only a template has instances"),
        ("a@.service", f"{WEB}[X-Atomicapp]\nInstances=x y/z\n", "'y/z' can't name an instance"),
        ("a@.service", f"{WEB}[X-Atomicapp]\nInstances=5000\n", "at most 1000"),
        ("a@.service", f"{WEB}[X-Atomicapp]\nReplicas=2\n", "'Replicas' is no option of [X-Atomicapp]"),
        ("a@.service", f"{WEB}[X-Atomicapp]\nInstance=2\n", "'Instance' is no option of [X-Atomicapp]"),
        ("a.service", f"{WEB}[X-Atomicapp]\nDesiredState=on\n", "expected launched, or loaded"),
        ("a.service", f"{WEB}[X-Atomicapp]\nVolume=ok /x\n", "'/x' can't name a volume"),
        ("a.service", "this is no artifact {", "a.service:1:1"),
    ],
)
def test_bad_units_are_refused_at_their_place(path: str, text: str, message: str) -> None:
    found = faults(("a", path, text))
    assert len(found) == 1
    assert message in found[0]


def test_all_faults_of_all_files_are_told_at_once() -> None:
    found = faults(("a", "a.service", "[Service]\nx\ny\n"), ("b", "b.timer", "[Timer]\nA=b\n"), ("c", "c.service", WEB))
    assert [text.split(" ")[0] for text in found] == ["a.service:2:1", "a.service:3:1", "b.timer:1:1"]


def test_two_units_of_one_name_are_refused() -> None:
    assert faults(("a", "x/web.service", WEB), ("b", "y/web.service", WEB)) == [
        "y/web.service:1:1 two units are called 'web.service': the other one is at x/web.service:1:1"
    ]


def test_units_that_start_after_each_other_are_refused() -> None:
    def unit(said: str) -> str:
        return f"[Unit]\n{said}\n{WEB}"

    assert faults(("a", "a.service", unit("After=b@1.service")), ("b", "b@.service", unit("After=a.service"))) == [
        "a.service:1:1 units are to start after each other in a circle: a.service -> b@.service -> a.service"
    ]
    assert len(faults(("a", "a.service", unit("Before=b.service")), ("b", "b.service", unit("Before=a.service")))) == 1
    assert resources(
        ("a", "a.service", unit("After=a.service network.target")), ("b", "b.service", unit("After=a.service"))
    )


# ---------------------------------------------------------------- units that run containers

SHOP = """\
services:
  web:
    image: web
    depends_on: [db]
    environment: {COLOUR: blue, PASSWORD: s3cret-x}
    ports: ["8080:80"]
    deploy: {replicas: 1}
  db:
    image: db
    volumes: ["data:/data"]
volumes: {data: {}}
"""


def test_a_compose_file_becomes_units_in_the_order_of_its_services() -> None:
    found = resources(("shop", "shop.yaml", SHOP), provider=COMPOSE)
    assert {key: item.order for key, item in found.items()} == {
        "volume/app_data": 0,
        "unit/app_default-network.service": 0,
        "unit/app_data-volume.service": 0,
        "unit/app-shop-db.service": 1,
        "unit/app-shop-web.service": 2,
    }
    web = found["unit/app-shop-web.service"]
    assert "unit/app-shop-db.service" in web.needs
    assert web.body["image"] == "web"
    assert web.body["ports"] == ["0.0.0.0:8080->80/tcp"]
    assert found["volume/app_data"].lifetime == DATA
    assert found["volume/app_data"].body["purge"] == ["/usr/bin/docker", "volume", "rm", "app_data"]
    assert "volume/app_data" in found["unit/app-shop-db.service"].needs


def test_values_of_variables_stand_in_a_file_of_their_own() -> None:
    found = parsed(("shop", "shop.yaml", SHOP), provider=COMPOSE, secrets=frozenset({"s3cret-x"}))
    web = next(item for item in found.resources if item.name == "app-shop-web.service")
    assert "s3cret-x" not in web.body["text"]
    (file,) = web.body["files"].values()
    assert "PASSWORD=s3cret-x" in file["text"]
    assert file["mode"] == 0o600
    assert web.body["hidden"] == ["env/PASSWORD"]
    assert not [issue for issue in found.issues if issue.code == "risky"]


def test_components_share_the_network_of_the_deployment() -> None:
    found = resources(
        ("a", "a.yaml", "services: {a: {image: x}}"), ("b", "b.yaml", "services: {b: {image: x}}"), provider=COMPOSE
    )
    assert [key for key in found if "network" in key] == ["unit/app_default-network.service"]
    assert found["unit/app-b.service"].needs[0] == "unit/app_default-network.service"
    assert (found["unit/app-a.service"].order, found["unit/app-b.service"].order) == (1, 2)


def test_replicas_are_instances_of_a_template() -> None:
    text = "services: {web: {image: x, deploy: {replicas: 2}}}"
    found = resources(("web", "web.yaml", text), provider=COMPOSE)["unit/app-web@.service"]
    assert found.body["instances"] == ["1", "2"]


def test_docker_run_commands_become_units() -> None:
    text = "# what it runs\ndocker run -d -p 8080:80 -v data:/data --name front web\n"
    found = resources(("web", "web_run", text))
    assert list(found) == [
        "volume/data",
        "unit/app_default-network.service",
        "unit/data-volume.service",
        "unit/app-web-front.service",
    ]
    assert faults(("web", "web_run", "docker run --nonsense x"))[0].startswith("web_run:1:12")


def test_a_requirement_of_the_package_names_its_volume() -> None:
    volume = Volume("", PersistentVolume("data", "ReadWriteOnce", 1, HERE))
    found = parsed(("shop", "shop.yaml", SHOP), provider=COMPOSE, volumes=(volume,))
    assert [item.name for item in found.resources if item.lifetime == DATA] == ["app-data"]
    assert any(issue.code == "volume-size" for issue in found.issues)
    unused = parsed(("web", "web.service", WEB), volumes=(volume,))
    assert [issue.code for issue in unused.issues] == ["unused-volume"]
    named = parsed(("web", "web.service", f"{WEB}[X-Atomicapp]\nVolume=data\n"), volumes=(volume,))
    assert [issue.code for issue in named.issues] == ["volume-size"]


# ---------------------------------------------------------------- files of Podman's generator


def test_files_of_podman_are_units_under_the_names_that_it_gives() -> None:
    volume = Volume("", PersistentVolume("data", "ReadWriteOnce", 0, HERE))
    container = "[Container]\nImage=example/web:1\nVolume=data.volume:/data\n[Install]\nWantedBy=multi-user.target\n"
    found = parsed(("web", "q/web.container", container), ("web", "q/data.volume", "[Volume]\n"), volumes=(volume,))
    assert found.issues == ()
    told = {item.name: item.body for item in found.resources}
    assert told["web.service"] == {"text": container, "source": "web.container"}
    assert told["data-volume.service"] == {"text": "[Volume]\n", "source": "data.volume", "way": "thing"}
    assert told["systemd-data"] == {"purge": ["/usr/bin/podman", "volume", "rm", "systemd-data"]}
    assert {item.name for item in found.resources if item.lifetime == DATA} == {"systemd-data"}


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a.container", "[Container]\nExec=true\n", "a.container:1:1 a.container does not say Image= or Rootfs="),
        ("a.container", "[Service]\nRestart=no\n", "a.container:1:1 a.container has no section [Container]"),
        ("a.kube", "[Kube]\n", "a.kube:1:1 a.kube has no section [Kube]"),
        (
            "a.container",
            "[Container]\nImage=x\nServiceName=b\n",
            "a.container:3:1 ServiceName=b: the unit of a.container must be called a.service here",
        ),
        (
            "a.container",
            "[Container]\nImage=x\nEnvironmentFile=./a.env\n",
            "a.container:3:1 EnvironmentFile=./a.env: nothing brings that file to the place of a.container",
        ),
        (
            "a b.container",
            "[Container]\nImage=x\n",
            "a b.container:1:1 'a b.service': invalid character ' ' in unit name",
        ),
    ],
)
def test_what_podman_would_make_no_unit_of_is_refused(path: str, text: str, said: str) -> None:
    assert faults(("web", path, text)) == [said]


def test_a_unit_and_a_file_of_podman_that_become_the_same_unit_are_refused() -> None:
    (said,) = faults(("a", "web.service", WEB), ("b", "web.container", "[Container]\nImage=x\n"))
    assert "two units are called 'web.service'" in said


def test_variables_of_podmans_files_lie_beside_the_units() -> None:
    container = "[Container]\nImage=example/web:1\nEnvironmentFile=./web.env\n"
    artifacts = [("web", "q/web.container", container), ("web", "q/web.env", "A=hunter22\nB=2\n")]
    found = parsed(*artifacts, secrets=frozenset({"hunter22"}))
    (unit,) = found.resources
    assert unit.body["text"] == container.replace("./web.env", "/@atomicapp-files@/app/web.env/env")
    assert unit.body["files"] == {"app/web.env/env": {"text": "A=hunter22\nB=2\n", "mode": 0o600, "uid": 0, "gid": 0}}
    assert unit.body["hidden"] == ["env/A"]
    assert found.issues == ()


# ---------------------------------------------------------------- Compose files by Podman


def test_a_compose_file_becomes_files_for_podman() -> None:
    found = resources(("shop", "shop.yaml", SHOP), provider=COMPOSE, program="podman", secrets=frozenset({"s3cret-x"}))
    assert {key: (item.order, item.body.get("source")) for key, item in found.items()} == {
        "volume/app_data": (0, None),
        "unit/app-default-network.service": (0, "app-default.network"),
        "unit/app-data-volume.service": (0, "app-data.volume"),
        "unit/app-shop-db.service": (1, "app-shop-db.container"),
        "unit/app-shop-web.service": (2, "app-shop-web.container"),
    }
    web = found["unit/app-shop-web.service"]
    assert {"unit/app-shop-db.service", "unit/app-default-network.service"} <= set(web.needs)
    assert web.body["ports"] == ["0.0.0.0:8080->80/tcp"]
    assert "s3cret-x" not in web.body["text"]
    assert web.body["hidden"] == ["env/PASSWORD"]
    (path,) = web.body["files"]
    assert f"EnvironmentFile=/@atomicapp-files@/{path}" in web.body["text"]
    assert found["volume/app_data"].body["purge"] == ["/usr/bin/podman", "volume", "rm", "app_data"]


def test_a_requirement_of_the_package_names_podmans_volume() -> None:
    volume = Volume("", PersistentVolume("data", "ReadWriteOnce", 0, HERE))
    found = resources(("shop", "shop.yaml", SHOP), provider=COMPOSE, program="podman", volumes=(volume,))
    assert found["volume/app-data"].body["purge"][0] == "/usr/bin/podman"
    assert "Volume=app-data:/data" in found["unit/app-shop-db.service"].body["text"]
    assert not [key for key in found if key.endswith("-volume.service")]


def test_what_a_line_can_not_say_is_handed_to_podman_by_systemd() -> None:
    text = "services: {web: {image: x, environment: {PLAIN: a b, ODD: ' $$x', LINES: \"a\\nb\", PATH: '$$p'}}}"
    body = resources(("web", "web.yaml", text), provider=COMPOSE, program="podman")["unit/app-web.service"].body
    files = {path.rpartition("/")[2]: file["text"] for path, file in body["files"].items()}
    assert files["env"] == "PLAIN=a b\n"
    assert sorted(line.partition("=")[0] for line in files["env-lines"].splitlines() if "=" in line) == ["LINES", "ODD"]
    assert "PodmanArgs=--env ODD\n" in body["text"]
    # it would change what Podman itself does
    assert '\nEnvironment="PATH=$$p"\n' in body["text"]


def test_what_runs_before_a_service_is_left_to_it() -> None:
    text = "services: {web: {image: x, pre_start: [{command: [migrate]}]}}"
    found = resources(("web", "web.yaml", text), provider=COMPOSE, program="podman")
    assert found["unit/app-web-before-1.service"].body["way"] == "file"
    assert "unit/app-web-before-1.service" in found["unit/app-web.service"].needs


def test_docker_run_commands_become_files_for_podman() -> None:
    found = resources(("web", "web_run", "docker run -d -v data:/data --name front web\n"), program="podman")
    text = found["unit/app-web-front.service"].body["text"]
    assert "ContainerName=front\n" in text
    assert "Image=docker.io/library/web\n" in text
