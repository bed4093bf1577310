"""The command `market-sim verify`: does what a run says follow from its configuration, to the last bit?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rich import box
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from market_sim.tables import TABLES
from market_sim.verification.findings import CONFIG, Verification
from market_sim.verification.verify import verify
from scenarios.commands.answer import Answer
from scenarios.commands.report import run_directories

SHOWN = 10
"""Disagreements in the summary; the JSON lists more."""


def verify_runs(run: str | Path, *, replay: bool, progress: bool) -> tuple[Answer, bool]:
    """Verify a run, or all runs in the directory of a scenario; also whether all of them agree.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no run, or none that can be played here.
    """
    found = [_watched(folder, replay=replay, progress=progress) for folder in run_directories([run]).values()]
    ok = all(one.ok for one in found)
    figures = found[0].as_json() if len(found) == 1 else {"ok": ok, "runs": [one.as_json() for one in found]}
    return Answer(figures=figures, summary=tuple(part for one in found for part in summary(one))), ok


def summary(found: Verification) -> Iterator[RenderableType]:
    """The verdict first, then what it rests on."""
    yield Text(verdict(found), style="bold green" if found.ok else "bold red")
    if found.problem is not None:
        yield Text(found.problem)
    for disagreement in found.disagreements[:SHOWN]:
        yield Text(f"  {disagreement}")
    if len(found.disagreements) > SHOWN:
        yield Text(f"  ... and more; --json lists {len(found.disagreements)} of them")
    yield _tables(found)
    for kind, said in (
        ("recomputed", "Recomputed"),
        ("replayed", "Replayed, the learning repeated"),
    ):
        columns = found.of_kind(kind)
        if columns:
            yield Text(f"{said}: {_named(columns)}.")
    for reason, columns in found.not_verified().items():
        yield Text(f"Not verified ({reason}): {_named(columns)}.")
    yield from map(Text, found.notes)


def verdict(found: Verification) -> str:
    """The answer in one sentence."""
    rounds = f"{found.rounds} round{'' if found.rounds == 1 else 's'}"
    if found.ok:
        return f"{found.directory}: all {found.values} values checked in {rounds} agree to the last bit."
    wrong = found.values - sum(column.agree for column in found.columns)
    rows = sum(disagreement.row is not None and disagreement.column == "(row)" for disagreement in found.disagreements)
    parts = [f"{wrong} of {found.values} values checked in {rounds} differ from what was recorded"]
    parts += [f"{rows} rows are too many or too few"] if rows else []
    return f"{found.directory} DISAGREES: {', '.join(parts)}."


def _tables(found: Verification) -> Table:
    """A line per table: how many of its rows agree, and what was checked of it."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("table", "rows", "rows that agree", "columns checked", "values checked", "values that agree"):
        shown.add_column(heading, justify="left" if heading == "table" else "right")
    for name in (*TABLES, CONFIG):
        columns = [column for column in found.columns if column.table == name]
        checked = sum(column.kind != "not verified" for column in columns)
        rows = found.rows.get(name, ("", ""))
        values, agree = (sum(getattr(column, part) for column in columns) for part in ("rows", "agree"))
        shown.add_row(name, *map(str, rows), f"{checked} of {len(columns)}", str(values), str(agree))
    return shown


def _named(columns: dict[str, list[str]]) -> str:
    """Columns by table, in words."""
    return "; ".join(f"{table}: {', '.join(names)}" for table, names in columns.items())


def _watched(folder: Path, *, replay: bool, progress: bool) -> Verification:
    """Verify a run behind a progress bar on standard error."""
    with ExitStack() as stack:
        watch = None
        if progress:
            bar = stack.enter_context(Progress(console=Console(stderr=True)))
            task = bar.add_task("Rounds")

            def watch(played: int, rounds: int) -> None:
                bar.update(task, completed=played, total=rounds)

        return verify(folder, replay=replay, watch=watch)
