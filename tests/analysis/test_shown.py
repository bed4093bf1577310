"""What comes back shows itself, printed, in a notebook and as a figure."""

from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure

import analysis
from agents.broker.auctions.registry import load_auction
from analysis import AuditSettings, EvaluationSettings, audit, evaluate, plot
from market_sim import check_auction, load_results, run_market, sweep, verify

MARKET = {"owners": 12, "bidders": 6, "rounds": 3, "strategies": {"truthful": 0.5, "scaled-valuation": 0.5}}
FEW = {"0.5": (0.5, 0.5), "2": (2.0, 2.0)}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    results = run_market(**MARKET, auction="pay-as-bid", seed=4, out=folder / "run")
    return {
        "results": results,
        "check": check_auction("pay-as-bid", profiles=3, misreports=5),
        "audit": audit("pay-as-bid", settings=AuditSettings(2, 3, 8, 0, checks=False, controls=False)),
        "evaluation": evaluate(
            ["all-in", "sequential-menu"],
            settings=EvaluationSettings(owners=4, profiles=8, factors=FEW, regret_profiles=2, queries=5),
        ),
        "evaluation without regret": evaluate("all-in", settings=EvaluationSettings(owners=4, profiles=8, factors=FEW)),
        "verification": verify(folder / "run"),
        "sweep": sweep(
            grid={"auction": ["all-in", "pay-as-bid"]}, seeds=1, jobs=1, out=folder / "sweep", **{**MARKET, "rounds": 1}
        ),
    }


SAID = {
    "results": ("pay-as-bid: 3 of 3 rounds, 12 owners, 6 bidders, seed 4", "error bound, median of valid rounds"),
    "check": ("pay-as-bid: REFUTED", "truthful"),
    "audit": ("pay-as-bid: ", "All gains at least"),
    "evaluation": ("8 profiles of 4 truthful owners, budget factor = 2", "regret found, at least"),
    "evaluation without regret": ("8 profiles of 4 truthful owners, budget factor = 2", "over first best"),
    "verification": ("agrees with its configuration", "rows that agree"),
    "sweep": ("2 runs of 2 cells", "auction=all-in"),
}


@pytest.mark.parametrize("name", SAID)
def test_it_prints_a_short_table_and_a_notebook_shows_it(found, name):
    text, html = str(found[name]), found[name]._repr_html_()
    assert repr(found[name]) == text
    assert len(text.splitlines()) <= 60
    for words in SAID[name]:
        assert words in text
    assert html.count("<table>") == 1
    assert "DataFrame" not in text


@pytest.mark.parametrize("name", [name for name in SAID if name != "verification"])
def test_plot_draws_it(found, name):
    figure = plot(found[name])
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO())


def test_an_audit_has_two_kinds_of_figures_and_threat_models_by_name(found):
    report = found["audit"]
    for name in report.threats:
        plot(report, threat=name, kind="curves").savefig(io.BytesIO())
    with pytest.raises(ValueError, match="threat = 'everythin' is not known; did you mean 'everything'"):
        plot(report, threat="everythin")
    with pytest.raises(ValueError, match="kind = 'curve' is not known"):
        plot(report, kind="curve")


def test_what_is_nothing_of_ours_or_has_another_kind_is_refused(found):
    with pytest.raises(TypeError, match=r"plot\(dict\): pass what run_market, audit"):
        plot({})
    with pytest.raises(ValueError, match="threat and kind are for an AuditReport; of a Results leave them out"):
        plot(found["results"], threat="everything")


def test_printing_a_large_run_reads_its_rounds_only(found, tmp_path, monkeypatch):
    found["results"].save(tmp_path / "run")
    monkeypatch.setattr("market_sim.results.READ_AT_ONCE", 0)
    lazy = load_results(tmp_path / "run")
    assert str(lazy) == str(found["results"])
    assert "trades" not in vars(lazy)


def test_auctions_are_taken_by_name_as_objects_and_by_a_name_of_ones_own():
    settings = EvaluationSettings(owners=3, profiles=4, factors={"1": (1.0, 1.0)}, first_best=False)
    rule = load_auction("all-in")
    for given, names in (("all-in", ["all-in"]), ([rule], ["all-in"]), ({"mine": rule}, ["mine"])):
        assert evaluate(given, settings=settings).table["auction"].tolist() == names
    with pytest.raises(TypeError, match=r"auctions\['Mine'\] = 3: pass an Auction instance"):
        evaluate({"Mine": 3}, settings=settings)
    with pytest.raises(ValueError, match="auction = 'all-on' is not known; did you mean 'all-in'"):
        evaluate(["all-on"], settings=settings)


def test_every_public_name_of_the_floor_is_there():
    for name in analysis.__all__:
        assert getattr(analysis, name) is not None
    assert dir(analysis) == sorted(analysis.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'plots_all'"):
        _ = analysis.plots_all
