"""atomicapp/nulecule/resolve.py: the tree of apps, from folders and from images held in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from atomicapp.errors import FetchError, ResolveError, SpecError
from atomicapp.model import App, Component, Include
from atomicapp.nulecule import resolve as resolving
from atomicapp.nulecule.resolve import resolve, walk

HEAD = "specversion: 0.0.2\nid: {}\n"


def app(folder: Path, includes: Mapping[str, str] | None = None, *, components: tuple[str, ...] = ()) -> Path:
    """An app on disk that takes others: name -> source."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [HEAD.format(folder.name), "graph:\n"]
    lines += [f"  - name: {name}\n    source: docker://{source}\n" for name, source in (includes or {}).items()]
    lines += [f"  - name: {name}\n    artifacts: {{docker: [file://{name}]}}\n" for name in components]
    (folder / "Nulecule").write_text("".join(lines))
    return folder


class Image(NamedTuple):
    folder: Path
    digest: str


class Registry:
    """Images in memory; counts what is asked for."""

    def __init__(self, **images: Path) -> None:
        self.images = {name: Image(folder, f"sha256:{name}") for name, folder in images.items()}
        self.asked: list[str] = []

    def __call__(self, reference: str) -> Image:
        self.asked.append(reference)
        if reference not in self.images:
            raise FetchError(reference, "404 Not Found", hint="check the name")
        return self.images[reference]


def lines(tree: App) -> list[str]:
    return [f"{node.namespace or '.'} {node.nulecule.id} {node.digest}".rstrip() for node in walk(tree)]


def test_a_single_app(tmp_path: Path) -> None:
    found = resolve(app(tmp_path / "one", components=("web",)), reference="host/one", digest="sha256:1")
    assert (found.name, found.namespace, found.reference, found.digest) == ("", "", "host/one", "sha256:1")
    assert found.children == ()
    web = found.nulecule.graph[0]
    assert isinstance(web, Component)
    assert found.scope_of(web) == "web"
    assert found.nulecule.file == "docker://host/one/Nulecule"


