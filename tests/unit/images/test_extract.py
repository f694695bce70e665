from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomicapp.errors import AtomicAppError, FetchError
from atomicapp.images.blobs import Image
from atomicapp.images.extract import extract
from atomicapp.images.layers import Limits
from tests.unit.images.helpers import NULECULE, app, file, folder, gz, hard, image, link, special, tar, zst

A = "application-entity"


def tree(place: Path) -> dict[str, bytes | str]:
    """Everything below a folder: text for links, bytes for files, "/" for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        found[name] = f"-> {path.readlink()}" if path.is_symlink() else "/" if path.is_dir() else path.read_bytes()
    return found


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def unpack(found: Image, tmp_path: Path, limits: Limits | None = None) -> dict[str, bytes | str]:
    done = extract(found, tmp_path / "out", limits)
    assert done.folder == tmp_path / "out"
    assert names(tmp_path) == ["out"]
    return tree(done.folder)


def refused(found: Image, tmp_path: Path, said: str, limits: Limits | None = None) -> FetchError:
    """The image is refused with some words, and nothing stays."""
    with pytest.raises(FetchError, match=said) as caught:
        extract(found, tmp_path / "out", limits)
    assert names(tmp_path) == []
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize("pack", [gz, zst, bytes], ids=["gzip", "zstd", "plain"])
def test_the_app_is_taken_out_of_a_layer(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    layer = pack(app(folder(f"{A}/art"), file(f"{A}/art/pod", b"p" * 700_000), file("etc/passwd", b"root")))
    assert unpack(image(layer), tmp_path) == {"Nulecule": NULECULE, "art": "/", "art/pod": b"p" * 700_000}


def test_names_may_begin_with_a_dot(tmp_path: Path) -> None:
    layer = tar(folder("./"), folder(f"./{A}/"), file(f"./{A}/./Nulecule", NULECULE))
    assert unpack(image(gz(layer)), tmp_path) == {"Nulecule": NULECULE}


def test_folders_need_no_entry_of_their_own(tmp_path: Path) -> None:
    assert unpack(image(gz(tar(file(f"{A}/a/b/c", b"1")))), tmp_path) == {"a": "/", "a/b": "/", "a/b/c": b"1"}


def test_several_gzip_members_are_one_layer(tmp_path: Path) -> None:
    data = app()
    assert unpack(image(gz(data[:700]) + gz(data[700:])), tmp_path) == {"Nulecule": NULECULE}


def test_upper_layers_replace_lower_ones(tmp_path: Path) -> None:
    found = image(
        gz(app(file(f"{A}/a", b"1"), file(f"{A}/b", b"1"), folder(f"{A}/d"), file(f"{A}/d/x", b"1"))),
        gz(tar(file(f"{A}/a", b"2"), folder(f"{A}/b"), file(f"{A}/b/in", b"2"), file(f"{A}/d", b"now a file"))),
    )
    assert unpack(found, tmp_path) == {
        "Nulecule": NULECULE,
        "a": b"2",
        "b": "/",
        "b/in": b"2",
        "d": b"now a file",
    }


def test_whiteouts_remove_what_lies_below(tmp_path: Path) -> None:
    found = image(
        gz(app(file(f"{A}/gone"), folder(f"{A}/dir"), file(f"{A}/dir/gone"), file(f"{A}/dir/stays", b"s"))),
        gz(tar(file(f"{A}/.wh.gone", b""), file(f"{A}/dir/.wh.gone", b""), file(f"{A}/no/.wh.x", b""))),
    )
    assert unpack(found, tmp_path) == {"Nulecule": NULECULE, "dir": "/", "dir/stays": b"s"}


@pytest.mark.parametrize("last", [True, False])
def test_an_opaque_folder_hides_lower_layers_but_not_its_own(last: bool, tmp_path: Path) -> None:
    opaque = [file(f"{A}/dir/.wh..wh..opq", b"")]
    own = [folder(f"{A}/dir/sub"), file(f"{A}/dir/new", b"n"), file(f"{A}/dir/sub/new", b"n")]
    below = [folder(f"{A}/dir"), folder(f"{A}/dir/sub"), file(f"{A}/dir/old"), file(f"{A}/dir/sub/old")]
    found = image(gz(app(*below)), gz(tar(folder(f"{A}/dir"), *(own + opaque if last else opaque + own))))
    # without an entry for `sub` after the whiteout, what lies in it below is hidden as well
    assert unpack(found, tmp_path) == {
        "Nulecule": NULECULE,
        "dir": "/",
        "dir/new": b"n",
        "dir/sub": "/",
        "dir/sub/new": b"n",
    }


def test_a_whiteout_spares_what_its_own_layer_brings(tmp_path: Path) -> None:
    found = image(
        gz(app(folder(f"{A}/d"), file(f"{A}/d/old"))),
        gz(tar(folder(f"{A}/d"), file(f"{A}/d/new", b"n"), file(f"{A}/.wh.d", b""))),
    )
    assert unpack(found, tmp_path) == {"Nulecule": NULECULE, "d": "/", "d/new": b"n"}


def test_the_whole_app_can_be_replaced(tmp_path: Path) -> None:
    for name in (f".wh.{A}", ".wh..wh..opq"):
        found = image(gz(app(file(f"{A}/old"))), gz(tar(file(name, b""), file(f"{A}/new", b"n"))))
        out = tmp_path / name
        out.mkdir()
        assert unpack(found, out) == {"new": b"n"}


def test_the_whole_app_can_be_gone(tmp_path: Path) -> None:
    refused(image(gz(app()), gz(tar(file(f".wh.{A}", b"")))), tmp_path, "not an Atomic App package")


def test_aufs_leftovers_are_skipped(tmp_path: Path) -> None:
    assert unpack(image(gz(app(file(f"{A}/.wh..wh.plnk/1.2")))), tmp_path)["Nulecule"] == NULECULE


def test_an_image_without_an_app_is_told_so(tmp_path: Path) -> None:
    error = refused(image(gz(tar(file("bin/sh")))), tmp_path, "not an Atomic App package")
    assert "atomicapp build" in error.hint


def test_modes_and_owners_are_not_taken_over(tmp_path: Path) -> None:
    info, data = file(f"{A}/run.sh", b"#!", 0o6755)
    info.uid = info.gid = 1234
    extract(image(gz(app((info, data), folder(f"{A}/d", 0o1777), file(f"{A}/w", b"", 0o666)))), tmp_path / "out")
    status = (tmp_path / "out/run.sh").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o755, os.getuid())
    assert stat.S_IMODE((tmp_path / "out/d").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "out/w").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755


# ---------------------------------------------------------------- links


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    layer = app(folder(f"{A}/d"), link(f"{A}/d/up", "../Nulecule"), link(f"{A}/to", "d"), link(f"{A}/dangling", "no"))
    assert unpack(image(gz(layer)), tmp_path) == {
        "Nulecule": NULECULE,
        "d": "/",
        "d/up": "-> ../Nulecule",
        "to": "-> d",
        "dangling": "-> no",
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../etc/passwd", "d/../../x", "..", "/", f"/{A}/Nulecule"])
def test_links_that_lead_out_are_refused(target: str, tmp_path: Path) -> None:
    refused(image(gz(app(link(f"{A}/bad", target)))), tmp_path, "leads out of the app")


def test_links_that_lead_out_together_are_refused(tmp_path: Path) -> None:
    # each alone stays inside when its text is read; `l` is the folder above the app once `d` is a link to it
    layer = app(link(f"{A}/d", "."), link(f"{A}/l", "d/.."))
    refused(image(gz(layer)), tmp_path, "through another")


def test_nothing_is_written_below_a_link(tmp_path: Path) -> None:
    refused(image(gz(app(link(f"{A}/d", "e"), folder(f"{A}/e"), file(f"{A}/d/x")))), tmp_path, "below a symbolic link")
    found = image(gz(app(link(f"{A}/d", "e"), folder(f"{A}/e"))), gz(tar(file(f"{A}/d/x"))))
    refused(found, tmp_path, "below a symbolic link")


def test_a_whiteout_does_not_follow_a_link(tmp_path: Path) -> None:
    found = image(
        gz(app(folder(f"{A}/e"), file(f"{A}/e/x", b"1"), link(f"{A}/d", "e"))),
        gz(tar(file(f"{A}/d/.wh.x", b""), file(f"{A}/d/.wh..wh..opq", b""))),
    )
    assert unpack(found, tmp_path)["e/x"] == b"1"


def test_the_app_itself_must_be_a_folder(tmp_path: Path) -> None:
    refused(image(gz(tar(link(A, "opt/app"), file("opt/app/Nulecule")))), tmp_path, "not a folder")
    refused(image(gz(tar(file(A)))), tmp_path, "not a folder")


def test_hard_links_within_the_app(tmp_path: Path) -> None:
    layer = app(file(f"{A}/a", b"same"), hard(f"{A}/b", f"{A}/a"), hard(f"{A}/c", f"./{A}/b"))
    found = image(gz(layer), gz(tar(file(f"{A}/a", b"other"))))
    assert unpack(found, tmp_path) == {"Nulecule": NULECULE, "a": b"other", "b": b"same", "c": b"same"}


def test_a_hard_link_to_a_link_is_a_link_that_stays_inside(tmp_path: Path) -> None:
    layer = app(folder(f"{A}/d"), link(f"{A}/d/l", "../Nulecule"), hard(f"{A}/d/m", f"{A}/d/l"))
    assert unpack(image(gz(layer)), tmp_path)["d/m"] == "-> ../Nulecule"
    out = image(gz(app(folder(f"{A}/d"), link(f"{A}/d/l", "../Nulecule"), hard(f"{A}/m", f"{A}/d/l"))))
    (tmp_path / "second").mkdir()
    refused(out, tmp_path / "second", "leads out of the app")


def test_hard_links_to_files_of_the_image_outside_of_the_app(tmp_path: Path) -> None:
    found = image(
        gz(tar(file("usr/share/x", b"one"), file("usr/share/y", b"y"), hard("usr/share/z", "usr/share/y"))),
        gz(tar(file("usr/share/x", b"two"))),
        gz(app(hard(f"{A}/x", "usr/share/x"), hard(f"{A}/z", "usr/share/z"))),
        gz(tar(file("usr/share/x", b"three"))),
    )
    assert unpack(found, tmp_path) == {"Nulecule": NULECULE, "x": b"two", "z": b"y"}


@pytest.mark.parametrize(
    "layers",
    [
        [app(hard(f"{A}/x", "etc/none"))],
        [tar(file("etc/x")), tar(file("etc/.wh.x", b"")), app(hard(f"{A}/x", "etc/x"))],
        [tar(file("etc/x")), tar(file("etc/.wh..wh..opq", b"")), app(hard(f"{A}/x", "etc/x"))],
        [app(link("etc/l", "/etc/passwd"), hard(f"{A}/x", "etc/l"))],
        [app(hard("a", "b"), hard("b", "a"), hard(f"{A}/x", "a"))],
        [app(hard(f"{A}/x", f"{A}/none"))],
        [app(folder(f"{A}/d"), hard(f"{A}/x", f"{A}/d"))],
        [app(link(f"{A}/l", "."), hard(f"{A}/x", f"{A}/l/Nulecule"))],
    ],
)
def test_hard_links_to_nothing_are_refused(layers: list[bytes], tmp_path: Path) -> None:
    refused(image(*map(gz, layers)), tmp_path, "hard link")


def test_hard_links_never_reach_the_machine(tmp_path: Path) -> None:
    for target, said in (
        ("/etc/passwd", "absolute name"),
        ("../../etc/passwd", "leads out"),
        ("etc/passwd", "no file"),
    ):
        refused(image(gz(app(hard(f"{A}/x", target)))), tmp_path, said)


# ---------------------------------------------------------------- hostile names and kinds


@pytest.mark.parametrize("name", ["../x", f"{A}/../../x", f"{A}/..", "a/../../b", f"./{A}/../x"])
def test_names_that_climb_are_refused(name: str, tmp_path: Path) -> None:
    refused(image(gz(app(file(name)))), tmp_path, "leads out of the image")


@pytest.mark.parametrize("name", ["/etc/x", f"/{A}/x", "//x"])
def test_absolute_names_are_refused(name: str, tmp_path: Path) -> None:
    refused(image(gz(app(file(name)))), tmp_path, "absolute name")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (b"Z", "unknown kind"),
    ],
)
def test_devices_and_pipes_are_refused_in_the_app_only(kind: bytes, said: str, tmp_path: Path) -> None:
    refused(image(gz(app(special(f"{A}/dev", kind)))), tmp_path, said) if kind != b"Z" else None
    (tmp_path / "fine").mkdir()
    assert unpack(image(gz(app(special("dev/null", kind)))), tmp_path / "fine") == {"Nulecule": NULECULE}


def test_a_name_with_control_characters_is_shown_escaped(tmp_path: Path) -> None:
    error = refused(image(gz(app(special(f"{A}/\x1b[2J", tarfile.FIFOTYPE)))), tmp_path, "a pipe")
    assert "\\x1b" in error.message


# ---------------------------------------------------------------- bombs


SMALL = Limits(
    entries=50, unpacked=3_000_000, ratio=20, ratio_free=200_000, app_entries=10, app_bytes=100_000, file=60_000
)


@pytest.mark.parametrize("pack", [gz, zst], ids=["gzip", "zstd"])
def test_bombs_are_refused(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    refused(image(pack(app(file("big", b"\0" * 2_000_000)))), tmp_path, "bomb", SMALL)


def test_a_bomb_of_the_default_limits(tmp_path: Path) -> None:
    error = refused(image(zst(app(file("big", b"\0" * 64_000_000)))), tmp_path, "bomb")
    assert "200 times" in error.message


def test_the_bounds(tmp_path: Path) -> None:
    def noise(count: int) -> bytes:
        return os.urandom(count)

    refused(image(app(*(file(f"f{n}") for n in range(60)))), tmp_path, "more than 50 entries", SMALL)
    refused(image(app(*(file(f"{A}/f{n}") for n in range(20)))), tmp_path, "more than 10 entries", SMALL)
    refused(image(app(file(f"{A}/f", noise(70_000)))), tmp_path, "70000 bytes, more than the 60000", SMALL)
    refused(image(app(*(file(f"{A}/{n}", noise(50_000)) for n in range(3)))), tmp_path, "more than 100000", SMALL)
    layers = [app(file(f"x{n}", noise(900_000))) for n in range(4)]
    refused(image(*layers), tmp_path, "unpack to more than 3000000", SMALL)


def test_rereading_for_hard_links_is_bounded_as_well(tmp_path: Path) -> None:
    big = tar(file("x", os.urandom(700_000)), file("t", b"t"))
    found = image(big, app(*(hard(f"{A}/{n}", "t") for n in range(8))))
    refused(found, tmp_path, "unpack to more than 3000000", SMALL._replace(entries=5000))


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 5 * 1024**3
    refused(image(gz(info.tobuf() + b"\0" * 1024)), tmp_path, "damaged")
    pax = tarfile.TarInfo("x")
    pax.type, pax.size = tarfile.XHDTYPE, 1024**3
    refused(image(gz(pax.tobuf() + b"\0" * 1024)), tmp_path, "damaged")


def test_a_header_with_a_negative_size_ends_the_reading(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.size = -1024
    refused(image(gz(app()[:1536] + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 2048)), tmp_path, "damaged")


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    pax = tarfile.TarInfo("x")
    pax.type, pax.size = tarfile.XHDTYPE, 0
    refused(image(gz(pax.tobuf() * 3000)), tmp_path, "damaged")


# ---------------------------------------------------------------- damage


def test_a_wrong_digest_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    good, other = gz(app()), gz(app(file(f"{A}/evil")))
    found = image(good)
    forged = found._replace(open_blob=lambda _: io.BytesIO(other[: len(good)].ljust(len(good), b"\0")))
    refused(forged, tmp_path, "wrong digest")
    refused(found._replace(open_blob=lambda _: io.BytesIO(good + b"x")), tmp_path, "longer than")
    refused(found._replace(open_blob=lambda _: io.BytesIO(good[:-1])), tmp_path, "cut off")


def test_layers_that_are_cut_off(tmp_path: Path) -> None:
    # the digest fits: the image was built so
    data = app(file(f"{A}/big", os.urandom(20_000)))
    for layer in (gz(data)[:-3000], zst(data)[:-3000], data[:-15_000], data[: 512 + 100], gz(data)[:5]):
        refused(image(layer), tmp_path, "damaged or cut off|no folder")


def test_a_header_that_is_changed_is_no_end_of_the_archive(tmp_path: Path) -> None:
    data = bytearray(app(file(f"{A}/x", b"1"), file(f"{A}/y", b"2")))
    data[512 * 3 : 512 * 3 + 4] = b"evil"
    refused(image(gz(bytes(data))), tmp_path, "damaged")


@pytest.mark.parametrize("head", [b"BZh9xxxx", b"\xfd7zXZ\x00xx", b"PK\x03\x04xxxx"])
def test_other_compressions_are_named(head: bytes, tmp_path: Path) -> None:
    refused(image(head * 200), tmp_path, "gzip and zstd are known")


@pytest.mark.parametrize(
    "layer", [b"", b"nonsense" * 200, b"\x1f\x8b" + b"\0" * 600, b"\x28\xb5\x2f\xfd" + b"\1" * 600]
)
def test_layers_that_are_none(layer: bytes, tmp_path: Path) -> None:
    refused(image(layer), tmp_path, "damaged")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 4000), value=st.integers(0, 255), packed=st.sampled_from([gz, zst, bytes]))
def test_any_changed_byte_gives_an_app_or_a_clear_error(
    place: int, value: int, packed: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert callable(packed)
    layer = bytearray(packed(app(file(f"{A}/a" * 60, b"long name"), link(f"{A}/l", "Nulecule"))))
    layer[place % len(layer)] = value
    out = tmp_path_factory.mktemp("any")
    try:
        extract(image(bytes(layer)), out / "out")
    except AtomicAppError:
        assert names(out) == []
    else:
        assert names(out) == ["out"]


# ---------------------------------------------------------------- the place


def test_the_folder_is_not_touched_when_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AtomicAppError, match="can't write"):
        extract(image(gz(app())), tmp_path / "file" / "out")


def test_counts_are_given_back(tmp_path: Path) -> None:
    done = extract(image(gz(app(file(f"{A}/x", b"12345")))), tmp_path / "out")
    assert (done.entries, done.size) == (3, len(NULECULE) + 5)
