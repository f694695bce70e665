"""Unit files as resources: what is refused at file:line, and what becomes of templates, timers and volumes."""

from __future__ import annotations

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import Artifact, Parsed, PersistentVolume, Rendered, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import fleet

HERE = Position("Nulecule", 1, 1)
SERVICE = "[Service]\nExecStart=/bin/true\n"


def parsed(*files: tuple[str, str], secrets: frozenset[str] = frozenset()) -> Parsed:
    artifacts = tuple(Artifact("web", "fleet", path, text, path, HERE) for path, text in files)
    return fleet.parse(Rendered(artifacts, secrets=secrets), Target("app"))


def faults(*files: tuple[str, str]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*files)
    return [f"{issue.position}: {issue.message}" for issue in caught.value.issues if issue.severity == "error"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("MachineID=11111111", "MachineOf=b.service", "MachineID can't be used with MachineOf (line 4)"),
        ("MachineID=11111111", "Conflicts=b*", "MachineID can't be used with Conflicts (line 4)"),
        ("Global=true", "MachineID=11111111", "MachineID can't be used with Global (line 4)"),
        ("MachineID=11111111", "Replaces=b*", "MachineID can't be used with Replaces (line 4)"),
        ("Global=yes", "MachineOf=b.service", "Global can't be used with MachineOf (line 4)"),
        ("Global=1", "Replaces=b*", "Global can't be used with Replaces (line 4)"),
        ("Conflicts=a*", "Replaces=b*", "Conflicts can't be used with Replaces (line 4)"),
        ("MachineOf=b.service", "Conflicts=b*", "MachineOf=b.service wants the unit to which Conflicts=b* says no"),
        (
            "X-ConditionMachineOf=b.service",
            "X-Conflicts=b*",
            "MachineOf=b.service wants the unit to which Conflicts=b*",
        ),
    ],
)
def test_combinations_that_fleet_does_not_place_are_refused_at_the_later_line(
    first: str, second: str, message: str
) -> None:
    (found,) = faults(("a.service", f"{SERVICE}[X-Fleet]\n{first}\n{second}\n"))
    assert found.startswith(f"a.service:5:1: {message}")


@pytest.mark.parametrize(
    "options",
    ["Global=true\nConflicts=b*", "MachineID=11111111\nMachineMetadata=a=b", "Global=false\nMachineOf=b.service"],
)
def test_combinations_that_fleet_takes_are_taken(options: str) -> None:
    assert parsed(("a.service", f"{SERVICE}[X-Fleet]\n{options}\n")).issues == ()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("MachineMetdata=a=b", "'MachineMetdata' is no option of [X-Fleet]; fleet would pass it over without a word"),
        ("MachineMetadata=nonsense", "'nonsense' is not KEY=VALUE; fleet would pass it over without a word"),
        ("MachineID=abc", "expected the 32 hexadecimal digits of a machine, or their first 8"),
        ("Global=banana", "neither true nor false; fleet would take it for false"),
        ("Conflicts=[", "'[' is no pattern: it has a '[' without a ']'"),
        ("MachineOf=web", "'web' is no name of a unit"),
        ("MachineOf=a.service", "MachineOf=a.service is the unit itself: it would never be placed"),
    ],
)
def test_bad_values_are_told_at_their_line(option: str, message: str) -> None:
    (found,) = faults(("a.service", f"{SERVICE}[X-Fleet]\n{option}\n"))
    assert found.startswith("a.service:4:1: ")
    assert message in found


def test_all_faults_of_all_files_are_told_at_once() -> None:
    found = faults(
        ("a b.service", SERVICE),
        ("x.target", "[Unit]\nDescription=x\n"),
        (".service", SERVICE),
        ("c.service", "ExecStart=/bin/true\nnonsense\n"),
        ("d.service", f"[Service]\nExecStart=/bin/echo {'x' * 3000}\n"),
        ("e.service", "[Service]\nType=simple\n"),
        ("f.service", f"{SERVICE}[Install]\nNonsense=x\n"),
    )
    assert [line.partition(": ")[0].partition(":")[0] for line in found] == [
        ".service",
        "a b.service",
        "c.service",
        "c.service",
        "d.service",
        "e.service",
        "f.service",
        "x.target",
    ]
    assert "d.service:2: the line has 3,020 bytes; 2,048 and more are too many" in found


def test_two_units_of_one_name_and_circles_are_refused() -> None:
    instance = ("web@1.service", SERVICE)
    template = ("web@.service", f"{SERVICE}[X-Atomicapp]\nInstances=2\n")
    assert "two units are called 'web@1.service'" in faults(template, instance)[0]
    circle = [(f"{a}.service", f"{SERVICE}[X-Fleet]\nMachineOf={b}.service\n") for a, b in ("ab", "bc", "ca")]
    assert "in a circle: a.service -> b.service -> c.service -> a.service" in faults(*circle)[0]


