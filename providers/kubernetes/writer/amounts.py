"""Sizes, processors and times as Kubernetes writes them, and what a container may use."""

from __future__ import annotations

from collections.abc import Mapping

from atomicapp.providers.kubernetes.writer.around import Json, said, unsaid
from atomicapp.workload.model import DeviceRequest, Workload

_UNITS = (("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024))
_SECOND = 1_000_000_000
_PLAIN = unsaid("resources", "storage_options", "device_requests")
GPUS = {"": "nvidia.com/gpu", "nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}
"""The resource that counts the GPUs of a driver."""


def size(number: int) -> str:
    """Bytes: `64Mi`."""
    for unit, factor in _UNITS:
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return str(number)


def cpus(billionths: int) -> str:
    """Processors: `2`, `500m`. The least is a thousandth."""
    milli = max(1, round(billionths / 1_000_000))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def seconds(nanoseconds: int) -> int:
    """Whole seconds, at least one: probes know no less."""
    return max(1, -(-nanoseconds // _SECOND))


def limits(work: Workload) -> Json:
    """The limits and requests of a container. What is only limited asks for nothing: without that word Kubernetes would
    set as much aside as the limit is, which Compose doesn't."""
    if _PLAIN(work):
        return {}
    found = work.resources
    limit: dict[str, str] = {}
    asked: dict[str, str] = {}
    if found.memory:
        limit["memory"] = size(found.memory)
        asked["memory"] = "0"
    processors = quota(work)
    if processors:
        limit["cpu"] = cpus(processors)
        asked["cpu"] = "0"
    if work.storage_options.get("size"):
        limit["ephemeral-storage"] = storage(work.storage_options) or ""
    if found.memory_reservation:
        asked["memory"] = size(found.memory_reservation)
    if found.cpu_reservation:
        asked["cpu"] = cpus(found.cpu_reservation)
    for request in work.device_requests:
        name, number = gpus(request)
        if name:
            limit[name] = str(number + int(limit.get(name, 0)))
    return said(limits=said(**limit), requests=said(**asked))


def quota(work: Workload) -> int:
    """The processors that it may use, in billionths; 0 for no limit."""
    found = work.resources
    if found.cpus:
        return found.cpus
    if found.cpu_quota and found.cpu_quota > 0:
        return found.cpu_quota * _SECOND // (found.cpu_period or 100_000)
    return 0


def gpus(request: DeviceRequest) -> tuple[str, int]:
    """The resource that a request of devices is for, and how many; "" for one that Kubernetes has no word for."""
    if "gpu" not in request.capabilities and request.driver not in ("nvidia", "amd"):
        return "", 0
    return GPUS.get(request.driver, ""), max(request.number, len(request.ids), 1)


def storage(options: Mapping[str, str]) -> str:
    """The size that the storage of a container is limited to, as Kubernetes writes it; "" for none."""
    return suffixed(options["size"]) if "size" in options else ""


def suffixed(text: str) -> str:
    """A size as people write it (`10G`, `512mb`) in Kubernetes' letters; "" for what is none."""
    import re

    match = re.fullmatch(r"([0-9]+)(?:\.0+)?\s*([kmgtKMGT]?)i?[bB]?", text.strip())
    if not match or not int(match[1]):
        return ""
    return f"{int(match[1])}{match[2].upper()}{'i' if match[2] else ''}"
