"""From the options of one `docker run` command to a Workload, with the checks that concern several options at once."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from atomicapp.errors import ERROR, NOTE, WARNING, Issue
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.drafts import Draft
from atomicapp.workload.specs import BUILT_IN_NETWORKS

_PLAIN = (  # fields that a Draft and a Workload call the same
    *("name", "entrypoint", "publish_all", "volume_driver", "restart", "auto_remove", "user", "workdir", "hostname"),
    *("domainname", "shm_size", "stop_signal", "stop_grace", "init", "tty", "stdin", "platform", "runtime"),
    *("isolation", "pull", "cgroup_parent"),
)
_ENDPOINT = {
    "aliases": "--network-alias",
    "ipv4": "--ip",
    "ipv6": "--ip6",
    "link_local_ips": "--link-local-ip",
    "mac": "--mac-address",
}


def assemble(
    draft: Draft, image: str, command: tuple[str, ...], position: Position, image_position: Position
) -> tuple[model.Workload, list[Issue]]:
    """The workload, and what is wrong with the options taken together."""
    lists, maps, groups = draft.lists, draft.maps, draft.groups
    issues = [*_conflicts(draft), *_mount_conflicts(lists["mounts"])]
    mode, networks, found = _networks(draft)
    issues += found
    groups["namespaces"]["network"] = mode
    for name in ("cap_add", "cap_drop"):
        groups["security"][name] = tuple(lists[name])
    groups["security"]["options"] = tuple(lists["security_opt"])
    block_io: dict[str, Any] = {
        name: tuple(lists[name]) for name in ("weight_devices", "read_bps", "write_bps", "read_iops", "write_iops")
    }
    healthcheck, found = _health(draft)
    issues += found
    where = {**draft.where, "image": image_position}
    workload = model.Workload(
        image=image,
        position=position,
        command=command or None,
        env=tuple(lists["env"]),
        ports=tuple(lists["ports"]),
        exposed=tuple(lists["exposed"]),
        mounts=tuple(lists["mounts"]),
        volumes_from=tuple(lists["volumes_from"]),
        networks=networks,
        links=tuple(lists["links"]),
        healthcheck=healthcheck,
        resources=model.Resources(**groups["resources"]),
        block_io=model.BlockIo(**groups["block_io"], **block_io),
        ulimits=tuple({item.name: item for item in lists["ulimits"]}.values()),
        devices=tuple(lists["devices"]),
        device_requests=tuple(lists["device_requests"]),
        device_rules=tuple(lists["device_rules"]),
        security=model.Security(**groups["security"]),
        namespaces=model.Namespaces(**groups["namespaces"]),
        sysctls=_frozen(maps["sysctls"]),
        groups=tuple(lists["groups"]),
        dns=model.Dns(tuple(lists["dns"]), tuple(lists["dns_search"]), tuple(lists["dns_options"])),
        extra_hosts=tuple(lists["extra_hosts"]),
        logging=model.Logging(groups["logging"].get("driver", ""), _frozen(maps["log_options"])),
        labels=_frozen(maps["labels"]),
        annotations=_frozen(maps["annotations"]),
        storage_options=_frozen(maps["storage_options"]),
        where=MappingProxyType(where),
        **{name: draft.fields[name] for name in _PLAIN if name in draft.fields},
    )
    return workload, issues


def _frozen(found: dict[str, str]) -> MappingProxyType[str, str]:
    return MappingProxyType(dict(found))


def _error(message: str, position: Position, hint: str = "") -> Issue:
    return Issue(ERROR, message, position, "conflict", "", hint)


def _conflicts(draft: Draft) -> Iterator[Issue]:
    fields, where = draft.fields, draft.where
    restart = fields.get("restart", model.Restart())
    if fields.get("auto_remove") and restart.policy != "no":
        yield _error(
            "--rm and --restart contradict each other: what is removed when it ends can't be started again",
            where["auto_remove"],
            "remove one of them",
        )
    elif fields.get("auto_remove"):
        yield Issue(
            NOTE,
            "--rm: the container is gone when it ends, with its log; each run of the app makes it anew",
            where["auto_remove"],
            "auto-remove",
        )
    if draft.groups["logging"].get("driver") == "none" and draft.maps["log_options"]:
        yield _error("--log-opt means nothing to the log driver none", where["log_options"])
    if draft.groups["namespaces"].get("uts") == "host" and fields.get("hostname"):
        yield _error("--hostname can't be set in the host's UTS namespace (--uts host)", where["hostname"])
    if fields.get("stop_grace", 0) < -1:
        yield _error("--stop-timeout: expected seconds, or -1 to wait for ever", where["stop_grace"])
    if "detach" in where and not fields["detach"]:
        yield Issue(
            WARNING,
            "--detach=false has no meaning here: an app's containers run in the background",
            where["detach"],
            "no-effect",
        )
    elif "detach" not in where:
        for name, option in (("stdin", "-i"), ("tty", "-t")):
            if fields.get(name):
                yield Issue(
                    WARNING,
                    f"{option} opens no terminal here: the container runs in the background, as with -d",
                    where[name],
                    "no-effect",
                )


def _mount_conflicts(mounts: list[model.Mount]) -> Iterator[Issue]:
    seen: dict[str, model.Mount] = {}
    for mount in mounts:
        other = seen.setdefault(mount.target, mount)
        if other is not mount:
            yield _error(
                f"two mounts at {mount.target}: the other one is at {other.position}",
                mount.position,
                "give one of them another path in the container",
            )


def _health(draft: Draft) -> tuple[model.Healthcheck | None, list[Issue]]:
    found: dict[str, Any] = {name: value for name, value in draft.groups["health"].items() if value}
    if draft.fields.get("no_healthcheck"):
        if found:
            place = draft.where[next(iter(found))]
            return None, [_error("--no-healthcheck contradicts the --health options", place, "remove one of them")]
        return model.Healthcheck(("NONE",)), []
    if not found:
        return None, []
    if "test" in found:
        found["test"] = ("CMD-SHELL", found["test"])
    return model.Healthcheck(**found), []


# ---------------------------------------------------------------- networks


def is_mode(name: str) -> bool:
    """Whether a value of --network is a mode of the engine and not the name of a network."""
    return name in BUILT_IN_NETWORKS or name.startswith("container:")


def _networks(draft: Draft) -> tuple[str, tuple[model.Network, ...], list[Issue]]:
    """The network mode, the networks (with one of a mode's name for settings such as a MAC), and the faults."""
    networks: list[model.Network] = list(draft.lists["networks"])
    issues: list[Issue] = []
    seen: set[str] = set()
    for network in networks:
        if network.name in seen:
            issues.append(_error(f"the network {network.name} is given twice", network.position, "remove one of them"))
        seen.add(network.name)
    modes = [network for network in networks if is_mode(network.name)]
    if modes and len(networks) > 1:
        other = next(network for network in networks if network is not modes[0])
        issues.append(
            _error(f"the network mode '{modes[0].name}' can't be joined with the network {other.name}", other.position)
        )
    first, found = _with_options(networks[0] if networks else None, draft)
    issues += found
    mode = networks[0].name if modes else ""
    if first is None:
        return mode, (), issues
    if is_mode(first.name):
        issues += _mode_conflicts(first, draft)
        kept = (first,) if first.mac or first.driver_options or first.gateway_priority or first.link_local_ips else ()
        return mode, kept, issues
    return mode, (first, *networks[1:]), issues


def _with_options(network: model.Network | None, draft: Draft) -> tuple[model.Network | None, list[Issue]]:
    """The first network with the values of `--ip` and its like, which concern that one."""
    given: dict[str, Any] = {name: draft.fields[name] for name in ("ipv4", "ipv6", "mac") if name in draft.fields}
    given |= {name: tuple(draft.lists[name]) for name in ("aliases", "link_local_ips") if draft.lists[name]}
    if not given:
        return network, []
    if network is None:
        network = model.Network("default", draft.where[next(iter(given))])
    issues = [
        _error(f"{_ENDPOINT[name]} is also said in --network", draft.where[name], "say it in one place")
        for name in given
        if getattr(network, name)
    ]
    return network._replace(**given), issues


def _mode_conflicts(network: model.Network, draft: Draft) -> Iterator[Issue]:
    own = "a network of its own, such as --network NAME"
    for name in ("aliases", "ipv4", "ipv6"):
        if getattr(network, name):
            place = draft.where.get(name, network.position)
            yield _error(f"{_ENDPOINT[name]} needs {own}; here the mode is '{network.name}'", place)
    shared = network.name.startswith("container:")
    if shared and network.name == "container:":
        yield _error("container: needs a name after the colon", network.position)
    refused = {"links": "--link"} if shared or network.name in ("host", "none") else {}
    if shared:
        refused |= {
            "ports": "--publish",
            "publish_all": "--publish-all",
            "exposed": "--expose",
            "hostname": "--hostname",
            "extra_hosts": "--add-host",
            "dns": "--dns",
            "mac": "--mac-address",
        }
    if shared or network.name == "host":
        refused |= {"mac": "--mac-address"}
    for name, option in refused.items():
        if draft.lists[name] or draft.fields.get(name):
            yield _error(f"{option} can't be joined with --network {network.name}", draft.where[name])
    if network.name == "host" and (draft.lists["ports"] or draft.fields.get("publish_all")):
        place = draft.where.get("ports") or draft.where["publish_all"]
        yield Issue(WARNING, "published ports have no effect with --network host", place, "no-effect")
