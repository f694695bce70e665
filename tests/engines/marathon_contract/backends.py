"""What a task is: a simulated one, which does as a test says, or a container of a Docker Engine."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from tests.engines.marathon_contract.specs import Spec, mappings_of, mode_of


class Place(NamedTuple):
    """Where a task is launched: the host ports in the order of its mappings, its own number among its app's, and the ids
    of all apps, which Mesos-DNS would have names for."""

    task: str
    app: str
    ports: tuple[int, ...]
    slot: int
    apps: tuple[str, ...] = ()


class Backend(Protocol):
    def launch(self, place: Place, spec: Spec) -> None: ...

    def begun(self, task: str) -> bool: ...

    def ended(self, task: str) -> tuple[int, str] | None:
        """Exit status and message of one that has come to its end; status -1 when it never began."""

    def kill(self, task: str) -> None: ...

    def check(self, task: str, check: Mapping[str, Any]) -> str:
        """Why a health check fails; empty when it passes."""

    def output(self, task: str, stream: str) -> bytes: ...

    def destroy(self, app: str) -> None:
        """The volumes of an app go."""

    def close(self) -> None: ...


class Behaviour(NamedTuple):
    """What simulated tasks of an app do: end with a status after some seconds, say something, be unhealthy."""

    status: int | None = None
    after: float = 0.0
    stdout: str = ""
    stderr: str = ""
    unhealthy: str = ""
    never: bool = False
    """It is staged for ever."""


class Simulated:
    """`behaviours` by the ids of apps; what is not in it runs for ever and is well."""

    def __init__(self, stage: float = 0.05) -> None:
        self.stage = stage
        self.behaviours: dict[str, Behaviour] = {}
        self._tasks: dict[str, tuple[float, Behaviour]] = {}
        self._killed: set[str] = set()

    def launch(self, place: Place, spec: Spec) -> None:
        self._tasks[place.task] = (time.monotonic(), self.behaviours.get(place.app, Behaviour()))

    def begun(self, task: str) -> bool:
        since, behaviour = self._tasks[task]
        return not behaviour.never and time.monotonic() - since >= self.stage

    def ended(self, task: str) -> tuple[int, str] | None:
        since, behaviour = self._tasks[task]
        if task in self._killed:
            return 137, ""
        if behaviour.status is None or time.monotonic() - since < self.stage + behaviour.after:
            return None
        return behaviour.status, ""

    def kill(self, task: str) -> None:
        self._killed.add(task)

    def check(self, task: str, check: Mapping[str, Any]) -> str:
        return self._tasks[task][1].unhealthy

    def output(self, task: str, stream: str) -> bytes:
        behaviour = self._tasks[task][1]
        return (behaviour.stdout if stream == "stdout" else behaviour.stderr).encode()

    def destroy(self, app: str) -> None:
        return

    def close(self) -> None:
        return


LABEL = "io.atomicapp.test=1"


def mesos_dns(app: str) -> str:
    """The name of an app: its path from the end, `/blog/db` is `db-blog.marathon.mesos`."""
    return "-".join(reversed(app.strip("/").split("/"))) + ".marathon.mesos"


class Containers:
    """Tasks are containers of a Docker Engine, made by the `docker` command as Mesos' containerizer makes them.

    Limits of memory and processors are not set: the engine of the tests may lack the cgroups for it.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self._bridge = ""
        self._pool = ThreadPoolExecutor(8)
        self._runs: dict[str, Future[str]] = {}
        self._waits: dict[str, subprocess.Popen[str]] = {}
        self._ends: dict[str, tuple[int, str]] = {}
        self._logs: dict[tuple[str, str], bytes] = {}
        self._specs: dict[str, tuple[Place, Spec]] = {}
        self._volumes: dict[str, set[str]] = {}
        self._removed: list[Future[None]] = []

    def launch(self, place: Place, spec: Spec) -> None:
        self._specs[place.task] = (place, spec)
        self._runs[place.task] = self._pool.submit(self._run, place, spec)

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DOCKER_HOST": self.host}
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, env=environment)

    @property
    def bridge(self) -> str:
        """The address at which containers of the bridge reach the ports of this machine."""
        if not self._bridge:
            # an engine that was never asked for it does not tell the gateway, which is the first address
            subnet = self._docker(
                "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"
            ).stdout
            self._bridge = str(next(ipaddress.ip_network(subnet.strip(), strict=False).hosts()))
        return self._bridge

    def _name(self, task: str) -> str:
        return f"mesos-{task}"

    def _run(self, place: Place, spec: Spec) -> str:
        """The error of a run; empty when it runs."""
        docker = (spec.get("container") or {}).get("docker") or {}
        if docker.get("forcePullImage"):
            done = self._docker("pull", docker["image"])
            if done.returncode:
                return f"Failed to launch container: Failed to run 'docker pull': {done.stderr.strip()}"
        done = self._docker(*self.words(place, spec))
        if done.returncode:
            self._docker("rm", "-f", self._name(place.task))
            return f"Failed to launch container: Failed to run 'docker run': {done.stderr.strip()}"
        self._waits[place.task] = subprocess.Popen(
            ["docker", "wait", self._name(place.task)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "DOCKER_HOST": self.host},
        )
        return ""

    def words(self, place: Place, spec: Spec) -> list[str]:
        """The words of `docker run` for a task."""
        container = spec.get("container") or {}
        docker = container.get("docker") or {}
        found = ["run", "-d", "--name", self._name(place.task), "--label", LABEL]
        environment = {name: str(value) for name, value in spec["env"].items() if isinstance(value, str)}
        environment |= {"MESOS_TASK_ID": place.task, "MARATHON_APP_ID": place.app, "HOST": "127.0.0.1"}
        environment |= {f"PORT{number}": str(port) for number, port in enumerate(place.ports)}
        for name, value in environment.items():
            found += ["-e", f"{name}={value}"]
        mode, name = mode_of(spec)
        found += ["--net", name if mode == "container" else mode]
        if mode == "bridge":
            for app in place.apps:
                found += ["--add-host", f"{mesos_dns(app)}:{self.bridge}"]
        for mapping, port in zip(mappings_of(spec), place.ports, strict=True):
            for protocol in mapping["protocol"].split(","):
                if mode != "host":
                    found += ["-p", f"{port}:{mapping['containerPort'] or port}/{protocol}"]
        found += self._mounts(place, container.get("volumes") or ())
        if docker.get("privileged"):
            found += ["--privileged"]
        if spec.get("user"):
            found += ["-u", spec["user"]]
        for parameter in docker.get("parameters") or ():
            found += [f"--{parameter['key']}={parameter['value']}"]
        if spec.get("cmd"):
            return [*found, "--entrypoint", "/bin/sh", docker["image"], "-c", spec["cmd"]]
        return [*found, docker["image"], *spec.get("args", ())]

    def _mounts(self, place: Place, volumes: Sequence[Spec]) -> list[str]:
        found: list[str] = []
        kept = {}
        for volume in volumes:
            if "persistent" in volume:
                digest = hashlib.sha256(f"{place.app} {volume['containerPath']} {place.slot}".encode()).hexdigest()[:16]
                name = kept[volume["containerPath"]] = f"marathon-{digest}"
                self._volumes.setdefault(place.app, set()).add(name)
                if not self._docker("volume", "ls", "-q", "--filter", f"name={name}").stdout.strip():
                    self._docker("volume", "create", "--label", LABEL, name)
                found += ["-v", f"{name}:/mnt/mesos/sandbox/{volume['containerPath']}"]
        for volume in volumes:
            source = volume.get("hostPath", "") or (volume.get("external") or {}).get("name", "")
            if source:
                mode = "ro" if volume.get("mode") == "RO" else "rw"
                found += ["-v", f"{kept.get(source, source)}:{volume['containerPath']}:{mode}"]
        return found

    def begun(self, task: str) -> bool:
        run = self._runs[task]
        return run.done() and not run.result()

    def ended(self, task: str) -> tuple[int, str] | None:
        if task in self._ends:
            return self._ends[task]
        run = self._runs[task]
        if not run.done():
            return None
        if run.result():
            self._ends[task] = (-1, run.result())
        elif self._waits[task].poll() is not None:
            text = self._waits[task].communicate()[0].strip()
            self._ends[task] = (int(text) if text.isdigit() else 137, "")
            self._keep_logs(task)
            self._removed.append(self._pool.submit(self._remove, task))
        return self._ends.get(task)

    def _keep_logs(self, task: str) -> None:
        done = self._docker("logs", self._name(task))
        self._logs[task, "stdout"], self._logs[task, "stderr"] = done.stdout.encode(), done.stderr.encode()

    def _remove(self, task: str) -> None:
        self._docker("rm", "-fv", self._name(task))

    def kill(self, task: str) -> None:
        grace = self._specs[task][1].get("taskKillGracePeriodSeconds", 1)
        self._removed.append(self._pool.submit(self._stop, task, int(grace)))

    def _stop(self, task: str, grace: int) -> None:
        self._runs[task].exception()
        self._docker("stop", "-t", str(grace), self._name(task))

    def check(self, task: str, check: Mapping[str, Any]) -> str:
        place, spec = self._specs[task]
        protocol = str(check["protocol"]).removeprefix("MESOS_")
        if protocol == "COMMAND":
            done = self._docker("exec", self._name(task), "/bin/sh", "-c", check["command"]["value"])
            return "" if done.returncode == 0 else f"Command exited with status {done.returncode}"
        port = int(check.get("port") or 0) or place.ports[check.get("portIndex", 0)]
        if "port" not in check and "portIndex" not in check and not mappings_of(spec):
            return "there is no port to check"
        try:
            if protocol == "TCP":
                with socket.create_connection(("127.0.0.1", port), timeout=2):
                    return ""
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", check.get("path", "/"))
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            return f"ConnectionAttemptFailedException: {error}"
        return "" if 200 <= status < 400 else f"HTTP status {status}"

    def output(self, task: str, stream: str) -> bytes:
        if self._ends.get(task, (0, ""))[0] < 0:
            return b""
        if (task, stream) not in self._logs:
            done = self._docker("logs", self._name(task))
            return (done.stdout if stream == "stdout" else done.stderr).encode()
        return self._logs[task, stream]

    def destroy(self, app: str) -> None:
        self._removed.append(self._pool.submit(self._destroy, self._volumes.pop(app, set())))

    def _destroy(self, names: set[str]) -> None:
        for name in names:
            # the container that held it is being removed
            for _ in range(50):
                if self._docker("volume", "rm", name).returncode == 0:
                    break
                time.sleep(0.1)

    def close(self) -> None:
        """Remove all that is left, by name."""
        for task, run in self._runs.items():
            run.exception()
            if task not in self._ends:
                self._docker("rm", "-fv", self._name(task))
        for app in list(self._volumes):
            self.destroy(app)
        for future in self._removed:
            future.exception()
        for wait in self._waits.values():
            wait.wait()
            if wait.stdout:
                wait.stdout.close()
        self._pool.shutdown()
