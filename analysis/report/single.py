"""The report on one market: question, answer, tables, figures and configuration in one self-contained file.

Every number comes from ``MarketRuns.findings``; the answer is written from the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.findings import Findings
from analysis.formatting import accuracy, counted, with_interval
from analysis.key_figures import INTERVALS
from analysis.paired import WhoPays
from analysis.plots.market import market_figure
from analysis.plots.rounds import accounts_figure, privacy_figure, rounds_figure
from analysis.privacy_account import privacy_sentences
from analysis.promises import promises_sentence, tried_or_claimed
from analysis.recognition import recognition
from analysis.report.headings import (
    CLASSES,
    GAINS,
    GAINS_ENDS,
    GROUPS,
    GROUPS_ENDS,
    NUMBERS,
    NUMBERS_ENDS,
    PAYERS,
    PAYERS_ENDS,
    PRIVACY,
    PROMISES,
    ROUNDS,
)
from analysis.report.html import document, folded, html_table, listing, paragraph, picture, section
from analysis.report.runs import MarketRuns
from analysis.summary import tails_too_heavy

QUESTION = "If people in this market lie, who gains, who pays, and does the learning survive it?"
MAX_ROWS = 300
"""Rounds that are printed in the report; the others are in the Parquet files only."""


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
    found = market.findings
    return document(
        f"A market: {market.manifest['auction']['name']}, {market.config['owners']} owners",
        QUESTION,
        f"{found.headline.sentence[:1].upper()}{found.headline.sentence[1:]}.",
        [
            section("numbers", "Key numbers", _key_numbers(market)),
            section("lying", "Who gains? Did lying pay?", *_lying(market)),
            section("payers", "Who pays?", *_payers(found.payers)),
            section("learning", "Does the learning survive?", paragraph(found.learning.sentence)),
            section("recognition", "What does the model recognise?", *recognised(market)),
            section("task", "What is public of the data?", *public_knowledge(market)),
            section("rounds", "Round by round", *_rounds(market)),
            section("promises", "What was promised, what was kept", *promises_table(market)),
            section("privacy", "What privacy was spent?", *_privacy(market)),
            section("configuration", "Configuration", *configuration(market, hashes or {})),
        ],
        verdict=found.headline.verdict,
        figure=_opening(market, ceiling, chance),
        more=[*_warnings(market), *more_answers(found)],
    )


def more_answers(found: Findings) -> list[str]:
    """Who paid, what was bought, whether the learning survives and what was kept, a line each, from the numbers."""
    return [
        *([" ".join(found.payers.sentences)] if found.payers.rounds else []),
        _bought(found),
        *([found.learning.sentence] if found.headline.misreports else []),
        f"{promises_sentence(found.promises)} [ ]: 95 % intervals.",
    ]


def _bought(found: Findings) -> str:
    """What the buyer got for her money."""
    bound, invalid = found.number("error bound of valid rounds"), found.number("invalid rounds")
    if pd.isna(bound["mean"]):
        bought = "in rounds of which not one was valid"
    else:
        bought = f"for a mean error bound of {_figure(bound)}, {_figure(invalid)} % of the rounds invalid"
    return (
        f"The buyer spent {_figure(found.number('spent of the budget'))} % of her budget, {bought}, and her model's "
        f"test accuracy ended at {accuracy_words(found.number('test accuracy after the last round'))}."
    )


def _figure(row: Mapping[str, Any]) -> str:
    return with_interval(float(row["mean"]), float(row["low"]), float(row["high"]))


def accuracy_words(row: Mapping[str, Any]) -> str:
    """A test accuracy with its interval, or, of one run, a word that there is none; ``row`` of the key numbers."""
    if pd.isna([row["low"], row["high"]]).any():
        return f"{accuracy(row['mean'])} (one run has no interval)"
    return _figure(row)


def _warnings(market: MarketRuns) -> list[str]:
    cut = [
        f"{name} was interrupted after {run.config['rounds_completed']} of {market.config['rounds']} rounds"
        for name, run in market.runs.items()
        if run.config.get("interrupted")
    ]
    unfinished = f"Unfinished: {'; '.join(cut)}. What follows is about the rounds that were played."
    told = [*market.manifest.get("outside_training", ()), *market.manifest.get("shares_of_nobody", ())]
    return [*([unfinished] if cut else []), *told]


def _key_numbers(market: MarketRuns) -> str:
    caption = (
        f"{counted(len(market.rounds), 'round')} of {counted(len(market.runs), 'run')}. {INTERVALS} Cost: of "
        "all an owner's records at her own privacy budget."
    )
    return html_table("key-numbers", market.numbers, NUMBERS, caption, intervals=NUMBERS_ENDS)


def _opening(market: MarketRuns, ceiling: pd.DataFrame | None, chance: float | None) -> str:
    """The one figure that shows the answer."""
    words = "with the privacy bought" if market.protected else "this market, without noise"
    figure = market_figure(market.rounds, market.trades, ceiling=ceiling, chance=chance, label_noisy=words)
    runs = "mean and range over the runs" if len(market.runs) > 1 else "one run, which has no interval"
    caption = f"Left: every lie against the same owner's truth in the same round. Right: the buyer's model; {runs}."
    return picture("market", figure, caption)


def _lying(market: MarketRuns) -> list[str]:
    found = market.findings
    parts = [paragraph(str(found.headline))]
    if len(found.lying):
        caption = (
            "Each lie alone: gain over the same owner's truth in the same round, all others as they bid. [ ]: "
            f"95 % interval, bootstrap of rounds. {found.tried} {tails_too_heavy(found.lying.to_dict('records'))}"
        )
        parts.append(html_table("gains", found.lying, GAINS, caption.strip(), intervals=GAINS_ENDS))
    if len(found.groups):
        caption = (
            "Owners who acted together (an owner under several names is a group of one), beside the same group telling "
            "the truth, all others as they bid; transfers included. [ ]: 95 % interval, bootstrap of rounds."
        )
        parts.append(html_table("groups", found.groups, GROUPS, caption, intervals=GROUPS_ENDS))
    return [
        *parts,
        picture("accounts", accounts_figure(market.trades), "Utility per bid by strategy, with 95 % intervals."),
    ]


def _payers(payers: WhoPays) -> list[str]:
    said = [paragraph(" ".join(payers.sentences))]
    if not payers.rounds:
        return said
    caption = (
        f"Means over the {counted(payers.rounds, 'round')} in which somebody lied, beside everybody's truth in the "
        "same rounds. [ ]: 95 % interval of the change, bootstrap of rounds."
    )
    return [*said, html_table("payers-table", payers.table, PAYERS, caption, intervals=PAYERS_ENDS)]


def recognised(market: MarketRuns, suffix: str = "") -> list[str]:
    """Recall class by class and the confusion matrix of the final models; ``suffix`` keeps ids apart."""
    found = recognition(market.tables["confusion"])
    matrix = found.matrix.rename_axis(index="class").reset_index()
    runs = counted(len(market.runs), "run")
    return [
        paragraph(found.sentence),
        html_table(
            f"classes{suffix}", found.classes, CLASSES, f"Final models of {runs} on the test records, added up."
        ),
        folded(
            "Confusion matrix",
            html_table(
                f"confusion{suffix}", matrix, caption="A row per class, a column per class named: test records."
            ),
        ),
    ]


def public_knowledge(market: MarketRuns) -> list[str]:
    """The model, and what the features were made with and where that is known from; a warning if it is not public."""
    task, model = market.manifest["task"], market.manifest["model"]
    said = [
        paragraph(f"Model: {model['name']}, {counted(model['dimension'], 'parameter')}."),
        paragraph(f"Features were made with: {task['knowledge']}."),
    ]
    if not task["public"]:
        said.append(paragraph(NOT_PUBLIC))
    return said


NOT_PUBLIC = (
    "Not public: the features were fitted to the owners' records (public=False). What was fitted reaches everybody "
    "without noise, outside every privacy loss that was sold."
)


def promises_table(market: MarketRuns, suffix: str = "") -> list[str]:
    """What the auction claims, and what became of it here; ``suffix`` keeps ids apart."""
    table = market.findings.promises
    shown = tried_or_claimed(table)
    caption = (
        "A claim is the auction's, about one owner in one round; kept or broken is what became of it in recorded cases."
    )
    return [paragraph(promises_sentence(table)), html_table(f"promises-table{suffix}", shown, PROMISES, caption)]


def _rounds(market: MarketRuns) -> list[str]:
    shown = market.rounds.head(MAX_ROWS).dropna(axis=1, how="all")
    columns = {name: said for name, said in ROUNDS.items() if name in shown}
    left = len(market.rounds) - len(shown)
    title = f"The first {len(shown):,} rounds as recorded" if left else "All rounds as recorded"
    rest = [paragraph(f"The other {left:,} are in rounds.parquet.")] if left else []
    rest.append(paragraph(f"rounds.parquet has {shown.shape[1]} columns, of which these are the main ones."))
    return [
        picture("development", rounds_figure(market.rounds, market.trades), "Means over blocks of rounds, 95 % bands."),
        folded(title, html_table("rounds-table", shown, columns), *rest),
    ]


def _privacy(market: MarketRuns) -> list[str]:
    account = market.manifest["privacy_account"]
    said = [paragraph(sentence) for sentence in privacy_sentences(market.findings.privacy, account)]
    if not market.protected:
        return said
    claim = f"Every upload: {market.manifest['perturbation']['name']}, {market.manifest['perturbation']['claim']}."
    return [
        *said,
        paragraph(claim),
        _counts("privacy-table", market.findings.privacy, PRIVACY),
        picture(
            "privacy-spent",
            privacy_figure(market.trades),
            f"Plain sums over the rounds; dotted, the tight total of the median owner at delta = {account['delta']:g}.",
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
