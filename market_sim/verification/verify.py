"""Checking a run: everything that its tables say is recomputed from its configuration, and compared bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch

from agents.checks import seed_number
from market_sim.model import FLMarket
from market_sim.results import Results
from market_sim.run import manifest_of
from market_sim.tables import TABLES
from market_sim.verification.agreement import Comparison, Disagreement
from market_sim.verification.findings import LISTED, Column, Verification
from market_sim.verification.manifest import compare_manifest
from market_sim.verification.not_recomputed import LEARNED, Columns, Excused, not_recomputed
from market_sim.verification.recorded import RecordedRun
from market_sim.verification.replay_plan import ReplayPlan
from market_sim.verification.stand_ins import CannotBeKnownError
from market_sim.verification.without_learning import MarketWithoutLearning

Watch = Callable[[int, int], None]
"""Called after every round with the number of rounds played and the number to be played."""


class _Compared(NamedTuple):
    """A table compared: its rows, and how many of them agree wherever they were checked."""

    columns: list[Column]
    disagreements: list[Disagreement]
    rows: int
    agree: int


def verify(directory: str | Path, *, replay: bool = False, watch: Watch | None = None) -> Verification:
    """Recompute a run from its configuration and compare every value, to the last bit.

    The market is played again without its learning: who bids what, who sells what for how much, and what the truth
    would have brought anybody need no gradient. What strategies and auctions decided that cannot be imported is taken
    from the tables, and what follows from it is recomputed.

    Parameters
    ----------
    directory : str or Path
        What ``run_market(out=...)`` wrote. Classes that its ``config.json`` names as ``module:Class`` are imported.
    replay : bool
        Repeat the learning too; without, the columns that it brings about are not checked.
    watch : callable, optional
        ``watch(played, rounds)`` after every round.

    Returns
    -------
    Verification

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no run, one of another version, or its configuration cannot be played here.
    """
    record = RecordedRun.read(directory)
    seed = seed_number("seed", record.manifest["seed"])
    plan = ReplayPlan.of(record)
    learned = _cannot_learn(plan) if replay else "needs the learning, which --replay repeats"
    with _threads(record.manifest.get("torch_threads")):
        try:
            model, problem = _play(plan, record, seed, learn=learned is None, watch=watch)
        except CannotBeKnownError as error:
            plan = plan.without_strategies(f"a strategy {error}")
            model, problem = _play(plan, record, seed, learn=False, watch=watch)
    recomputed = model.tables()
    excused = not_recomputed(recomputed, plan, model, learned)
    tables = {
        name: _compare(name, record.tables[name], _as_written(recomputed, name), excused, replayed=learned is None)
        for name in TABLES
    }
    entries, differing = compare_manifest(record, plan, model)
    return Verification(
        directory=str(directory),
        columns=(*(column for table in tables.values() for column in table.columns), *entries),
        rows={name: (table.rows, table.agree) for name, table in tables.items()},
        disagreements=(*(found for table in tables.values() for found in table.disagreements), *differing),
        rounds=model.round,
        problem=problem,
        notes=tuple(_notes(record, model)),
    )


def _play(
    plan: ReplayPlan, record: RecordedRun, seed: int, *, learn: bool, watch: Watch | None
) -> tuple[FLMarket, str | None]:
    """Play the completed rounds of a run; also what stopped it, if anything did."""
    model = (
        FLMarket(plan.config, seed=seed)
        if learn
        else MarketWithoutLearning(plan.config, seed=seed, record=record, unknown=plan.unknown)
    )
    rounds = min(record.manifest["rounds_completed"], plan.config.rounds)
    for played in range(rounds):
        try:
            model.step()
        except (ArithmeticError, TypeError, ValueError) as error:
            return model, f"round {played} cannot be played: {error}"
        if watch is not None:
            watch(played + 1, rounds)
    return model, None


def _as_written(columns: Columns, name: str) -> pa.Table:
    """A recomputed table as a run would have written it."""
    frame = getattr(Results.of({name: columns[name]}, {}), name)
    return pa.Table.from_pandas(frame, schema=TABLES[name], preserve_index=False).replace_schema_metadata(None)


def _compare(name: str, recorded: pa.Table, recomputed: pa.Table, excused: Excused, *, replayed: bool) -> _Compared:
    """What comes of every column of a table, and the first disagreements of each, row by row."""
    comparison = Comparison.of(name, recorded, recomputed)
    found = list(comparison.rows())
    columns = []
    right = np.ones(len(comparison.pairs), dtype=bool)
    for column in TABLES[name].names:
        agree = comparison.agree(column)
        mask, reason = excused.get((name, column), (np.zeros(len(recomputed), dtype=bool), ""))
        checked = ~mask[comparison.pairs[:, 1]]
        right &= agree | ~checked
        wrong = comparison.pairs[checked & ~agree]
        differing = list(comparison.disagreements(column, wrong[:LISTED]))
        kind = "replayed" if replayed and column in LEARNED.get(name, ()) else "recomputed"
        columns.append(
            Column(
                table=name,
                column=column,
                kind=kind if bool(checked.any()) or not reason else "not verified",
                rows=int(checked.sum()),
                agree=int((checked & agree).sum()),
                not_verified=int((~checked).sum()),
                reason=reason,
                first=differing[0] if differing else None,
            )
        )
        found += differing
    found.sort(key=lambda disagreement: disagreement.row or 0)
    return _Compared(columns, found, len(recorded), int(right.sum()))


def _cannot_learn(plan: ReplayPlan) -> str | None:
    """Why the learning of a run cannot be repeated; None if it can."""
    if plan.unknown_auction is not None or plan.unknown:
        return "; ".join([*filter(None, [plan.unknown_auction]), *plan.unknown.values()])
    if plan.config.noise_source != "generator":
        return f"noise from {plan.config.noise_source!r} cannot be seeded"
    return None


def _notes(record: RecordedRun, model: FLMarket) -> Iterator[str]:
    """What a reader of the verdict should know besides."""
    recorded, here = record.manifest, manifest_of(model.config, model.seed, model)["versions"]
    if recorded.get("interrupted"):
        yield f"The run was interrupted after {recorded['rounds_completed']} of {model.config.rounds} rounds."
    versions = recorded.get("versions") or {}
    other = [
        f"{name} {versions[name]} (here {here.get(name)})" for name in versions if versions[name] != here.get(name)
    ]
    if other:
        yield f"It was made with {', '.join(other)}, which may compute other last bits."


@contextmanager
def _threads(recorded: Any) -> Iterator[None]:
    """Use as many torch threads as the run did: more may add numbers up in another order."""
    before = torch.get_num_threads()
    if isinstance(recorded, int) and 1 <= recorded <= 1024:
        torch.set_num_threads(recorded)
    try:
        yield
    finally:
        torch.set_num_threads(before)
