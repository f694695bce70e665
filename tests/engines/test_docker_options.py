"""Every option of `docker run`: what we make must be what the real Docker client makes from the same words.

The client creates a container, we create one, and the engine's own description of both must be equal.
"""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, Artifact, Rendered, Step, Target
from atomicapp.position import Position
from atomicapp.providers.docker import apply, client, endpoint, observe, resources
from atomicapp.workload.options import LONG, SHORT
from tests.engines.docker import LABEL, DockerEngine
from tests.engines.process import run

pytestmark = pytest.mark.engine

NETWORK = f"opt-net-{uuid.uuid4().hex[:6]}"
PROFILE = {"defaultAction": "SCMP_ACT_ALLOW"}

LINES = [
    "",
    "-e A=b -e 'B=c d' --env C= --env=D=x=y",
    "--env-file env.list -e LAST=1",
    "--label a=b -l c --label-file labels.list",
    "-p 18080:80 -p 127.0.0.1:18081:81/udp -p 82 -p ::83 -p 18100-18102:8100-8102 -p 18200-18210:84",
    "-p [::1]:18082:80 -p target=85,published=18085",
    "-P --expose 90 --expose 91-93/udp",
    "-v /srv/a:/a -v /srv/b:/b:ro -v optvol:/c -v optvol2:/d:nocopy,ro",
    "-v /srv/a:/a:z -v /srv/b:/b:Z,ro -v /srv/c:/c:rslave",
    "--mount type=bind,source=/tmp,target=/x,readonly --mount type=bind,src=/var,dst=/y,bind-propagation=rslave",
    "--mount type=bind,src=/tmp,dst=/z,bind-nonrecursive=true --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770",
    "--mount type=tmpfs,dst=/t2 --tmpfs /t3 --tmpfs /t4:size=64k,mode=1777",
    "--mount type=volume,src=optvol3,dst=/v,volume-nocopy --mount source=optvol4,target=/w,ro",
    "--read-only --tmpfs /run --shm-size 128m",
    "--memory 64m --memory-reservation 32m --memory-swap 128m --memory-swappiness 0",
    "-m 64M --memory-swap -1 --oom-kill-disable --oom-score-adj 100",
    "--cpus 0.5 -c 512 --cpuset-cpus 0 --cpuset-mems 0",
    "--cpu-period 50000 --cpu-quota 25000 --cpu-shares=256",
    "--pids-limit 100 --ulimit nofile=100:200 --ulimit nproc=50 --ulimit core=-1",
    "--pids-limit -1 --blkio-weight 300",
    "--blkio-weight-device /dev/null:200 --device-read-bps /dev/null:1mb --device-write-bps /dev/null:2mb",
    "--device-read-iops /dev/null:100 --device-write-iops /dev/null:200",
    "--device /dev/null --device /dev/zero:/dev/mine --device /dev/full:/dev/f:rw --device /dev/random:r",
    "--device-cgroup-rule 'c 42:* rmw' --device-cgroup-rule 'a *:* r'",
    "--gpus all",
    "--gpus 'count=2,driver=nvidia,\"capabilities=compute,utility\"'",
    "--gpus '\"device=0,1\"'",
    "--cap-add NET_ADMIN --cap-add SYS_TIME --cap-drop MKNOD --cap-drop ALL",
    "--privileged",
    "--security-opt no-new-privileges --security-opt label=disable --security-opt seccomp=unconfined",
    "--security-opt no-new-privileges:true --security-opt apparmor=unconfined --security-opt label:type:svirt_t",
    "--security-opt seccomp=profile.json --security-opt systempaths=unconfined",
    "--user 1000:1000 --group-add 20 --group-add audio -w /srv --hostname h1 --domainname example.com",
    "-u nobody -h h2 --workdir=/tmp",
    "--entrypoint /bin/echo",
    "--entrypoint ''",
    "--init --tty --interactive",
    "-it --init=false",
    "--stop-signal SIGINT --stop-timeout 7",
    "--restart always",
    "--restart on-failure:3",
    "--restart unless-stopped",
    "--rm",
    "--health-cmd 'true || false' --health-interval 5s --health-timeout 1m30s --health-retries 3",
    "--health-cmd true --health-start-period 500ms",
    "--health-interval=1s",
    "--no-healthcheck",
    "--log-driver json-file --log-opt max-size=1m --log-opt max-file=2",
    "--log-driver none",
    "--log-opt max-size=1m",
    "--network host",
    "--network none",
    "--net bridge",
    "--network NETWORK",
    "--network NETWORK --network-alias one --net-alias two --ip 10.213.0.77 --link-local-ip 169.254.8.8",
    "--network name=NETWORK,alias=three,ip=10.213.0.78,driver-opt=a=b",
    "--dns 8.8.8.8 --dns 1.1.1.1 --dns-search example.com --dns-option ndots:2 --dns-opt timeout:1",
    "--add-host a:1.2.3.4 --add-host gw:host-gateway",
    "--add-host b=5.6.7.8",
    "--link opt-other:o --link opt-other",
    "--network NETWORK --link opt-other:o",
    "--volumes-from opt-other --volumes-from opt-other:ro",
    "--network container:opt-other",
    "--pid container:opt-other --ipc host --uts host",
    "--pid host --ipc shareable --userns host --cgroupns private",
    "--ipc none --cgroupns host",
    "--ipc private --runtime runc --cgroup-parent /opt-test",
    "--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=8192",
    "--isolation default --volume-driver local -v optvol5:/v5",
    "--storage-opt size=1G",
    "--cpu-rt-period 1000000 --cpu-rt-runtime 95000",
    "--annotation a=b",
    "--platform linux/amd64 --pull missing --disable-content-trust",
    "--quiet",
    "--kernel-memory 50m",
    "--health-start-interval 2s --health-cmd true",
]
COMMANDS = ["", "sleep 60", "sh -c 'echo \"$HOME\"; exit 3' x -y --z"]


