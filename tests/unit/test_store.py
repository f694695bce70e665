"""atomicapp/store.py: records, their privacy, and locks between processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from atomicapp.errors import AtomicAppError, StateError
from atomicapp.host import in_host
from atomicapp.model import Target
from atomicapp.store import DONE, Record, Store, check_name, default_root, name_for, now

RECORD = Record(
    name="shop",
    app="wordpress",
    provider="docker",
    target=Target("shop", "prod", api="tcp://1.2.3.4:2376", auth="token-secret", tlsverify=False),
    revision=3,
    outcome=DONE,
    reference="localhost:5000/wordpress-app:1",
    digest="sha256:1234",
    changed="2026-01-02T03:04:05Z",
    stopped=True,
    resources=({"key": "container/web", "body": {"env": ["ü=1"]}},),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def file_of(store: Store, name: str = "shop") -> Path:
    return store.root / "deployments" / name / "record.json"


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


# ---------------------------------------------------------------- records


def test_a_record_comes_back_as_it_was_but_for_the_token(store: Store) -> None:
    store.save(RECORD)
    assert store.record("shop") == RECORD._replace(target=RECORD.target._replace(auth=""))
    assert "token-secret" not in file_of(store).read_text(encoding="utf-8")
    assert store.records() == [store.record("shop")]


def test_records_are_listed_by_name_and_can_be_forgotten(store: Store) -> None:
    assert store.records() == []
    for name in ("b", "a", "c.1"):
        store.save(RECORD._replace(name=name))
    assert [record.name for record in store.records()] == ["a", "b", "c.1"]
    store.forget("b")
    store.forget("b")
    assert [record.name for record in store.records()] == ["a", "c.1"]
    assert store.record("b") is None


def test_nothing_is_made_by_reading(store: Store) -> None:
    assert store.record("shop") is None
    assert (store.cache, store.images) == (store.root / "cache", store.root / "images")
    store.forget("shop")
    assert not store.root.exists()


def test_state_is_private(store: Store) -> None:
    before = os.umask(0)
    try:
        store.save(RECORD)
        with store.lock("shop", timeout=0, what="run", waiting=print):
            assert mode(store.root / "locks" / "shop.owner") == "0o600"
    finally:
        os.umask(before)
    folders = [store.root, store.root / "deployments", file_of(store).parent, store.root / "locks"]
    assert [mode(folder) for folder in folders] == ["0o700"] * 4
    assert mode(file_of(store)) == "0o600"
    assert mode(store.root / "locks" / "shop.lock") == "0o600"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "'list' object has no attribute 'get'"),
        ("[" * 100_000, "recursion"),
        ("{}", "'target' is missing"),
        ('{"format": 1, "target": {"app": "x"}}', "missing"),
        ('{"format": "new", "target": {}}', "not supported between"),
        (json.dumps({**RECORD.to_dict(), "revision": "3"}), "'revision' is '3'"),
        (json.dumps({**RECORD.to_dict(), "name": None}), "'name' is None"),
        (json.dumps({**RECORD.to_dict(), "target": {"app": "shop", "tlsverify": "no"}}), "'tlsverify' is 'no'"),
    ],
)
def test_a_damaged_record_is_told(store: Store, text: str, what: str) -> None:
    store.save(RECORD)
    file_of(store).write_text(text)
    with pytest.raises(StateError) as found:
        store.record("shop")
    assert found.value.message.startswith(f"{file_of(store)} is damaged: ")
    assert what in found.value.message
    assert "move it away" in found.value.hint


def test_bytes_that_are_no_text_are_damage(store: Store) -> None:
    store.save(RECORD)
    file_of(store).write_bytes(b"\xff\xfe")
    with pytest.raises(StateError, match="is damaged: 'utf-8' codec"):
        store.records()


def test_a_record_of_a_newer_program_is_not_guessed_at(store: Store) -> None:
    store.save(RECORD)
    file_of(store).write_text(json.dumps({**RECORD.to_dict(), "format": 2, "new": "field"}))
    with pytest.raises(StateError, match="written by a newer version of this program") as found:
        store.record("shop")
    assert found.value.hint == "update this program"


def test_fields_that_are_not_known_are_left_out(store: Store) -> None:
    target = {**RECORD.to_dict()["target"], "later": 1}
    assert Record.from_dict({**RECORD.to_dict(), "later": 1, "target": target}).name == "shop"


def test_a_record_that_can_not_be_read_is_told(store: Store) -> None:
    file_of(store).mkdir(parents=True)
    with pytest.raises(StateError, match=r"^can't read .*record.json: Is a directory$"):
        store.record("shop")


def test_a_state_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(AtomicAppError, match=r"^can't write .*: (Not a directory|File exists)$"):
        Store(tmp_path / "state").save(RECORD)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["a", "shop", "a.b-c_d", "0", "x" * 63])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", ".", "..", "a/b", "../x", "a b", "x" * 64, "a\n", "ä"])
def test_bad_names_reach_no_file(store: Store, name: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: store.record(name),
        lambda: store.save(RECORD._replace(name=name)),
        lambda: store.forget(name),
        lambda: store.lock(name, timeout=0, what="run", waiting=print).__enter__(),
    ]
    for use in uses:
        with pytest.raises(StateError) as found:
            use()
        assert found.value.message == f"'{name}' can't be the name of a deployment"
        assert found.value.hint.startswith("use at most 63 of a-z")
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("app_id", "namespace", "name"),
    [
        ("wordpress", "default", "wordpress"),
        ("wordpress", "", "wordpress"),
        ("wordpress", "prod", "wordpress-prod"),
        ("My App!", "default", "my-app"),
        ("../x", "default", "x"),
        ("Ü", "default", "app"),
        ("x" * 62 + "-y", "default", "x" * 62),
    ],
)
def test_the_name_of_an_app_is_always_a_good_one(app_id: str, namespace: str, name: str) -> None:
    assert name_for(app_id, namespace) == name
    check_name(name)


# ---------------------------------------------------------------- locks


HOLDER = """
import sys
from pathlib import Path
from atomicapp.store import Store
with Store(Path(sys.argv[1])).lock("shop", timeout=0, what="uninstall", waiting=print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(store: Store) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lock_of_another_process_is_told_with_its_owner(store: Store) -> None:
    with hold(store) as holder:
        told: list[str] = []
        with pytest.raises(StateError) as found, store.lock("shop", timeout=0, what="run", waiting=told.append):
            raise AssertionError("the lock was given twice")
        holder.communicate("\n")
    owner = f"process {holder.pid} (atomicapp uninstall, since "
    assert found.value.message.startswith(f"the deployment shop is being changed by {owner}")
    assert found.value.hint == "wait for it to end, or give --lock-timeout SECONDS"
    assert told == []


def test_a_lock_is_waited_for_and_said_so_once(store: Store) -> None:
    with hold(store) as holder:
        told: list[str] = []

        def waiting(owner: str) -> None:
            told.append(owner)
            holder.communicate("\n")

        with store.lock("shop", timeout=60, what="run", waiting=waiting):
            owner = json.loads((store.root / "locks" / "shop.owner").read_text())
    assert owner["pid"] == os.getpid()
    assert len(told) == 1
    assert told[0].startswith(f"process {holder.pid} (atomicapp uninstall")
    assert not (store.root / "locks" / "shop.owner").exists()


def test_an_owner_that_left_no_word_is_another_process(store: Store) -> None:
    with hold(store) as holder:
        (store.root / "locks" / "shop.owner").write_text("{")
        with pytest.raises(StateError, match="changed by another process"):
            store.lock("shop", timeout=0, what="run", waiting=print).__enter__()
        holder.communicate("\n")


def test_locks_of_two_deployments_do_not_meet(store: Store) -> None:
    with (
        store.lock("a", timeout=0, what="run", waiting=print),
        store.lock("b", timeout=0, what="run", waiting=print),
    ):
        assert len(list((store.root / "locks").glob("*.owner"))) == 2


def test_a_lock_is_given_back_on_a_failure(store: Store) -> None:
    with pytest.raises(ValueError, match="inside"), store.lock("shop", timeout=0, what="run", waiting=print):
        raise ValueError("inside")
    with store.lock("shop", timeout=0, what="run", waiting=print):
        pass


def test_a_lock_that_can_not_be_made_is_told(store: Store) -> None:
    (store.root / "locks" / "shop.lock").mkdir(parents=True)
    with pytest.raises(StateError, match=r"^can't lock .*/locks/shop\.lock: Is a directory$"):
        store.lock("shop", timeout=0, what="run", waiting=print).__enter__()


# ---------------------------------------------------------------- places


def test_where_state_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATOMICAPP_HOME", str(tmp_path))
    assert default_root() == tmp_path
    assert Store().root == tmp_path
    monkeypatch.delenv("ATOMICAPP_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert default_root() == tmp_path / "xdg" / "atomicapp"
    if os.geteuid() == 0:
        monkeypatch.delenv("XDG_STATE_HOME")
        assert default_root() == in_host("/var/lib/atomicapp")


def test_paths_are_the_users_own_outside_of_the_tools_container() -> None:
    assert in_host("relative/path") == Path("relative/path")
    if not Path("/host").is_dir():
        assert in_host("/absolute") == Path("/absolute")


def test_now_is_utc_in_whole_seconds() -> None:
    assert len(now()) == 20
    assert now().endswith("Z")
