"""The commands of the docker client that a unit consists of, as words. Pure."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from atomicapp.providers.docker import command
from atomicapp.providers.docker.compose import Thing
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.model import Hook, Network, Restart, Workload

Group = Sequence[str]
"""Words that belong together: an option and its value."""
Words = tuple[Group, ...]

_PATIENCE = 60
"""Seconds for a container to be there at all, once its unit was started."""


_CHUNK = 60_000  # characters that one command line takes; whole groups of four
_BLOCK = 1000


LOCK = "/run/atomicapp-networks.lock"


class Run(NamedTuple):
    """How a container is run: the commands before, and the one that stays for as long as it runs."""

    before: tuple[Words, ...]
    start: Words


def running(docker: str, work: Workload, more: Sequence[Group], aliases: tuple[str, ...]) -> Run:
    """`docker run` in the foreground; `more` are further options. Where one command can't say it: created, connected,
    started attached."""
    plain = work._replace(
        restart=Restart(),
        auto_remove=True,
        pull=model.PULL_NEVER if work.pull == model.PULL_NEVER else model.PULL_MISSING,
        networks=work.networks[:1],
    )
    options = [(name, value) if value else (name,) for name, value in command.options(plain, aliases)]
    entrypoint = list(work.entrypoint or ())[1:]
    tail = [work.image, *entrypoint, *(work.command or ())]
    if len(work.networks) < 2 and not work.stdin:
        return Run((), ((docker, "run"), *options, *more, tail))
    created = ((docker, "create"), *options, *more, tail)
    connected = (connect(docker, work.name, network, aliases) for network in work.networks[1:])
    return Run((created, *connected), ((docker, "start", "--attach", work.name),))


def connect(docker: str, name: str, network: Network, aliases: tuple[str, ...]) -> Words:
    """Gives a container one more network."""
    own = () if network.unnamed else aliases
    names = dict.fromkeys([*network.aliases, *own])
    return (
        (docker, "network", "connect"),
        *(("--alias", alias) for alias in names),
        *(("--ip", address) for address in [network.ipv4] if address),
        *(("--ip6", address) for address in [network.ipv6] if address),
        *(("--link-local-ip", address) for address in network.link_local_ips),
        *(("--driver-opt", f"{key}={value}") for key, value in network.driver_options.items()),
        *(("--gw-priority", str(priority)) for priority in [network.gateway_priority] if priority),
        (network.name, name),
    )


def pull(docker: str, work: Workload) -> Iterator[Words]:
    """Gets the image, so that the start of a container is not the time of a pull."""
    platform = ("--platform", work.platform) if work.platform else ()
    words = (docker, "pull", *platform, work.image)
    if work.pull == model.PULL_ALWAYS:
        yield shell(f"exec {shlex.join(words)} >/dev/null")
    elif work.pull != model.PULL_NEVER:
        there = shlex.join([docker, "image", "inspect", work.image])
        yield shell(f"{there} >/dev/null 2>&1 || exec {shlex.join(words)} >/dev/null")


def remove(docker: str, name: str) -> Words:
    """Removes what an earlier start has left. In silence: the log of the unit is that of the container."""
    return shell(f"exec {docker} rm --force {shlex.quote(name)} >/dev/null 2>&1")


def stop(docker: str, work: Workload) -> Words:
    """Ends it in its own time."""
    grace = ("--time", str(work.stop_grace)) if work.stop_grace is not None else ()
    return shell(f"exec {shlex.join([docker, 'stop', *grace, work.name])} >/dev/null")


def hook(docker: str, name: str, item: Hook) -> Words:
    """A command in the container."""
    return (
        (docker, "exec"),
        *(("--user", user) for user in [item.user] if user),
        *(("--privileged",) for _ in [0] if item.privileged),
        *(("--workdir", folder) for folder in [item.workdir] if folder),
        *(("--env", f"{env.name}={env.value}") for env in item.env),
        (name, *item.command),
    )


def shell(text: str) -> Words:
    """A text for the shell of the machine."""
    return (("/bin/sh", "-c", text),)


def running_now(docker: str, name: str) -> Words:
    """Waits until a container runs."""
    asked = f"{docker} inspect --format '{{{{.State.Running}}}}' {name} 2>/dev/null"
    return shell(
        f'n=0; until [ "$({asked})" = true ]; do n=$((n+1)); [ $n -lt {_PATIENCE * 5} ] || exit 1; sleep 0.2; done'
    )


def healthy(docker: str, name: str) -> Words:
    """Waits until a container is healthy; fails when it is not, or not there."""
    asked = f"{docker} inspect --format '{{{{.State.Health.Status}}}}' {name} 2>/dev/null"
    return shell(
        f'n=0; while :; do s="$({asked})"; case "$s" in healthy) exit 0;; starting) ;; '
        f'*) n=$((n+1)); if [ "$s" = unhealthy ] || [ $n -ge {_PATIENCE} ]; then '
        f"echo {name} is not healthy >&2; exit 1; fi;; esac; sleep 1; done"
    )


def file(path: str, text: str, mode: int, uid: int, gid: int) -> Iterator[Words]:
    """Writes a file on the machine that runs the unit."""
    data = base64.b64encode(text.encode()).decode()
    folder, quoted = shlex.quote(path.rpartition("/")[0]), shlex.quote(path)
    yield shell(f"umask 077; mkdir -p {folder} && : >{quoted}")
    for start in range(0, len(data), _CHUNK):
        # with blanks, at which a line can be broken
        part = data[start : start + _CHUNK]
        blanks = " ".join(part[at : at + _BLOCK] for at in range(0, len(part), _BLOCK))
        yield shell(f"echo {blanks} | tr -d ' ' | base64 -d >>{quoted}")
    yield shell(f"chmod {mode:o} {quoted} && chown {uid}:{gid} {quoted}")


def active(unit: str, *, done: bool) -> Words:
    """Fails when another unit has not come up; when it has not `done` its work, where one between two starts won't do."""
    name = shlex.quote(unit)
    # a user's own manager, and no other, tells its services who it is
    asked = f'"$(systemctl ${{MANAGERPID:+--user}} is-active {name})"'
    return shell(
        f"case {asked} in active{'' if done else '|activating'}) ;; *) echo {name} is not active >&2; exit 1;; esac"
    )


