"""The report on one market: question, answer, tables, figures and configuration in one self-contained file.

Every number comes from the tables of the runs; the answer is written from the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from agents.noise import private
from analysis.plots.market import market_figure
from analysis.plots.rounds import accounts_figure, privacy_figure, rounds_figure
from analysis.report.html import document, folded, html_table, listing, paragraph, picture, section, with_interval
from analysis.report.runs import MarketRuns
from analysis.summary import gains_by_strategy, privacy_spent, tails_too_heavy, violations

QUESTION = "Did lying pay in this market, and what did the buyer get for her money?"
MAX_ROWS = 300
"""Rounds that are printed in the report; the others are in the Parquet files only."""

GAINS = {
    "strategy": "strategy",
    "misreports": "lies",
    "paid": "lies that paid",
    "gain": "gain per lie, money",
    "gain_low": "from",
    "gain_high": "to",
    "relative": "gain per lie / cost",
    "relative_low": "from",
    "relative_high": "to",
    "best": "largest gain, money",
    "utility": "utility, money",
    "truthful_utility": "from the truth, money",
}
PROMISES = {
    "individual_rationality": "truthful bids that lost money",
    "budget": "rounds that cost more than the budget",
    "privacy_budget": "bids of which more privacy was bought than tolerated",
    "data_size": "bids of which more records were bought than held",
}
NUMBERS = {"quantity": "quantity", "mean": "mean", "low": "from", "high": "to", "unit": "unit"}
PRIVACY = {
    "owners": "owners who bid",
    "sold": "owners who sold",
    "median": "privacy loss over all rounds, median of those who sold",
    "largest": "privacy loss over all rounds, largest",
    "largest_in_a_round": "privacy loss in one round, largest",
}


def market_report(
    market: MarketRuns,
    *,
    hashes: Mapping[str, Mapping[str, str]] | None = None,
    ceiling: pd.DataFrame | None = None,
    chance: float | None = None,
) -> str:
    """Return the report on one market, as HTML.

    Parameters
    ----------
    market : MarketRuns
    hashes : mapping, optional
        sha256 of every run's files, by run and file name.
    ceiling : DataFrame, optional
        Rounds of the same market without noise, with ``seed``.
    chance : float, optional
        Test accuracy of guessing.

    Raises
    ------
    ValueError
        If a run has no round.
    """
    gains = gains_by_strategy(market.trades)
    broken = violations(market.rounds, market.trades)
    return document(
        f"A market: {market.manifest['auction']['name']}, {market.config['owners']} owners",
        QUESTION,
        market_answer(market, gains, broken),
        [
            section("numbers", "Key numbers", *_warnings(market), _key_numbers(market)),
            section("lying", "Did lying pay?", *_lying(market, gains, ceiling, chance)),
            section("rounds", "Round by round", *_rounds(market)),
            section("promises", "Were promises kept?", _counts("promises-table", broken, PROMISES)),
            section("privacy", "What privacy was spent?", *_privacy(market)),
            section("configuration", "Configuration", *configuration(market, hashes or {})),
        ],
    )


def market_answer(market: MarketRuns, gains: pd.DataFrame, broken: Mapping[str, Any]) -> str:
    """The answer in a sentence or three, drawn from the numbers."""
    misreports, paid = (int(gains[name].sum()) if len(gains) else 0 for name in ("misreports", "paid"))
    share = market.number("gain per lie")
    if not misreports:
        lying = "Nobody lied."
    else:
        verdict = (
            f"No: not one of {misreports:,} lies" if paid == 0 else f"Yes, at times: {paid:,} of {misreports:,} lies"
        )
        lying = f"{verdict} earned more than the truth would have in the same round"
        lying += f" (mean gain {with_interval(share['mean'], share['low'], share['high'])} % of the owner's cost)."
    accuracy, spent = market.number("test accuracy after the last round"), market.number("spent of the budget")
    bound, invalid = market.number("error bound of valid rounds"), market.number("invalid rounds")
    bought = f"on a mean error bound of {with_interval(*_triple(bound))} with {invalid['mean']:.3g} % of rounds invalid"
    if pd.isna(bound["mean"]):
        bought = "in rounds of which not one was valid"
    buyer = (
        f"The buyer spent {with_interval(*_triple(spent))} % of her budget, {bought}, and her model's "
        f"test accuracy ended at {with_interval(*_triple(accuracy))}."
    )
    kept = sum(int(broken[name]) for name in PROMISES) == 0
    return f"{lying} {buyer} " + ("No promise was broken." if kept else "Promises were broken: see below.")


def _triple(row: Mapping[str, Any]) -> tuple[float, float, float]:
    return float(row["mean"]), float(row["low"]), float(row["high"])


def _warnings(market: MarketRuns) -> list[str]:
    cut = [
        f"{name} was interrupted after {run.config['rounds_completed']} of {market.config['rounds']} rounds"
        for name, run in market.runs.items()
        if run.config.get("interrupted")
    ]
    return (
        [paragraph(f"Unfinished: {'; '.join(cut)}. What follows is about the rounds that were played.")] if cut else []
    )


def _key_numbers(market: MarketRuns) -> str:
    seeds = len(market.runs)
    return html_table(
        "key-numbers",
        market.numbers,
        NUMBERS,
        f"{len(market.rounds):,} rounds of {seeds} run{'s' if seeds > 1 else ''}. Intervals: 95 %, bootstrap of rounds "
        "(of runs for the accuracy). Cost: of all an owner's records at her own privacy budget.",
    )


def _lying(market: MarketRuns, gains: pd.DataFrame, ceiling: pd.DataFrame | None, chance: float | None) -> list[str]:
    protected = private(market.config["perturbation"])
    words = "with the privacy bought" if protected else "this market, without noise"
    figure = market_figure(market.rounds, market.trades, ceiling=ceiling, chance=chance, label_noisy=words)
    parts = [
        picture(
            "market",
            figure,
            "Left: every lie against the same owner's truth in the same round. Right: the buyer's model, mean and "
            "range over the runs.",
        ),
        picture("accounts", accounts_figure(market.trades), "Utility per bid by strategy, with 95 % intervals."),
    ]
    if len(gains):
        caption = f"Gain: over the same owner's truth in the same round. {tails_too_heavy(gains.to_dict('records'))}"
        parts.insert(0, html_table("gains", gains, GAINS, caption.strip()))
    return parts


def _rounds(market: MarketRuns) -> list[str]:
    shown = market.rounds.head(MAX_ROWS).dropna(axis=1, how="all")
    left = len(market.rounds) - len(shown)
    title = f"The first {len(shown):,} rounds as recorded" if left else "All rounds as recorded"
    rest = [paragraph(f"The other {left:,} are in rounds.parquet.")] if left else []
    return [
        picture("development", rounds_figure(market.rounds, market.trades), "Means over blocks of rounds, 95 % bands."),
        folded(title, html_table("rounds-table", shown), *rest),
    ]


def _privacy(market: MarketRuns) -> list[str]:
    if not private(market.config["perturbation"]):
        return [paragraph("All of it: uploads carried no noise, whatever privacy loss was sold.")]
    return [
        _counts("privacy-table", privacy_spent(market.trades), PRIVACY),
        picture(
            "privacy-spent", privacy_figure(market.trades), "Privacy losses add up over rounds (pure composition)."
        ),
    ]


def _counts(name: str, found: Mapping[str, Any], words: Mapping[str, str]) -> str:
    rows = [{"quantity": label, "value": found[key]} for key, label in words.items()]
    return html_table(name, pd.DataFrame(rows, dtype=object))


def configuration(market: MarketRuns, hashes: Mapping[str, Mapping[str, str]], suffix: str = "") -> list[str]:
    """Versions, runs, the hashes of their files, and the whole of ``config.json``; ``suffix`` keeps ids apart."""
    runs = [
        {
            "run": name,
            "seed": run.config["seed"],
            "rounds": run.config.get("rounds_completed"),
            "seconds": run.config.get("seconds"),
            "repeatable": run.config.get("repeatable"),
        }
        for name, run in market.runs.items()
    ]
    files = [
        {"run": name, "file": file, "sha256": digest}
        for name in market.runs
        for file, digest in hashes.get(name, {}).items()
    ]
    manifest = market.manifest
    checkpoint = manifest["auction"].get("checkpoint_sha256")
    versions = ", ".join(f"{package} {number}" for package, number in manifest.get("versions", {}).items())
    return [
        paragraph(f"Checkpoint of the auction: sha256 {checkpoint}." if checkpoint else "The auction is not learned."),
        paragraph(f"Versions: {versions}."),
        html_table(f"runs{suffix}", pd.DataFrame(runs, dtype=object)),
        folded("Hashes of the files", html_table(f"files{suffix}", pd.DataFrame(files))),
        folded("config.json of the first run", listing(manifest)),
    ]
