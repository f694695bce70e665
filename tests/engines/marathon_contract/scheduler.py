"""What a contract server holds: apps, deployments and tasks, and a thread that brings them on."""

from __future__ import annotations

import copy
import math
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.engines.marathon_contract.backends import Backend, Place
from tests.engines.marathon_contract.settings import Agent, Settings
from tests.engines.marathon_contract.specs import Spec, is_resident, mappings_of

Json = dict[str, Any]
STAGING, RUNNING = "TASK_STAGING", "TASK_RUNNING"


class LockedError(Exception):
    """Other deployments are at work on the same apps."""

    def __init__(self, deployments: list[str]) -> None:
        super().__init__()
        self.deployments = deployments


@dataclass
class App:
    """An app: what is wanted, the version of it, and that of its last change but for the count."""

    spec: Spec
    version: str
    config: str
    scaled: str
    failures: int = 0
    next_launch: float = 0.0
    last_failure: Json | None = None
    since: float = 0.0
    processed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass
class Health:
    """The state of one health check of one task."""

    due: float
    alive: bool = False
    failures: int = 0
    first: str = ""
    last: str = ""
    cause: str = ""
    future: Future[str] | None = None


@dataclass
class Task:
    """One instance of an app on an agent."""

    id: str
    app: str
    config: str
    version: str
    agent: int
    ports: tuple[int, ...]
    slot: int
    spec: Spec
    staged: str
    state: str = STAGING
    started: str = ""
    began: float = 0.0
    healths: list[Health] = field(default_factory=list)
    killing: str = ""

    @property
    def healthy(self) -> bool:
        return self.state == RUNNING and all(health.alive for health in self.healths)


@dataclass
class Deployment:
    """A change on its way: steps of actions, and what was there before."""

    id: str
    version: str
    steps: list[list[tuple[str, str]]]
    before: dict[str, App | None]
    current: int = 0
    since: float = 0.0

    @property
    def affected(self) -> set[str]:
        return {app for step in self.steps for _, app in step}


