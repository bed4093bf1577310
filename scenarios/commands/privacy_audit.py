"""The command `market-sim privacy-audit`: does any upload give away more than it claims?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from agents.perturbation.registry import list_perturbations, perturbation_of
from analysis.formatting import counted, percent, rounded
from analysis.market_privacy import MARKETS, market_game
from analysis.privacy_audit import CONFIDENCE, AuditSettings, games, privacy_audit, verdicts
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

MARKET_DRAWS = 100_000
"""How often the uploads of one owner of a market are drawn, for either of her data sets."""

NO_SAMPLER = (
    "Draws are floating-point numbers, and what their last bits give away is not tried. laplace and gaussian have an "
    "exact sampler (noise_source=opendp), privunit and l2-sphere have none."
)


def audit_privacy(
    names: Sequence[str],
    settings: AuditSettings,
    *,
    delta: float,
    market_draws: int = MARKET_DRAWS,
    jobs: int = 2,
    out: Path | None = None,
    progress: bool = False,
) -> tuple[Answer, bool]:
    """Audit perturbations, and the market with each of them; the answer, and whether nothing was refuted.

    Parameters
    ----------
    names : sequence of str
        Names, or ``module:Class``; all of the house if there are none.
    settings : AuditSettings
    delta : float
        For those that take one.
    market_draws : int
        Draws of the game against the whole market; 0 for none.
    jobs : int
        Threads; their number changes no figure.
    out : Path, optional
        Directory for the table (``privacy_audit.json``, ``.csv``).
    progress : bool

    Raises
    ------
    TypeError, ValueError, FileExistsError
        For an unknown name, a setting out of range, or an ``out`` that holds something else.
    """
    chosen = [perturbation_of(name, delta=delta) for name in names or list_perturbations()]
    unprotected = [mechanism.name for mechanism in chosen if not mechanism.private]
    rounds, moved = games(chosen, settings), []
    for mechanism in chosen if market_draws else ():
        for split in MARKETS if mechanism.private else ():
            made = market_game(mechanism, split, draws=market_draws, seed=settings.seed)
            rounds.append(made.game)
            moved += [] if made.rest_is_equal else [f"{made.game.name}, {made.game.pair}"]
    if not rounds:
        raise ValueError(f"{', '.join(unprotected)}: nothing is claimed, so that there is nothing to audit")

    def play() -> pd.DataFrame:
        with torch_threads(1), bar(progress, "playing", len(rounds)) as advance:
            return privacy_audit(rounds, settings.seed, jobs=jobs, watch=advance)

    if out is None:
        return _answer(play(), unprotected, moved)
    played = {"command": "privacy-audit", "names": [mechanism.name for mechanism in chosen], "delta": delta}
    played |= {"settings": {**vars(settings), "dimensions": {str(p): n for p, n in settings.dimensions.items()}}}
    with scenario_directory(out, played | {"market_draws": market_draws}) as folder:
        table = play()
        answer, kept = _answer(table, unprotected, moved)
        (folder / "privacy_audit.json").write_text(answer.json() + "\n", encoding="utf-8")
        table.to_csv(folder / "privacy_audit.csv", index=False)
    written = f"Written to {out}: privacy_audit.json, privacy_audit.csv"
    return replace(answer, summary=(*answer.summary, written)), kept


def _answer(played: pd.DataFrame, unprotected: list[str], moved: list[str]) -> tuple[Answer, bool]:
    table = verdicts(played)
    wrong = table[table["verdict"].isin(["REFUTED", "NOT CAUGHT"])]
    kept = not len(wrong) and not moved
    caught = ", and every planted mechanism was caught" if (table["verdict"] == "caught").any() else ""
    honest = table[table["verdict"].isin(["kept", "REFUTED"])]
    sentence = (
        f"No claim was refuted in {counted(len(played), 'game')}{caught}."
        if kept
        else f"Not so: {', '.join([*(f'{row.name_} {row.verdict}' for row in _named(wrong)), *moved])}."
    )
    pure = honest[(honest["delta"] == 0) & (honest["loss"] >= 0.5)]
    close = f"Of pure claims of 0.5 and more, at least {percent(pure['share'].min())} was found." if len(pure) else ""
    summary: list[Any] = [sentence, close, _table(table)]
    summary += [f"{name} claims no privacy and is left out." for name in unprotected]
    if (table["verdict"] == "not caught").any():
        silent = ", ".join(table.loc[table["verdict"] == "not caught", "name"])
        summary.append(f"Not caught: {silent}. The mechanism adds more noise than it claims, or the draws are too few.")
    summary.append(
        f"Found: lower bound of what is spent; all bounds together are right with probability {CONFIDENCE:g}. With a "
        f"delta, epsilon at that delta. {NO_SAMPLER}"
    )
    figures = {
        "kept": kept,
        "games": len(played),
        "confidence": CONFIDENCE,
        "not_private": unprotected,
        "others_moved": moved,
        "verdicts": table.to_dict("records"),
        "played": played.to_dict("records"),
    }
    return Answer(figures=figures, summary=tuple(part for part in summary if not isinstance(part, str) or part)), kept


def _named(rows: pd.DataFrame) -> Any:
    return rows.rename(columns={"name": "name_"}).itertuples()


def _table(verdict: pd.DataFrame) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("mechanism", "coordinates", "claim", "found", "of it", "", "hardest pair"):
        table.add_column(name, justify="left" if name in ("mechanism", "", "hardest pair") else "right")
    for row in verdict.to_dict("records"):
        claim = rounded(row["loss"]) + (f", {row['delta']:g}" if row["delta"] else "")
        share = percent(row["share"])
        table.add_row(
            row["name"], str(row["coordinates"]), claim, rounded(row["found"]), share, row["verdict"], row["pair"]
        )
    return table
