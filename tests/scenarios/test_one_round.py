"""One round, drawn phase by phase; the pictures of the page are those of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.plots.phases import PHASES, phase_figures
from market_sim import FLMarket
from scenarios.one_round import MARKET, last_round, run

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def played():
    model = FLMarket(MARKET, seed=1)
    for _ in range(3):
        model.step()
    return model, last_round(model)


def test_a_round_has_a_picture_per_phase(played):
    assert list(phase_figures(played[1])) == list(PHASES)


def test_weights_are_those_of_the_broker_and_give_the_error_bound(played):
    model, drawn = played
    sold, row = drawn.sold, drawn.rounds.iloc[-1]
    assert sold["weight"].sum() == pytest.approx(1)
    # Owners send the direction of their mean gradient: what was bought of a part of an owner's records is missing.
    share = sold["share"].where(sold["records"] == sold["data_size"], 0.0)
    missing = 1 - share.sum() + (sold["weight"] - share).abs().sum()
    noise = (sold["weight"] ** 2 * sold["noise"] ** 2).sum()
    assert row["error_bound"] == pytest.approx(noise + (model.terms.clip_norm * missing) ** 2)


def test_the_page_shows_every_picture_of_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("scenarios.one_round.MARKET", type(MARKET)(owners=12, bidders=6, rounds=2))
    answer = run(seed=1, out=tmp_path / "out", progress=False)
    names = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert names == [f"{place}-{name}.png" for place, name in enumerate(PHASES, start=1)]
    assert names == sorted(path.name for path in (DOCS / "phases").glob("*.png"))
    page = (DOCS / "how_it_works.md").read_text()
    assert all(f"](phases/{name})" in page for name in names)
    assert answer.figures["pictures"] == list(PHASES)
