"""providers/docker/command.py: what is written is read as the same workload."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.position import Position
from atomicapp.providers.docker import command
from atomicapp.workload import docker_run, values
from atomicapp.workload.model import BIND, TMPFS, VOLUME, Env, Healthcheck, Mount, Workload
from tests.engines.test_docker_options import LINES
from tests.unit.properties import examples

HERE = Position("run", 1, 1)


def without_places(value: Any) -> Any:
    """A workload without the places of its parts."""
    if isinstance(value, Position):
        return None
    if isinstance(value, Workload):
        value = value._replace(where={})
    if isinstance(value, tuple):
        parts = [without_places(item) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return dict(value) if hasattr(value, "items") else value


def read(text: str) -> Workload:
    (found,) = docker_run.parse(text, "run", read=lambda path: "FROM_FILE=1\n").workloads
    return found


def again(work: Workload) -> Workload:
    return read(command.line(work).replace("$$", "$"))


@pytest.mark.parametrize("options", [line for line in LINES if "profile.json" not in line])
def test_every_option_is_written_as_it_was_read(options: str) -> None:
    work = read(f"docker run {options} example/web:1 serve --port 80")
    assert without_places(again(work)) == without_places(work)


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@examples
@given(st.lists(text, min_size=1, max_size=4), text, text)
def test_any_text_survives_the_shell(words: list[str], value: str, check: str) -> None:
    work = Workload(
        "example/web", HERE, command=tuple(words), env=(Env("A", value, HERE),),
        healthcheck=Healthcheck(("CMD-SHELL", check)),
    )  # fmt: skip
    assert without_places(again(work)) == without_places(work)


def test_an_entrypoint_of_several_words_goes_before_the_command() -> None:
    found = again(Workload("example/web", HERE, entrypoint=("sh", "-c"), command=("echo $HOME",)))
    assert (found.entrypoint, found.command) == (("sh",), ("-c", "echo $HOME"))
    assert again(Workload("example/web", HERE, entrypoint=())).entrypoint == ("",)


def test_a_check_of_words_becomes_a_text_for_the_shell() -> None:
    found = again(
        Workload("example/web", HERE, healthcheck=Healthcheck(("CMD", "curl", "a b"), interval=1_500_000_000))
    )
    assert found.healthcheck == Healthcheck(("CMD-SHELL", "curl 'a b'"), interval=1_500_000_000)


@pytest.mark.parametrize(
    "mount",
    [
        Mount(VOLUME, "", "/a", HERE),
        Mount(VOLUME, "", "/a", HERE, read_only=True),
        Mount(VOLUME, "data", "/a", HERE, driver="nfs", driver_options={"o": "addr=a,rw"}, labels={"b": "c"}),
        Mount(VOLUME, "data", "/a", HERE, subpath="x/y"),
        Mount(BIND, "/with:colon", "/a", HERE),
        Mount(BIND, "/src", "/a", HERE, create_source=True, selinux="private", propagation="rslave"),
        Mount(BIND, "/src", "/a", HERE, recursive="disabled"),
        Mount(TMPFS, "", "/a", HERE, size=1 << 20, mode=0o1777),
        Mount(TMPFS, "", "/a", HERE, options="size=64m"),
    ],
)
def test_mounts_in_the_form_that_says_all(mount: Mount) -> None:
    work = Workload("example/web", HERE, mounts=(mount,))
    assert without_places(again(work)) == without_places(work)


def test_the_text_of_a_profile_is_no_word_of_a_command() -> None:
    found = docker_run.parse(
        "docker run --security-opt seccomp=p.json --security-opt no-new-privileges img", "run", read=lambda path: "{}"
    ).workloads[0]
    assert again(found).security.options == ("no-new-privileges",)


def test_it_reads_well() -> None:
    work = read("docker run -d --name web -p 8080:80 -e 'A=b c' --restart always img serve")
    assert command.line(work) == (
        "docker run -d \\\n    --name web \\\n    -p 8080:80 \\\n    -e 'A=b c' \\\n    --restart always \\\n    img serve\n"
    )


@pytest.mark.parametrize(
    ("nanoseconds", "said"), [(90_000_000_000, "90s"), (1_500_000_000, "1500ms"), (1_001_000, "1001us"), (7, "7ns")]
)
def test_durations(nanoseconds: int, said: str) -> None:
    assert values.duration_text(nanoseconds) == said
