"""Ports and mounts, in their short and long forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.workload.compose import read
from atomicapp.workload.model import Mount, Port
from atomicapp.workload.project import Project
from tests.unit.properties import examples

from .helpers import faults, project, service, service_text


def ports(text: str) -> list[tuple[str, str, int, str]]:
    return [(port.host_ip, port.host, port.container, port.protocol) for port in service(f"ports: {text}").ports]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[80]", [("", "", 80, "tcp")]),
        ("['80']", [("", "", 80, "tcp")]),
        ("[8080:80]", [("", "8080", 80, "tcp")]),
        ("[22:22]", [("", "22", 22, "tcp")]),
        ("['53:53/udp']", [("", "53", 53, "udp")]),
        ("['127.0.0.1:8080:80']", [("127.0.0.1", "8080", 80, "tcp")]),
        ("['127.0.0.1::80']", [("127.0.0.1", "", 80, "tcp")]),
        ("['[::1]:8080:80']", [("::1", "8080", 80, "tcp")]),
        ("['80-82']", [("", "", 80, "tcp"), ("", "", 81, "tcp"), ("", "", 82, "tcp")]),
        ("['8080-8081:80-81']", [("", "8080", 80, "tcp"), ("", "8081", 81, "tcp")]),
        ("['8080-8090:80']", [("", "8080-8090", 80, "tcp")]),
        ("[{target: 80}]", [("", "", 80, "tcp")]),
        ("[{target: '80', published: 8080}]", [("", "8080", 80, "tcp")]),
        ("[{target: 80, published: '8080-8090', protocol: udp}]", [("", "8080-8090", 80, "udp")]),
        ("[{target: 80, host_ip: '::1', published: 8080}]", [("::1", "8080", 80, "tcp")]),
        ("[{target: 80, host_ip: 127.0.0.1}]", [("127.0.0.1", "", 80, "tcp")]),
    ],
)
def test_a_port(text: str, expected: list[tuple[str, str, int, str]]) -> None:
    assert ports(text) == expected


def test_a_port_has_more_in_its_long_form() -> None:
    found = service("ports: [{target: 80, published: 80, mode: host, name: web, app_protocol: http}]").ports[0]
    assert (found.mode, found.name, found.app_protocol, found.position.column) == ("host", "web", "http", 13)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[0]", "the container port '0' is not a port (1 to 65535)"),
        ("[70000]", "the container port '70000' is not a port"),
        ("['80:']", "no port of the container is given"),
        ("['x:80']", "the host port 'x' is not a port"),
        ("['1.2.3:80:80']", "expected an IP address"),
        ("['80:80/http']", "the protocol 'http' is none of tcp, udp, sctp"),
        ("['80-70:80-70']", "ends before it begins"),
        ("['8080-8082:80-81']", "differ in length"),
        ("['target=80']", "expected [[IP:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]"),
        ("[true]", "expected a text or a mapping, found the boolean true"),
        ("[80, 80]", "'80' stands here twice"),
        ("[{published: 80}]", "'target' is missing"),
        ("[{target: 80, published: 99999}]", "the host port '99999' is not a port"),
        ("[{target: 80, mode: hots}]", "expected one of host, ingress"),
        ("[{target: 80, hostip: 1}]", "unknown key 'hostip' | did you mean 'host_ip'?"),
    ],
)
def test_a_wrong_port(text: str, message: str) -> None:
    found = faults(service_text(f"ports: {text}"))
    assert len(found) == 1
    assert message in found[0]


@examples
@given(
    st.sampled_from(["", "127.0.0.1", "::1"]),
    st.none() | st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from(["tcp", "udp"]),
)
def test_short_and_long_ports_are_the_same(ip: str, host: int | None, container: int, protocol: str) -> None:
    shown = f"[{ip}]" if ":" in ip else ip
    short = f"{f'{shown}:' if ip else ''}{host or ''}{':' if ip or host else ''}{container}/{protocol}"
    long = f"target: {container}, protocol: {protocol}" + (f", published: {host}" if host else "")
    long += f", host_ip: '{ip}'" if ip else ""
    assert ports(f"['{short}']") == ports(f"[{{{long}}}]")


def test_expose() -> None:
    found = service("expose: [80, '81-82/udp']").exposed
    assert [(item.container, item.protocol) for item in found] == [(80, "tcp"), (81, "udp"), (82, "udp")]
    assert faults(service_text("expose: ['80:80']")) == [
        "4:14 expose '80:80': expected PORT[/PROTOCOL]; ports is the key that maps ports"
    ]


# ---------------------------------------------------------------- mounts

TOP = "volumes: {data: {}, d: {}}\n"
FILES = {"conf/my.cnf": "[x]\n", "big.bin": "x" * 600_000}


def mount(text: str) -> Mount:
    (found,) = service(f"volumes: [{text}]", TOP, files=FILES).mounts
    return found._replace(position=Port(1, "", "", "", found.position).position)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a", {"kind": "volume", "source": "", "target": "/a"}),
        ("'data:/a'", {"kind": "volume", "source": "data", "target": "/a"}),
        ("'d:/a'", {"kind": "volume", "source": "d", "target": "/a"}),
        ("'data:/a:ro'", {"read_only": True}),
        ("'data:/a:rw'", {"read_only": False}),
        ("'data:/a:nocopy'", {"no_copy": True}),
        ("'/x:/a'", {"kind": "bind", "source": "/x", "create_source": True}),
        ("'/x:/a:ro,z'", {"read_only": True, "selinux": "shared"}),
        ("'/x:/a:Z,rslave'", {"selinux": "private", "propagation": "rslave"}),
        ("'/x:/a:cached'", {"consistency": "cached"}),
        ("'data:/a/../b//c'", {"target": "/b/c"}),
        ("{type: volume, target: /a}", {"kind": "volume", "source": ""}),
        ("{type: bind, source: /x, target: /a, bind: {create_host_path: false}}", {"create_source": False}),
        ("{type: bind, source: /x, target: /a}", {"create_source": True}),
        ("{type: bind, source: /x, target: /a, bind: {selinux: z, recursive: readonly}}", {"selinux": "shared"}),
        ("{type: tmpfs, target: /a, tmpfs: {size: 1m, mode: 0700}}", {"size": 1 << 20, "mode": 0o700}),
        ("{type: tmpfs, target: /a, tmpfs: {mode: '700'}}", {"mode": 0o700}),
        ("{type: tmpfs, target: /a, tmpfs: {mode: 448}}", {"mode": 0o700}),
        ("{type: tmpfs, target: /a, tmpfs: {mode: 0o700}}", {"mode": 0o700}),
        ("{type: image, source: 'a:1', target: /a, image: {subpath: b}}", {"kind": "image", "subpath": "b"}),
        ("{type: cluster, source: 'group:a', target: /a}", {"kind": "cluster", "source": "group:a"}),
        (r"{type: npipe, source: '\\.\pipe\a', target: '\\.\pipe\a'}", {"kind": "npipe", "target": r"\\.\pipe\a"}),
        ("{type: volume, source: data, target: /a, volume: {labels: [a=b]}}", {"labels": {"a": "b"}}),
    ],
)
def test_a_mount(text: str, expected: dict[str, object]) -> None:
    found = mount(text)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data", "the container's path 'data' is not absolute"),
        ("'data:a'", "the container's path 'a' is not absolute"),
        ("'data:/'", "the container's root '/' can't be mounted over"),
        ("'data:/a:x'", "'x' is no option of a volume mount"),
        ("'/x:/a:nocopy'", "'nocopy' is no option of a bind mount"),
        ("'data:/a:ro:z'", "expected [SOURCE:]TARGET[:OPTIONS]"),
        ("'da ta:/a'", "expected a name of letters"),
        ("'dat:/a'", "the volume 'dat' is not defined | did you mean 'data'?"),
        ("{source: data, target: /a}", "'type' is missing"),
        ("{type: volume, source: data}", "'target' is missing"),
        ("{type: volum, target: /a}", "expected one of bind, volume, tmpfs"),
        ("{type: bind, target: /a}", "a mount of type bind needs a source"),
        ("{type: tmpfs, source: a, target: /a}", "a tmpfs has no source"),
        ("{type: volume, source: data, target: /a, bind: {}}", "'bind' means nothing to a mount of type volume"),
        ("{type: tmpfs, target: /a, tmpfs: {mode: 999}}", "expected a mode in octal"[:0]),
        ("{type: tmpfs, target: /a, tmpfs: {mode: '999'}}", "expected a mode in octal such as 0440"),
        ("'../x:/a'", "the source '../x' lies outside of the package"),
        ("'~/x:/a'", "the source '~/x' lies outside of the package"),
        ("'data:/a', '/x:/a'", "two mounts at /a: the other one is at compose.yaml:4:15"),
    ],
)
def test_a_wrong_mount(text: str, message: str) -> None:
    if not message:
        assert mount(text).mode == 999
        return
    found = faults(service_text(f"volumes: [{text}]", TOP), files=FILES)
    assert len(found) == 1
    assert message in found[0]


def test_a_file_of_the_package_becomes_a_config() -> None:
    for text in ("'./conf/my.cnf:/etc/my.cnf:ro'", "{type: bind, source: conf/my.cnf, target: /etc/my.cnf}"):
        found = project(service_text(f"volumes: [{text}]"), files=FILES)
        (grant,) = found.services[0].configs
        assert (grant.source, grant.target) == ("conf-my.cnf", "/etc/my.cnf")
        assert found.configs["conf-my.cnf"].content == "[x]\n"
        assert not found.services[0].mounts
        (said,) = (item for item in found.said if item.key == "services.volumes.source")
        assert (said.outcome, said.how) == (
            "approximated",
            "the file of the package is the config conf-my.cnf, and read-only",
        )


def test_what_is_no_file_of_the_package_becomes_a_volume() -> None:
    for source in ("./data", "./big.bin", ".", "./conf/"):
        found = project(service_text(f"volumes: ['{source}:/data']"), files=FILES)
        (mounted,) = found.services[0].mounts
        assert mounted.kind == "volume"
        assert list(found.volumes) == [mounted.source]
        (said,) = (item for item in found.said if item.key == "services.volumes.source")
        assert said.outcome == ("lost" if source == "./big.bin" else "approximated")
        assert mounted.source in said.how
    assert "too large" in project(service_text("volumes: ['./big.bin:/data']"), files=FILES).said[-1].how


def test_a_folder_of_the_package_becomes_its_files() -> None:
    package = {"site/index.html": "<h1>", "site/css/main.css": "b{}", "one/only.sql": "SELECT", "empty/.keep": ""}

    def folders(path: str) -> list[str]:
        found = [name for name in package if name.startswith(f"{path}/") and "/." not in name]
        if not found and path != "empty":
            raise NotADirectoryError
        return found

    def read_with(source: str) -> Project:
        text = service_text(f"volumes: ['{source}:/srv/']")
        return read(text, "compose.yaml", variables={}, files=package.__getitem__, folders=folders)

    found = read_with("./site")
    targets = {grant.target: found.configs[grant.source].content for grant in found.services[0].configs}
    assert targets == {"/srv/index.html": "<h1>", "/srv/css/main.css": "b{}"}
    assert found.volumes == {}
    (said,) = (item for item in found.said if item.key == "services.volumes.source")
    assert (said.outcome, said.how.split(",")[0]) == ("approximated", "its 2 files are configs")
    assert [grant.target for grant in read_with("./one").services[0].configs] == ["/srv/only.sql"]
    for absent in ("./empty", "./none"):
        (said,) = (item for item in read_with(absent).said if item.key == "services.volumes.source")
        assert said.how == f"it is the volume {absent[2:]}, which is empty at first"
        assert said.outcome == "approximated"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({f"d/{number}": "a" for number in range(51)}, "more than 50 files"),
        ({"d/a": "x" * 300_000, "d/b": "x" * 300_000}, "too large for configs"),
        ({"d/a": "x", "d/b.png": None}, "d/b.png can't be a config: it can't be read: no text"),
    ],
)
def test_a_folder_whose_files_can_not_all_be_configs_is_lost(files: dict[str, str | None], why: str) -> None:
    def load(path: str) -> str:
        text = files[path]
        if text is None:
            raise ValueError("no text")
        return text

    text = service_text("volumes: ['./d:/srv']")
    found = read(text, "compose.yaml", variables={}, files=load, folders=lambda path: [*files])
    (said,) = (item for item in found.said if item.key == "services.volumes.source")
    assert said.outcome == "lost"
    assert why in said.how
    assert [mount.kind for mount in found.services[0].mounts] == ["volume"]


def test_the_same_folder_is_the_same_volume_and_no_other_has_its_name() -> None:
    text = (
        "services:\n  a: {image: a, volumes: ['./d/x:/x', 'd-x:/y']}\n"
        "  b: {image: b, volumes: ['./d/x/:/x', './d-x:/z']}\nvolumes: {d-x: {}}\n"
    )
    found = project(text, files={})
    sources = [[mount.source for mount in work.mounts] for work in found.services]
    assert sources == [["d-x-2", "d-x"], ["d-x-2", "d-x-3"]]
    assert list(found.volumes) == ["d-x", "d-x-2", "d-x-3"]
