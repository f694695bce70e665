"""The docker provider on a real engine: what is made, kept, replaced, repaired and removed, and what it costs."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Iterator

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import (
    CREATE,
    DATA,
    DELETE,
    KEEP,
    PRESENT,
    REPLACE,
    RUNNING,
    SHARED,
    START,
    STOPPED,
    Artifact,
    PersistentVolume,
    Rendered,
    Step,
    Target,
    Volume,
)
from atomicapp.planning import diff
from atomicapp.providers import docker
from atomicapp.providers.base import LABEL_APP, LABEL_KEY
from atomicapp.providers.docker import apply as applying
from atomicapp.providers.docker import client as wire
from atomicapp.providers.docker import observe as observing
from atomicapp.providers.docker.endpoint import Endpoint
from tests.engines.docker import LABEL, DockerEngine
from tests.engines.life import HERE, Life
from tests.engines.recording_proxy import recording

pytestmark = pytest.mark.engine


@pytest.fixture
def life(docker_engine: DockerEngine, busybox_image: str) -> Iterator[Life]:
    with recording(docker_engine.host) as proxy:
        found = Life(docker_engine.docker, busybox_image, proxy)
        yield found
        found.close()


# ---------------------------------------------------------------- what is asked of the engine


def test_nothing_changed_is_one_listing_and_no_write(life: Life) -> None:
    texts = {
        "web": "docker run -d --network APP-net -v APP-data:/data -v /cache IMAGE SLEEP",
        "db": "docker run -d -e A=b IMAGE SLEEP",
    }
    assert life.run(**texts)
    life.proxy.forget()
    assert life.run(**texts) == {}
    assert len(life.proxy.calls) == 1
    assert life.proxy.calls[0].startswith("GET /containers/json?")
    assert life.proxy.writes == []


def test_a_plan_writes_nothing(life: Life) -> None:
    life.plan(life.wanted(web="docker run -d --network APP-net -v APP-data:/data IMAGE SLEEP"))
    life.run(web="docker run -d IMAGE SLEEP")
    life.plan(life.wanted(web="docker run -d -e CHANGED=1 -v APP-more:/more IMAGE SLEEP"))
    created = [call for call in life.proxy.writes if "containers/create" in call]
    assert len(created) == 1, "only the run in the middle creates"
    life.proxy.forget()
    steps = life.plan(life.wanted(web="docker run -d -e CHANGED=2 IMAGE SLEEP", other="docker run IMAGE SLEEP"))
    assert [step.op for step in steps if step.op != KEEP] == [REPLACE, CREATE]
    assert life.proxy.writes == []
    life.session.ready(life.wanted(web="docker run -d IMAGE SLEEP")[-1])
    life.session.observe_all()
    assert life.proxy.writes == []


# ---------------------------------------------------------------- making


def test_all_kinds_carry_the_labels_and_are_found_by_them(life: Life) -> None:
    life.run(web="docker run -d --network APP-net -v APP-data:/data -v /kept IMAGE SLEEP")
    held = life.held()
    app = life.app
    assert {key: (item.state, item.lifetime) for key, item in held.items()} == {
        "container/web:1": (RUNNING, "owned"),
        f"network/{app}-net": (PRESENT, "owned"),
        f"volume/{app}-data": (PRESENT, DATA),
        f"volume/{app}-web-kept": (PRESENT, DATA),
    }
    assert held["container/web:1"].name == f"{app}-web"
    assert held["container/web:1"].order == 1
    assert held["container/web:1"].revision == 1
    assert held["container/web:1"].detail.startswith("Up")
    assert set(life.session.observe_all()[app]) == set(held.values())
    for kind, name in (("container", f"{app}-web"), ("network", f"{app}-net"), ("volume", f"{app}-data")):
        found = life.inspect(name, kind)
        labels = found.get("Labels") or found["Config"]["Labels"]
        assert labels[LABEL_APP] == app
        assert labels[LABEL_KEY].startswith(f"{kind}/")


def test_components_find_each_other_by_name_on_a_network(life: Life) -> None:
    life.run(
        db="docker run -d --network APP-net --stop-signal KILL IMAGE httpd -f -p 80 -h /www",
        web="docker run -d --network APP-net --link db:database IMAGE SLEEP",
    )
    for name in ("db", "database", f"{life.app}-db"):
        page = life.command("exec", f"{life.app}-web", "wget", "-qO-", f"http://{name}/")
        assert page == "hello\n"


def test_link_on_the_default_bridge_by_the_name_of_a_component(life: Life) -> None:
    # the link's target stands after it: links are an order of their own
    life.run(
        web="docker run -d --link db:database IMAGE SLEEP",
        db="docker run -d --stop-signal KILL IMAGE httpd -f -p 80 -h /www",
    )
    page = life.command("exec", f"{life.app}-web", "wget", "-qO-", "http://database/")
    assert page == "hello\n"


def test_what_is_linked_to_a_replaced_container_is_replaced_too(life: Life) -> None:
    texts = {
        "db": "docker run -d -e V=1 --stop-signal KILL IMAGE httpd -f -p 80 -h /www",
        "web": "docker run -d --link db:database IMAGE SLEEP",
        "other": "docker run -d IMAGE SLEEP",
    }
    life.run(**texts)
    texts["db"] = texts["db"].replace("V=1", "V=2")
    assert life.run(**texts) == {"container/db:1": REPLACE, "container/web:1": REPLACE}
    assert life.command("exec", f"{life.app}-web", "wget", "-qO-", "http://database/") == "hello\n"
    # and when the other one is taken away by hand
    life.command("rm", "-f", f"{life.app}-db")
    assert life.run(**texts) == {"container/db:1": CREATE, "container/web:1": REPLACE}
    assert life.command("exec", f"{life.app}-web", "wget", "-qO-", "http://database/") == "hello\n"


def test_several_networks_are_all_joined(life: Life) -> None:
    life.run(web="docker run -d --network name=APP-a,alias=x --network APP-b IMAGE SLEEP")
    networks = life.inspect(f"{life.app}-web")["NetworkSettings"]["Networks"]
    assert set(networks) == {f"{life.app}-a", f"{life.app}-b"}
    assert {"x", "web"} <= set(networks[f"{life.app}-a"]["Aliases"])
    assert "web" in networks[f"{life.app}-b"]["Aliases"]


def test_a_network_and_a_volume_that_are_there_already_are_used_and_never_removed(life: Life) -> None:
    network, volume = f"{life.app}-theirs", f"{life.app}-volume"
    life.command("network", "create", "--label", LABEL, network)
    life.command("volume", "create", "--label", LABEL, volume)
    text = f"docker run -d --network {network} -v {volume}:/v IMAGE SLEEP"
    steps = life.plan(life.wanted(web=text))
    shared = {step.key for step in steps if step.existing and step.existing.lifetime == SHARED}
    assert {f"network/{network}", f"volume/{volume}"} <= shared
    life.apply(*steps)
    assert life.run(web=text) == {}
    assert set(life.held()) == {"container/web:1"}
    for step in diff.uninstall(life.held().values(), purge_data=True):
        life.apply(step)
    assert life.held() == {}
    assert life.inspect(network, "network")["Name"] == network
    assert life.inspect(volume, "volume")["Name"] == volume
    life.command("network", "rm", network)
    life.command("volume", "rm", volume)


def test_requirement_becomes_a_volume_of_the_app(life: Life) -> None:
    disk = Volume("", PersistentVolume("disk", "ReadOnlyMany", 1, HERE))
    life.run(disk, web="docker run -d -v disk:/data IMAGE SLEEP")
    (mount,) = life.inspect(f"{life.app}-web")["Mounts"]
    assert mount["Name"] == f"{life.app}-disk"
    assert mount["RW"] is False


def test_data_outlives_a_replacement_and_an_uninstall(life: Life) -> None:
    life.run(web="docker run -d -v /kept IMAGE SLEEP")
    life.command("exec", f"{life.app}-web", "sh", "-c", "echo precious > /kept/file")
    assert life.run(web="docker run -d -v /kept -e NEW=1 IMAGE SLEEP") == {"container/web:1": REPLACE}
    assert life.command("exec", f"{life.app}-web", "cat", "/kept/file") == "precious\n"
    life.apply(*diff.uninstall(life.held().values(), purge_data=False))
    assert set(life.held()) == {f"volume/{life.app}-web-kept"}
    life.run(web="docker run -d -v /kept -e NEW=1 IMAGE SLEEP")
    assert life.command("exec", f"{life.app}-web", "cat", "/kept/file") == "precious\n"
    life.apply(*diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}


@pytest.fixture
def keeping_image(docker_engine: DockerEngine, busybox_image: str) -> Iterator[str]:
    """An image with VOLUMEs of its own."""
    name = f"atomicapp-test/keeping:{uuid.uuid4().hex[:6]}"
    text = f"FROM {busybox_image}\nVOLUME /store /other\n"
    docker_engine.docker("build", "--quiet", "--tag", name, "-", stdin=text)
    yield name
    docker_engine.docker("rmi", "-f", name)


def test_volumes_of_the_image_are_named_kept_and_purged(life: Life, keeping_image: str) -> None:
    text = f"docker run -d -v APP-mine:/other {keeping_image} SLEEP"
    life.run(web=text)
    life.command("exec", f"{life.app}-web", "sh", "-c", "echo precious > /store/file")
    assert set(life.held()) == {"container/web:1", f"volume/{life.app}-web-store", f"volume/{life.app}-mine"}
    assert life.run(web=text) == {}
    assert life.run(web=text.replace("-d", "-d -e A=1")) == {"container/web:1": REPLACE}
    assert life.command("exec", f"{life.app}-web", "cat", "/store/file") == "precious\n"
    names = {mount["Name"] for mount in life.inspect(f"{life.app}-web")["Mounts"]}
    assert names == {f"{life.app}-web-store", f"{life.app}-mine"}
    life.apply(*diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}


def test_volumes_of_the_image_that_another_container_lends_are_not_made(life: Life, keeping_image: str) -> None:
    life.run(
        first=f"docker run -d {keeping_image} SLEEP",
        second=f"docker run -d --volumes-from first {keeping_image} SLEEP",
    )
    first, second = (life.inspect(f"{life.app}-{name}")["Mounts"] for name in ("first", "second"))
    assert {mount["Name"] for mount in first} == {mount["Name"] for mount in second}
    assert len(second) == 2


# ---------------------------------------------------------------- changes


def test_a_change_names_its_fields(life: Life) -> None:
    life.run(web="docker run -d -e A=1 -e B=2 --memory 32m --label l=1 IMAGE SLEEP")
    (step,) = [
        step
        for step in life.plan(life.wanted(web="docker run -d -e A=3 --label l=1 -p 127.0.0.1::80 IMAGE sleep 100"))
        if step.op != KEEP
    ]
    assert step.op == REPLACE
    changes = {change.path: (change.old, change.new) for change in step.changes}
    assert changes["env/A"] == ("1", "3")
    assert changes["env/B"] == ("2", None)
    assert changes["Memory"] == (str(32 * 1024 * 1024), None)
    assert changes["command"][1] == "sleep 100"
    assert changes["ports"] == (None, "127.0.0.1:->80/tcp")
    assert set(changes) == {"env/A", "env/B", "Memory", "command", "ports"}


def test_secrets_of_an_earlier_run_are_not_shown(life: Life) -> None:
    text = "docker run -d -e PW={0} -e KEPT={0} -e OPEN=no --log-opt env={0} --stop-signal KILL IMAGE sh -c 'sleep 100; echo {0}'"
    life.secrets = frozenset({"first-secret"})
    life.run(web=text.format("first-secret"))
    assert life.run(web=text.format("first-secret")) == {}
    life.secrets = frozenset({"second-secret"})
    new = text.format("second-secret").replace("-e PW=second-secret", "").replace("OPEN=no", "OPEN=yes")
    (step,) = [step for step in life.plan(life.wanted(web=new)) if step.op != KEEP]
    assert "first-secret" not in str(step.changes)
    assert "second-secret" not in str(step.changes)
    changes = {change.path: (change.old, change.new) for change in step.changes}
    assert changes == {
        "env/PW": ("(hidden)", None),
        "env/KEPT": ("(hidden)", "(hidden)"),
        "env/OPEN": ("no", "yes"),
        "command": ("(hidden)", "(hidden)"),
        "LogConfig": ("(hidden)", "(hidden)"),
    }
    life.apply(step)
    assert life.run(web=new) == {}


def test_what_is_no_longer_wanted_goes_with_its_network_and_leaves_its_data(life: Life) -> None:
    web = "docker run -d IMAGE SLEEP"
    life.run(web=web, db="docker run -d --network APP-net -v APP-data:/data IMAGE SLEEP")
    assert life.run(web=web) == {"container/db:1": DELETE, f"network/{life.app}-net": DELETE}
    assert set(life.held()) == {"container/web:1", f"volume/{life.app}-data"}
    assert life.run(web=web) == {}


def test_another_name_replaces_the_container(life: Life) -> None:
    life.run(web="docker run -d --name APP-one IMAGE SLEEP")
    assert life.run(web="docker run -d --name APP-two IMAGE SLEEP") == {"container/web:1": REPLACE}
    assert [item.name for item in life.held().values()] == [f"{life.app}-two"]


def test_names_that_change_hands_between_commands(life: Life) -> None:
    line = "docker run -d --name APP-{} IMAGE SLEEP\n"
    life.run(web=line.format("a") + line.format("b"))
    life.run(web=line.format("b") + line.format("c") + line.format("a"))
    names = {key: item.name.removeprefix(f"{life.app}-") for key, item in life.held().items()}
    assert names == {"container/web:1": "b", "container/web:2": "c", "container/web:3": "a"}
    assert life.run(web=line.format("b") + line.format("c") + line.format("a")) == {}


def test_an_image_whose_name_moved_on_replaces_the_container(life: Life) -> None:
    name = f"atomicapp-test/moving:{uuid.uuid4().hex[:6]}"
    build = ("build", "--quiet", "--tag", name, "-")
    life.command(*build, stdin=f"FROM {life.image}\nENV V=1\n")
    try:
        text = f"docker run -d {name} SLEEP"
        life.run(web=text)
        assert life.run(web=text) == {}
        life.command(*build, stdin=f"FROM {life.image}\nENV V=2\n")
        (step,) = [step for step in life.plan(life.wanted(web=text)) if step.op != KEEP]
        assert step.op == REPLACE
        (change,) = step.changes
        assert change.path == "image"
        assert name in (change.old or "")
        life.apply(step)
        assert life.run(web=text) == {}
    finally:
        life.apply(*diff.uninstall(life.held().values(), purge_data=True))
        life.command("rmi", "-f", name)


def test_same_fields_are_kept_whatever_the_hash_says(life: Life) -> None:
    wanted = life.wanted(web="docker run -d IMAGE SLEEP")
    life.apply(*life.plan(wanted))
    existing = life.held()["container/web:1"]._replace(hash="of-another-release")
    assert life.session.compare(wanted[-1], existing) == (KEEP, ())
    gone = existing._replace(id="", name="no-such-container")
    assert life.session.compare(wanted[-1], gone) == (REPLACE, ())


def test_a_volume_with_other_settings_is_not_thrown_away(life: Life) -> None:
    mount = "--mount type=volume,src=APP-v,dst=/v,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size={}"
    life.run(web=f"docker run -d {mount.format('1m')} IMAGE SLEEP")
    with pytest.raises(EngineError, match="was made with other settings"):
        life.plan(life.wanted(web=f"docker run -d {mount.format('2m')} IMAGE SLEEP"))


# ---------------------------------------------------------------- repair


def test_stop_and_start(life: Life) -> None:
    text = "docker run -d --network APP-net IMAGE SLEEP"
    life.run(web=text)
    life.apply(*diff.stop(life.held().values()))
    assert life.held()["container/web:1"].state == STOPPED
    assert life.run(web=text) == {"container/web:1": START}
    life.apply(*diff.stop(life.held().values()))
    life.apply(*diff.start(life.held().values()))
    assert life.held()["container/web:1"].state == RUNNING


def test_a_network_that_was_taken_away_from_a_stopped_app(life: Life) -> None:
    text = "docker run -d --network APP-net IMAGE SLEEP"
    life.run(web=text)
    life.apply(*diff.stop(life.held().values()))
    life.command("network", "rm", f"{life.app}-net")
    with pytest.raises(EngineError, match="a network that it needs is gone"):
        life.apply(*diff.start(life.held().values()))
    life.run(web=text)
    assert life.held()["container/web:1"].state == RUNNING
    assert life.run(web=text) == {}
    assert list(life.inspect(f"{life.app}-web")["NetworkSettings"]["Networks"]) == [f"{life.app}-net"]


def test_a_network_by_its_id(life: Life) -> None:
    made = life.command("network", "create", "--label", LABEL, f"{life.app}-theirs").strip()
    text = f"docker run -d --network {made} IMAGE SLEEP"
    assert set(life.run(web=text)) == {"container/web:1"}
    assert life.run(web=text) == {}
    life.apply(*diff.uninstall(life.held().values(), purge_data=True))
    life.command("network", "rm", made)


def test_steps_may_be_repeated(life: Life) -> None:
    wanted = life.wanted(web="docker run -d --network APP-net -v APP-data:/d IMAGE SLEEP")
    steps = life.plan(wanted)
    life.apply(*steps)
    life.apply(*steps)
    assert len(life.held()) == 3
    start = Step(START, wanted[-1], life.held()["container/web:1"])
    life.apply(start, start)
    stop = diff.stop(life.held().values())
    life.apply(*stop, *stop)
    gone = diff.uninstall(life.held().values(), purge_data=True)
    life.apply(*gone, *gone)
    assert life.held() == {}
    life.apply(*stop)
    assert life.plan(life.wanted(web="docker run -d IMAGE SLEEP"))[-1].op == CREATE


def test_starting_what_is_gone_makes_it_anew(life: Life) -> None:
    text = "docker run -d --rm IMAGE SLEEP"
    wanted = life.wanted(web=text)
    life.run(web=text)
    existing = life.held()["container/web:1"]
    life.apply(*diff.stop([existing]))
    for _ in range(100):
        if not life.held():
            break
        time.sleep(0.05)
    life.apply(Step(START, wanted[-1], existing))
    assert life.held()["container/web:1"].state == RUNNING


@pytest.mark.parametrize("at", ["rename", "create", "stop", "start", "remove"])
def test_a_replacement_cut_at_any_call_is_repaired_by_the_next_run(life: Life, at: str) -> None:
    text = "docker run -d -p 127.0.0.1:18431:80 -e V=1 --stop-signal KILL IMAGE httpd -f -p 80 -h /www"
    life.run(web=text)
    life.session.close()
    changed = text.replace("V=1", "V=2")
    patterns = {
        "rename": r"POST /containers/\w+/rename",
        "create": "POST /containers/create",
        "stop": r"POST /containers/\w+/stop",
        "start": r"POST /containers/\w+/start",
        "remove": r"DELETE /containers/",
    }
    life.session = docker.connect(life.target)
    steps = life.plan(life.wanted(web=changed))
    life.proxy.cut = re.compile(patterns[at])
    with pytest.raises(EngineError, match="connection to the Docker Engine"):
        life.apply(*steps)
    life.proxy.cut = None
    life.run(web=changed)
    assert [item.state for item in life.held().values()] == [RUNNING]
    assert "V=2" in life.inspect(f"{life.app}-web")["Config"]["Env"]
    assert life.run(web=changed) == {}


def test_what_dies_between_rename_and_create_is_repaired(life: Life) -> None:
    """As if the program itself had been killed there: the old container waits under its other name."""
    text = "docker run -d -e V=1 IMAGE SLEEP"
    life.run(web=text)
    existing = life.held()["container/web:1"]
    life.command("rename", existing.name, observing.aside(existing.name, existing.id))
    assert life.run(web=text) == {"container/web:1": REPLACE}
    assert [item.name for item in life.held().values()] == [f"{life.app}-web"]
    # and after the new one was made: two of one key
    existing = life.held()["container/web:1"]
    life.command("rename", existing.name, observing.aside(existing.name, existing.id))
    (step,) = [step for step in life.plan(life.wanted(web=text)) if step.op == REPLACE]
    assert step.resource is not None
    life.apply(Step(CREATE, step.resource, None))
    assert set(life.held()) == {"container/web:1", f"container/web:1~{existing.id[:12]}"}
    assert life.run(web=text) == {f"container/web:1~{existing.id[:12]}": DELETE}
    assert [item.name for item in life.held().values()] == [f"{life.app}-web"]


def test_what_was_made_and_never_started_is_started(life: Life) -> None:
    """As if the program itself had been killed between the two calls."""
    text = "docker run -d IMAGE SLEEP"
    (*_, container) = life.wanted(web=text)
    with contextlib.closing(wire.connect(Endpoint(life.proxy.host, "the test"))) as connection:
        applying.make(connection, container, life.app, 1, lambda key, text: None)
    assert life.run(web=text) == {"container/web:1": START}
    assert life.held()["container/web:1"].state == RUNNING


def test_a_failed_replacement_brings_the_old_one_back(life: Life) -> None:
    life.run(web="docker run -d -e V=1 IMAGE SLEEP")
    before = life.held()["container/web:1"]
    with pytest.raises(EngineError, match="can't be started in the container"):
        life.run(web="docker run -d IMAGE no-such-program")
    after = life.held()
    assert set(after) == {"container/web:1"}
    assert after["container/web:1"].id == before.id
    assert after["container/web:1"].name == before.name
    assert after["container/web:1"].state == RUNNING


def test_a_stranger_with_a_wanted_name_is_left_alone(life: Life) -> None:
    name = f"{life.app}-web"
    life.command("run", "-d", "--name", name, life.image, "sleep", "100")
    try:
        wanted = life.wanted(web="docker run -d IMAGE SLEEP")
        with pytest.raises(EngineError, match=f"'{name}' is on the engine already, and it was not made by atomicapp"):
            life.plan(wanted)
        # also when it came after the plan was made
        with pytest.raises(EngineError, match="not made by atomicapp"):
            life.apply(Step(CREATE, wanted[-1], None))
        assert life.inspect(name)["State"]["Running"]
    finally:
        life.command("rm", "-f", name)


def test_a_container_of_another_app_names_that_app(life: Life) -> None:
    life.run(web="docker run -d --name APP-shared IMAGE SLEEP")
    artifact = Artifact("x", "docker", "x", f"docker run -d --name {life.app}-shared {life.image}", "x", HERE)
    wanted = docker.parse(Rendered((artifact,)), Target("another")).resources
    with pytest.raises(EngineError, match=f"belongs to the app '{life.app}'") as caught:
        life.session.observe("another", wanted)
    assert f"atomicapp uninstall {life.app}" in caught.value.hint
