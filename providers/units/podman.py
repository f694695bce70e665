"""Files of which Podman's generator makes units (Quadlet): their types, and the units that come of them. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from atomicapp.errors import SpecError
from atomicapp.providers.units import names, syntax
from atomicapp.providers.units.syntax import Unit

PROGRAM = "/usr/bin/podman"
"""Where the generator itself expects it."""

SUFFIXES = {
    "container": "",
    "kube": "",
    "pod": "-pod",
    "network": "-network",
    "volume": "-volume",
    "image": "-image",
    "build": "-build",
}
"""What stands behind the stem of each type's file in the name of its unit."""

_INSTALL = "\n[Install]\n"
_NO_INSTALL = "\n[X-Atomicapp-Install]\n"

_MUST = {
    "container": ("Image", "Rootfs"),
    "kube": ("Yaml",),
    "image": ("Image",),
    "build": ("ImageTag",),
}
"""The options of which a file of each type must say one."""


def is_file(name: str) -> bool:
    """Whether a file of this name is for the generator."""
    return name.rpartition(".")[2] in SUFFIXES


def service(name: str) -> str:
    """The unit that comes of a file: `web.container` -> `web.service`, `data.volume` -> `data-volume.service`."""
    stem, _, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}{SUFFIXES[kind]}{at}{instance}.service"


def files(service_name: str) -> Iterator[str]:
    """The names of the files that a unit may have come of."""
    found = names.split(service_name)
    tail = "" if found.instance is None else f"@{found.instance}"
    for kind, suffix in SUFFIXES.items():
        if found.prefix.endswith(suffix) and len(found.prefix) > len(suffix):
            yield f"{found.prefix.removesuffix(suffix) if suffix else found.prefix}{tail}.{kind}"


def section(name: str) -> str:
    """The section of a file of this name."""
    return name.rpartition(".")[2].title()


def beside(value: str) -> str:
    """The name of a file that lies beside the one that says EnvironmentFile=; empty for one that lies elsewhere."""
    name = value.lstrip("-").removeprefix("./")
    return "" if "/" in name or name.startswith("%") else name


def faults(unit: Unit, name: str, there: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """What the generator would refuse of a file, or we do: message, option ("" for the whole), what to do. `there` are the
    files that lie beside it."""
    kind, head = name.rpartition(".")[2], section(name)
    if not unit.said(head) and kind not in ("network", "volume", "pod"):
        yield f"{name} has no section [{head}]", "", f"expected [{head}] with {'= or '.join(_MUST[kind])}="
    elif kind in _MUST and not any(unit.value(head, option) for option in _MUST[kind]):
        yield (
            f"{name} does not say {'= or '.join(_MUST[kind])}=",
            "",
            f"add it to [{head}]: Podman makes no unit without",
        )
    for option in unit.said(head, "EnvironmentFile"):
        if option.value and not option.value.lstrip("-").startswith(("/", "%")) and beside(option.value) not in there:
            yield (
                f"EnvironmentFile={option.value}: nothing brings that file to the place of {name}",
                "EnvironmentFile",
                "make it an artifact of the component, too (a file NAME.env), or name one of the machine by its whole path",
            )
    if unit.value(head, "ServiceName"):
        yield (
            f"ServiceName={unit.value(head, 'ServiceName')}: the unit of {name} must be called {service(name)} here",
            "ServiceName",
            "leave it out, and call the file as its unit",
        )


def volume(unit: Unit, name: str) -> str:
    """What Podman calls the volume of a `.volume` file."""
    stem = name.rpartition(".")[0]
    return unit.value("Volume", "VolumeName") or f"systemd-{stem}"


def without_boot(text: str) -> str:
    """A file whose unit no boot starts: the generator passes over sections of this name."""
    return text.replace(_INSTALL, _NO_INSTALL)


def with_boot(text: str) -> str:
    """The file as it was before `without_boot`."""
    return text.replace(_NO_INSTALL, _INSTALL)


def network_gone(text: str, name: str) -> tuple[str, ...]:
    """The words that remove the network of a `.network` file with this text."""
    said = ""
    with contextlib.suppress(SpecError):
        said = syntax.read(text, name, name, line_max=None, bare=True).value("Network", "NetworkName")
    return (PROGRAM, "network", "rm", said or f"systemd-{name.rpartition('.')[0]}")


def purge(name: str) -> tuple[str, ...]:
    """The words that remove a volume with its data."""
    return (PROGRAM, "volume", "rm", name)
