"""`market-sim evaluate`, as it is typed, on a few profiles."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from agents.broker.auctions.checkpoint import SHIPPED
from analysis.evaluation import FIRST_BEST
from scenarios.commands import evaluation
from scenarios.commands.cli import app
from scenarios.commands.evaluation import EvaluationRequest, evaluate_auctions, every_auction
from scenarios.commands.evaluation_summary import heavy_tails

FEW = ("--profiles", "6", "--regret-profiles", "2", "--queries", "3", "--factor", "U[0.1, 2]")
QUICK = (*FEW, "--no-first-best")


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *words])


STEMS = ("frontier", "frontier-panel", "frontier-zipf-tied-3", "frontier-zipf-tied-3-panel")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Result]:
    """What a directory holds after two settings with everything, and what was printed."""
    out = tmp_path_factory.mktemp("runs") / "frontier"
    words = ("proportional-share", "--sizes", "paper", "--sizes", "zipf", "--owners", "3")
    return out, typed(*words, *FEW, "--out", str(out))


def test_a_directory_holds_the_rows_three_times_and_the_pictures(written):
    out, result = written
    assert result.exit_code == 0, result.stderr
    files = {"evaluation.json", "evaluation.csv", "evaluation.parquet", "scenario.json"}
    pictures = {f"{stem}.{kind}" for stem in STEMS for kind in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == files | pictures
    table = pd.read_parquet(out / "evaluation.parquet")
    pd.testing.assert_frame_equal(pd.read_csv(out / "evaluation.csv"), table, check_dtype=False)
    assert len(json.loads((out / "evaluation.json").read_text())["table"]) == len(table)
    assert (out / "frontier.png").stat().st_size < 200_000


def test_there_is_a_row_per_setting_factor_and_mechanism(written):
    out, _ = written
    table = pd.read_parquet(out / "evaluation.parquet")
    here = table.groupby(["sizes", "budgets", "owners"])["auction"].agg(set)
    names = {"proportional-share", "all-in", FIRST_BEST, "all at own privacy budget"}
    assert list(here.index) == [("paper", "tied", 3), ("zipf", "tied", 3)]
    assert all(found == names for found in here)
    assert set(table["budget_factor"]) == {"U[0.1, 2]"}
    assert (table.groupby(["sizes", "auction"]).size() == 1).all()


def test_the_summary_shows_bounds_violations_and_regret_and_where_they_are(written):
    out, result = written
    for words in (
        "zipf sizes, tied budgets, n = 3",
        "proportional-share",
        "/ first best",
        "At f ~ U[0.1, 2]",
    ):
        assert words in result.stdout
    assert "Regret found, at least" in result.stdout
    assert f"Written to {out}" in result.stdout.replace("\n", " ").replace("  ", " ")


def test_the_same_question_is_asked_again_and_another_is_refused(written):
    out, _ = written
    before = (out / "evaluation.csv").read_bytes()
    refused = typed("all-in", *QUICK, "--out", str(out))
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert (out / "evaluation.csv").read_bytes() == before


def test_json_is_figures_only_and_repeats_with_its_seed():
    one, same, other = (typed("pac", *QUICK, "--seed", seed, "--json") for seed in ("1", "1", "2"))
    figures = json.loads(one.stdout)
    assert one.stdout == same.stdout != other.stdout
    assert (figures["seed"], figures["profiles"], figures["owners"]) == (1, 6, [10])
    assert {row["auction"] for row in figures["table"]} == {"pac", "all-in"}


def test_the_papers_setting_stands_beside_the_published_figures():
    beside = typed("pac", *QUICK, "--regret-profiles", "0")
    assert "FairQuery, published" in beside.stdout
    assert "(64%)" in beside.stdout
    assert "Published rows: 300 to 1000 other profiles" in " ".join(beside.stdout.split())
    assert "Regret found" not in beside.stdout
    assert "Regret:" not in beside.stdout
    alone = " ".join(typed("pac", *QUICK, "--owners", "4").stdout.split())
    assert "FairQuery" not in alone
    assert "Published" not in alone
    assert "Regret: the best of" in alone


def test_all_combinations_are_asked_once():
    request = EvaluationRequest(sizes=("paper", "equal", "paper"), budgets=("tied", "independent"), owners=(3, 10))
    settings = list(request.settings())
    assert len(settings) == 8
    assert settings[0] == {"sizes": "paper", "budgets": "tied", "owners": 3}


def test_every_auction_is_every_one_but_the_planted():
    names = every_auction()
    assert {"sequential-menu", "all-in", "fair-query"} <= set(names)
    assert not {"pay-as-bid", "fixed-share", "leaky-menu"} & set(names)


def test_a_checkpoint_is_evaluated_under_its_path(tmp_path):
    path = tmp_path / "mine.safetensors"
    for ending in (".safetensors", ".json"):
        path.with_suffix(ending).write_bytes((SHIPPED / f"sequential-menu{ending}").read_bytes())
    figures = json.loads(typed(str(path), "sequential-menu", *QUICK, "--regret-profiles", "0", "--json").stdout)
    means = pd.DataFrame(figures["table"]).groupby("auction")["mean"].agg(list)
    assert means[str(path)] == means["sequential-menu"]


def test_warnings_become_notes_said_once(monkeypatch):
    load = evaluation.load_auction

    def far_from_home(name, prior):
        warnings.warn("this network has never seen\n such owners", stacklevel=1)
        return load(name, prior)

    monkeypatch.setattr(evaluation, "load_auction", far_from_home)
    request = EvaluationRequest(profiles=4, first_best=False, regret_profiles=0)
    answer = evaluate_auctions(["pac"], request)
    assert answer.figures["notes"] == ["this network has never seen such owners"]
    assert answer.summary[-1] == "Note: this network has never seen such owners"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sequential-menus",), "did you mean 'sequential-menu'?"),
        (("missing.safetensors",), "missing"),
        (("all-in", "--profiles", "0"), "profiles = 0"),
        (("all-in", "--owners", "0"), "owners = 0"),
        (("all-in", "--sizes", "zip"), "did you mean 'zipf'?"),
        (("all-in", "--budgets", "none"), "budgets = 'none' is not known"),
        (("all-in", "--queries", "0"), "queries = 0"),
        (("all-in", "--factor", "0.7"), "factor = '0.7' is not known"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = typed(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_it_says_what_to_pass():
    result = typed()
    assert result.exit_code == 2
    assert "name at least one auction, or pass --all" in result.stderr


def test_means_whose_interval_cannot_be_trusted_are_named_with_their_budget_factors():
    table = pd.DataFrame(
        {
            "auction": ["a", "b", "a", "b", FIRST_BEST],
            "budget_factor": ["0.1", "0.1", "2", "2", "2"],
            "heavy_tail": [True, False, True, False, False],
            "regret_heavy_tail": [0.0, 0.0, 0.0, 1.0, float("nan")],
        }
    )
    assert heavy_tails(table) == [
        "Tail of the error bounds too heavy for the interval, the mean may be higher: a (f = 0.1, 2).",
        "Tail of the gains too heavy for the interval, the mean may be higher: b (f = 2).",
    ]
    assert heavy_tails(table.iloc[1:2]) == []
