"""A health check as probes, and what is carried out after the start and before the stop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from atomicapp.providers.kubernetes.writer.amounts import seconds
from atomicapp.providers.kubernetes.writer.around import Json, said
from atomicapp.workload.model import Healthcheck, Hook, Workload

_NANO = 1_000_000_000
INTERVAL = 10
"""Seconds between two checks when nothing is said: Kubernetes' way."""
TIMEOUT = 30
"""Seconds for one check when nothing is said: Docker's way, for Kubernetes' one second is little for a command."""
RETRIES = 3
START_INTERVAL = 5 * _NANO
AT_LEAST = 300
"""Seconds that a container has at least for its first success, beside its start period: Docker never ends what is unhealthy, and a database that
is set up first must not be ended in the middle of that."""


def literal(text: str) -> str:
    """A text in which Kubernetes finds nothing to fill in: `$(NAME)` in commands and variables would be."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def command(test: Sequence[str]) -> list[str]:
    """The words of a health check; empty for the image's own, which Kubernetes doesn't know."""
    if not test or test[0] == "NONE":
        return []
    words = ["/bin/sh", "-c", *test[1:]] if test[0] == "CMD-SHELL" else list(test[1:] if test[0] == "CMD" else test)
    return [literal(word) for word in words]


@lru_cache(maxsize=256)
def probes(check: Healthcheck | None) -> Json:
    """startupProbe, readinessProbe and livenessProbe. As long as the first has not succeeded the others are not asked."""
    words = command(check.test) if check else []
    if check is None or not words:
        return {}
    interval = seconds(check.interval) if check.interval else INTERVAL
    retries = check.retries or RETRIES
    base = {
        "exec": {"command": words},
        "periodSeconds": interval,
        "timeoutSeconds": seconds(check.timeout) if check.timeout else TIMEOUT,
        "failureThreshold": retries,
    }
    first = seconds(min(check.start_interval or START_INTERVAL, interval * _NANO))
    room = (seconds(check.start_period) if check.start_period else 0) + max(AT_LEAST, retries * interval)
    start = {**base, "periodSeconds": first, "failureThreshold": -(-room // first)}
    return {"startupProbe": start, "readinessProbe": dict(base), "livenessProbe": dict(base)}


def lifecycle(work: Workload) -> Json:
    """The hooks. Kubernetes takes one command for each; several are joined by a shell."""
    if not work.post_start and not work.pre_stop:
        return {}
    return said(postStart=_hook(work.post_start), preStop=_hook(work.pre_stop))


def _hook(hooks: Sequence[Hook]) -> Json:
    if not hooks:
        return {}
    if len(hooks) == 1 and not hooks[0].workdir:
        return {"exec": {"command": _words(hooks[0])}}
    return {"exec": {"command": ["/bin/sh", "-c", " && ".join(map(_line, hooks))]}}


def _words(hook: Hook) -> list[str]:
    variables = [f"{item.name}={item.value}" for item in hook.env]
    return ["env", *variables, *hook.command] if variables else list(hook.command)


def _line(hook: Hook) -> str:
    import shlex

    line = shlex.join(_words(hook))
    return f"(cd {shlex.quote(hook.workdir)} && {line})" if hook.workdir else line
