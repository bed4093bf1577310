"""The paper's figures, in a mode of a few seconds: same steps, same files, same report."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from agents.broker.auctions.registry import auction_classes
from market_sim.campaign.workers import Workers
from scenarios import paper_figures
from scenarios.commands.paper_summary import summary_sentences
from scenarios.commands.settings import scenario_kwargs
from scenarios.paper_figures import MODES, Mode, mechanisms, run

TINY = Mode(profiles=20, deviators=3, queries=4, seeds=2, rounds=3, levels=(2,), steps=1, batch=8)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The directory and the answer of a tiny mode, with two mechanisms."""
    out = tmp_path_factory.mktemp("paper") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_figures, "mechanisms", few)
        return out, run(seed=1, out=out, progress=False, modes={"quick": TINY}, workers=Workers(1))


def few():
    loaded, _ = mechanisms()
    return {name: loaded[name] for name in ("ascending-menu", "all-in")}, {"my-auction": "takes at most 3 bidders"}


def test_it_leaves_four_figures_their_tables_and_a_report(played):
    out, _ = played
    kept = {path.name for path in out.iterdir()}
    assert {"fig7.png", "fig8.png", "fig9.png", "fig10.png", "report.html", "scenario.json"} <= kept
    assert {"bounds.parquet", "table-1.parquet", "accuracy.parquet", "levels.parquet"} <= kept
    assert {"m-regretnet-2-levels.safetensors", "dm-regretnet-2-levels.safetensors"} <= kept
    assert all((out / f"fig{number}.png").stat().st_size <= 200_000 for number in (7, 8, 9, 10))
    accuracy = pd.read_parquet(out / "accuracy.parquet")
    assert len(accuracy) == 2 * 2 * 2 * TINY.rounds
    assert accuracy["round"].tolist()[:3] == [1, 2, 3]
    levels = pd.read_parquet(out / "levels.parquet")
    assert levels["auction"].tolist() == ["m-regretnet"] * 2 + ["dm-regretnet"] * 2 + ["ascending-menu"] * 2
    assert levels["levels"].tolist()[:4] == [2] * 4
    assert levels["regret"].tolist()[4:] == [0, 0]
    assert levels["ir"].dropna().eq(0).all()


def test_the_report_and_the_json_say_what_the_tables_say(played):
    out, answer = played
    html = (out / "report.html").read_text()
    figures = json.loads(answer.json())
    misreports = pd.read_parquet(out / "table-1.parquet")
    assert figures["table-1"][0]["regret"] == misreports["regret"][0]
    for value in (
        *misreports["regret"],
        *misreports["ir"],
        *pd.read_parquet(out / "bounds.parquet")["error_bound"].dropna(),
    ):
        assert f'<data value="{value!r}">' in html
    assert "my-auction: takes at most 3 bidders" in html
    assert figures["skipped"] == {"my-auction": "takes at most 3 bidders"}
    assert "0.0556" not in html, "no DM-RegretNet here, so nothing published beside it"


def test_the_answer_names_who_has_no_regret_only_where_somebody_has_none(played):
    out, _ = played
    tables = {name: pd.read_parquet(out / f"{name}.parquet") for name in ("bounds", "table-1")}
    tables["table-1"] = tables["table-1"].assign(regret=[0.2, 0.0, 0.3, 0.1])
    iid, rest = summary_sentences(tables).split(" non-IID: ")
    assert iid.endswith("of cost) and none in all-in.")
    assert rest.endswith("of cost).")


def test_every_trained_auction_takes_part_or_is_said_to_be_missing():
    loaded, skipped = mechanisms()
    assert {"regretnet", "m-regretnet", "dm-regretnet", "sequential-menu", "all-in"} <= loaded.keys() | skipped.keys()
    assert set(loaded) <= set(auction_classes())
    assert not any(auction_classes()[name].planted for name in loaded)


def test_what_has_no_checkpoint_or_too_few_places_is_skipped_with_a_word(monkeypatch):
    real = paper_figures.load_auction

    def scarce(name, prior):
        if name == "regretnet":
            raise ValueError("checkpoint regretnet.safetensors does not exist;\n make it")
        auction = real("all-in", prior)
        if name == "dm-regretnet":
            auction.max_owners = 3
        return auction

    monkeypatch.setattr(paper_figures, "load_auction", scarce)
    loaded, skipped = mechanisms()
    assert skipped == {
        "regretnet": "checkpoint regretnet.safetensors does not exist; make it",
        "dm-regretnet": "takes at most 3 bidders, the paper's figures have 10",
    }
    assert "dm-regretnet" not in loaded


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "slow"}, "mode = 'slow' is not known; .*known: full, quick"),
        ({"rounds": 3}, "field of paper-figures = 'rounds' is not known; .*known: data, mode"),
        ({"data": "/nowhere"}, "nowhere"),
    ],
)
def test_what_it_does_not_take_is_refused_before_any_work(fields, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        run(out=tmp_path / "out", fields=fields, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_hands_mode_and_data_over():
    assert scenario_kwargs("paper-figures", run, {"mode": "full"}) == {"fields": {"mode": "full"}}
    assert MODES["full"].profiles > MODES["quick"].profiles
