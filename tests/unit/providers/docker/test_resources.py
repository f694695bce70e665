"""From texts to resources: names, needs, orders, and what is said about them. No engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import DATA, OWNED, SHARED, Artifact, Parsed, PersistentVolume, Rendered, Resource, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import docker

HERE = Position("Nulecule", 3, 5)


def parsed(*volumes: Volume, read: Any = None, **texts: str) -> Parsed:
    """Components named by keyword; two underscores stand for the colon of a namespace."""
    artifacts = tuple(
        Artifact(name.replace("__", ":"), "docker", f"{name}_run", text, f"{name}_run", HERE)
        for name, text in texts.items()
    )
    return docker.parse(Rendered(artifacts, volumes, read=read), Target("app"))


def resources(*volumes: Volume, **texts: str) -> dict[str, Resource]:
    return {resource.key: resource for resource in parsed(*volumes, **texts).resources}


def issues(*volumes: Volume, **texts: str) -> list[tuple[str, str, str]]:
    return [
        (issue.severity, issue.code, f"{issue.position}: {issue.message}") for issue in parsed(*volumes, **texts).issues
    ]


def faults(*volumes: Volume, **texts: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*volumes, **texts)
    assert all(issue.excerpt for issue in caught.value.issues)
    return [f"{issue.position}: {issue.message}" for issue in caught.value.issues if issue.severity == "error"]


# ---------------------------------------------------------------- kinds and names


def test_kinds_lifetimes_and_needs() -> None:
    found = resources(web="docker run -d --network n1 --network n2 -v vol:/v -v /anon -v /host:/h img:1")
    assert {key: (item.kind, item.name, item.lifetime, item.order) for key, item in found.items()} == {
        "image/img:1": ("image", "img:1", SHARED, 0),
        "network/n1": ("network", "n1", OWNED, 0),
        "network/n2": ("network", "n2", OWNED, 0),
        "volume/vol": ("volume", "vol", DATA, 0),
        "volume/app-web-anon": ("volume", "app-web-anon", DATA, 0),
        "container/web:1": ("container", "app-web", OWNED, 1),
    }
    web = found["container/web:1"]
    assert set(web.needs) == set(found) - {"container/web:1"}
    assert web.position == Position("web_run", 1, 1)
    assert web.body["host"]["Binds"] == ["vol:/v", "app-web-anon:/anon", "/host:/h"]
    assert web.body["networks"] == {"n1": {"Aliases": ["web"]}, "n2": {"Aliases": ["web"]}}


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("web", "app-web"),
        ("a__b__web", "app-a-b-web"),
        ("Ünder score!", "app-nder-score"),
        ("...", "app"),
    ],
)
def test_made_up_names(component: str, expected: str) -> None:
    found = parsed(**{component: "docker run -d img\ndocker run -d img"}).resources
    assert [item.name for item in found if item.kind == "container"] == [expected, f"{expected}-2"]


def test_given_names_are_kept() -> None:
    found = resources(web="docker run --name=one img\ndocker run --name /two img")
    assert [item.name for item in found.values() if item.kind == "container"] == ["one", "two"]
    assert [item.key for item in found.values() if item.kind == "container"] == ["container/web:1", "container/web:2"]


def test_two_of_one_name() -> None:
    assert faults(a="docker run -d --name xx img", b="\ndocker run -d --name xx img") == [
        "b_run:2:22: two containers are called 'xx': the other one is at a_run:1:1"
    ]
    assert faults(a__b="docker run -d img", a="docker run -d --name app-a-b img") == [
        "a_run:1:22: two containers are called 'app-a-b': the other one is at a__b_run:1:1"
    ]


def test_a_name_that_the_engine_refuses() -> None:
    assert faults(a="docker run -d --name -x img") == ["a_run:1:22: '-x' is no name for a container"]


def test_one_port_of_the_host_twice() -> None:
    assert faults(a="docker run -d -p 80:1 img", b="docker run -d -p 127.0.0.1:80:2 -p 81:3/udp -p 81:3 img") == [
        "b_run:1:18: port 80/tcp of the host is published twice: also by app-a"
    ]
    ports = "docker run -d -p 127.0.0.1:80:1 -p 5 -p 90-95:7 img"
    assert resources(a=ports, b=ports.replace("127.0.0.1", "127.0.0.2"), c="docker run -d --net host -p 80:1 img")


def test_faults_of_all_artifacts_at_once() -> None:
    assert [fault.split(": ")[0] for fault in faults(a="docker run --nope img", b="docker run -p x img")] == [
        "a_run:1:12",
        "b_run:1:15",
    ]


# ---------------------------------------------------------------- needs among containers


def test_links_to_names_and_components() -> None:
    found = resources(
        db="docker run -d --name maria img",
        cache__redis="docker run -d img",
        web="docker run -d --link maria:db --link db:database --link redis --link cache-redis:c --link elsewhere:e img",
    )
    web = found["container/web:1"]
    assert web.body["host"]["Links"] == [
        "maria:db",
        "maria:database",
        "app-cache-redis:redis",
        "app-cache-redis:c",
        "elsewhere:e",
    ]
    assert {"container/db:1", "container/cache:redis:1"} < set(web.needs)
    assert web.body["bound"] == {key: found[key].hash for key in ("container/db:1", "container/cache:redis:1")}


def test_a_sibling_is_nearer_than_a_namesake() -> None:
    found = resources(
        one__db="docker run -d img", two__db="docker run -d img", two__web="docker run -d --link db:db img"
    )
    assert found["container/two:web:1"].body["host"]["Links"] == ["app-two-db:db"]


def test_a_container_that_is_not_of_the_app_is_noted() -> None:
    (found,) = issues(web="docker run -d --link elsewhere:e img")
    assert found[:2] == ("note", "foreign-container")
    assert found[2].startswith("web_run:1:22: 'elsewhere' is no container of this app")


def test_order_follows_the_graph_and_then_the_links() -> None:
    found = resources(
        web="docker run -d --link db:db img",
        other="docker run -d img",
        db="docker run -d --volumes-from data:ro img",
        data="docker run -d img",
    )
    order = {item.component: item.order for item in found.values() if item.kind == "container"}
    assert order == {"data": 1, "db": 2, "web": 3, "other": 4}
    assert found["container/db:1"].body["host"]["VolumesFrom"] == ["app-data:ro"]


def test_what_shares_a_namespace_is_bound() -> None:
    found = resources(
        a="docker run -d img",
        b="docker run -d --net container:a img",
        c="docker run -d --pid container:a --ipc container:app-b img",
    )
    assert found["container/b:1"].body["host"]["NetworkMode"] == "container:app-a"
    assert found["container/c:1"].body["host"]["PidMode"] == "container:app-a"
    assert set(found["container/c:1"].body["bound"]) == {"container/a:1", "container/b:1"}


def test_a_circle() -> None:
    assert faults(a="docker run -d --link b:b img", b="docker run -d --link a:a img") == [
        "a_run:1:1: containers need each other in a circle: app-a -> app-b -> app-a"
    ]


def test_links_on_a_network_of_their_own_may_go_both_ways() -> None:
    found = resources(
        a="docker run -d --net n --link b:bee img", b="docker run -d --net n --link a:ay --net-alias x img"
    )
    assert found["container/a:1"].body["networks"] == {"n": {"Aliases": ["a"], "Links": ["app-b:bee"]}}
    assert found["container/b:1"].body["networks"] == {"n": {"Aliases": ["x", "b"], "Links": ["app-a:ay"]}}
    assert "bound" not in found["container/a:1"].body


# ---------------------------------------------------------------- images and volumes


def test_images_of_several_commands() -> None:
    text = "docker run img\ndocker run --pull {} img\ndocker run --platform linux/arm64 img\n"
    for policy, body in (("always", {"pull": "always"}), ("never", {}), ("missing", {})):
        found = resources(a=text.format(policy))
        assert found["image/img"].body == body
        assert found["image/img for linux/arm64"].body == {"platform": "linux/arm64"}
    assert resources(a="docker run --pull never img")["image/img"].body == {"pull": "never"}
    mounted = resources(a="docker run --mount type=image,src=other,dst=/o img")
    assert "image/other" in mounted["container/a:1"].needs


def wants(namespace: str, name: str, mode: str = "ReadWriteOnce", size: float = 0) -> Volume:
    return Volume(namespace, PersistentVolume(name, mode, size, HERE))


def test_requirements_are_found_from_the_inside_out() -> None:
    found = resources(
        wants("", "disk"),
        wants("sub", "disk"),
        wants("sub:deep", "other"),
        web="docker run -v disk:/d img",
        sub__web="docker run -v disk:/d -v other:/o img",
        sub__deep__web="docker run -v disk:/d -v other:/o img",
    )
    names = {item.component: item.body["host"]["Binds"] for item in found.values() if item.kind == "container"}
    assert names == {
        "web": ["app-disk:/d"],
        "sub:web": ["app-sub-disk:/d", "other:/o"],
        "sub:deep:web": ["app-sub-disk:/d", "app-sub-deep-other:/o"],
    }


def test_what_the_engine_cannot_do_for_a_requirement_is_said() -> None:
    found = issues(wants("", "disk", "ReadOnlyMany", 2.5), wants("", "unused"), web="docker run -v disk:/d img")
    assert [issue[:2] for issue in found] == [("warning", "volume-size"), ("warning", "unused-volume")]
    assert "2.5 GB" in found[0][2]
    binds = resources(wants("", "disk", "ReadOnlyMany"), web="docker run -v disk:/d img")["container/web:1"].body
    assert binds["host"]["Binds"] == ["app-disk:/d:ro"]


def test_a_volume_described_twice() -> None:
    mount = "docker run --mount type=volume,src=vol,dst=/v,volume-opt=o={} img"
    assert faults(a=mount.format(1), b=mount.format(2)) == [
        "b_run:1:20: the volume vol is described in two ways: the other one is at a_run:1:20"
    ]
    found = resources(a=mount.format(1) + "\ndocker run -v vol:/w img")
    assert found["volume/vol"].body == {"driver": "local", "options": {"o": "1"}}
    assert found["container/a:1"].body["volumes"] == {"vol": {"driver": "local", "options": {"o": "1"}}}
    labelled = resources(a="docker run --volume-driver nfs --mount src=vol,dst=/v,volume-label=a=b img")["volume/vol"]
    assert labelled.body == {"driver": "nfs", "labels": {"a": "b"}}


def test_files_of_the_app_are_read_for_the_artifact() -> None:
    def read(artifact: Artifact, path: str) -> str:
        return f"FROM={artifact.component}/{path}"

    (_, web) = parsed(read=read, web="docker run --env-file env img").resources
    assert web.body["config"]["Env"] == ["FROM=web/env"]


def test_every_field_counts_for_the_hash() -> None:
    hashes = {
        resources(web=f"docker run {words} img")["container/web:1"].hash
        for words in ("", "-e A=1", "-e A=2", "-p 80:80", "--name xx", "--net n", "--platform linux/amd64", "-m 5m")
    }
    assert len(hashes) == 8


# ---------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    "words",
    [
        "--privileged",
        "--cap-add SYS_ADMIN",
        "--cap-add cap_sys_admin",
        "--cap-add ALL",
        "--security-opt seccomp=unconfined",
        "--security-opt apparmor:unconfined",
        "--security-opt label=disable",
        "--security-opt systempaths=unconfined",
        "--network host",
        "--pid host",
        "--ipc host",
        "--uts host",
        "--userns host",
        "-v /var/run/docker.sock:/var/run/docker.sock",
        "-v /run/podman/podman.sock:/x",
        "-v /:/host",
        "-v /etc/:/x:ro",
        "--mount type=bind,src=/,dst=/host",
    ],
)
def test_risks_are_said(words: str) -> None:
    found = issues(web=f"docker run -d {words} img")
    assert [issue[:2] for issue in found] == [("warning", "risky")]
    assert found[0][2].startswith("web_run:1:")


@pytest.mark.parametrize("words", ["--cap-add CHOWN", "-v /srv/data:/data", "--pid container:web", "--net n", "--init"])
def test_what_is_no_risk(words: str) -> None:
    assert not [issue for issue in issues(web="docker run img", b=f"docker run {words} img") if issue[1] == "risky"]


def test_docker_is_not_imported_to_parse() -> None:
    code = (
        "import sys; from atomicapp.providers import docker; from atomicapp.model import *; "
        "from atomicapp.position import Position; "
        "docker.parse(Rendered((Artifact('a', 'docker', 'p', 'docker run img', 'f', Position('f')),)), Target('x')); "
        "sys.exit('requests' in sys.modules or any(name.split('.')[0] == 'docker' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


SHARED_APPS = Path(__file__).resolve().parents[5] / "shared" / "compat" / "golden"


@pytest.mark.skipif(not SHARED_APPS.is_dir(), reason="the recorded real apps (../shared/compat) are not at hand")
@pytest.mark.parametrize("answers", ["defaults", "override"])
def test_real_apps(answers: str) -> None:
    """Their links lead to containers of their own, whatever the order of the graph, and nothing is to be said."""
    apps = sorted(SHARED_APPS.glob(f"*/docker/{answers}/rendered"))
    assert len(apps) > 10
    for app in apps:
        texts = {path.name.replace("-", "_"): path.read_text() for path in sorted(app.rglob("*")) if path.is_file()}
        found = parsed(**texts)
        assert [item.kind for item in found.resources].count("container") == len(texts)
        assert found.issues == ()
