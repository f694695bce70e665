"""Why the engine refused: its words, and what they mean for the one who runs the app."""

from __future__ import annotations

import re

from atomicapp.errors import EngineError
from atomicapp.model import Resource, Step
from atomicapp.providers.docker.client import Client, Refused

_PORT = re.compile(
    r"Bind for (?P<address>\S+):(?P<port>\d+) failed: port is already allocated"
    r"|listen (?:tcp|udp|sctp)[46]? (?P<address2>\S*):(?P<port2>\d+): bind: address already in use"
    r"|bind: address already in use.*?:(?P<port3>\d+)"
    r"|cannot listen on the (?:TCP|UDP) port: listen \S+ :?(?P<port4>\d+)",
    re.DOTALL,
)
_PROGRAM = re.compile(r'exec: \\?"(?P<program>[^"\\]+)\\?": (?P<why>[^\n:"]+(?:: [^\n:"]+)?)')
_SOURCE = re.compile(r"(?:bind source path does not exist|invalid mount config[^:]*): ?(?P<path>\S+)?")
_AGAIN = "mend the cause and run the same command again: it goes on where this one ended"


def explain(client: Client, step: Step, error: Refused) -> EngineError:
    """The engine's refusal of a step as an error with the cause in plain words, and the next step."""
    message, hint = _explain(client, step, error.message)
    resource = step.resource
    return EngineError(
        f"{step.component}: {step.kind} {step.name}: {message}",
        component=step.component,
        position=resource.position if resource else None,
        hint=hint or _AGAIN,
    )


def _explain(client: Client, step: Step, text: str) -> tuple[str, str]:
    port = _PORT.search(text)
    if port:
        number = next(found for name, found in port.groupdict().items() if name.startswith("port") and found)
        holder = _holder(client, number, step.name)
        by = f" by the container {holder}" if holder else " by another program on the host"
        hint = f"stop it, or publish another port: `ss -ltnp 'sport = :{number}'` shows who listens"
        if holder:
            hint = f"stop it (`docker stop {holder}`), or publish another port"
        return f"port {number} of the host is taken already{by}", hint
    program = no_program(text)
    if program:
        return program, "correct the command or the image"
    if lost_network(text):
        return "a network that it needs is gone", "`atomicapp run` makes the network and the container anew"
    lowered = text.lower()
    for words, message, hint in _KNOWN:
        if words in lowered:
            return f"{message}: {_short(text)}", hint
    return _short(text), ""


_KNOWN = (
    ("no such image", "its image is not on the engine", "run the same command again: it pulls the image"),
    ("bind source path does not exist", "a folder of the host that it mounts is not there", "make it on the host"),
    ("invalid mount config", "a mount can't be made", "correct the --mount or -v of the artifact"),
    ("invalid volume specification", "a volume can't be mounted", "correct the -v of the artifact"),
    ("error while mounting volume", "a volume can't be mounted", "see the options of the volume"),
    ("no such network", "a network that it needs is gone", "run the same command again: it makes the network"),
    (
        "could not find an available",
        "the engine has no free network addresses",
        "remove unused ones: docker network prune",
    ),
    (
        "has active endpoints",
        "other containers still use it",
        "see `docker network inspect`; stop those containers first",
    ),
    ("volume is in use", "a container still uses it", "remove that container first"),
    ("no such container", "a container that it needs is not there", "start that one first"),
    ("cannot link to a non running container", "a container that it links to does not run", "start that one first"),
    ("could not get container for", "a container that it links to is not there", "start that one first"),
    ("error gathering device information", "a device of the host is not there", "correct the --device of the artifact"),
    ("could not select device driver", "the engine has no driver for these devices", "install it, or leave --gpus out"),
    ("unknown runtime", "the engine does not know this runtime", "leave --runtime out, or set the runtime up there"),
    ("no space left on device", "the disk of the engine is full", "free some space: docker system df"),
)


def no_program(text: str) -> str:
    """What is said of a command that can't be started; empty when that is not the cause."""
    program = _PROGRAM.search(text)
    if program is None:
        return ""
    why = program["why"].strip().removesuffix(": unknown").removesuffix(": unknown.")
    return f"'{program['program']}' can't be started in the container: {why}"


def lost_network(text: str) -> bool:
    """Whether a container can't start because its network was removed."""
    return bool(re.search(r"network \S+ not found", text))


def _short(text: str) -> str:
    """The last words of a chain of causes say most; drop the noise of the runtime around them."""
    kept = re.sub(r"^(?:failed to create (?:shim )?task[^:]*: |OCI runtime create failed: )+", "", text.strip())
    kept = " ".join(kept.replace(": unknown", "").split())
    return kept if len(kept) <= 400 else kept[:397] + "..."


def _holder(client: Client, port: str, own: str) -> str:
    """The name of the container that publishes a port, if one does."""
    from atomicapp.providers.docker.observe import name_of

    try:
        rows = client.listing("/containers/json")
    except (Refused, EngineError):
        return ""
    for row in rows:
        if name_of(row) != own and any(str(item.get("PublicPort")) == port for item in row.get("Ports") or []):
            return name_of(row)
    return ""


# ---------------------------------------------------------------- pulling


def pull_failed(name: str, text: str, resource: Resource) -> EngineError:
    """Why an image could not be pulled."""
    lowered = text.lower()
    hint = "check the name of the image"
    if "no such host" in lowered or "server misbehaving" in lowered or "lookup " in lowered:
        cause, hint = (
            "its registry is not known to the engine's machine",
            "check the name of the registry, DNS, a proxy",
        )
    elif "connection refused" in lowered:
        cause, hint = "its registry does not answer", "see that the registry runs and that its port is right"
    elif "timeout" in lowered or "deadline exceeded" in lowered or "i/o timeout" in lowered:
        cause, hint = "its registry does not answer in time", "check the network of the engine's machine, a proxy"
    elif "certificate" in lowered or "http response to https client" in lowered or "tls" in lowered:
        cause, hint = "its registry is not trusted by the engine", "install the registry's CA on the engine's machine"
    elif "unauthorized" in lowered or "no basic auth" in lowered or "authentication" in lowered:
        cause, hint = "the registry wants you to log in", "docker login REGISTRY, then run the same command again"
    elif "pull access denied" in lowered or "denied" in lowered:
        cause, hint = "it does not exist there, or you may not read it", "check its name; docker login if it is private"
    elif "manifest unknown" in lowered or "not found" in lowered:
        cause, hint = "the registry has no such image or tag", "check the name and the tag of the image"
    elif "no space left" in lowered:
        cause, hint = "the disk of the engine is full", "free some space: docker system df"
    else:
        cause = "the engine refused"
    return EngineError(
        f"the image {name} is not on the engine and can't be pulled: {cause} ({_short(text)})",
        component=resource.component,
        position=resource.position,
        hint=hint,
    )