class Scheduler:
    """All public members are safe to use from several threads."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.settings = settings
        self.backend = backend
        self.lock = threading.RLock()
        self.apps: dict[str, App] = {}
        self.versions: dict[str, dict[str, Spec]] = {}
        self.tasks: dict[str, Task] = {}
        self.ended: list[Task] = []
        self.deployments: list[Deployment] = []
        self.reserved: dict[tuple[str, int], int] = {}
        self.failed = ""
        self._last_version = 0
        self._pool = ThreadPoolExecutor(4)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown()
        self.backend.close()

    def _run(self) -> None:
        while not self._stop.wait(self.settings.tick):
            with self.lock:
                try:
                    self._tick(time.monotonic())
                except Exception as error:  # noqa: BLE001 (told by every answer from then on)
                    self.failed = repr(error)
                    return

    # ------------------------------------------------------------ changes

    def version(self) -> str:
        """A time stamp that no other version has."""
        self._last_version = max(self._last_version + 1, int(time.time() * 1000))
        return _stamp(self._last_version / 1000)

    def change(self, wanted: Mapping[str, Spec | None], *, force: bool) -> Deployment:
        """Begin a deployment that brings apps to what is wanted (None: gone). LockedError."""
        with self.lock:
            before = {path: self.apps.get(path) for path in wanted}
            changed = {
                path: spec
                for path, spec in wanted.items()
                if spec != (self.apps[path].spec if path in self.apps else None)
            }
            locked = [found for found in self.deployments if found.affected & wanted.keys()]
            if locked and not force:
                raise LockedError([found.id for found in locked])
            self.deployments = [found for found in self.deployments if found not in locked]
            version = self.version()
            steps = self._steps(changed)
            for path, spec in changed.items():
                self._set(path, spec, version)
            made = Deployment(str(uuid.uuid4()), version, steps, before, since=time.monotonic())
            if steps:
                self.deployments.append(made)
            return made

    def _set(self, path: str, spec: Spec | None, version: str) -> None:
        if spec is None:
            self.apps.pop(path, None)
            self.versions.pop(path, None)
            return
        old = self.apps.get(path)
        spec = copy.deepcopy(spec)
        _give_service_ports(spec, self.apps)
        self.versions.setdefault(path, {})[version] = copy.deepcopy(spec)
        if old is None:
            self.apps[path] = App(spec, version, version, version, since=time.time())
        elif _without_count(old.spec) == _without_count(spec):
            self.apps[path] = App(
                spec, version, old.config, version, old.failures, old.next_launch, old.last_failure, time.time()
            )
        else:
            self.apps[path] = App(spec, version, version, old.scaled, last_failure=old.last_failure, since=time.time())

    def _steps(self, wanted: Mapping[str, Spec | None]) -> list[list[tuple[str, str]]]:
        steps: list[list[tuple[str, str]]] = []
        done: set[str] = set()
        for path in sorted(wanted):
            if wanted[path] is None:
                steps.append([("StopApplication", path)])
                done.add(path)
        while left := [path for path in sorted(wanted) if path not in done]:
            free = [path for path in left if not (_needs(wanted[path], left) - {path})] or left
            starts = [("StartApplication", path) for path in free if path not in self.apps]
            if starts:
                steps.append(starts)
            actions = []
            for path in free:
                old, spec = self.apps.get(path), wanted[path]
                same = old is None or (spec is not None and _without_count(old.spec) == _without_count(spec))
                actions.append(("ScaleApplication" if same else "RestartApplication", path))
            steps.append(actions)
            done |= set(free)
        return steps

    def revert(self, ident: str, *, force: bool) -> Deployment | None:
        """Cancel a deployment and, unless forced, begin another one that undoes it. KeyError for an unknown one."""
        with self.lock:
            found = next((item for item in self.deployments if item.id == ident), None)
            if found is None:
                raise KeyError(ident)
            self.deployments.remove(found)
            if force:
                return None
            wanted = {path: copy.deepcopy(app.spec) if app else None for path, app in found.before.items()}
            return self.change(wanted, force=True)

    def restart(self, path: str, *, force: bool) -> Deployment:
        """Make all tasks of an app anew."""
        with self.lock:
            locked = [found for found in self.deployments if path in found.affected]
            if locked and not force:
                raise LockedError([found.id for found in locked])
            self.deployments = [found for found in self.deployments if found not in locked]
            app, version = self.apps[path], self.version()
            app.version = app.config = version
            app.failures, app.next_launch = 0, 0.0
            made = Deployment(
                str(uuid.uuid4()), version, [[("RestartApplication", path)]], {path: app}, since=time.monotonic()
            )
            self.deployments.append(made)
            return made

    def reset_delay(self, path: str) -> None:
        with self.lock:
            self.apps[path].next_launch = 0.0
            self.apps[path].failures = 0

    def kill_task(self, ident: str) -> None:
        """A task is ended from outside; its app gets another one."""
        with self.lock:
            self._kill(self.tasks[ident], "killed by request")

    # ------------------------------------------------------------ the thread

    def _tick(self, now: float) -> None:
        for task in list(self.tasks.values()):
            self._look(task, now)
        for path in {task.app for task in self.tasks.values()} - self.apps.keys():
            for task in self._of(path):
                self._kill(task, "the app is gone")
        held = {app for found in self.deployments for step in found.steps[found.current + 1 :] for _, app in step} - {
            app for found in self.deployments for _, app in found.steps[found.current]
        }
        for path in self.apps.keys() - held:
            self._reconcile(path, now)
        for deployment in list(self.deployments):
            self._advance(deployment, now)

    def _of(self, path: str) -> list[Task]:
        return [task for task in self.tasks.values() if task.app == path]

    def _look(self, task: Task, now: float) -> None:
        end = self.backend.ended(task.id)
        if end is not None:
            self._has_ended(task, *end, now)
            return
        if task.state == STAGING and self.backend.begun(task.id):
            task.state, task.started, task.began = RUNNING, _stamp(time.time()), now
            scale = self.settings.scale
            task.healths = [Health(now + check["intervalSeconds"] * scale * 0.1) for check in task.spec["healthChecks"]]
        if task.state == RUNNING and not task.killing:
            for check, health in zip(task.spec["healthChecks"], task.healths, strict=True):
                self._check(task, check, health, now)

    def _check(self, task: Task, check: Json, health: Health, now: float) -> None:
        scale = self.settings.scale
        if health.future is None:
            if now >= health.due:
                health.future = self._pool.submit(self.backend.check, task.id, check)
            return
        if not health.future.done():
            return
        cause, health.future = health.future.result(), None
        health.due = now + check["intervalSeconds"] * scale
        if not cause:
            health.alive, health.failures, health.last = True, 0, _stamp(time.time())
            health.first = health.first or health.last
            if all(item.alive for item in task.healths) and task.app in self.apps:
                self.apps[task.app].failures = 0
            return
        if not health.first and now - task.began < check["gracePeriodSeconds"] * scale:
            health.cause = cause
            return
        health.failures, health.alive, health.cause = health.failures + 1, False, cause
        if check["maxConsecutiveFailures"] and health.failures >= check["maxConsecutiveFailures"]:
            self._fail(task, "TASK_KILLED", f"Task was killed since health check failed. Reason: {cause}", now)
            self._kill(task, "unhealthy")

    def _kill(self, task: Task, why: str) -> None:
        if not task.killing:
            task.killing = why
            self.backend.kill(task.id)

    def _has_ended(self, task: Task, status: int, message: str, now: float) -> None:
        del self.tasks[task.id]
        self.ended = [*self.ended[-200:], task]
        if task.killing:
            task.state = "TASK_KILLED"
        elif status == 0:
            task.state = "TASK_FINISHED"
            self._back_off(task, now)
        else:
            task.state = "TASK_FAILED"
            self._fail(task, task.state, message or f"Container exited with status {status}", now)
        if task.app not in self.apps and not self._of(task.app):
            self.reserved = {key: agent for key, agent in self.reserved.items() if key[0] != task.app}
            self.backend.destroy(task.app)

    def _fail(self, task: Task, state: str, message: str, now: float) -> None:
        if task.app in self.apps:
            self.apps[task.app].last_failure = {
                "appId": task.app,
                "host": self.settings.agents[task.agent].hostname,
                "message": message,
                "slaveId": self.agent_id(task.agent),
                "state": state,
                "taskId": task.id,
                "timestamp": _stamp(time.time()),
                "version": task.version,
            }
        self._back_off(task, now)

    def _back_off(self, task: Task, now: float) -> None:
        app = self.apps.get(task.app)
        if app is None or app.config != task.config:
            return
        seconds = app.spec["backoffSeconds"] * app.spec["backoffFactor"] ** app.failures
        app.failures += 1
        app.next_launch = now + min(seconds, app.spec["maxLaunchDelaySeconds"]) * self.settings.scale

    # ------------------------------------------------------------ tasks as wanted

    def _reconcile(self, path: str, now: float) -> None:
        app = self.apps[path]
        tasks = [task for task in self._of(path) if not task.killing]
        new, old = [t for t in tasks if t.config == app.config], [t for t in tasks if t.config != app.config]
        count = app.spec["instances"]
        for task in new[count:]:
            self._kill(task, "scaled down")
        strategy = app.spec["upgradeStrategy"]
        least = math.ceil(count * strategy["minimumHealthCapacity"])
        most = count + math.floor(count * strategy["maximumOverCapacity"])
        if old and least >= count and most == count and not is_resident(app.spec):
            most += 1
        good = sum(task.healthy for task in tasks)
        for task in old:
            if not task.healthy:
                self._kill(task, "replaced")
            elif good > least or count == 0:
                good -= 1
                self._kill(task, "replaced")
        resident = is_resident(app.spec)
        occupied = len(self._of(path)) if resident else len(tasks)
        while len(new) < count and occupied < max(most, 1) and now >= app.next_launch:
            launched = self._launch(path, app)
            if launched is None:
                return
            new.append(launched)
            occupied += 1

    def _launch(self, path: str, app: App) -> Task | None:
        taken = {task.slot for task in self._of(path)}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        found, ports, rejected = self._offer(path, app.spec, slot)
        app.processed += len(self.settings.agents)
        app.rejected = rejected
        if found is None:
            return None
        if is_resident(app.spec):
            self.reserved[path, slot] = found
        ident = f"{path.strip('/').replace('/', '_')}.{uuid.uuid1()}"
        task = Task(
            ident, path, app.config, app.version, found, ports, slot, copy.deepcopy(app.spec), _stamp(time.time())
        )
        self.tasks[ident] = task
        self.backend.launch(Place(ident, path, ports, slot, tuple(self.apps)), task.spec)
        return task

    def _offer(self, path: str, spec: Spec, slot: int) -> tuple[int | None, tuple[int, ...], dict[str, int]]:
        """The agent that takes a task and the ports there; the reasons of those that don't."""
        rejected: Counter[str] = Counter()
        for number, agent in enumerate(self.settings.agents):
            pinned = self.reserved.get((path, slot))
            there = [task for task in self.tasks.values() if task.agent == number]
            ports = self._ports(spec, agent, number)
            left = {
                name: getattr(agent, name) - sum(task.spec[name] for task in there) for name in ("cpus", "mem", "disk")
            }
            if pinned is not None and pinned != number:
                rejected["NoCorrespondingReservationFound"] += 1
            elif not all(self._fits(path, constraint, agent) for constraint in spec["constraints"]):
                rejected["UnfulfilledConstraint"] += 1
            elif left["cpus"] < spec["cpus"]:
                rejected["InsufficientCpus"] += 1
            elif left["mem"] < spec["mem"]:
                rejected["InsufficientMemory"] += 1
            elif left["disk"] < spec["disk"]:
                rejected["InsufficientDisk"] += 1
            elif ports is None:
                rejected["InsufficientPorts"] += 1
            else:
                return number, ports, dict(rejected)
        return None, (), dict(rejected)

    def _ports(self, spec: Spec, agent: Agent, number: int) -> tuple[int, ...] | None:
        # agents of one name are one machine
        used = {
            port
            for task in self.tasks.values()
            if self.settings.agents[task.agent].hostname == agent.hostname
            for port in task.ports
        }
        free = (port for port in range(agent.ports[0][0], agent.ports[0][1] + 1) if port not in used)
        found: list[int] = []
        wanted = [int(mapping.get("hostPort") or 0) for mapping in mappings_of(spec)]
        definitions = spec.get("portDefinitions") or [{"port": port} for port in spec.get("ports") or ()]
        if not mappings_of(spec):
            wanted = [int(item.get("port") or 0) if spec["requirePorts"] else 0 for item in definitions]
        for port in wanted:
            if port and (port in used or port in found or not any(low <= port <= high for low, high in agent.ports)):
                return None
            chosen = port or next(free, 0)
            if not chosen:
                return None
            found.append(chosen)
        return tuple(found)

    def _fits(self, path: str, constraint: list[str], agent: Agent) -> bool:
        name, operator, *rest = constraint
        value = rest[0] if rest else ""

        def of(item: Agent) -> str:
            return item.hostname if name in ("hostname", "@hostname") else item.attributes.get(name, "")

        own = of(agent)
        others = Counter(of(self.settings.agents[task.agent]) for task in self._of(path) if not task.killing)
        if operator == "UNIQUE":
            return bool(own) and not others[own]
        if operator == "CLUSTER":
            return own == value if value else not others or own in others
        if operator == "GROUP_BY":
            groups = {of(item) for item in self.settings.agents}
            return bool(own) and others[own] <= min(others[group] for group in groups)
        if operator == "MAX_PER":
            return others[own] < int(value or 1)
        if operator in ("LIKE", "IS"):
            return re.fullmatch(value if operator == "LIKE" else re.escape(value), own) is not None
        return re.fullmatch(value, own) is None

    # ------------------------------------------------------------ deployments

    def _advance(self, deployment: Deployment, now: float) -> None:
        if now - deployment.since < self.settings.step:
            return
        if not all(self._is_done(action, app) for action, app in deployment.steps[deployment.current]):
            return
        if deployment.current + 1 < len(deployment.steps):
            deployment.current, deployment.since = deployment.current + 1, now
        else:
            self.deployments.remove(deployment)

    def _is_done(self, action: str, path: str) -> bool:
        if action == "StartApplication":
            return True
        app, tasks = self.apps.get(path), self._of(path)
        if app is None:
            return not tasks
        old = [task for task in tasks if task.config != app.config or task.killing]
        return not old and sum(task.healthy for task in tasks) == app.spec["instances"] == len(tasks)

    # ------------------------------------------------------------ what is told

    def agent_id(self, number: int) -> str:
        return f"contract-S{number}"

    def info(self, path: str, embed: set[str]) -> Json:
        """An app as it is told."""
        with self.lock:
            app = self.apps[path]
            tasks = self._of(path)
            found = copy.deepcopy(app.spec)
            found |= {
                "version": app.version,
                "versionInfo": {"lastScalingAt": app.scaled, "lastConfigChangeAt": app.config},
                "tasksStaged": sum(task.state == STAGING for task in tasks),
                "tasksRunning": sum(task.state == RUNNING for task in tasks),
                "tasksHealthy": sum(bool(task.healths) and task.healthy for task in tasks),
                "tasksUnhealthy": sum(any(item.failures for item in task.healths) for task in tasks),
            }
            if embed & {"deployments", "tasks", "failures"}:
                found["deployments"] = [{"id": item.id} for item in self.deployments if path in item.affected]
            if embed & {"tasks", "failures"}:
                found["tasks"] = [*(self.task(task) for task in tasks), *self._reservations(path, app, tasks)]
            if embed & {"lastTaskFailure", "failures"} and app.last_failure:
                found["lastTaskFailure"] = app.last_failure
            return found

    def _reservations(self, path: str, app: App, tasks: list[Task]) -> Iterator[Json]:
        """What is told of a task that has ended and whose volumes are kept for the next one."""
        taken = {task.slot for task in tasks}
        for (owner, slot), agent in self.reserved.items():
            if owner == path and slot not in taken:
                host, ident = self.settings.agents[agent].hostname, f"{path.strip('/').replace('/', '_')}.slot-{slot}"
                told = {"id": ident, "appId": path, "host": host, "slaveId": self.agent_id(agent), "ports": []}
                yield {**told, "state": "TASK_KILLED", "startedAt": app.version, "version": app.version}

    def task(self, task: Task) -> Json:
        """A task as it is told."""
        found: Json = {
            "id": task.id,
            "appId": task.app,
            "host": self.settings.agents[task.agent].hostname,
            "slaveId": self.agent_id(task.agent),
            "ports": list(task.ports),
            "stagedAt": task.staged,
            "startedAt": task.started or None,
            "state": task.state,
            "version": task.version,
            "ipAddresses": [],
        }
        if task.spec["healthChecks"]:
            found["healthCheckResults"] = [
                {
                    "alive": item.alive,
                    "consecutiveFailures": item.failures,
                    "firstSuccess": item.first or None,
                    "lastSuccess": item.last or None,
                    "lastFailureCause": item.cause or None,
                    "instanceId": task.id,
                }
                for item in task.healths
            ]
        return found

    def queue(self) -> list[Json]:
        """What waits to be launched."""
        now = time.monotonic()
        with self.lock:
            return list(self._queue(now))

    def _queue(self, now: float) -> Iterator[Json]:
        for path, app in sorted(self.apps.items()):
            own = [task for task in self._of(path) if task.config == app.config and not task.killing]
            count = app.spec["instances"] - len(own)
            if count <= 0:
                continue
            left = max(0.0, app.next_launch - now) / self.settings.scale if self.settings.scale else 0.0
            declined = sum(app.rejected.values())
            summary = [
                {"reason": reason, "declined": number, "processed": len(self.settings.agents)}
                for reason, number in app.rejected.items()
            ]
            yield {
                "app": {**copy.deepcopy(app.spec), "version": app.version},
                "count": count,
                "delay": {"timeLeftSeconds": math.ceil(left), "overdue": left <= 0},
                "since": _stamp(app.since),
                "processedOffersSummary": {
                    "processedOffersCount": app.processed,
                    "unusedOffersCount": declined,
                    "rejectSummaryLastOffers": summary,
                    "rejectSummaryLaunchAttempt": summary,
                },
            }

    def deployment(self, found: Deployment) -> Json:
        """A deployment as it is told."""

        def actions(step: list[tuple[str, str]]) -> list[Json]:
            return [{"action": action, "app": app} for action, app in step]

        return {
            "id": found.id,
            "version": found.version,
            "affectedApps": sorted(found.affected),
            "affectedPods": [],
            "steps": [{"actions": actions(step)} for step in found.steps],
            "currentActions": [{**item, "readinessCheckResults": []} for item in actions(found.steps[found.current])],
            "currentStep": found.current + 1,
            "totalSteps": len(found.steps),
        }


def _needs(spec: Spec | None, among: list[str]) -> set[str]:
    """Those of the apps that an app depends on, by name or by their group."""
    wanted = (spec or {}).get("dependencies", ())
    return {path for path in among for other in wanted if path == other or path.startswith(f"{other}/")}


def _without_count(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != "instances"}


def _give_service_ports(spec: Spec, apps: Mapping[str, App]) -> None:
    """Service ports that are left to the server are its own, unique ones."""
    taken = {mapping["servicePort"] for app in apps.values() for mapping in mappings_of(app.spec)}
    old = apps.get(spec["id"])
    before = mappings_of(old.spec) if old else []
    free = (port for port in range(10000, 20001) if port not in taken)
    for number, mapping in enumerate(mappings_of(spec)):
        if not mapping["servicePort"]:
            kept = number < len(before) and before[number]["containerPort"] == mapping["containerPort"]
            mapping["servicePort"] = before[number]["servicePort"] if kept else next(free)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