def test_folders_beside_go_before_images_at_any_depth(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a", "d": "img-d"})
    first = app(root / "external" / "a", {"b": "img-b"})
    second = app(first / "external" / "a:b", {"c": "img-c"})  # as the original named deeper ones
    app(second / "external" / "c")
    registry = Registry(**{"img-d": app(tmp_path / "d")})
    tree = resolve(root, fetch=registry)
    assert lines(tree) == [". root", "a a", "a:b a:b", "a:b:c c", "d d sha256:img-d"]
    assert registry.asked == ["img-d"]
    files = [node.nulecule.file for node in walk(tree)]
    assert files[3] == f"{root}/external/a/external/b/external/c/Nulecule"
    assert files[4] == "docker://img-d/Nulecule"


def test_an_image_may_bring_apps_and_take_others(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a"})
    image = app(tmp_path / "unpacked", {"b": "img-b", "c": "img-c"})
    app(image / "external" / "b")
    registry = Registry(**{"img-a": image, "img-c": app(tmp_path / "c")})
    assert lines(resolve(root, fetch=registry)) == [
        ". root",
        "a unpacked sha256:img-a",
        "a:b b",
        "a:c c sha256:img-c",
    ]


def test_a_diamond_is_fetched_once(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "left", "b": "right", "c": "db"})
    registry = Registry(
        left=app(tmp_path / "left", {"db": "db"}), right=app(tmp_path / "right", {"db": "db"}), db=app(tmp_path / "db")
    )
    assert [line.split()[0] for line in lines(resolve(root, fetch=registry))] == [".", "a", "a:db", "b", "b:db", "c"]
    assert sorted(registry.asked) == ["db", "left", "right"]


def test_apps_of_one_level_are_fetched_side_by_side(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {name: name for name in "abcdef"})
    images = {name: Image(app(tmp_path / name), f"sha256:{name}") for name in "abcdef"}
    together = threading.Barrier(6)

    def fetch(reference: str) -> Image:
        together.wait(timeout=60)
        return images[reference]

    assert len(list(walk(resolve(root, fetch=fetch)))) == 7


def test_without_dependencies_only_what_is_there_is_taken(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a", "b": "img-b"})
    app(root / "external" / "b")
    tree = resolve(root, fetch=None)
    assert lines(tree) == [". root", "b b"]
    first, second = tree.nulecule.graph
    assert isinstance(first, Include)
    assert isinstance(second, Include)
    taken = {child.name: child for child in tree.children}
    assert taken.get(first.name) is None
    assert taken.get(second.name) is tree.children[0]


# ---------------------------------------------------------------- faults


def test_an_image_that_can_not_be_had_is_told_with_the_chain(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a"})
    registry = Registry(**{"img-a": app(tmp_path / "a", {"b": "missing", "c": "missing-too"})})
    with pytest.raises(FetchError) as found:
        resolve(root, fetch=registry)
    error = found.value
    assert error.message == "can't get missing: 404 Not Found"
    assert error.hint == "check the name"
    assert error.details == (
        f"wanted at docker://img-a/Nulecule:4:5 through {root} -> a -> b",
        "also: can't get missing-too: 404 Not Found",
    )


def test_a_circle_of_images_is_told_with_the_chain(tmp_path: Path) -> None:
    registry = Registry(a=app(tmp_path / "a", {"to-b": "b"}), b=app(tmp_path / "b", {"back": "a"}))
    with pytest.raises(ResolveError) as found:
        resolve(app(tmp_path / "root", {"first": "a"}), fetch=registry)
    error = found.value
    chain = f"{tmp_path}/root -> first -> to-b -> back"
    assert error.message == f"docker://b/Nulecule:4:5: a includes itself (through {chain})"
    assert error.chain == (f"{tmp_path}/root", "first", "to-b", "back")
    assert error.hint == "remove one 'source' of the circle"


def test_a_circle_is_known_by_digest_whatever_the_name(tmp_path: Path) -> None:
    folder = app(tmp_path / "a", {"again": "host/other-name"})
    registry = Registry()
    registry.images["host/other-name"] = Image(folder, "sha256:same")
    with pytest.raises(ResolveError) as found:
        resolve(folder, reference="host/a:1", digest="sha256:same", fetch=registry)
    assert found.value.chain == ("host/a:1", "again")


def test_a_circle_is_known_by_folder(tmp_path: Path) -> None:
    folder = app(tmp_path / "a", {"again": "a"})
    registry = Registry()
    registry.images["a"] = Image(folder, "")
    with pytest.raises(ResolveError, match="a includes itself"):
        resolve(folder, fetch=registry)


@pytest.mark.parametrize("link", ["external/a", "external"])
def test_nested_apps_by_a_link_that_leads_outside_are_refused(tmp_path: Path, link: str) -> None:
    root = app(tmp_path / "root", {"a": "img-a"})
    outside = app(tmp_path / "outside" / "a")
    path = root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside if link == "external/a" else outside.parent)
    with pytest.raises(ResolveError) as found:
        resolve(root, fetch=None)
    assert found.value.message == (
        f"{root}/Nulecule:4:5: {path} is a link that leads outside of the app (through {root})"
    )
    assert found.value.hint == "an app holds its nested apps itself: copy the folder in place of the link"


def test_a_link_to_the_app_itself_is_refused_and_no_circle(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a"})
    (root / "external").mkdir()
    (root / "external" / "a").symlink_to(root)
    with pytest.raises(ResolveError, match="is a link that leads outside of the app"):
        resolve(root, fetch=None)


def test_links_within_the_app_are_followed(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a"})
    app(root / "apps" / "one")
    (root / "external").mkdir()
    (root / "external" / "a").symlink_to("../apps/one")
    assert lines(resolve(root, fetch=None)) == [". root", "a one"]


def test_the_findings_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"a": "img-a", "b": "img-b", "c": "img-c"})
    for name in "ab":
        (app(root / "external" / name) / "Nulecule").write_text("specversion: 0.0.2\nid: x\ngraph: 5\n")
    (app(root / "external" / "c") / "Nulecule").write_text("- x\n")
    with pytest.raises(SpecError) as found:
        resolve(root, fetch=None)
    assert [f"{issue.position}: {issue.message}" for issue in found.value.issues] == [
        f"{root}/external/a/Nulecule:3:8: 'graph' must be a list, found the number '5'",
        f"{root}/external/b/Nulecule:3:8: 'graph' must be a list, found the number '5'",
        f"{root}/external/c/Nulecule:1:1: a Nulecule must be a mapping with 'specversion', 'id' and 'graph', found a list",
    ]
    assert found.value.message.endswith("found the number '5' (and 2 more)")


def test_an_image_without_a_nulecule_is_told_with_the_chain(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    root = app(tmp_path / "root", {"a": "img-a"})
    with pytest.raises(ResolveError) as found:
        resolve(root, fetch=Registry(**{"img-a": tmp_path / "empty"}))
    assert found.value.message == (
        f"{tmp_path}/empty is no app: it holds no file named 'Nulecule' (through {root} -> a)"
    )
    with pytest.raises(ResolveError) as found:
        resolve(tmp_path / "empty", fetch=None)
    assert found.value.message == f"{tmp_path}/empty is no app: it holds no file named 'Nulecule'"


def test_a_tree_without_end_is_refused(tmp_path: Path) -> None:
    def fetch(reference: str) -> Image:
        folder = app(tmp_path / reference, {"next": f"{reference}x"})
        return Image(folder, f"sha256:{reference}")

    with pytest.raises(ResolveError, match=f"apps are nested more than {resolving.MAX_DEPTH} deep") as found:
        resolve(app(tmp_path / "root", {"next": "x"}), fetch=fetch)
    assert len(found.value.chain) == resolving.MAX_DEPTH + 2


def test_a_tree_without_bounds_is_refused(tmp_path: Path) -> None:
    wide = {f"n{number}": "leaf" for number in range(resolving.MAX_APPS)}
    with pytest.raises(ResolveError, match=f"includes more than {resolving.MAX_APPS} apps"):
        resolve(app(tmp_path / "root", wide), fetch=Registry(leaf=app(tmp_path / "leaf")))


def test_a_clash_of_names_in_a_nested_app_is_told_with_the_chain(tmp_path: Path) -> None:
    root = app(tmp_path / "root", {"db": "host/db"})
    inner = app(tmp_path / "db", components=("one", "one"))
    with pytest.raises(SpecError) as caught:
        resolve(root, fetch=Registry(**{"host/db": inner}))
    (issue,) = caught.value.issues
    assert issue.message.startswith("the name 'one' is taken by the component at docker://host/db/Nulecule:")
    assert issue.message.endswith(f"(through {root} -> db)")
