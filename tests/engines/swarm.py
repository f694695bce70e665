"""A swarm of the tests: three Docker Engines, each in a network namespace of its own, joined by a bridge of this machine.

The Docker Engine of the machine has no part in it. The first test process that asks starts the engines, the last one
that leaves stops them and removes all that they brought: links, rules, mounts, processes. What a killed run has left
is removed before the next start. Virtual IPs don't answer (the kernel may lack IPVS): services that are to be reached
say `endpoint_mode: dnsrr`, and publish ports in mode `host`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.engines.docker import LABEL, DockerEngine
from tests.engines.process import SYSTEM_PATH, missing, needs, run

BRIDGE = "aap-sw0"
NETWORK = "10.201.0"
"""The first three numbers of all addresses: the bridge has .1, the node of number N has .(N+1)."""

REGISTRY_PORT = 5201
SIZE = 3
"""Nodes: number 1 is the manager."""


class Node(NamedTuple):
    """One engine. `host` is what DOCKER_HOST takes, `address` where its ports in mode `host` answer."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """The node's label `name`, for the engine (`engine.labels.name`) and, once it has joined, for the swarm."""
        return f"n{self.number}"

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/sock"

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number + 1}"

    @property
    def space(self) -> str:
        """The network namespace."""
        return f"aap-sw{self.number}"

    def docker(self, *words: str, stdin: str = "") -> str:
        """Standard output of the docker command on this engine."""
        return run("docker", *words, env={"DOCKER_HOST": self.host}, stdin=stdin)

    # ------------------------------------------------------------ the engine

    def start(self) -> None:
        """Make the namespace and the link where they are absent, and start the engine in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not Path(f"/run/netns/{self.space}").exists():
            link = f"aap-swv{self.number}"
            _ip("netns", "add", self.space)
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self.space)
            _ip("link", "set", link, "master", BRIDGE, "up")
            _ip("-n", self.space, "addr", "add", f"{self.address}/24", "dev", "eth0")
            _ip("-n", self.space, "link", "set", "eth0", "up")
            _ip("-n", self.space, "link", "set", "lo", "up")
            _ip("-n", self.space, "route", "add", "default", "via", f"{NETWORK}.1")
        # not `ip netns exec`, which hides the cgroups
        words = [
            *("nsenter", f"--net=/run/netns/{self.space}", "dockerd", "--storage-driver=overlay2", "-H", self.host),
            *("--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec")),
            *("-p", str(self.folder / "pid"), "--shutdown-timeout", "2", "--label", f"name={self.name}"),
            *("--insecure-registry", f"{NETWORK}.0/24"),
        ]
        _spawn(words, self.folder / "log")

    def wait(self) -> None:
        """Until the engine answers; fails with its log."""
        deadline = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name}: no answer\n{(self.folder / 'log').read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def answers(self) -> bool:
        done = subprocess.run(
            ["docker", "version"],
            env={**os.environ, "DOCKER_HOST": self.host},
            capture_output=True,
            timeout=20,
            check=False,
        )
        return done.returncode == 0

    def kill(self) -> None:
        """End the engine, its containerd and all containers at once, as when a machine loses its power."""
        _kill(_processes(self.folder))
        (self.folder / "pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """End the engine and remove all that it has brought to the machine. Nothing of it is used again, so it need not
        be stopped in peace, which takes seconds."""
        self.kill()
        _ip("netns", "del", self.space, check=False)
        _ip("link", "del", f"aap-swv{self.number}", check=False)
        _unmount(self.folder)
        _remove_cgroups(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


class Group:
    """Engines that form one swarm; the first is its manager, which tests speak to."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self.manager = self.nodes[0]

    def start(self) -> None:
        """Start the engines and join them."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait()
        # a node is taken for lost after three heartbeats
        self.manager.docker("swarm", "init", "--advertise-addr", self.manager.address, "--dispatcher-heartbeat", "2s")
        token = self.manager.docker("swarm", "join-token", "-q", "worker").strip()
        for node in self.nodes[1:]:
            node.docker(
                *("swarm", "join", "--advertise-addr", node.address, "--token", token, f"{self.manager.address}:2377")
            )
        # all of them have the machine's host name: a label tells them apart
        for found in self.until(self._described, "the swarm knows its nodes"):
            name = found["Description"]["Engine"]["Labels"]["name"]
            self.manager.docker("node", "update", "--label-add", f"name={name}", found["ID"])

    def _described(self) -> list[dict[str, Any]]:
        found = self.listed_nodes()
        ready = [
            node
            for node in found
            if node["Status"]["State"] == "ready" and (node["Description"].get("Engine") or {}).get("Labels")
        ]
        return ready if len(ready) == len(self.nodes) else []

    def remove(self) -> None:
        """Stop the engines and remove what they have brought to the machine."""
        for node in self.nodes:
            node.remove()

    # ------------------------------------------------------------ what tests ask for

    def node(self, name: str) -> dict[str, Any]:
        """What the swarm knows of the node with that label `name`."""
        found = [node for node in self.listed_nodes() if node["Spec"]["Labels"].get("name") == name]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def listed_nodes(self) -> list[dict[str, Any]]:
        ids = self.manager.docker("node", "ls", "-q").split()
        found: list[dict[str, Any]] = json.loads(self.manager.docker("node", "inspect", *ids))
        return found

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """A service, a task, a network... in full."""
        found: list[dict[str, Any]] = json.loads(self.manager.docker(kind, "inspect", name))
        return found[0]

    def tasks(self, service: str) -> list[dict[str, Any]]:
        """The tasks of a service that are meant to run, in full."""
        listed = self.manager.docker("service", "ps", "-q", "--no-trunc", "--filter", "desired-state=running", service)
        ids = listed.split()
        found: list[dict[str, Any]] = json.loads(self.manager.docker("inspect", *ids)) if ids else []
        return found

    def where(self, service: str) -> list[str]:
        """The names of the nodes on which tasks of a service run, sorted; a node stands there once for each task."""
        names = {node["ID"]: node["Spec"]["Labels"].get("name", "?") for node in self.listed_nodes()}
        running = [task for task in self.tasks(service) if task["Status"]["State"] == "running"]
        return sorted(names.get(task.get("NodeID", ""), "?") for task in running)

    def inside(self, service: str, *words: str) -> str:
        """Standard output of a command in a running task of a service, on whichever node that is."""
        task = next(task for task in self.tasks(service) if task["Status"]["State"] == "running")
        name = {node["ID"]: node["Spec"]["Labels"]["name"] for node in self.listed_nodes()}[task["NodeID"]]
        node = next(node for node in self.nodes if node.name == name)
        return node.docker("exec", task["Status"]["ContainerStatus"]["ContainerID"], *words)

    def until(self, look: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Poll until `look` finds something, and return that."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"not after {seconds:.0f} s: {what} (last: {found!r})"
            time.sleep(0.2)

    def left(self, *kinds: str) -> list[str]:
        """What there is of these kinds with the label of the tests, or of a deployment; `service`, `network`..."""
        found = []
        for kind in kinds:
            for label in (LABEL, "io.atomicapp.name"):
                found += self.manager.docker(kind, "ls", "-q", "--filter", f"label={label}").split()
        return found


class Swarm(Group):
    """`acquire` before use, `release` after. All test processes share it."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self.folder = engine.folder / "swarm"
        self._users = self.folder / "users"
        super().__init__([self._node(number) for number in range(1, SIZE + 1)])
        self.registry = f"{NETWORK}.1:{REGISTRY_PORT}"

    def _node(self, number: int) -> Node:
        return Node(number, self.folder / f"n{number}")

    # ------------------------------------------------------------ life

    def acquire(self) -> None:
        needs("docker", "dockerd", "ip", "iptables", "nsenter", "docker-registry")
        if os.geteuid() != 0:
            missing("engines in network namespaces are started by root only")
        with self._engine.lock("swarm"):
            self._users.mkdir(parents=True, exist_ok=True)
            if not any(self._engine.alive(user) for user in self._users.iterdir()):
                self._sweep()
                self._users.mkdir(parents=True)
                try:
                    bridge()
                    self._start_registry()
                    self.start()
                except BaseException:
                    self._sweep()
                    raise
            (self._users / str(os.getpid())).touch()

    def release(self) -> None:
        with self._engine.lock("swarm"):
            (self._users / str(os.getpid())).unlink(missing_ok=True)
            if not any(self._engine.alive(user) for user in self._users.iterdir()):
                self._sweep()

    def _start_registry(self) -> None:
        folder = self.folder / "registry"
        folder.mkdir()
        (folder / "config.yml").write_text(
            "version: 0.1\nlog: {level: warn}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.registry}', secret: tests}}\n"
        )
        _spawn(["docker-registry", "serve", str(folder / "config.yml")], folder / "log")

    def _sweep(self) -> None:
        """Remove all that is there, also what a killed run has left."""
        for folder in sorted(self.folder.glob("n[0-9]*")):
            self._node(int(folder.name[1:])).remove()
        _kill(_processes(self.folder / "registry"))
        unbridge()
        _unmount(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------ engines of a test's own

    @contextlib.contextmanager
    def another(self, *numbers: int) -> Iterator[Group]:
        """A swarm of its own on the same bridge, for tests that kill nodes. Numbers up to SIZE are taken."""
        group = Group([self._node(number) for number in numbers])
        try:
            group.remove()
            group.start()
            yield group
        finally:
            group.remove()

    @contextlib.contextmanager
    def engine(self, number: int) -> Iterator[Node]:
        """An engine on the same bridge that is in no swarm."""
        node = self._node(number)
        try:
            node.remove()
            node.start()
            node.wait()
            yield node
        finally:
            node.remove()

    def push(self, image: str, name: str) -> str:
        """Bring an image of the machine's engine to the registry as `name`; returns its reference there."""
        reference = f"{self.registry}/{name}"
        with self._engine.lock("swarm-images"):
            with subprocess.Popen(
                ["docker", "save", image],
                stdout=subprocess.PIPE,
                env={**os.environ, "DOCKER_HOST": self._engine.host},
            ) as saved:
                loaded = subprocess.run(
                    ["docker", "load"],
                    stdin=saved.stdout,
                    capture_output=True,
                    env={**os.environ, "DOCKER_HOST": self.manager.host},
                    check=False,
                )
            assert saved.returncode == 0, f"docker save {image}: {saved.returncode}"
            assert loaded.returncode == 0, loaded.stderr
            self.manager.docker("tag", image, reference)
            for tries_left in (3, 2, 1, 0):
                # the registry and the bridge to it may just have come up, on a machine that has much to do
                try:
                    self.manager.docker("push", reference)
                    break
                except AssertionError:
                    if not tries_left:
                        raise
                    time.sleep(2)
        return reference


# ---------------------------------------------------------------- the machine


def bridge() -> None:
    """Make the bridge, and let packets pass it: Docker's own rules forward nothing else."""
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    for rule in _RULES:
        _run("iptables", "-w", "-I", "FORWARD", *rule)


def unbridge() -> None:
    """Remove the bridge and its rules, however many of them there are."""
    for rule in _RULES:
        while _run("iptables", "-w", "-D", "FORWARD", *rule, check=False):
            pass
    _ip("link", "del", BRIDGE, check=False)


_RULES = (("-i", BRIDGE, "-j", "ACCEPT"), ("-o", BRIDGE, "-j", "ACCEPT"))


def _run(*words: str, check: bool = True) -> bool:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PATH": SYSTEM_PATH})
    assert done.returncode == 0 or not check, f"{' '.join(words)}: {done.stderr}"
    return done.returncode == 0


def _ip(*words: str, check: bool = True) -> bool:
    return _run("ip", *words, check=check)


def _spawn(words: list[str], log: Path) -> None:
    """Start what outlives this process; it is no child of it."""
    kept = {name: text for name, text in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**kept, "PATH": SYSTEM_PATH},
            check=True,
        )


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _processes(folder: Path) -> list[int]:
    """The processes whose command lines name a folder (an engine, its containerd, the shims), and what these have
    started (containers)."""
    found: list[int] = []
    todo = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    todo = [pid for pid in todo if f"{folder}/" in _words(pid) and pid != os.getpid()]
    while todo:
        pid = todo.pop()
        if pid in found:
            continue
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                todo += [int(child) for child in children.read_text().split()]
    return found


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _unmount(folder: Path) -> None:
    """Unmount all that is mounted below a folder, the last mounted first."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        place = line.split(" ")[4]
        if place.startswith(f"{folder}/"):
            _run("umount", "-l", place, check=False)


def _remove_cgroups(folder: Path) -> None:
    """The control groups of containers whose engine was killed."""
    for container in (folder / "data" / "containers").glob("*"):
        for group in Path("/sys/fs/cgroup").glob(f"*/docker/{container.name}"):
            with contextlib.suppress(OSError):
                group.rmdir()
