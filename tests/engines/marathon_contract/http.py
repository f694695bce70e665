"""The wire of a contract server: routes, who may ask, and faults that a test asks for."""

from __future__ import annotations

import base64
import hmac
import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.engines.marathon_contract.backends import Backend, Simulated
from tests.engines.marathon_contract.scheduler import LockedError, Scheduler, Task
from tests.engines.marathon_contract.settings import Settings
from tests.engines.marathon_contract.specs import BadError, Spec, canonical, read

Json = dict[str, Any]
FRAMEWORK = "contract-0000"
_LOCKED = "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'."


class Fault(NamedTuple):
    """What happens to requests whose `METHOD path` matches, so many times: the connection is dropped, or the answer has
    another status, headers and body."""

    match: str
    times: int = 1
    drop: bool = False
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Answer(NamedTuple):
    status: int
    body: object = None
    headers: Mapping[str, str] = {}


class Server:
    """`start`, then speak to `url`; `stop` ends it and removes what its tasks were."""

    def __init__(self, settings: Settings | None = None, backend: Backend | None = None) -> None:
        self.settings = settings or Settings()
        self.scheduler = Scheduler(self.settings, backend or Simulated(self.settings.stage))
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"server_of_test": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        if self.settings.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.settings.certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.settings.certificate else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Server:
        self.scheduler.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self.scheduler.stop()

    def writes(self) -> list[str]:
        """The requests so far that were none of reading."""
        return [request for request in self.requests if not request.startswith(("GET ", "HEAD "))]

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            for number, fault in enumerate(self.faults):
                if re.search(fault.match, request):
                    if fault.times <= 1:
                        del self.faults[number]
                    else:
                        self.faults[number] = fault._replace(times=fault.times - 1)
                    return fault
        return None

    # ------------------------------------------------------------ routes

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Answer:
        """What is answered to a request."""
        if self.scheduler.failed:
            return Answer(500, {"message": self.scheduler.failed})
        try:
            return self._route(method, path, query, body)
        except LockedError as error:
            return Answer(409, {"message": _LOCKED, "deployments": [{"id": ident} for ident in error.deployments]})
        except BadError as error:
            return Answer(error.status, {"message": error.message, "details": error.details})

    def _route(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Answer:
        force = query.get("force", ["false"])[-1] == "true"
        if path == "/ping":
            return Answer(200, "pong")
        if path == "/v2/info":
            return Answer(200, self._info())
        if path == "/v2/leader":
            return Answer(200, {"leader": f"127.0.0.1:{self.port}"})
        if path.startswith("/v2/apps"):
            return self._apps(method, path.removeprefix("/v2/apps"), query, body, force=force)
        if path.startswith("/v2/groups"):
            return self._groups(method, path.removeprefix("/v2/groups"), body, force=force)
        if path == "/v2/deployments":
            with self.scheduler.lock:
                return Answer(200, [self.scheduler.deployment(item) for item in self.scheduler.deployments])
        if path.startswith("/v2/deployments/") and method == "DELETE":
            return self._revert(path.removeprefix("/v2/deployments/"), force=force)
        if path == "/v2/queue":
            return Answer(200, {"queue": self.scheduler.queue()})
        if path.startswith("/v2/queue/") and path.endswith("/delay") and method == "DELETE":
            return self._undelay(canonical(path.removeprefix("/v2/queue/").removesuffix("/delay")))
        if path == "/v2/tasks":
            with self.scheduler.lock:
                return Answer(200, {"tasks": [self.scheduler.task(task) for task in self.scheduler.tasks.values()]})
        return self._mesos(path, query) if self.settings.logs else Answer(404, {"message": "Not Found"})

    def _info(self) -> Json:
        leader = f"127.0.0.1:{self.port}"
        config = {"master": leader, "mesos_leader_ui_url": f"{self.url}/" if self.settings.logs else None}
        return {
            "name": "marathon",
            "version": self.settings.version,
            "elected": True,
            "leader": leader,
            "frameworkId": FRAMEWORK,
            "marathon_config": config,
        }

    def _apps(self, method: str, rest: str, query: dict[str, list[str]], body: bytes, *, force: bool) -> Answer:
        scheduler = self.scheduler
        embed = {item.partition(".")[2] for item in query.get("embed", [])}
        if rest in ("", "/"):
            if method == "GET":
                return Answer(200, {"apps": self._listed(query, embed)})
            if method == "POST":
                spec = self._spec(body)
                with scheduler.lock:
                    if spec["id"] in scheduler.apps:
                        return Answer(409, {"message": f"An app with id [{spec['id']}] already exists."})
                    made = scheduler.change({spec["id"]: spec}, force=force)
                    info = scheduler.info(spec["id"], {"deployments"})
                return Answer(201, info, {"Marathon-Deployment-Id": made.id})
            return Answer(405, {"message": "Method Not Allowed"})
        if method == "GET" and rest.endswith("/*"):
            group = canonical(unquote(rest[:-2]))
            with scheduler.lock:
                found = [item for item in sorted(scheduler.apps) if item.startswith(f"{group.rstrip('/')}/")]
                return Answer(200, {"*": [scheduler.info(item, embed) for item in found]})
        older = re.fullmatch(r"(.+)/versions/([^/]+)", rest)
        if method == "GET" and older:
            with scheduler.lock:
                version = unquote(older[2])
                past = scheduler.versions.get(canonical(unquote(older[1])), {}).get(version)
            if past is None:
                return Answer(
                    404, {"message": f"App '{canonical(unquote(older[1]))}' does not exist in version {version}"}
                )
            return Answer(200, {**past, "version": version})
        tail = next((word for word in ("restart", "tasks", "versions") if rest.endswith(f"/{word}")), "")
        path = canonical(unquote(rest.removesuffix(f"/{tail}") if tail else rest))
        with scheduler.lock:
            if path not in scheduler.apps and method != "PUT":
                return Answer(404, {"message": f"App '{path}' does not exist"})
            if tail == "restart" and method == "POST":
                return _changed(scheduler.restart(path, force=force))
            if tail == "versions" and method == "GET":
                return Answer(200, {"versions": sorted(scheduler.versions[path], reverse=True)})
            if tail == "tasks":
                return self._tasks(method, path, force=force)
            if method == "GET":
                return Answer(200, {"app": scheduler.info(path, embed or {"failures"})})
            if method == "DELETE":
                return _changed(scheduler.change({path: None}, force=force))
            if method in ("PUT", "PATCH"):
                return self._put(path, query, body, method, force=force)
        return Answer(405, {"message": "Method Not Allowed"})

    def _put(self, path: str, query: dict[str, list[str]], body: bytes, method: str, *, force: bool) -> Answer:
        scheduler = self.scheduler
        given = _json(body)
        partial = method == "PATCH" or query.get("partialUpdate", ["true"])[-1] != "false"
        old = scheduler.apps.get(path)
        if isinstance(given, dict):
            given = {**(old.spec if old and partial else {}), **given, "id": path}
        spec = read(given, self.settings.number)
        if old is not None and _persistent(old.spec) != _persistent(spec):
            details = [{"path": "/", "errors": ["Persistent volumes can not be changed!"]}]
            raise BadError(422, "Object is not valid", details)
        made = scheduler.change({path: spec}, force=force)
        return _changed(made, 201 if old is None else 200)

    def _tasks(self, method: str, path: str, *, force: bool) -> Answer:
        tasks = [task for task in self.scheduler.tasks.values() if task.app == path]
        if method == "DELETE":
            for task in tasks:
                self.scheduler.kill_task(task.id)
        return Answer(200, {"tasks": [self.scheduler.task(task) for task in tasks]})

    def _listed(self, query: dict[str, list[str]], embed: set[str]) -> list[Json]:
        selectors = [text for given in query.get("label", []) for text in re.split(r"(?<!\\),(?![^(]*\))", given)]
        with self.scheduler.lock:
            return [
                self.scheduler.info(path, embed)
                for path, app in sorted(self.scheduler.apps.items())
                if all(_selects(selector.strip(), app.spec["labels"]) for selector in selectors)
                and all(text in path for text in query.get("id", []))
            ]

    def _groups(self, method: str, rest: str, body: bytes, *, force: bool) -> Answer:
        path = canonical(unquote(rest))
        scheduler = self.scheduler
        with scheduler.lock:
            there = [item for item in scheduler.apps if item.startswith(f"{path.rstrip('/')}/")]
            if method == "GET":
                if not there and path != "/":
                    return Answer(404, {"message": f"Group '{path}' does not exist"})
                return Answer(200, self._group(path))
            if method == "DELETE":
                if not there:
                    return Answer(404, {"message": f"Group '{path}' does not exist"})
                return _changed(scheduler.change(dict.fromkeys(there), force=force))
            given = _json(body)
            base = canonical(given.get("id", ""), path)
            wanted: dict[str, Spec | None] = dict(self._flat(given, base))
            if method == "POST" and any(item.startswith(f"{base.rstrip('/')}/") for item in scheduler.apps):
                return Answer(409, {"message": f"Group {base} is already created. Use PUT to change this group."})
            gone = [item for item in scheduler.apps if item.startswith(f"{base.rstrip('/')}/") and item not in wanted]
            return _changed(scheduler.change({**dict.fromkeys(gone), **wanted}, force=force), 201)

    def _flat(self, group: Any, path: str) -> list[tuple[str, Spec]]:
        found = []
        for app in group.get("apps", ()):
            spec = read(app, self.settings.number, path)
            spec["dependencies"] += [
                canonical(item, path.rpartition("/")[0] or "/") for item in group.get("dependencies", ())
            ]
            found.append((spec["id"], spec))
        for inner in group.get("groups", ()):
            found += self._flat(inner, canonical(inner["id"], path))
        return found

    def _group(self, path: str) -> Json:
        below = [item for item in self.scheduler.apps if item.startswith(f"{path.rstrip('/')}/")]
        own = [item for item in below if (item.rpartition("/")[0] or "/") == path]
        names = sorted({item[len(path.rstrip("/")) + 1 :].partition("/")[0] for item in below if item not in own})
        groups = [self._group(canonical(name, path)) for name in names]
        return {"id": path, "apps": [self.scheduler.info(item, set()) for item in own], "groups": groups}

    def _revert(self, ident: str, *, force: bool) -> Answer:
        try:
            made = self.scheduler.revert(ident, force=force)
        except KeyError:
            return Answer(404, {"message": f"DeploymentPlan {ident} does not exist"})
        return _changed(made) if made else Answer(202)

    def _undelay(self, path: str) -> Answer:
        if path not in self.scheduler.apps:
            return Answer(404, {"message": f"Application {path} not found in tasks queue."})
        self.scheduler.reset_delay(path)
        return Answer(204)

    def _spec(self, body: bytes) -> Spec:
        return read(_json(body), self.settings.number)

    # ------------------------------------------------------------ what Mesos tells

    def _mesos(self, path: str, query: dict[str, list[str]]) -> Answer:
        scheduler = self.scheduler
        if path == "/slaves":
            slaves = [
                {
                    "id": scheduler.agent_id(number),
                    "hostname": agent.hostname,
                    "port": self.port,
                    "pid": f"slave({number})@127.0.0.1:{self.port}",
                    "attributes": dict(agent.attributes),
                }
                for number, agent in enumerate(self.settings.agents)
            ]
            return Answer(200, {"slaves": slaves})
        agent_state = re.fullmatch(r"/slave\((\d+)\)/state", path)
        with scheduler.lock:
            tasks: list[Task] = list(scheduler.tasks.values())
            ended = list(scheduler.ended)
        if agent_state:
            number = int(agent_state[1])

            def executors(of: list[Task]) -> list[Json]:
                return [{"id": task.id, "directory": f"/sandbox/{task.id}"} for task in of if task.agent == number]

            framework = {"id": FRAMEWORK, "executors": executors(tasks), "completed_executors": executors(ended)}
            return Answer(
                200, {"id": scheduler.agent_id(number), "frameworks": [framework], "completed_frameworks": []}
            )
        if path == "/files/read":
            file = re.fullmatch(r"/sandbox/([^/]+)/(stdout|stderr)", query.get("path", [""])[-1])
            if not file or file[1] not in {task.id for task in (*tasks, *ended)}:
                return Answer(404, {"message": "Failed to read file"})
            data, offset = self.scheduler.backend.output(file[1], file[2]), int(query.get("offset", ["-1"])[-1])
            if offset < 0:
                return Answer(200, {"data": "", "offset": len(data)})
            length = int(query.get("length", [str(len(data))])[-1])
            return Answer(200, {"data": data[offset : offset + length].decode("utf-8", "replace"), "offset": offset})
        return Answer(404, {"message": "Not Found"})


def _changed(made: Any, status: int = 200) -> Answer:
    return Answer(status, {"version": made.version, "deploymentId": made.id}, {"Marathon-Deployment-Id": made.id})


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise BadError(400, "Invalid JSON", [{"path": "/", "errors": [str(error)]}]) from error


def _persistent(spec: Spec) -> list[Json]:
    volumes = (spec.get("container") or {}).get("volumes", ())
    return [volume for volume in volumes if "persistent" in volume]


def _selects(selector: str, labels: Mapping[str, str]) -> bool:
    """A selector as the API has them: `a`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`."""
    plain = re.sub(r"\\(.)", r"\1", selector)
    for words, good in (("!=", False), ("==", True)):
        name, found, value = plain.partition(words)
        if found:
            return name.strip() in labels and (labels[name.strip()] == value.strip()) == good
    listed = re.fullmatch(r"(\S+) (in|notin) \((.*)\)", plain)
    if listed:
        values = [value.strip() for value in listed[3].split(",")]
        return listed[1] in labels and (labels[listed[1]] in values) == (listed[2] == "in")
    return plain in labels


class _Handler(BaseHTTPRequestHandler):
    server_of_test: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the method above)
        return

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def _do(self) -> None:
        test = self.server_of_test
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        request = f"{self.command} {self.path}"
        with test.lock:
            test.requests.append(request)
        fault = test.fault(request)
        if fault is not None and fault.drop:
            self.close_connection = True
            self.connection.close()
            return
        if fault is not None:
            self._send(fault.status, fault.body, fault.headers)
        elif not self._allowed():
            headers = {"WWW-Authenticate": 'Basic realm="Mesosphere"', "Content-Type": "application/json"}
            self._send(401, b'{"message":"Invalid username or password."}', headers)
        else:
            answer = test.answer(self.command, unquote(parts.path), parse_qs(parts.query), body)
            data = b"" if answer.body is None else json.dumps(answer.body).encode()
            self._send(answer.status, data, {"Content-Type": "application/json", **answer.headers})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _do  # noqa: N815 (the names that the base class calls)

    def _allowed(self) -> bool:
        settings: Settings = self.server_of_test.settings
        given = self.headers.get("Authorization", "")
        wanted: list[str] = []
        if settings.username:
            pair = f"{settings.username}:{settings.password}".encode()
            wanted.append(f"Basic {base64.b64encode(pair).decode()}")
        if settings.token:
            wanted += [f"token={settings.token}", f"Bearer {settings.token}"]
        same: Callable[[str, str], bool] = hmac.compare_digest
        return not wanted or any(same(given, text) for text in wanted)

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)
