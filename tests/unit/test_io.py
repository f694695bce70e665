"""atomicapp/io.py: encodings, sizes, and files that are never half-written."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from atomicapp import io
from atomicapp.errors import AtomicAppError, SpecError
from atomicapp.position import Position


@pytest.mark.parametrize("text", ["", "a\r\nb\n", "\ufeffa", "é😀", "\x00"])
def test_text_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_bytes(text.encode())
    assert io.read_text(tmp_path / "f") == text


@pytest.mark.parametrize(
    ("data", "offset", "byte", "place"),
    [
        (b"\xff", 0, "ff", Position("name", 1, 1)),
        (b"ab\ncd\xe9\n", 5, "e9", Position("name", 2, 3)),
        ("é\nä".encode() + b"\x80", 5, "80", Position("name", 2, 3)),
        (b"PK\x03\x04\xba\n", 4, "ba", Position("name", 1, 5)),
        (b"cut \xc3", 4, "c3", Position("name", 1, 5)),
    ],
)
def test_bytes_that_are_no_utf8_are_told_by_offset(data: bytes, offset: int, byte: str, place: Position) -> None:
    with pytest.raises(SpecError) as found:
        io.decode(data, "name")
    issue = found.value.issues[0]
    assert issue.message == f"byte 0x{byte} at offset {offset} is not UTF-8 text"
    assert (issue.position.file, issue.position.line) == (place.file, place.line)
    assert issue.code == "encoding"


def test_a_column_counts_characters_as_everywhere_else() -> None:
    with pytest.raises(SpecError) as found:
        io.decode("äöü".encode() + b"\xff", "name")
    assert found.value.issues[0].position == Position("name", 1, 4)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as stream:
        stream.truncate(io.MAX_TEXT + 1)
    with pytest.raises(SpecError, match=r"^name: the file is larger than 16 MiB$"):
        io.read_text(tmp_path / "f", "name")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is no plain file"):
        io.read_text(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is no plain file"):
        io.read_text(Path("/dev/zero"))


def test_a_pipe_is_read_to_its_end_whatever_the_pieces() -> None:
    reader, writer = os.pipe()

    def write() -> None:
        for number in range(3):
            os.write(writer, f"{number}".encode() * 50_000)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert io.text_of(reader, "f", plain=False) == "0" * 50_000 + "1" * 50_000 + "2" * 50_000
    thread.join()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)


def test_a_file_of_unknown_size_is_read_to_its_end() -> None:
    assert io.read_text(Path("/proc/self/status")).endswith("\n")


def test_a_pipe_may_be_asked_for() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"[general]\n")
    os.close(writer)
    try:
        assert io.read_text(Path(f"/dev/fd/{reader}"), plain=False) == "[general]\n"
    finally:
        os.close(reader)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_written_with_its_mode_whatever_the_mask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        io.write_text(tmp_path / "f", "é\r\n", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "f").read_bytes() == "é\r\n".encode()
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    with (tmp_path / "f").open() as reader:
        io.write_text(tmp_path / "f", "new")
        assert reader.read() == "old"
    assert (tmp_path / "f").read_text() == "new"


def test_what_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(AtomicAppError) as found:
        io.write_text(tmp_path / "f", "x")
    assert found.value.message == f"can't write {tmp_path / 'f'}: Is a directory"
    assert found.value.hint == "check free space and permissions; nothing was left half-written"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    with pytest.raises(AtomicAppError, match="No such file or directory"):
        io.write_text(tmp_path / "absent" / "f", "x")


def test_a_full_disk_is_one_clear_line() -> None:
    with (
        pytest.raises(AtomicAppError, match=r"^can't write out: No space left on device$"),
        io.writing(Path("out")),
        Path("/dev/full").open("wb", buffering=0) as stream,
    ):
        stream.write(b"x")
