"""What the studies share: markets played with several seeds, and numbers as a reader wants them."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from analysis.intervals import Interval
from market_sim import MarketConfig, load_results
from market_sim.campaign.workers import Workers
from market_sim.results import PAIRED_RUN
from scenarios.commands.study import play, replace_fields, study, truthful_markets
from scenarios.commands.study_answers import HEADING, with_answers
from scenarios.commands.study_summary import StudyFinding, format_number, plain_numbers, study_summary, verdicts

SMALL = MarketConfig(
    owners=6, bidders=3, rounds=2, auction="all-in", task="synthetic", task_options={"records": 200, "features": 2}
)


def find(played) -> StudyFinding:
    rows = [
        {"market": name, "bids": len(tables.trades), "price": Interval(-0.0001, -0.25, 1.5)}
        for name, tables in played.items()
    ]
    return StudyFinding(sentences=["It is so."], tables={"markets": rows}, picture=Figure(), note="A note.")


def poor_and_rich(base: MarketConfig) -> dict[str, MarketConfig]:
    return {"poor": replace(base, budget_factor=0.1), "rich": base}


def test_every_market_is_played_with_every_seed(tmp_path: Path):
    out = tmp_path / "out"
    run = study("toy", SMALL, compared=(), markets=poor_and_rich, find=find)
    answer = run(seed=3, repetitions=2, out=out, progress=False, workers=Workers(1))
    assert sorted(path.name for path in out.iterdir()) == [
        "poor-6", "poor-7", "result.txt", "rich-6", "rich-7", "scenario.json", "toy.png",
    ]  # fmt: skip
    assert load_results(out / "poor-7").config["seed"] == 7
    assert [row["bids"] for row in answer.figures["markets"]] == [12, 12]
    text = (out / "result.txt").read_text()
    for words in ("It is so.", "A note.", "0.00 [-0.25, 1.50]", str(out)):
        assert words in text.replace("\n", "")
    again = run(seed=3, repetitions=2, out=out, progress=False, workers=Workers(1))
    assert again.json() == answer.json()


def test_what_a_study_compares_is_not_set_from_outside():
    assert replace_fields(SMALL, {"rounds": 5}, compared=("auction",)).rounds == 5
    with pytest.raises(ValueError, match="field 'auction' is what this study compares"):
        replace_fields(SMALL, {"auction": "all-in"}, compared=("auction",))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Interval(0.5, 0.25, 0.75), "0.50 [0.25, 0.75]"),
        (Interval(0.05, -0.012, 0.075), "0.050 [-0.012, 0.075]"),
        (Interval(12.0, -1.0, 25.0), "12.00 [-1.00, 25.00]"),
        (Interval(0.5, -math.inf, math.inf), "0.50"),
        (1234.5, "1,234"),
        (12.346, "12.35"),
        (-1e-9, "0.000"),
        (float("nan"), ""),
        (1200, "1,200"),
        ("all-in", "all-in"),
    ],
)
def test_numbers_as_a_reader_wants_them(value, said):
    assert format_number(value) == said


def test_verdicts_follow_from_the_intervals():
    gains = {
        "a": Interval(0.2, 0.1, 0.3),
        "b": Interval(-0.2, -0.3, -0.1),
        "c": Interval(0.1, -0.1, 0.3),
        "d": Interval(1e-17, 1e-18, 1e-16),
        "e": Interval(0.5, 0.4, 0.6),
    }
    assert verdicts(gains) == (
        "gained with a and e, lost with b, neither gained nor lost for certain with c, changed nothing with d"
    )


def test_an_interval_becomes_three_numbers():
    assert plain_numbers([{"name": "x", "gain": Interval(1.0, 0.5, 2.0)}]) == [
        {"name": "x", "gain": 1.0, "gain_low": 0.5, "gain_high": 2.0}
    ]


def test_a_summary_of_no_rows_is_a_summary():
    finding = StudyFinding(sentences=["Nothing."], tables={"none": []}, picture=Figure(), note="")
    console = Console(width=100, record=True, file=io.StringIO())
    for part in study_summary(finding, Path("out")):
        console.print(part)
    assert "Nothing." in console.export_text()


LIARS = replace(SMALL, strategies={"scaled-valuation": 1.0}, rounds=3)


def test_markets_that_differ_in_their_liars_only_have_one_paired_run():
    other = replace(LIARS, strategies={"random-misreport": 1.0})
    truth = replace(LIARS, strategies={"truthful": 1.0})
    assert truthful_markets({"a": LIARS, "b": other}) == {"a": ("a", True), "b": ("a", True)}
    assert truthful_markets({"a": LIARS, "honest": truth}) == {"a": ("honest", False), "honest": ("honest", False)}
    assert truthful_markets({"a": LIARS, "b": replace(other, rounds=4)})["b"] == ("b", True)


def test_learning_is_measured_beside_the_paired_run(tmp_path: Path):
    tables = play({"a": LIARS, "b": LIARS}, [0, 1], tmp_path, progress=False, workers=Workers(1), unpaired=["b"])
    assert tables["b"].paired_rounds is None
    pair = [load_results(tmp_path / f"a-{seed}" / "truthful").rounds for seed in (0, 1)]
    assert tables["a"].paired_rounds["test_accuracy"].tolist() == [*pair[0]["test_accuracy"], *pair[1]["test_accuracy"]]
    difference = [
        load_results(tmp_path / f"a-{seed}").rounds["test_accuracy"].iloc[-1] - pair[seed]["test_accuracy"].iloc[-1]
        for seed in (0, 1)
    ]
    found = with_answers(StudyFinding([], {}, Figure(), ""), tables)
    first, second = found.tables[HEADING]
    assert first["accuracy"].mean == pytest.approx(sum(difference) / 2)
    assert math.isnan(second["accuracy"].mean)
    assert (first["lies_paid"], first["lying_pays"]) == (second["lies_paid"], second["lying_pays"])
    assert first["lies_paid"].endswith(" of 18")


def test_where_nobody_lies_there_is_nothing_to_answer(tmp_path: Path):
    tables = play({"a": SMALL}, [0], tmp_path, progress=False, workers=Workers(1))
    finding = StudyFinding([], {}, Figure(), "")
    assert with_answers(finding, tables) is finding


def test_markets_that_are_played_together_come_to_the_same_as_one_by_one(tmp_path: Path):
    liars = replace(SMALL, auction="sequential-menu", strategies={"truthful": 0.5, "scaled-valuation": 0.5})
    markets = {"market": liars, "no-noise": replace(liars, perturbation="none")}
    for name, together in (("apart", False), ("together", True)):
        folder = tmp_path / name
        play(markets, [4, 5, 6], folder, progress=False, workers=Workers(1), unpaired=["no-noise"], together=together)
    files = sorted(path.relative_to(tmp_path / "apart") for path in (tmp_path / "apart").rglob("*") if path.is_file())
    # The last seed's paired run is a job of its own.
    assert Path("market-6") / PAIRED_RUN / "rounds.parquet" in files, files
    for file in files:
        assert (tmp_path / "together" / file).read_bytes() == (tmp_path / "apart" / file).read_bytes(), file


def test_a_longer_study_goes_on_from_a_shorter_one_that_split_other_seeds(tmp_path: Path, monkeypatch):
    """The last seed's paired runs are a job of their own: which seed that is depends on how many there are."""
    liars = replace(SMALL, auction="sequential-menu", strategies={"truthful": 0.5, "scaled-valuation": 0.5})
    markets = {"market": liars, "no-noise": replace(liars, perturbation="none")}

    def played(seeds: list[int], out: Path, kept: Path | None = None) -> Any:
        return play(
            markets, seeds, out, progress=False, workers=Workers(1), kept=kept, unpaired=["no-noise"], together=True
        )

    with monkeypatch.context() as patch:
        patch.setattr("scenarios.commands.study._saved", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            played([4, 5], tmp_path / "first", tmp_path / "kept")
    grown = played([4, 5, 6], tmp_path / "grown", tmp_path / "kept")["market"].paired_rounds
    anew = played([4, 5, 6], tmp_path / "anew")["market"].paired_rounds
    pd.testing.assert_frame_equal(grown, anew)
