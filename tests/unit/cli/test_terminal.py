"""What happens on a terminal: questions, hidden input, colours. Each test gives the program a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import fcntl, sys, termios
if sys.stdin.isatty():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches us
from atomicapp import providers
providers.BUILTIN["memory"] = "tests.memory_provider"
from atomicapp.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def on_terminal(words: list[str], typed: list[tuple[str, str]], folder: Path) -> tuple[int, str]:
    """Run the program on a terminal; type each answer when its question is seen. Exit status and all that was shown."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "ATOMICAPP_HOME": str(folder / "state"), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown, answers = "", list(typed)
        while True:
            ready, _, _ = select.select([ours], [], [], 30)
            if not ready:
                process.kill()
            assert ready, f"nothing more was said after: {shown}"
            try:
                data = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data.decode()
            if answers and answers[0][0] in shown.rpartition("\n")[2]:
                os.write(ours, answers.pop(0)[1].encode())
        code = process.wait(timeout=30)
    os.close(ours)
    assert not answers, f"never asked: {answers}; shown: {shown}"
    return code, shown


@pytest.fixture
def asking(shop: Path) -> Path:
    (shop / "answers.conf").unlink()
    return shop


def test_missing_params_are_asked_for_without_echo(asking: Path, tmp_path: Path) -> None:
    code, shown = on_terminal(["run", str(asking)], [("db: password: ", "open-sesame\r")], tmp_path)
    assert code == 0
    assert "What opens the database" in shown
    assert "open-sesame" not in shown
    assert "shop is running" in shown


def test_a_value_that_breaks_a_constraint_is_asked_again(asking: Path, tmp_path: Path) -> None:
    typed = [("db: password: ", "short\r"), ("db: password: ", "long-enough\r")]
    code, shown = on_terminal(["run", str(asking)], typed, tmp_path)
    assert code == 0
    assert "at least 8 characters" in shown


def test_ask_asks_for_all_with_their_values(asking: Path, tmp_path: Path) -> None:
    typed = [("colour [blue]: ", "\r"), ("password: ", "long-enough\r"), ("port [8080]: ", "9090\r")]
    code, shown = on_terminal(["run", str(asking), "--ask"], typed, tmp_path)
    assert code == 0
    assert "http://localhost:9090" in shown


def test_the_end_of_input_changes_nothing(asking: Path, tmp_path: Path) -> None:
    code, shown = on_terminal(["run", str(asking)], [("db: password: ", "\x04")], tmp_path)
    assert code == 1
    assert "nothing was changed" in shown


def test_ctrl_c_at_a_question(asking: Path, tmp_path: Path) -> None:
    code, shown = on_terminal(["run", str(asking)], [("db: password: ", "\x03")], tmp_path)
    assert code == 130
    assert "Traceback" not in shown


def test_colours_on_a_terminal_only(shop: Path, tmp_path: Path) -> None:
    code, shown = on_terminal(["plan", str(shop)], [], tmp_path)
    assert code == 0
    assert "\x1b[32m  + create" in shown
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "plan", str(shop)], capture_output=True, text=True, check=True,
        env={**os.environ, "ATOMICAPP_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "\x1b" not in done.stdout + done.stderr
