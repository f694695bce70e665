"""Options of `docker run` as the keys of a Quadlet file. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence

from atomicapp.providers.units import quoting
from atomicapp.providers.units.inside import fits_file
from atomicapp.providers.units.quoting import INSTANCE
from atomicapp.workload import model
from atomicapp.workload.model import Mount, Workload

LOG_DRIVERS = ("journald", "k8s-file", "json-file", "none", "passthrough")

Pair = tuple[str, str]

# Options of `docker run`, and the keys that say them, of those that Podman 4.9 has. The value of the second ones is words.
_TEXTS = {
    "--name": "ContainerName",
    "-p": "PublishPort",
    "--expose": "ExposeHostPort",
    "--workdir": "WorkingDir",
    "--pull": "Pull",
    "--health-interval": "HealthInterval",
    "--health-timeout": "HealthTimeout",
    "--health-start-period": "HealthStartPeriod",
    "--health-retries": "HealthRetries",
    "--hostname": "HostName",
    "--dns": "DNS",
    "--dns-search": "DNSSearch",
    "--dns-option": "DNSOption",
    "--tmpfs": "Tmpfs",
    "--userns": "UserNS",
    "--device": "AddDevice",
    "--log-driver": "LogDriver",
    "--pids-limit": "PidsLimit",
    "--shm-size": "ShmSize",
    "--ulimit": "Ulimit",
    "--network": "Network",
}
_WORDS = {
    "-e": "Environment",
    "--label": "Label",
    "--annotation": "Annotation",
    "--cap-add": "AddCapability",
    "--cap-drop": "DropCapability",
    "--sysctl": "Sysctl",
}
UNKNOWN = frozenset(
    (
        *("--domainname", "--link", "--isolation", "--storage-opt", "--volume-driver", "--kernel-memory"),
        *("--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops", "--health-start-interval"),
        # said in another way, or always so
        *("--gpus", "--rm", "--health-cmd", "--no-healthcheck", "--entrypoint", "--entrypoint=", "-v", "--mount"),
    )
)
"""Options that Podman does not have, or that are written here."""


def long_mount(mount: Mount, source: str) -> Iterator[str]:
    """The fields of `--mount`."""
    yield f"type={mount.kind}"
    if source:
        yield f"source={source}"
    yield f"target={mount.target}"
    if mount.read_only:
        yield "readonly"
    if mount.propagation:
        yield f"bind-propagation={mount.propagation}"
    if mount.recursive == "disabled":
        yield "bind-nonrecursive"
    if mount.subpath:
        yield f"subpath={mount.subpath}"
    if mount.size is not None:
        yield f"tmpfs-size={mount.size}"
    if mount.mode is not None:
        yield f"tmpfs-mode={mount.mode:o}"


_ODD = re.compile(r"""^[\s"'`]|[\\$#]|\s$""")
"""Values that readers of files of variables do not agree on."""
_NO_TEXT = re.compile(r"[\n\r\t]|\\$|^\s|\s$")


def fits(item: model.Env) -> bool:
    """Whether Podman reads a variable from a file as it is."""
    return fits_file(item) and not _ODD.search(item.value)


def full_name(image: str) -> str:
    """An image with its registry, as a Compose file means it: a short name is Docker Hub's, of which Podman knows nothing."""
    first, slash, _ = image.partition("/")
    if re.fullmatch("[0-9a-f]{64}", image) or image.startswith("sha256:"):
        return image
    if slash and (first == "localhost" or set(".:") & set(first) or first != first.lower()):
        return image
    return f"docker.io/{'' if slash else 'library/'}{image}"


def network_option(name: str) -> str | None:
    """What Podman calls an option of a network; None for one that only a Docker Engine has."""
    if name == "com.docker.network.driver.mtu":
        return "mtu"
    return None if name.startswith("com.docker.") else name


def literal(value: str) -> str:
    """A value that is no list of words."""
    return value.replace("%", "%%").replace("$", "$$").replace(INSTANCE, "%i")


def of_option(option: str, value: str) -> Iterator[Pair]:
    """An option of `docker run` as a key; as an argument where there is none, or where the key can't say the value."""
    flags = {
        "--init": ("RunInit", "true"),
        "--init=false": ("RunInit", "false"),
        "--read-only": ("ReadOnly", "true"),
    }
    if not value:
        yield flags.get(option, ("PodmanArgs", option))
    elif option == "--security-opt":
        yield _security(value)
    elif option == "--user":
        yield from _user(value)
    elif option == "--runtime":
        yield "GlobalArgs", f"--runtime={quoting.word(value)}"
    elif option in _WORDS:
        yield _WORDS[option], quoting.word(value)
    elif option in _TEXTS and not _NO_TEXT.search(value):
        yield _TEXTS[option], literal(value)
    else:
        yield "PodmanArgs", f"{option} {quoting.word(value)}"


def _security(value: str) -> Pair:
    known = {
        "no-new-privileges": ("NoNewPrivileges", "true"),
        "no-new-privileges=true": ("NoNewPrivileges", "true"),
        "no-new-privileges:true": ("NoNewPrivileges", "true"),
        "label=disable": ("SecurityLabelDisable", "true"),
        "label:disable": ("SecurityLabelDisable", "true"),
        "seccomp=unconfined": ("SeccompProfile", "unconfined"),
        "seccomp:unconfined": ("SeccompProfile", "unconfined"),
        "systempaths=unconfined": ("Unmask", "ALL"),
    }
    return known.get(value, ("PodmanArgs", f"--security-opt {quoting.word(value)}"))


def _user(value: str) -> Iterator[Pair]:
    user, colon, group = value.partition(":")
    if user:
        yield "User", literal(user)
    if colon and group:
        yield "Group", literal(group)


def timing(work: Workload) -> model.Healthcheck | None:
    """The times of its health check, whose command is said in another way."""
    return work.healthcheck._replace(test=()) if work.healthcheck is not None else None


def health(check: model.Healthcheck | None) -> Iterator[Pair]:
    """The command of a health check."""
    if check is None or not check.test:
        return
    if check.test == ("NONE",):
        yield "HealthCmd", "none"
        return
    # Podman carries out a list as it is, without the word CMD before it, and another text by the shell: also one word alone
    words = list(check.test[1:])
    shell = check.test[0] == "CMD-SHELL"
    value = words[0] if shell else shlex.join(words) if len(words) == 1 else json.dumps(words)
    if _NO_TEXT.search(value):
        yield "PodmanArgs", f"--health-cmd {quoting.word(value)}"
    else:
        yield "HealthCmd", literal(value)


def devices(request: model.DeviceRequest) -> Iterator[str]:
    """The names that CDI has for the graphics cards of a request; only one maker has any."""
    if request.driver not in ("", "nvidia"):
        return
    found = request.ids or (("all",) if request.number < 0 else map(str, range(request.number)))
    yield from (f"nvidia.com/gpu={name}" for name in found)


def required(units: Sequence[str]) -> list[Pair]:
    """Units that must have come up before."""
    return [pair for name in units for pair in (("After", name), ("Requires", name))]
