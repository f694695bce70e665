"""What becomes of each key of a Compose file in the units of one machine; see `workload.fidelity`. Pure."""

from __future__ import annotations

from types import MappingProxyType

from atomicapp.providers.units import rules
from atomicapp.workload.fidelity import Table, lost

_LAID_DOWN = "the file has the owner and the mode with which it is laid down"

TABLE = rules.table()
CONVERTED: Table = MappingProxyType(
    {
        **TABLE,
        **{
            f"services.{room}.{key}": lost(_LAID_DOWN)
            for room in ("configs", "secrets")
            for key in ("uid", "gid", "mode")
        },
    }
)
