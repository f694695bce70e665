"""What becomes of each key of a Compose file in units that run containers; see `workload.fidelity`. Pure.

A provider takes `table`, with the rules in which it differs: `table({"services.deploy.mode": kept("as Global=true")})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from atomicapp.providers.docker import rules
from atomicapp.workload import model
from atomicapp.workload.fidelity import APPROXIMATED, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

_WORDS = Verdict(APPROXIMATED, "carried out by the image's shell: the option of `docker run` takes a text, no words")
_ALWAYS = Verdict(APPROXIMATED, "as always: a unit that was stopped starts again with its machine, if it is enabled")
_ONCE = Verdict(APPROXIMATED, "a oneshot is started again after a failure only")
_EACH = Verdict(APPROXIMATED, "carried out before each replica")
_NO_COUNT = Verdict(LOST, "nothing is counted without max_attempts: it is started again for ever")
_OTHER_MAC = Verdict(LOST, "`docker network connect` takes no MAC address: only the first network has one")
_FILE = "as a file of the machine, which is mounted"
_NO_ROLLOUT = "a changed unit is stopped, written and started anew"


def _test(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    check = work.healthcheck if work is not None else None
    return _WORDS if check is not None and check.test[:1] == ("CMD",) else None


def _restart(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None:
        return None
    if work.restart.policy == "unless-stopped":
        return _ALWAYS
    awaited = any(
        item.target == work.service and item.condition == model.COMPLETED
        for other in project.services
        for item in other.depends_on
    )
    return _ONCE if awaited and work.restart.policy == "always" else None


def _per_replica(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or work.replicas == 1:
        return None
    return _EACH if not all(item.per_replica for item in work.pre_start) else None


def _window(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _NO_COUNT if work is not None and not work.restart.retries else None


def _mac(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or len(work.networks) < 2:
        return None
    # the first one is that of the highest priority, as the writer has it
    first = max(work.networks, key=lambda network: network.priority)
    return _OTHER_MAC if any(network.mac for network in work.networks if network is not first) else None


_OWN: Mapping[str, Rule] = {
    "services.restart": kept("by systemd, as Restart=", _restart, _ALWAYS, _ONCE),
    "services.deploy.restart_policy.condition": kept("by systemd, as Restart=", _restart, _ONCE),
    "services.deploy.restart_policy.delay": kept("as RestartSec="),
    "services.deploy.restart_policy.max_attempts": kept("with on-failure, as StartLimitBurst="),
    "services.deploy.restart_policy.window": approximated(
        "as StartLimitIntervalSec=, the time in which attempts are counted", _window, _NO_COUNT
    ),
    "services.depends_on.condition": kept(
        "as After= and Wants=, and a step that waits for the health of the other one, or sees that it is active"
    ),
    "services.depends_on.required": kept("the start goes on when the other one is not active, or not healthy"),
    "services.depends_on.restart": kept("as Requires= in place of Wants="),
    "services.healthcheck.test": kept("", _test, _WORDS),
    "services.networks.mac_address": kept("", _mac, _OTHER_MAC),
    "services.logging.driver": kept("the journal has what the unit writes, too"),
    "services.scale": kept("as instances of a template"),
    "services.deploy.replicas": kept("as instances of a template"),
    "services.pull_policy": kept("as a step before the start"),
    "services.pre_start": kept("as steps before the start", _per_replica, _EACH),
    "services.pre_start.per_replica": kept("as steps before the start", _per_replica, _EACH),
    **{
        f"services.{hook}.{key}": kept(f"as {option}=, by `docker exec`")
        for hook, option in (("post_start", "ExecStartPost"), ("pre_stop", "ExecStop"))
        for key in ("command", "user", "privileged", "working_dir", "environment")
    },
    **{
        f"services.deploy.{part}.{key}": lost(_NO_ROLLOUT)
        for part in ("update_config", "rollback_config")
        for key in ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")
    },
    **{
        f"{room}.{key}": kept(_FILE)
        for room in ("configs", "secrets")
        for key in ("file", "environment", "content")
        if (room, key) != ("secrets", "content")
    },
}


def table(different: Mapping[str, Rule] = MappingProxyType({})) -> Table:
    """The rules of units on one machine with a Docker Engine, but for those that are `different`."""
    return MappingProxyType({**rules.table(), **_OWN, **different})
