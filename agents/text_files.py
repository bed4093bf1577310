"""Text files as people hand them over: compressed or not, with or without a byte-order mark, line by line."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

LONGEST_CELL = 1000
"""Characters that a cell of a file, or a name in it, may have."""


def text_of(path: Path, encoding: str = "utf-8-sig") -> str:
    """Return the content of a text file, decompressed if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        If the bytes are no text in this encoding, or not compressed as the name says.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is no complete gzip file ({error}); copy it again, or unpack it") from None
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None


def split_lines(text: str) -> list[str]:
    """Lines of a text without their ends, which are those of Unix, Windows or old Macintoshes."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text file without their ends, as ``split_lines`` does.

    Raises
    ------
    ValueError
        For characters that some programs take for the end of a line or do not show, naming line and column.
    """
    lines = split_lines(text_of(path))
    for number, line in enumerate(lines, start=1):
        # Form feeds and U+2028 end a line for some readers only; the rest of the control characters are never meant.
        odd = next((place for place, sign in enumerate(line) if not sign.isprintable() and sign not in "\t\xa0"), None)
        if odd is not None:
            raise ValueError(
                f"{path}, line {number}, character {odd + 1}: {line[odd]!a} is no printable character; delete it"
            )
    return lines


def shown(text: str) -> str:
    """A cell of a file as a message quotes it: its first characters, with the number of the others."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}... ({len(text)} characters)"