def test_a_timer_apart_from_its_service_and_a_template_without_instance_are_told() -> None:
    found = parsed(("b.service", SERVICE), ("b.timer", "[Timer]\nOnCalendar=daily\n"), ("t@.service", SERVICE))
    assert [issue.code for issue in found.issues] == ["apart", "template"]
    assert {item.name: item.body.get("way") for item in found.resources} == {
        "b.service": "loaded",
        "b.timer": None,
        "t@.service": "loaded",
    }


def test_a_file_of_another_name_holds_units_behind_their_names_or_is_the_service_of_its_component() -> None:
    assert [item.name for item in parsed(("web_run", SERVICE)).resources] == ["app-web.service"]
    text = f"# a.service\n{SERVICE}# /etc/systemd/system/b.service\n[Service]\nExecStart=\n"
    assert [item.name for item in parsed(("all", text)).resources] == ["a.service", "b.service"]


def test_units_of_one_component_start_in_the_order_that_they_say() -> None:
    found = parsed(("a.service", f"[Unit]\nAfter=b.service\n{SERVICE}"), ("b.service", SERVICE))
    assert {item.name: item.order for item in found.resources} == {"a.service": 2, "b.service": 1}
    assert found.resources[0].waits == ("unit/b.service",)


def test_a_hidden_value_in_a_unit_is_a_risk_that_is_told() -> None:
    text = "[Service]\nExecStart=/bin/run --password hunter22\n"
    found = parsed(("a.service", text), secrets=frozenset({"hunter22"}))
    assert found.resources[0].body["hidden"] == ["Service/ExecStart"]
    assert "whoever reaches the API of fleet reads it" in found.issues[0].message
    assert "hunter22" not in found.issues[0].message


def test_several_volumes_of_a_group_are_kept_on_one_machine() -> None:
    text = f"{SERVICE}[X-Fleet]\nMachineMetadata=disk=ssd\n[X-Atomicapp]\nVolume=one two\n"
    found = {item.name: item.body["options"] for item in parsed(("a.service", text)).resources}
    assert ["X-Fleet", "MachineMetadata", "disk=ssd"] in found["volume-one.service"]
    assert ["X-Fleet", "MachineOf", "volume-one.service"] in found["volume-two.service"]
    assert ["X-Fleet", "MachineOf", "volume-two.service"] in found["a.service"]


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("ExecStart=/usr/bin/docker run --rm \\\n  -v data:/var/lib/x img", ""),
        ("ExecStart=/bin/sh -c 'exec docker run --volume=data:/x img'", ""),
        ("ExecStart=/usr/bin/docker run -v /data:/x img", "no unit mounts the persistent volume 'data'"),
        ("ExecStart=/usr/bin/docker run img", "no unit mounts the persistent volume 'data'"),
    ],
)
def test_a_volume_that_the_unit_mounts_itself_is_the_one_that_is_required(unit: str, said: str) -> None:
    artifact = Artifact("web", "fleet", "a.service", f"[Service]\n{unit}\n", "a.service", HERE)
    required = Volume("", PersistentVolume("data", "ReadWriteOnce", 0, HERE))
    found = fleet.parse(Rendered((artifact,), (required,)), Target("app"))
    assert [item.name for item in found.resources] == ["a.service"], "nothing keeps its place"
    assert [issue.message.partition(":")[0] for issue in found.issues] == ([said] if said else [])


@pytest.mark.parametrize("secret", ["two\nlines", "pa$$word%20", 'with "quotes" and \\ and $HOME', "it's\t50%"])
def test_a_hidden_variable_is_known_however_it_is_written(secret: str) -> None:
    text = "services: {web: {image: example/web:1, environment: {KEY: '${key}', PATH: '/bin:${key}'}}}"
    artifact = Artifact("web", "compose", "compose.yaml", text, "compose.yaml", HERE)
    app = Rendered((artifact,), variables=lambda _: {"key": secret}, secrets=frozenset({secret}))
    found = fleet.parse(app, Target("app"))
    (unit,) = found.resources
    assert unit.body["hidden"] == ["Service/Environment/KEY", "Service/ExecStart"]
    (issue,) = [issue for issue in found.issues if issue.code == "risky"]
    assert "Service/Environment/KEY" in issue.message
    written = "\n".join(value for _, _, value in unit.body["options"])
    assert any(form in written for form in found.secrets), "what is shown of it gets masked"


def test_a_value_that_fits_into_no_line_is_named_and_not_quoted() -> None:
    text = "services: {web: {image: example/web:1, environment: {KEY: '${key}'}}}"
    artifact = Artifact("web", "compose", "compose.yaml", text, "compose.yaml", HERE)
    secret = "s3cret" * 500
    app = Rendered((artifact,), variables=lambda _: {"key": secret}, secrets=frozenset({secret}))
    with pytest.raises(SpecError) as caught:
        fleet.parse(app, Target("app"))
    (issue,) = caught.value.issues
    assert issue.message == "a text of 3,004 bytes fits into no line of a unit: 'KEY...'"
