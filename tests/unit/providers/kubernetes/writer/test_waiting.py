"""The script that waits in front of a service, by real shells with a resolver of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from atomicapp.providers.kubernetes.writer.waiting import SCRIPT

TOOL = """\
#!/bin/sh
echo "$0 $*" >>"$LOG"
[ -e "$LOG.$(grep -c . "$LOG")" ]
"""


def run(folder: Path, *tools: str, names: tuple[str, ...] = ("db", "cache"), found_at: tuple[int, ...]) -> list[str]:
    """What the tools were asked; `found_at` are the numbers of the questions that get an answer."""
    log = folder / "log"
    log.touch()
    for number in found_at:
        (folder / f"log.{number}").touch()
    for name in tools:
        (folder / name).write_text(TOOL)
        (folder / name).chmod(0o755)
    (folder / "sleep").write_text("#!/bin/sh\n")
    (folder / "sleep").chmod(0o755)
    for name in ("grep", "sh"):
        (folder / name).symlink_to(f"/bin/{name}")
    script = SCRIPT.replace("/etc/resolv.conf", str(folder / "resolv.conf"))
    (folder / "resolv.conf").write_text("nameserver 10.0.0.1\nsearch space.svc.cluster.local svc.cluster.local\n")
    done = subprocess.run(
        ["/bin/sh", "-c", script, "wait", *names],
        env={"PATH": str(folder), "LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "said").write_text(done.stdout)
    return [line.rpartition("/")[2] for line in log.read_text().splitlines()]


def test_it_asks_until_each_name_is_found(tmp_path: Path) -> None:
    asked = run(tmp_path, "getent", "nslookup", found_at=(3, 4))
    assert asked == ["getent hosts db", "getent hosts db", "getent hosts db", "getent hosts cache"]
    assert (tmp_path / "said").read_text() == "waiting for db\nwaiting for db\n"


def test_without_getent_it_asks_nslookup_for_the_whole_name(tmp_path: Path) -> None:
    asked = run(tmp_path, "nslookup", found_at=(1, 3))
    whole = "space.svc.cluster.local"
    assert asked == [f"nslookup db.{whole}", f"nslookup cache.{whole}", f"nslookup cache.{whole}"]


def test_without_either_it_says_so_and_waits_for_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, found_at=()) == []
    assert "not waiting for db cache" in (tmp_path / "said").read_text()


@pytest.mark.skipif(not os.access("/bin/busybox", os.X_OK), reason="busybox is not here")
def test_busybox_reads_it_too() -> None:
    done = subprocess.run(["/bin/busybox", "sh", "-n", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
