"""docs/compose.md is what the providers' tables say today."""

from __future__ import annotations

from atomicapp.workload.compose.keys import KEYS
from tests.compose import table


def test_the_page_is_made_from_the_tables() -> None:
    assert table.PAGE.read_text() == table.page(), "run `make docs`"


def test_the_page_has_every_key_and_every_provider_that_reads_compose_files() -> None:
    found = table.columns()
    assert {"docker", "kubernetes"} <= {column.title for column in found}
    for room in table.ROOMS:
        keys = sorted(key for key in KEYS if key.startswith(f"{room}."))
        shown = {key for key, _ in table.rows(found, keys)}
        for key in keys:
            groups = {".".join(key.split(".")[:length]) + ".*" for length in range(1, key.count(".") + 1)}
            assert key in shown or groups & shown
