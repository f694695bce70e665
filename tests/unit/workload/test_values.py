"""The small languages of option values."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.position import Position
from atomicapp.workload import model, specs, values
from tests.unit.properties import examples

HERE = Position("run", 1, 1)
GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (values.size, "0", 0),
    (values.size, "64", 64),
    (values.size, "64b", 64),
    (values.size, "1k", 1024),
    (values.size, "512m", 512 << 20),
    (values.size, "1.5GiB", 3 << 29),
    (values.size, "2 TB", 2 << 40),
    (values.swap, "-1", -1),
    (values.swap, "1g", 1 << 30),
    (values.duration, "0", 0),
    (values.duration, "1h2m3.5s", 3723500000000),
    (values.duration, "250ms", 250000000),
    (values.duration, "+5us", 5000),
    (values.duration, "1µs", 1000),
    (values.duration, "1.s", 10**9),
    (values.duration, ".5s", 5 * 10**8),
    (values.boolean, "T", True),
    (values.boolean, "0", False),
    (values.integer, "-7", -7),
    (values.natural, "7", 7),
    (values.processors, "0.5", 500_000_000),
    (values.processors, "2", 2_000_000_000),
    (values.pair, "a", ("a", "")),
    (values.pair, "a=b=c", ("a", "b=c")),
    (values.address, "::1", "::1"),
    (values.address4, "1.2.3.4", "1.2.3.4"),
    (values.address6, "2001:db8::33", "2001:db8::33"),
    (values.mac, "92:d0:c6:0a:29:33", "92:d0:c6:0a:29:33"),
    (values.extra_host, "a:1.2.3.4", "a:1.2.3.4"),
    (values.extra_host, "a=::1", "a:::1"),
    (values.extra_host, "a:[::1]", "a:::1"),
    (values.extra_host, "a:host-gateway", "a:host-gateway"),
    (values.fields, 'a,"b,c",d', ["a", "b,c", "d"]),
    (values.absolute, "/a//b/./c/../d", "/a/b/d"),
    (values.absolute, "//..//x", "/x"),
    (specs.device_rule, "c 42:* rmw", "c 42:* rmw"),
    (specs.block_weight, "0", 0),
    (specs.restart, "", model.Restart()),
    (specs.restart, "on-failure:3", model.Restart("on-failure", 3)),
]
BAD: list[tuple[Callable[[str], Any], str, str]] = [
    (values.size, "", "expected a size"),
    (values.size, "-1", "expected a size"),
    (values.size, "5q", "expected a size"),
    (values.size, "9" * 39, "too large"),
    (values.size, "9" * 99, "expected a size"),
    (values.duration, "", "expected a duration"),
    (values.duration, "5", "expected a duration"),
    (values.duration, "-5s", "negative"),
    (values.duration, "5y", "expected a duration"),
    (values.duration, "99999999999h", "too long"),
    (values.boolean, "yes", "expected true or false"),
    (values.integer, "1.5", "expected a whole number"),
    (values.integer, "٣", "expected a whole number"),
    (values.integer, "9" * 19, "expected a whole number"),
    (values.natural, "-1", "expected a number from 0"),
    (values.processors, "a", "expected a number of processors"),
    (values.processors, "-1", "expected a number of processors"),
    (values.processors, "inf", "expected a number of processors"),
    (values.processors, "0.12345678901", "more than nine decimals"),
    (values.pair, "=b", "expected key=value"),
    (values.strict_pair, "a", "expected key=value"),
    (values.address, "nowhere", "expected an IP address"),
    (values.address4, "::1", "expected an IPv4 address"),
    (values.address6, "1.2.3.4", "expected an IPv6 address"),
    (values.mac, "aa:bb", "expected a MAC address"),
    (values.extra_host, "a", "expected NAME:ADDRESS"),
    (values.extra_host, ":1.2.3.4", "expected NAME:ADDRESS"),
    (values.extra_host, "a:b", "expected an IP address"),
    (values.fields, "", "empty"),
    (values.fields, "a\nb", "line end"),
    (values.fields, '"a', "comma-separated"),
    (values.absolute, "a", "not absolute"),
    (specs.device_rule, "c 42", "expected TYPE"),
    (specs.block_weight, "5", "expected a weight"),
    (specs.restart, "sometimes", "expected no, always"),
    (specs.restart, "always:3", "on-failure only"),
    (partial(values.one_of, ("a", "b")), "c", "expected one of a, b"),
]


@pytest.mark.parametrize(("parse", "text", "expected"), GOOD)
def test_good(parse: Callable[[str], Any], text: str, expected: Any) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(("parse", "text", "message"), BAD)
def test_bad(parse: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def ports(text: str) -> list[tuple[int, str, str, str]]:
    return [(port.container, port.protocol, port.host, port.host_ip) for port in specs.ports(text, HERE)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [(80, "tcp", "", "")]),
        ("8080:80", [(80, "tcp", "8080", "")]),
        ("127.0.0.1:8080:80/udp", [(80, "udp", "8080", "127.0.0.1")]),
        ("127.0.0.1::80/SCTP", [(80, "sctp", "", "127.0.0.1")]),
        ("::6379", [(6379, "tcp", "", "")]),
        (":80", [(80, "tcp", "", "")]),
        ("[::1]:8080:80", [(80, "tcp", "8080", "::1")]),
        ("::1:8080:80", [(80, "tcp", "8080", "::1")]),
        ("0:80", [(80, "tcp", "0", "")]),
        ("80-82", [(80, "tcp", "", ""), (81, "tcp", "", ""), (82, "tcp", "", "")]),
        ("90-91:80-81", [(80, "tcp", "90", ""), (81, "tcp", "91", "")]),
        ("8000-9000:80", [(80, "tcp", "8000-9000", "")]),
        ("published=8080,target=80,protocol=udp", [(80, "udp", "8080", "")]),
        ("target=80", [(80, "tcp", "", "")]),
    ],
)
def test_ports(text: str, expected: list[tuple[int, str, str, str]]) -> None:
    assert ports(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (specs.ports, "", "no port of the container"),
        (specs.ports, "80:", "no port of the container"),
        (specs.ports, "80/icmp", "protocol 'icmp'"),
        (specs.ports, "0", "container port '0'"),
        (specs.ports, "70000:80", "host port '70000'"),
        (specs.ports, "http:80", "host port 'http'"),
        (specs.ports, "82-80", "ends before it begins"),
        (specs.ports, "90-95:80-81", "differ in length"),
        (specs.ports, "nowhere:90:80", "expected an IP address"),
        (specs.ports, "target=80,foo=1", "'foo=1' is not one of"),
        (specs.exposed, "1:2", "--publish"),
        (specs.exposed, "1/x", "protocol"),
        (specs.volume, "", "not absolute"),
        (specs.volume, "a:b:c:d", r"expected \[SOURCE:\]TARGET"),
        (specs.volume, ":/x", "source before the colon is empty"),
        (specs.volume, "./a:/b", "depends on where"),
        (specs.volume, "~/a:/b", "depends on where"),
        (specs.volume, "a:/b", "neither an absolute path nor a name"),
        (specs.volume, "vol:b", "'b' is not absolute"),
        (specs.volume, "vol:/", "can't be mounted over"),
        (specs.volume, "vol:/b:xyz", "'xyz' is no option of a volume mount"),
        (specs.volume, "/a:/b:nocopy", "'nocopy' is no option of a bind mount"),
        (specs.tmpfs, "x", "not absolute"),
        (specs.mount, "source=/a", "no target"),
        (specs.mount, "type=foo,target=/a", "type: expected one of"),
        (specs.mount, "colour=red,target=/a", "unknown key 'colour'"),
        (specs.mount, "target", "must be target=VALUE"),
        (specs.mount, "type=bind,target=/a", "needs a source"),
        (specs.mount, "type=bind,src=a,target=/a", "not an absolute path of the host"),
        (specs.mount, "type=tmpfs,src=a,target=/a", "a tmpfs has no source"),
        (specs.mount, "src=/a,target=/a", "no name for a volume"),
        (specs.mount, "type=bind,src=/a,dst=/b,volume-nocopy", "'volume-nocopy' means nothing"),
        (specs.mount, "dst=/b,tmpfs-size=1m", "'tmpfs-size' means nothing"),
        (specs.mount, "type=tmpfs,dst=/b,tmpfs-mode=9", "octal"),
        (specs.mount, "type=tmpfs,dst=/b,tmpfs-size=x", "tmpfs-size: expected a size"),
        (specs.mount, "dst=/b,ro=maybe", "ro: expected true or false"),
        (specs.volumes_from, ":ro", "expected CONTAINER"),
        (specs.volumes_from, "a:rx", "expected CONTAINER"),
        (specs.link, ":x", "expected NAME"),
        (specs.link, "a:b:c", "expected NAME"),
        (specs.network, " ", "empty"),
        (specs.network, "alias=x", "name=NETWORK is missing"),
        (specs.network, "name=x,foo=1", "unknown key 'foo'"),
        (specs.network, "name=x,foo", "must be KEY=VALUE"),
        (specs.device, "null", "not an absolute path"),
        (specs.device, "/a:/b:/c:/d", "expected HOST_DEVICE"),
        (partial(specs.device_rate, size=True), "/dev/a", "expected DEVICE:RATE"),
        (partial(specs.device_rate, size=False), "a:5", "expected DEVICE:NUMBER"),
        (specs.device_weight, "/dev/a", "expected DEVICE:WEIGHT"),
        (specs.gpus, "some", "expected a whole number"),
        (specs.gpus, "colour=red", "unknown key 'colour'"),
        (specs.ulimit, "nofile", "expected NAME=SOFT"),
        (specs.ulimit, "files=1", "unknown limit 'files'"),
        (specs.ulimit, "nofile=5:4", "above the hard limit"),
    ],
)
def test_bad_specs(parse: Callable[[str, Position], Any], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, HERE)


def test_volumes() -> None:
    assert specs.volume("/data", HERE) == model.Mount("volume", "", "/data", HERE)
    assert specs.volume("vol:/data:nocopy,ro", HERE) == model.Mount(
        "volume", "vol", "/data", HERE, read_only=True, no_copy=True
    )
    found = specs.volume("/a:/b:z,rshared,cached", HERE)
    assert (found.kind, found.create_source, found.selinux) == ("bind", True, "shared")
    assert (found.propagation, found.consistency) == ("rshared", "cached")
    assert specs.volume("/a:/b:Z,rw", HERE).selinux == "private"


def test_mounts() -> None:
    found = specs.mount(
        "type=volume,src=vv,dst=/v,volume-driver=d,volume-opt=a=b,volume-label=l,volume-subpath=s", HERE
    )
    assert (found.driver, found.driver_options, found.labels, found.subpath) == ("d", {"a": "b"}, {"l": ""}, "s")
    found = specs.mount("type=bind,src=/a,dst=/b,bind-nonrecursive=false,bind-recursive=readonly,bind-create-src", HERE)
    assert (found.recursive, found.create_source) == ("readonly", True)
    assert specs.mount("type=image,src=img,dst=/i,image-subpath=x,consistency=cached", HERE).subpath == "x"


def test_links_networks_devices_and_gpus() -> None:
    assert specs.link("/a", HERE) == model.Link("a", "a", HERE)
    found = specs.network("name=n,alias=a,alias=b,ip6=::1,mac-address=92:d0:c6:0a:29:33,link-local-ip=1.2.3.4", HERE)
    assert (found.name, found.aliases, found.ipv6, found.link_local_ips) == ("n", ("a", "b"), "::1", ("1.2.3.4",))
    assert specs.network("name=n,gw-priority=5,driver-opt=a=b", HERE).gateway_priority == 5
    assert specs.device("vendor.com/gpu=all", HERE) == model.DeviceRequest(
        "cdi", 0, ("vendor.com/gpu=all",), (), {}, HERE
    )
    found2 = specs.gpus('device=0,driver=d,capabilities=x,"options=a=b,c=d"', HERE)
    assert (found2.ids, found2.number, found2.capabilities) == (("0",), 0, ("x", "gpu"))
    assert found2.options == {"a": "b", "c": "d"}
    assert specs.gpus("2", HERE).number == 2
    assert specs.volumes_from("a:ro", HERE).mode == "ro"


@examples
@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    placed = [specs.ports, specs.exposed, specs.volume, specs.tmpfs, specs.mount, specs.volumes_from, specs.link]
    placed += [specs.network, specs.device, specs.device_weight, specs.gpus, specs.ulimit]
    calls: list[Callable[[str], Any]] = [partial(parse, position=HERE) for parse in placed]
    calls += [parse for parse, _, _ in GOOD]
    for call in calls:
        with suppress(ValueError):
            call(text)
