"""Images of a swarm: fixed by digest, asked for again where the file says so, and got with the user's credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import KEEP, UPDATE
from tests.engines import registry as registries
from tests.engines.registry import Registry
from tests.engines.swarm import NETWORK, Swarm
from tests.engines.swarm_apps import SwarmApp, app_on

pytestmark = pytest.mark.engine

TEXT = """
services:
  one:
    image: %s
    pull_policy: %s
    command: [sh, -c, "SLEEP"]
    deploy:
      update_config: {parallelism: 0, monitor: 500ms}
      placement: {constraints: [node.labels.name == n2]}
"""


@pytest.fixture
def life(swarm: Swarm, busybox_in_swarm: str) -> Iterator[SwarmApp]:
    with app_on(swarm, busybox_in_swarm) as found:
        yield found


@pytest.fixture
def closed(swarm: Swarm, tmp_path: Path) -> Iterator[Registry]:
    """A registry that all nodes reach, and that wants a password."""
    found = registries.start(tmp_path, auth=True, address=f"{NETWORK}.1")
    yield found
    found.stop()


def _tag(swarm: Swarm, image: str, name: str, label: str) -> str:
    """Another image, which differs by a label; returns its reference in the swarm's registry."""
    reference = f"{swarm.registry}/{name}"
    made = swarm.manager.docker("create", image, "true").strip()
    swarm.manager.docker("commit", "--change", f"LABEL which={label}", made, reference)
    swarm.manager.docker("rm", made)
    swarm.manager.docker("push", reference)
    return reference


def test_a_moved_tag_counts_where_the_file_asks_for_it_each_time(life: SwarmApp, swarm: Swarm) -> None:
    image = _tag(swarm, life.image, f"test/{life.app}:1", "first")
    life.run(app=TEXT % (image, "always"))
    before = life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert {step.op for step in life.plan(life.wanted(app=TEXT % (image, "always")))} == {KEEP}
    _tag(swarm, life.image, f"test/{life.app}:1", "second")
    # what is not asked for again stays as it was fixed
    wanted = life.wanted(app=TEXT % (image, "always"))
    (step,) = [step for step in life.plan(wanted) if step.op != KEEP]
    assert step.op == UPDATE
    assert [change.path for change in step.changes] == ["image"]
    life.bring_up(wanted)
    after = life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert before.partition("@")[0] == after.partition("@")[0] == image
    assert before != after


def test_another_setting_does_not_move_the_image(life: SwarmApp, swarm: Swarm) -> None:
    image = _tag(swarm, life.image, f"test/{life.app}:1", "first")
    text = TEXT + "    environment: {A: '%s'}\n"
    life.run(app=text % (image, "missing", "1"))
    before = life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    _tag(swarm, life.image, f"test/{life.app}:1", "second")
    life.run(app=text % (image, "missing", "2"))
    assert life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == before


def test_the_registry_is_not_asked_where_the_file_says_never(life: SwarmApp) -> None:
    life.proxy.forget()
    life.run(app=TEXT % ("IMAGE", "never"))
    assert not [call for call in life.proxy.calls if "/distribution/" in call]
    assert "@" not in life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]


def test_nodes_pull_with_the_credentials_of_the_user(
    swarm: Swarm, busybox_in_swarm: str, closed: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"{closed.host}/private/one:1"
    login = base64.b64encode(f"{closed.username}:{closed.password}".encode()).decode()
    config = tmp_path / "docker"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"auths": {closed.host: {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    swarm.manager.docker("pull", busybox_in_swarm)
    # an image that no node holds a layer of by that name
    swarm.manager.docker("tag", busybox_in_swarm, image)
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    swarm.manager.docker("push", image)
    swarm.manager.docker("rmi", image)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    with app_on(swarm, image) as life, pytest.raises(EngineError) as caught:
        life.run(app=TEXT % (image, "missing"))
    assert "can't get its image" in caught.value.message
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    with app_on(swarm, image) as life:
        life.run(app=TEXT % (image, "missing"))
        assert life.where("one") == ["n2"]
        assert "@sha256:" in life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        shown = json.dumps([dict(item.body) for item in life.wanted(app=TEXT % (image, "missing"))])
        assert login not in shown