@pytest.fixture(scope="module")
def engine(docker_host: str, docker_engine: DockerEngine, busybox_image: str) -> Iterator[client.Client]:
    """A connection, with another container that options can point at and a network with addresses to choose."""
    docker_engine.docker("network", "create", "--label", LABEL, "--subnet", "10.213.0.0/24", NETWORK)
    docker_engine.docker(
        "run", "-d", "--name", "opt-other", "-v", "opt-other-data:/other", busybox_image, "sleep", "600"
    )
    connection = client.connect(endpoint.Endpoint(docker_host, "the test"))
    yield connection
    connection.close()
    docker_engine.docker("rm", "-fv", "opt-other")
    docker_engine.docker("network", "rm", NETWORK)
    docker_engine.docker("volume", "rm", "-f", *[f"optvol{number}" for number in ("", 2, 3, 4, 5)], "opt-other-data")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "env.list").write_text("# a comment\nONE=1\n\n  TWO=two words \nA=from the file\n")
    (tmp_path / "labels.list").write_text("from.file=yes\nempty\n")
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE, indent=2))
    return tmp_path


def by_client(docker_engine: DockerEngine, words: list[str], folder: Path) -> str:
    """The id of the container that the Docker client makes."""
    out = run(
        "sh", "-c", f"cd {folder} && exec docker create {shlex.join(words)}", env={"DOCKER_HOST": docker_engine.host}
    )
    return out.strip().splitlines()[-1]


def ours(engine: client.Client, text: str, folder: Path) -> str:
    """The id of the container that we make."""
    artifact = Artifact("web", "docker", "run", text, "run", Position("Nulecule", 1, 1))
    rendered = Rendered((artifact,), read=lambda _, path: (folder / path).read_text())
    parsed = resources.parse(rendered, Target("opt"))
    *needed, container = parsed.resources
    for resource in needed:
        if resource.kind == "volume":
            apply.apply(engine, Step(CREATE, resource, None), "opt", 1, lambda key, text: None)
    observe.refuse_too_new(engine, container)
    return apply.make(engine, container, "opt", 1, lambda key, text: None)


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """The engine's description without what must differ: names, ids, our labels, the client's terminal."""
    config, host = dict(found["Config"]), dict(found["HostConfig"])
    for name in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"):
        config.pop(name, None)
    if config["Hostname"] == found["Id"][:12]:
        config.pop("Hostname")
    config["Labels"] = {key: text for key, text in (config["Labels"] or {}).items() if "atomicapp" not in key}
    config["Env"] = sorted(config["Env"] or [])
    # older clients leave it to the engine to understand short names
    for name in ("CapAdd", "CapDrop"):
        host[name] = sorted(capability.removeprefix("CAP_") for capability in host.get(name) or [])
    host["Ulimits"] = sorted(host.get("Ulimits") or [], key=lambda limit: str(limit["Name"]))
    host["Links"] = sorted(link.rpartition("/")[2] for link in host.get("Links") or [])
    # how a volume is asked for is not what is mounted; that is compared below
    host.pop("Binds", None)
    host["Mounts"] = [mount for mount in host.get("Mounts") or [] if mount["Type"] != "volume"]
    mounts = sorted(found["Mounts"], key=lambda mount: mount["Destination"])
    for mount in mounts:
        mount["Mode"] = ",".join(sorted(mount["Mode"].split(",")))
        if mount["Type"] == "volume":
            mount["Mode"] = ""
    networks = {}
    for name, settings in (found["NetworkSettings"]["Networks"] or {}).items():
        own = {"web", found["Id"][:12]}
        aliases = sorted(alias for alias in settings["Aliases"] or [] if alias not in own)
        networks[name] = {**settings, "Aliases": aliases}
    return {"config": tidy(config), "host": tidy(host), "mounts": mounts, "networks": tidy(networks)}


