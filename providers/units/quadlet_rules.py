"""What becomes of each key of a Compose file in Quadlet files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from atomicapp.providers.units import rules
from atomicapp.providers.units.quadlet_keys import LOG_DRIVERS, network_option
from atomicapp.workload.fidelity import APPROXIMATED, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

_NO_KEY = "Podman has no word for it"
_AGAIN = Verdict(APPROXIMATED, "carried out once, before the first of the replicas")
_OTHER_LOG = Verdict(LOST, f"Podman logs to {', '.join(LOG_DRIVERS)} only")
_NO_ALIAS = Verdict(APPROXIMATED, "as the order of the starts: Podman has no links, and so no other name for a service")
_OTHER_GPU = Verdict(LOST, "Podman has names for devices of nvidia only")
_ONLY_DOCKER = Verdict(LOST, "options com.docker.* are those of a Docker Engine; only that for the mtu has an equal")
_IN_PODMAN = "as a secret of Podman, made when the unit starts"


def _log(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    known = work is None or not work.logging.driver or work.logging.driver in LOG_DRIVERS
    return None if known else _OTHER_LOG


def _recursive(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and any(mount.recursive in ("writable", "readonly") for mount in work.mounts):
        return Verdict(LOST, _NO_KEY)
    return None


def _alias(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    links = work.links if work is not None else ()
    return _NO_ALIAS if any(link.alias != link.target for link in links) else None


def _docker_options(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.networks.get(said.subject)
    options = spec.driver_options if spec is not None else {}
    return _ONLY_DOCKER if any(network_option(name) is None for name in options) else None


def _per_replica(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or work.replicas == 1:
        return None
    return _AGAIN if any(item.per_replica for item in work.pre_start) else None


def _driver(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    requests = work.device_requests if work is not None else ()
    return _OTHER_GPU if any(item.driver not in ("", "nvidia", "cdi") for item in requests) else None


_DIFFERENT: Mapping[str, Rule] = {
    **{
        f"services.{room}.{key}": rule
        for room in ("gpus", "deploy.resources.reservations.devices")
        for key, rule in (
            ("count", approximated("as AddDevice=, the first ones", _driver, _OTHER_GPU)),
            ("device_ids", kept("as AddDevice=, by their names of CDI", _driver, _OTHER_GPU)),
            ("driver", kept("", _driver, _OTHER_GPU)),
            ("options", lost(_NO_KEY)),
        )
    },
    "services.gpus.capabilities": lost("a device is given as a whole"),
    "services.deploy.resources.reservations.devices.capabilities": approximated("a device is given as a whole"),
    "services.healthcheck.test": kept(),
    "services.healthcheck.start_interval": lost(_NO_KEY),
    "services.domainname": lost(_NO_KEY),
    "services.isolation": lost(_NO_KEY),
    "services.storage_opt": lost("it is a setting of the whole storage for Podman"),
    "services.cpu_count": lost(_NO_KEY),
    "services.cpu_percent": lost(_NO_KEY),
    "services.credential_spec.file": lost(_NO_KEY),
    "services.credential_spec.registry": lost(_NO_KEY),
    "services.external_links": lost("Podman has no links: give both a network"),
    "services.links": approximated("both are on one network, where a service has its own name", _alias, _NO_ALIAS),
    "services.logging.driver": kept("", _log, _OTHER_LOG),
    "services.logging.options": kept("", _log, _OTHER_LOG),
    "services.networks.mac_address": kept(),
    "services.networks.interface_name": kept(),
    "services.networks.driver_opts": lost(_NO_KEY),
    "services.networks.gw_priority": lost(_NO_KEY),
    "services.networks.link_local_ips": lost(_NO_KEY),
    "services.volumes.consistency": lost(_NO_KEY),
    "services.volumes.bind.recursive": kept("", _recursive, Verdict(LOST, _NO_KEY)),
    "services.volumes.bind.create_host_path": kept("as a step before the start"),
    "services.scale": kept("as files of their own"),
    "services.deploy.replicas": kept("as files of their own"),
    "services.pull_policy": kept("as Pull="),
    "services.depends_on.condition": kept("as After=, Notify=healthy, and a oneshot for what is to be completed"),
    "services.depends_on.required": kept("as Wants= in place of Requires="),
    "services.depends_on.restart": kept("as PartOf=; Requires= does the same for what is required"),
    "services.pre_start": kept("as containers of their own, which come to their end before", _per_replica, _AGAIN),
    "services.pre_start.per_replica": approximated("carried out once, before the first of the replicas"),
    "networks.attachable": lost("a network of Podman always is"),
    "networks.enable_ipv4": lost(_NO_KEY),
    "networks.ipam.options": lost(_NO_KEY),
    "networks.ipam.config.aux_addresses": lost(_NO_KEY),
    **{
        f"{room}.{key}": kept(_IN_PODMAN)
        for room in ("configs", "secrets")
        for key in ("file", "environment", "content")
        if (room, key) != ("secrets", "content")
    },
    "configs.external": approximated("as a secret of Podman that is there already"),
    "secrets.external": kept("as a secret of Podman that is there already"),
    **{f"{room}.{key}": kept(_IN_PODMAN) for room in ("configs", "secrets") for key in ("name", "labels")},
    "secrets.driver": lost("nobody here can ask it"),
    "secrets.driver_opts": lost("nobody here can ask it"),
    "networks.driver_opts": kept("", _docker_options, _ONLY_DOCKER),
    "networks.ipam.driver": kept("Podman knows host-local, dhcp and none"),
}


@cache
def table() -> Table:
    """What becomes of each key, by its path such as `services.healthcheck.test`."""
    return MappingProxyType({**rules.table(), **_DIFFERENT})