# ---------------------------------------------------------------- networks and volumes


def network(name: str, thing: Thing) -> Iterator[Group]:
    """The options of `docker network create`, and the name."""
    body = thing.body
    yield from (("--driver", driver) for driver in [body.get("driver", "")] if driver not in ("", "bridge"))
    yield from _pairs("--opt", body.get("options", {}))
    yield from ((f"--{flag}",) for flag in ("internal", "attachable") if body.get(flag))
    if body.get("ipv4") is False:
        yield ("--ipv4=false",)
    if body.get("ipv6") is not None:
        yield ("--ipv6",) if body["ipv6"] else ("--ipv6=false",)
    yield from (("--ipam-driver", driver) for driver in [body.get("ipam_driver", "")] if driver)
    yield from _pairs("--ipam-opt", body.get("ipam_options", {}))
    for found in body.get("subnets", ()):
        for key, option in (("Subnet", "--subnet"), ("IPRange", "--ip-range"), ("Gateway", "--gateway")):
            yield from ((option, value) for value in [found.get(key, "")] if value)
        yield from _pairs("--aux-address", found.get("AuxiliaryAddresses", {}))
    yield from _pairs("--label", body.get("labels", {}))
    yield (name,)


def made(docker: str, name: str, thing: Thing) -> Words:
    """Makes a network, if it is not there. Two units that do so at a time would make two of one name."""
    there = f"{shlex.join([docker, 'network', 'inspect', name])} >/dev/null 2>&1"
    create = shlex.join([docker, "network", "create", *(word for group in network(name, thing) for word in group)])
    return (("/usr/bin/flock", LOCK, "/bin/sh", "-c"), (f"{there} || exec {create} >/dev/null",))


def removed(docker: str, name: str) -> Words:
    """Removes a network; while others have it, nothing happens."""
    rm = f"exec {shlex.join([docker, 'network', 'rm', name])} >/dev/null 2>&1"
    return (("/usr/bin/flock", LOCK, "/bin/sh", "-c"), (rm,))


def volume_made(docker: str, name: str, thing: Thing) -> Words:
    """Makes a volume, if it is not there."""
    create = shlex.join([docker, "volume", "create", *(word for group in volume(name, thing) for word in group)])
    return shell(f"exec {create} >/dev/null")


def volume(name: str, thing: Thing) -> Iterator[Group]:
    """The options of `docker volume create`, and the name."""
    body = thing.body
    yield from (("--driver", driver) for driver in [body.get("driver", "")] if driver not in ("", "local"))
    yield from _pairs("--opt", body.get("options", {}))
    yield from _pairs("--label", body.get("labels", {}))
    yield (name,)


def _pairs(option: str, found: Mapping[str, Any]) -> Iterator[Group]:
    return ((option, f"{key}={value}") for key, value in found.items())