def tidy(value: Any) -> Any:
    """Without what is empty: null, false, 0 and an empty list are the same "not said" to the engine."""
    if isinstance(value, dict):
        kept = {key: tidy(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", 0, False, [], {})}
    return [tidy(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("line", LINES)
def test_option_line(
    line: str, engine: client.Client, docker_engine: DockerEngine, busybox_image: str, files: Path
) -> None:
    command = COMMANDS[len(line) % len(COMMANDS)]
    line = line.replace("NETWORK", NETWORK)
    words = [*shlex.split(line), busybox_image, *shlex.split(command)]
    theirs, mine = "", ""
    try:
        theirs_error = mine_error = ""
        try:
            theirs = by_client(docker_engine, words, files)
        except Exception as error:  # noqa: BLE001 (the helper's own error type; the text is what is compared)
            theirs_error = str(error)
        try:
            mine = ours(engine, f"docker run -d {line} {busybox_image} {command}\n", files)
        except client.Refused as error:
            mine_error = error.message
        except EngineError as error:
            # the client says it in these words
            mine_error = "requires API version" if "speaks API" in error.message else error.message
        if re.search("unknown flag|bad format for add-host", theirs_error):
            pytest.skip("the Docker client here is too old for this option")
        if theirs_error or mine_error:
            # an option that this engine refuses must be refused to both, for the same reason
            assert mine_error, f"the client could not: {theirs_error}"
            assert mine_error.split("\n")[0] in theirs_error
            return
        first, second = engine.inspect("container", theirs), engine.inspect("container", mine)
        assert first is not None
        assert second is not None
        assert comparable(second) == comparable(first)
    finally:
        for made in filter(None, (theirs, mine)):
            docker_engine.docker("rm", "-fv", made)


@pytest.mark.parametrize("network", ["bridge", "NETWORK"])
def test_mac_address(network: str, engine: client.Client, docker_engine: DockerEngine, busybox_image: str) -> None:
    """Newer clients refuse it on older engines, which take it in another place; there we write it."""
    line = f"--network {network.replace('NETWORK', NETWORK)} --mac-address 92:d0:c6:0a:29:34"
    made = ours(engine, f"docker run -d {line} {busybox_image} sleep 60", Path())
    try:
        docker_engine.docker("start", made)
        found = engine.inspect("container", made)
        assert found is not None
        (settings,) = found["NetworkSettings"]["Networks"].values()
        assert settings["MacAddress"] == "92:d0:c6:0a:29:34"
    finally:
        docker_engine.docker("rm", "-fv", made)


def test_every_option_that_is_mapped_is_in_a_line() -> None:
    """So that an option that is added to the table is also proven."""
    used = {word.partition("=")[0] for line in LINES for word in shlex.split(line) if word.startswith("-")}
    used |= {f"--{SHORT[letter].name}" for word in used if re.fullmatch("-[A-Za-z]+", word) for letter in word[1:2]}
    windows = {"cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"}
    by_other_tests = {"name", "detach", "ip6", "mac-address"} | windows
    missing = {
        name for name, option in LONG.items() if option.store is not None and f"--{name}" not in used
    } - by_other_tests
    assert not missing


def test_the_table_knows_every_option_of_the_client(docker_engine: DockerEngine) -> None:
    """Against the help text of whichever Docker client is installed."""
    found = re.findall(r"^ +(?:-(\w), )?--([a-z0-9-]+)", docker_engine.docker("run", "--help"), re.MULTILINE)
    assert len(found) > 90
    for short, name in found:
        assert name in LONG, f"--{name} is not known"
        assert LONG[name].short == short
