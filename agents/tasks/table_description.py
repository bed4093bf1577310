"""What is publicly known of a table, declared by whoever studies it: columns, ranges and vocabularies, never fitted."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.checks import number, one_of
from agents.text_files import text_of

EXAMPLE = 'label = "y", classes = ["no", "yes"], [numeric] age = [18, 95], [words] marital = ["single", "married"]'

FIELDS = (
    "label",
    "classes",
    "numeric",
    "logarithm",
    "words",
    "missing",
    "owner",
    "columns",
    "separator",
    "comment",
    "test",
    "knowledge",
)


@dataclass(frozen=True)
class TableDescription:
    """What a table holds.

    Parameters
    ----------
    label : str
        Column of the label.
    classes : mapping of str to int
        Class of every label that the table may hold; spellings of one class share a number.
    class_names : tuple of str
        The first spelling of every class.
    numeric : mapping of str to (float, float)
        Lowest and highest value to be expected in each column of numbers.
    logarithm : tuple of str
        Those of them that are counted by the logarithm of their distance from the lowest value.
    words : mapping of str to tuple of str
        Vocabulary of each column of words.
    missing : tuple of str
        What stands in a cell of which nothing is known.
    owner : str, optional
        Column that says who holds a record, for partition ``natural``.
    columns : tuple of str, optional
        Names of the columns, of a file without a line of names.
    separator : str, optional
        Between cells; by default the commonest of comma, semicolon, tab and bar in the first line.
    comment : str, optional
        Lines that begin so are passed over.
    test : float or str
        Share of the records, or another file beside the first.
    knowledge : str
        Where all this is known from.
    """

    label: str
    classes: Mapping[str, int]
    class_names: tuple[str, ...]
    numeric: Mapping[str, tuple[float, float]]
    logarithm: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]
    owner: str | None
    columns: tuple[str, ...] | None
    separator: str | None
    comment: str | None
    test: float | str
    knowledge: str

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (self.label, *self.numeric, *self.words, *(() if self.owner is None else (self.owner,)))


def description_of(where: str, given: Mapping[str, Any]) -> TableDescription:
    """Check a description.

    Parameters
    ----------
    where : str
        Where it stands, for messages.
    given : mapping
        Its fields, see ``TableDescription``; ``classes`` is a list of labels, or of lists of spellings of one.

    Raises
    ------
    TypeError, ValueError
        Naming the field, its value and the remedy.
    """
    for name in given:
        one_of(f"{where}: field", name, FIELDS)
    label = given.get("label")
    if not isinstance(label, str) or not label:
        raise ValueError(f"{where}: label = {label!r}; name the column of the label, e.g. {EXAMPLE}")
    classes, names = _classes(where, given.get("classes"))
    numeric = {column: _range(f"{where}: numeric.{column}", ends) for column, ends in _mapping(where, given, "numeric")}
    words = {column: _texts(f"{where}: words.{column}", known) for column, known in _mapping(where, given, "words")}
    if not numeric and not words:
        raise ValueError(f"{where}: neither numeric nor words name a column to learn from, e.g. {EXAMPLE}")
    logarithm = _texts(f"{where}: logarithm", given.get("logarithm", ()), empty=True)
    for column in logarithm:
        one_of(f"{where}: logarithm", column, numeric)
    owner = given.get("owner")
    twice = [column for column in numeric if column in words]
    for column in (*twice, *(column for column in (*numeric, *words) if column in (label, owner))):
        raise ValueError(f"{where}: column {column!r} has two uses; let it have one")
    columns = given.get("columns")
    test = given.get("test", 0.2)
    return TableDescription(
        label=label,
        classes=classes,
        class_names=names,
        numeric=numeric,
        logarithm=logarithm,
        words=words,
        missing=_texts(f"{where}: missing", given.get("missing", ("",)), empty=True),
        owner=None if owner is None else _text(f"{where}: owner", owner),
        columns=None if columns is None else _texts(f"{where}: columns", columns),
        separator=_sign(f"{where}: separator", given.get("separator")),
        comment=_sign(f"{where}: comment", given.get("comment")),
        test=test if isinstance(test, str) and test else number(f"{where}: test", test, above=0.0, maximum=0.9),
        knowledge=_text(
            f"{where}: knowledge", given.get("knowledge", f"the ranges and vocabularies declared in {where}")
        ),
    )


def read_description(path: Path) -> dict[str, Any]:
    """Read a description from a TOML file.

    Raises
    ------
    ValueError
        If it is no TOML, naming line and column.
    """
    try:
        return tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML file ({error}); write e.g. {EXAMPLE}") from None


def _classes(where: str, given: Any) -> tuple[dict[str, int], tuple[str, ...]]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) < 2:
        raise ValueError(f"{where}: classes = {given!r}; list the labels that there may be, two at least")
    classes: dict[str, int] = {}
    for place, spellings in enumerate(given):
        for text in (spellings,) if isinstance(spellings, str | int | float) else spellings:
            spelled = str(text).strip()
            if spelled in classes:
                raise ValueError(f"{where}: classes name {spelled!r} twice; name every label once")
            classes[spelled] = place
    names = tuple(next(text for text, own in classes.items() if own == place) for place in range(len(given)))
    return classes, names


def _mapping(where: str, given: Mapping[str, Any], field: str) -> list[tuple[str, Any]]:
    value = given.get(field, {})
    if not isinstance(value, Mapping):
        raise TypeError(f"{where}: {field} = {value!r}; name columns and what is known of them, e.g. {EXAMPLE}")
    return list(value.items())


def _range(name: str, ends: Any) -> tuple[float, float]:
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise ValueError(f"{name} = {ends!r}: pass the lowest and the highest value to be expected, [low, high]")
    low, high = (number(f"{name}[{place}]", end, minimum=-math.inf) for place, end in enumerate(ends))
    if not low < high:
        raise ValueError(f"{name} = {ends!r}: the highest value is to be over the lowest")
    return low, high


def _texts(name: str, given: Any, *, empty: bool = False) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not (given or empty):
        raise ValueError(f"{name} = {given!r}: list {'texts' if empty else 'at least one text'}")
    texts = tuple(str(text).strip() for text in given)
    if len(set(texts)) != len(texts):
        raise ValueError(f"{name} names {next(text for text in texts if texts.count(text) > 1)!r} twice; once will do")
    return texts


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise TypeError(f"{name} = {given!r}: pass a text")
    return given


def _sign(name: str, given: Any) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or len(given) != 1:
        raise ValueError(f"{name} = {given!r}: pass one character")
    return given
