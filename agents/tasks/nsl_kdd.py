"""NSL-KDD network intrusion records, read from the official files: five classes by the family of the attack.

Source: M. Tavallaee, E. Bagheri, W. Lu, A. Ghorbani, "A detailed analysis of the KDD CUP 99 data set", 2009; Canadian
Institute for Cybersecurity, University of New Brunswick. Families as in the KDD Cup 1999 scoring, those of the attacks
that only the test file has included.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from agents.checks import one_of
from agents.tasks.base import StoredTask, stored_task
from agents.tasks.nsl_kdd_columns import CATEGORICAL, LARGEST_COUNT
from agents.tasks.random_features import random_features

if TYPE_CHECKING:
    from pandas import DataFrame

NAME = "nsl-kdd"
CLASSES: tuple[str, ...] = ("normal", "dos", "probe", "r2l", "u2r")
TRAINING_FILES: dict[str, str] = {"full": "KDDTrain+.txt", "20-percent": "KDDTrain+_20Percent.txt"}
TEST_FILE = "KDDTest+.txt"
WHERE = "https://www.unb.ca/cic/datasets/nsl.html (Canadian Institute for Cybersecurity, University of New Brunswick)"

_FAMILY_ATTACKS = {
    "normal": "normal",
    "dos": "back land neptune pod smurf teardrop apache2 mailbomb processtable udpstorm",
    "probe": "ipsweep nmap portsweep satan mscan saint",
    "r2l": (
        "ftp_write guess_passwd imap multihop phf spy warezclient warezmaster "
        "named sendmail snmpgetattack snmpguess worm xlock xsnoop"
    ),
    "u2r": "buffer_overflow loadmodule perl rootkit httptunnel ps sqlattack xterm",
}
ATTACKS: dict[str, int] = {
    attack: CLASSES.index(family) for family, attacks in _FAMILY_ATTACKS.items() for attack in attacks.split()
}
RANDOM_FEATURES = 300
CONSTANT = 0.1
KNOWLEDGE = (
    "the KDD Cup 1999 attribute list: 3 protocols, 70 services, 11 flags; ranges of counts and bytes by what they are, "
    "none read off the files; 300 random projections that are the same for everybody"
)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELDS, _CATEGORICAL, _ATTACK, _DIFFICULTY = 43, (1, 2, 3), 41, 42
_NUMERIC = [column for column in range(_ATTACK) if column not in _CATEGORICAL]


def load(data: str | Path | None = None, training: str | None = None) -> StoredTask:
    """Read the official files: 300 random features of what is known of every connection, and a constant.

    Each record is encoded by itself: protocol, service and flag by their documented vocabularies, counts and bytes by
    their logarithm over a fixed range, shares as they are (``nsl_kdd_columns``); then random features of that.

    Parameters
    ----------
    data : str or Path, optional
        Directory with the files, gzipped (``.gz``) or not; by default the environment variable ``FL_MARKET_DATA``.
    training : {"full", "20-percent"}, optional
        Which training file; by default the full one where it is present.

    Raises
    ------
    ValueError
        If directory or files are missing (saying where to get them), a line is malformed (giving its number), or no
        line of a file has a known protocol, service or flag.

    Warns
    -----
    UserWarning
        How many lines of a file have a word outside the vocabulary, which is then no feature.
    """
    train_path, test_path = files(data, training)
    train, test = (
        (
            torch.from_numpy(random_features(encoded(path, table), RANDOM_FEATURES)),
            torch.tensor([ATTACKS[attack] for attack in table[_ATTACK]]),
        )
        for path, table in ((path, _read(path)) for path in (train_path, test_path))
    )
    return stored_task(
        NAME, len(CLASSES), train=train, test=test, constant=CONSTANT, knowledge=KNOWLEDGE, class_names=CLASSES
    )


def encoded(path: Path, table: DataFrame) -> NDArray[np.float64]:
    """Numbers in 0..1 ``[r, 122]``: 38 numeric columns, then the words one-hot.

    ``path`` is where the table of checked lines was read from, for messages.
    """
    numbers = table[_NUMERIC].to_numpy(np.float64)
    for place, column in enumerate(_NUMERIC):
        if column in LARGEST_COUNT:
            numbers[:, place] = np.log1p(np.maximum(numbers[:, place], 0)) / math.log1p(LARGEST_COUNT[column])
    words = [_one_hot(path, table[column].to_numpy(dtype=object), *CATEGORICAL[column]) for column in _CATEGORICAL]
    return np.hstack([numbers.clip(0, 1), *words])


def _one_hot(path: Path, words: NDArray[np.object_], name: str, vocabulary: tuple[str, ...]) -> NDArray[np.float64]:
    """Indicators ``[r, words of the vocabulary]``."""
    match = np.asarray(words[:, None] == np.array(vocabulary, dtype=object), dtype=np.bool_)
    unknown = ~match.any(axis=1)
    at = int(unknown.argmax())
    if unknown.all():
        raise _malformed(path, 1, f"{name} {words[0]!r} is not one of the {len(vocabulary)}, nor is that of any line")
    if unknown.any():
        warnings.warn(
            f"{path}: {int(unknown.sum())} of {len(words)} lines have a {name} outside the vocabulary (first "
            f"{words[at]!r}, line {at + 1}); they are read without it",
            stacklevel=4,
        )
    return match.astype(np.float64)


def files(data: str | Path | None = None, training: str | None = None) -> tuple[Path, Path]:
    """Training and test file that ``load`` reads when given the same."""
    directory = _directory(data)
    if training is not None:
        one_of("training", training, TRAINING_FILES)
    names = list(TRAINING_FILES.values()) if training is None else [TRAINING_FILES[training]]
    train_path = next((path for path in (_find(directory, name) for name in names) if path), None)
    test_path = _find(directory, TEST_FILE)
    if train_path is None or test_path is None:
        missing = [" or ".join(names)] * (train_path is None) + [TEST_FILE] * (test_path is None)
        raise ValueError(
            f"data = {str(directory)!r} lacks {' and '.join(missing)} (.gz or not): get the NSL-KDD files from {WHERE}"
        )
    return train_path, test_path


def _directory(data: str | Path | None) -> Path:
    chosen = data if data is not None else os.environ.get("FL_MARKET_DATA")
    files = f"{' or '.join(TRAINING_FILES.values())} and {TEST_FILE}"
    if not chosen:
        raise ValueError(
            f"task 'nsl-kdd' needs data: name the directory with {files} (data=..., --data on the command "
            f"line, or FL_MARKET_DATA in the environment); get the files from {WHERE}"
        )
    directory = Path(chosen)
    if not directory.is_dir():
        raise ValueError(
            f"data = {str(directory)!r} is no directory: name the one with {files}; get the files from {WHERE}"
        )
    return directory


def _find(directory: Path, name: str) -> Path | None:
    return next((path for path in (directory / name, directory / f"{name}.gz") if path.is_file()), None)


def _read(path: Path) -> DataFrame:
    """Read one file into a table of checked lines, columns numbered from 0."""
    import pandas as pd

    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged ({error}): get it again from {WHERE}") from None
    raw = raw.removeprefix(_BYTE_ORDER_MARK).rstrip()
    if not raw:
        raise ValueError(f"{path} is empty: get it again from {WHERE}")
    for number, line in enumerate(raw.splitlines(), start=1):
        if line.count(b",") != _FIELDS - 1:
            raise _malformed(path, number, f"{line.count(b',') + 1} comma-separated fields instead of {_FIELDS}")
    table = pd.read_csv(
        io.BytesIO(raw),
        header=None,
        names=list(range(_FIELDS)),
        dtype={column: str for column in (*_CATEGORICAL, _ATTACK)},
        quoting=csv.QUOTE_NONE,
        na_filter=False,
        skip_blank_lines=False,
        encoding="latin-1",
        low_memory=False,
    )
    for column in _NUMERIC:
        values = pd.to_numeric(table[column], errors="coerce")
        bad = ~np.isfinite(values.to_numpy(np.float64))
        if bad.any():
            at = int(bad.argmax())
            raise _malformed(path, at + 1, f"field {column + 1} is {table[column].iloc[at]!r}, not a number")
    unknown = ~table[_ATTACK].isin(ATTACKS.keys()).to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        raise _malformed(path, at + 1, f"attack {table[_ATTACK].iloc[at]!r} is in no known family")
    return table


def _malformed(path: Path, number: int, why: str) -> ValueError:
    return ValueError(f"{path}, line {number}: {why}; this is not an NSL-KDD file, or a damaged one: see {WHERE}")
