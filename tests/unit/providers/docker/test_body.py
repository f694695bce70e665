"""Bodies that no engine of the tests can take, and what older engines would drop. The rest is in tests/engines."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.providers.docker import body
from atomicapp.workload.docker_run import parse

NAMES = body.Names(volume=lambda mount: f"app-{mount.source}", container=lambda name: name)


def host(words: str) -> dict[str, Any]:
    (work,) = parse(f"docker run {words} img", "run").workloads
    return body.host(work, NAMES)


def whole(words: str) -> dict[str, Any]:
    (work,) = parse(f"docker run {words} img", "run").workloads
    return {
        "config": body.config(work),
        "host": body.host(work, NAMES),
        "networks": body.endpoints(work, NAMES),
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "--mount type=bind,src=/a,dst=/b,bind-recursive=writable,ro",
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/b",
                "ReadOnly": True,
                "BindOptions": {"ReadOnlyNonRecursive": True},
            },
        ),
        (
            "--mount type=bind,src=/a,dst=/b,bind-recursive=readonly",
            {"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {"ReadOnlyForceRecursive": True}},
        ),
        (
            "--mount type=bind,src=/a:x,dst=/b,bind-create-src",
            {"Type": "bind", "Source": "/a:x", "Target": "/b", "BindOptions": {"CreateMountpoint": True}},
        ),
        (
            "--mount type=volume,src=vv,dst=/b,volume-subpath=s,volume-nocopy",
            {"Type": "volume", "Source": "app-vv", "Target": "/b", "VolumeOptions": {"NoCopy": True, "Subpath": "s"}},
        ),
        (
            "--mount type=image,src=i,dst=/b,image-subpath=s",
            {"Type": "image", "Source": "i", "Target": "/b", "ImageOptions": {"Subpath": "s"}},
        ),
        ("--mount type=cluster,src=i,dst=/b", {"Type": "cluster", "Source": "i", "Target": "/b"}),
    ],
)
def test_mounts_of_newer_engines(words: str, expected: dict[str, Any]) -> None:
    assert host(words)["Mounts"] == [expected]


def test_create_src_fits_the_short_form() -> None:
    assert host("--mount type=bind,src=/a,dst=/b,bind-create-src")["Binds"] == ["/a:/b"]


def test_windows_and_devices() -> None:
    found = host("--cpu-count 2 --cpu-percent 50 --io-maxbandwidth 1m --io-maxiops 5 --device vendor.com/gpu=all")
    assert (found["CpuCount"], found["CpuPercent"], found["IOMaximumBandwidth"], found["IOMaximumIOps"]) == (
        2,
        50,
        1 << 20,
        5,
    )
    assert found["DeviceRequests"][0]["Driver"] == "cdi"
    assert found["DeviceRequests"][0]["DeviceIDs"] == ["vendor.com/gpu=all"]
    assert found["DeviceRequests"][0]["Capabilities"] is None


@pytest.mark.parametrize(
    ("words", "version", "expected"),
    [
        ("--annotation a=b", (1, 42), ["--annotation (API 1.43)"]),
        ("--annotation a=b", (1, 43), []),
        ("--health-start-interval 1s", (1, 43), ["--health-start-interval (API 1.44)"]),
        (
            "--mount type=bind,src=/a,dst=/b,bind-recursive=writable",
            (1, 43),
            ["--mount with bind-recursive (API 1.44)"],
        ),
        ("--mount src=vv,dst=/b,volume-subpath=s", (1, 44), ["--mount with volume-subpath (API 1.45)"]),
        ("--network name=n,gw-priority=5", (1, 47), ["--network with gw-priority (API 1.48)"]),
        ("-v /a:/b --health-cmd x --network n", (1, 24), []),
    ],
)
def test_what_an_older_engine_would_drop(words: str, version: tuple[int, int], expected: list[str]) -> None:
    assert body.too_new(whole(words), version) == expected
