"""What is said to careless inputs: every row of docs/careless_inputs.md, made again.

Write the page anew with: python -m tests.test_careless_inputs > docs/careless_inputs.md
"""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path

import pytest
import torch

from tests.careless import configurations, files, own_parts, typed
from tests.careless.cases import Case

PAGE = Path(__file__).parents[1] / "docs" / "careless_inputs.md"
CASES = [*configurations.CASES, *files.CASES, *own_parts.CASES, *typed.CASES]
HEADINGS = {
    "configuration": "Fields of a market",
    "owners": "Tables of owners",
    "network": "Networks",
    "task": "Tasks of one's own",
    "own auction": "Auctions of one's own",
    "own strategy": "Strategies of one's own",
    "results": "Results",
    "command line": "The command line",
}
LONGEST = 330
"""Characters of what is said, as the page has it."""


def came_of(case: Case, folder: Path) -> str:
    """What came of a case: the message, or that it was accepted, with what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = case.make(folder)
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            said = "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
        else:
            said = value if isinstance(value, str) else "accepted"
    said = "; ".join([said, *dict.fromkeys(str(warning.message) for warning in caught)])
    said = " ".join(said.replace(f"{folder}/", "").replace(str(folder), "FOLDER").split())
    head, known, names = said.partition("known: ")
    said = f"{head}known: {names.split(', ')[0]}, ..." if known and names.count(", ") > 6 else said
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    return said.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def rows(text: str) -> dict[tuple[str, str], str]:
    """What the page says of every case, by heading and what was done."""
    found, heading = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| what") and heading in HEADINGS.values():
            did, said = line.strip("| ").replace("\\|", "\0").split(" | ")
            found[heading, did] = said.replace("\0", "\\|")
    return found


SHOWN = rows(PAGE.read_text()) if PAGE.is_file() else {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.did}"[:70])
def test_a_careless_input_is_answered_as_the_page_says(case, tmp_path):
    said = SHOWN[HEADINGS[case.kind], case.did]
    assert in_our_words(came_of(case, tmp_path)) == in_our_words(said)


def in_our_words(said: str) -> str:
    """What is said without brackets, in which other packages have their say."""
    return re.sub(r"\(.*\)", "()", said)


def test_what_once_went_wrong_has_a_test():
    text = PAGE.read_text()
    for did, (now, test) in ONCE_WRONG.items():
        assert (PAGE.parents[1] / "tests" / test).is_file(), test
        assert f"| {did} | {now} | `{test}` |" in text


def test_the_page_has_no_other_rows_and_over_a_hundred():
    assert {(HEADINGS[case.kind], case.did) for case in CASES} == set(SHOWN)
    assert len(SHOWN) >= 100


def test_nothing_is_called_a_bug_and_nothing_is_without_a_remedy():
    for said in SHOWN.values():
        assert "this is a bug" not in said
        assert said.startswith(("accepted", "exit code 2: ", "exit code 1: ")) or ": " in said, said


def page() -> str:
    """The page, from what comes of every case."""
    parts = [INTRODUCTION]
    for kind, heading in HEADINGS.items():
        parts += [f"## {heading}", "", "| what was done | what is said |", "|---|---|"]
        for case in (case for case in CASES if case.kind == kind):
            with tempfile.TemporaryDirectory() as folder:
                parts.append(f"| {case.did} | {came_of(case, Path(folder))} |")
        parts.append("")
    parts += ["## What once went wrong", "", "| what was done or seen | now | test, in `tests/` |", "|---|---|---|"]
    parts += [f"| {did} | {now} | `{test}` |" for did, (now, test) in ONCE_WRONG.items()]
    return "\n".join(parts)


INTRODUCTION = f"""\
# Careless inputs

What is said to {len(CASES)} slips, by kind. A test makes every row again, and writes this page
(`tests/test_careless_inputs.py`). What is refused is refused before anything is played or written, with the argument,
what was given and what would do; the command line says it in one line and ends with exit code 2, or 1 where something
failed on the way.
"""

ONCE_WRONG = {
    "one's own `agents.py` beside the script": (
        "the script runs, in worker processes and notebooks too",
        "market_sim/test_namesakes.py",
    ),
    "an owner is removed from the model": ("she bids no more and keeps what she earned", "market_sim/test_mesa.py"),
    "an edge list without an edge": ("refused by name", "agents/test_network.py"),
    "records and labels of a task that are none": ("refused, naming record and remedy", "agents/tasks/test_records.py"),
    "NSL-KDD files that spell a category differently": ("refused with file and line", "agents/tasks/test_nsl_kdd.py"),
    "a byte-order mark": ("read, in every kind of file", "agents/test_text_files.py"),
    "a worker that the system kills": (
        "named with what it played, which is played again",
        "market_sim/campaign/test_engine.py",
    ),
    "`batch_run(iterations=3)`": ("three different runs, their seeds in the rows", "market_sim/test_mesa.py"),
    "a strategy of one's own fails in round 30": (
        "the 30 rounds are kept, strategy and round named",
        "market_sim/test_resumption.py",
    ),
    "the reader of a pipe leaves": (
        "no message, exit code 141 of every command",
        "scenarios/commands/test_closed_pipe.py",
    ),
    "networks as other tools write them": ("read, or refused with the remedy", "agents/test_network.py"),
    "shares as float32": ("accepted", "test_careless_inputs.py"),
    "results that were edited and saved": ("refused in words", "market_sim/test_results.py"),
    "cells that break a parser": ("refused with file, line and column", "agents/test_owners_file.py"),
    "budgets at the lower end of float64": (
        "nobody sells, nothing is paid",
        "agents/broker/auctions/test_every_auction.py",
    ),
    "one market, alone and in a batch": ("the same bits", "agents/broker/auctions/test_bits.py"),
    "another web site asks the app": ("refused, by host, origin and value", "scenarios/app/test_guard.py"),
    "rounding counted as a gain": ("not counted as paid", "agents/test_surplus.py"),
    "a ring gains where no lie alone does": (
        "*Only together*, with what it gained",
        "market_sim/test_groups_together.py",
    ),
    "two uploads of one owner": ("their losses add up", "agents/owner/test_split_privacy.py"),
    "features fitted to the owners' records": (
        "public constants only, or every run warns",
        "agents/tasks/test_contract.py",
    ),
    "a last mover who reads others' true types": (
        "she is told what was published",
        "market_sim/test_strategic_markets.py",
    ),
    "a rule that is honest unless a generator is passed": ("refuted", "agents/broker/checking/test_cheats.py"),
}
"""What once went wrong, what comes of it now, and the test that says so."""


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(page().strip())
