"""Text files with byte-order marks, foreign line ends, compression and damage."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from agents.text_files import lines_of, shown


def written(folder: Path, content: bytes, name: str = "friends.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_in_any_system(tmp_path: Path, ends: bytes) -> None:
    assert lines_of(written(tmp_path, b"0 1" + ends + b"1 2")) == ["0 1", "1 2"]


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path, b"\xef\xbb\xbf0 1")) == ["0 1"]


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path, gzip.compress(b"0 1"), "friends.txt.gz")) == ["0 1"]


@pytest.mark.parametrize("content", [b"0 1", gzip.compress(b"0 1" * 99)[:-9]])
def test_what_is_not_compressed_or_cut_off_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"friends\.txt\.gz is no complete gzip file .*; copy it again"):
        lines_of(written(tmp_path, content, "friends.txt.gz"))


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"friends\.txt is no UTF-8 text \(byte 0\); save it as UTF-8"):
        lines_of(written(tmp_path, "0 1".encode("utf-16")))


@pytest.mark.parametrize("sign", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028", "\u2029", "\x00", "\ufeff"])
def test_characters_that_some_take_for_the_end_of_a_line_are_refused_with_their_place(
    tmp_path: Path, sign: str
) -> None:
    path = written(tmp_path, f"0 1\n# a{sign}2 3\n".encode())
    with pytest.raises(ValueError, match=r"friends\.txt, line 2, character 4: .* is no printable character; delete it"):
        lines_of(path)


def test_a_long_cell_is_quoted_in_part() -> None:
    assert shown("9" * 5000) == f"'{'9' * 40}'... (5000 characters)"
    assert shown("9") == "'9'"
