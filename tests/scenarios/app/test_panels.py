"""Every panel, before the first round and after some; and the words at the top."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import ipyvuetify
import pandas as pd
import pytest

from agents.broker.auctions.base import Guarantees
from analysis.formatting import rounded
from analysis.promises import promises
from market_sim.results import Results
from market_sim.run import declared_guarantees
from scenarios.app import drawing
from scenarios.app import owners as owners_panel
from scenarios.app.choices import Choices, build
from scenarios.app.guarantees import GuaranteesPanel, claim_sentences
from scenarios.app.headline import Headline, key_numbers, verdict
from scenarios.app.history import history_of
from scenarios.app.layout import SECTIONS, Panels
from scenarios.app.mesa import force_update
from scenarios.app.panel import NOTHING_YET
from scenarios.app.panels import groups_caption
from scenarios.app.price_list import NO_LISTS, SEVERAL_NAMES, PriceListPanel

PICTURES = [panel for panels in SECTIONS.values() for panel in panels if panel is not GuaranteesPanel]
SMALL = {"owners": 16, "bidders": 8, "task": "synthetic"}


def market(rounds: int, **chosen):
    model = build(Choices(**{**SMALL, **chosen})).model
    for _ in range(rounds):
        model.step()
        history_of(model)
    return model


@pytest.mark.parametrize("auction", ["sequential-menu", "pay-as-bid"])
def test_before_the_first_round_only_the_owners_are_drawn(visit, auction):
    page = visit(Panels(market(0, auction=auction)))
    assert len(page.pictures()) == 1
    assert page.text().count(NOTHING_YET) == len(PICTURES) - 1


def test_after_a_round_every_panel_is_drawn(visit):
    page = visit(Panels(market(2)))
    assert len(page.pictures()) == len(PICTURES)
    assert all(source.startswith("data:image/png;base64,") for source in page.pictures().values())


@pytest.fixture
def numbered(monkeypatch):
    """Figures become numbers instead of pictures, which takes half the time."""
    count = itertools.count()
    monkeypatch.setattr(drawing, "as_png", lambda figure: str(next(count)).encode())


def test_every_panel_is_drawn_anew_after_a_step_and_not_otherwise(visit, numbered):
    model = market(2)
    page = visit(Panels(model))
    before = page.pictures()
    force_update()
    assert page.pictures() == before
    model.step()
    force_update()
    after = page.pictures()
    assert set(before.values()).isdisjoint(after.values())


def test_a_section_that_is_not_shown_is_not_drawn(visit, numbered):
    page = visit(Panels(market(1)))
    page.toggle([1, 2, 3])
    assert len(page.pictures()) == len(PICTURES) - 3
    page.toggle([0, 1, 2, 3])
    assert len(page.pictures()) == len(PICTURES)


def test_owners_are_coloured_by_strategy_or_by_gain(visit, monkeypatch):
    asked = []
    draw = owners_panel.owners_figure
    monkeypatch.setattr(owners_panel, "owners_figure", lambda *a, by: asked.append(by) or draw(*a, by=by))
    page = visit(owners_panel.OwnersPanel(market(2, network="small-world")))
    page.toggle(1)
    assert asked == ["strategy", "gain"]


def test_where_nobody_lies_there_is_no_gain_to_draw(visit, numbered):
    model = market(2, deviators={})
    page = visit(Panels(model))
    assert len(page.pictures()) == len(PICTURES) - 1
    assert "Nobody has lied so far." in page.text()
    assert verdict(history_of(model), model)[0] == "After 2 rounds. Not known yet: nobody lied."
    assert key_numbers(history_of(model), model)["lies that paid"] == "0 of 0"


def test_an_owner_is_chosen_and_her_list_stays_though_she_does_not_bid_again(visit):
    model = market(3)
    page = visit(PriceListPanel(model))
    select = next(each for each in page.page.find(ipyvuetify.Select).widgets if each.label == "Owner")
    absent = set(history_of(model).last_bid) - set(model.last_round[0].owners.tolist())
    owner = min(absent)
    select.v_model = next(name for name in select.items if name.startswith(f"{owner}:"))
    record, _ = history_of(model).last_bid[owner]
    assert f"Owner {owner} last bid in round {record.round + 1}." in page.text()


def test_an_auction_without_price_lists_says_so(visit):
    page = visit(PriceListPanel(market(1, auction="pay-as-bid")))
    assert NO_LISTS in page.text().replace("&#x27;", "'")
    assert not page.pictures()


def test_who_bids_under_several_names_leaves_no_single_list(visit):
    model = market(2, deviators={"identity-splitting": 100}, owners=40, bidders=20)
    page = visit(PriceListPanel(model))
    assert SEVERAL_NAMES in page.text()


def test_the_top_says_who_gained_who_paid_and_what_was_learned(visit):
    model = market(4, auction="pay-as-bid", deviators={"scaled-valuation": 50})
    history = history_of(model)
    gained, paid, learned = verdict(history, model)
    assert gained.startswith(
        f"After 4 rounds. Yes: {history.misreports_paid} of {history.misreports} lies earned more than the truth"
    )
    assert "Against everybody's truth in the same 4 rounds, the buyer paid" in paid
    assert "% of her budget." in paid
    assert f"right on {rounded(history.rounds['test_accuracy'].iloc[-1])} of the test records" in learned
    assert "this market was not played with everybody truthful" in learned
    page = visit(Headline(model))
    assert learned.partition(",")[0] in page.text()
    assert key_numbers(history, model)["rounds"] == "4 of 300"


def test_a_ring_that_gains_together_is_not_said_to_have_gained_nothing():
    """Alone no member's lie pays under the sequential menu; together they earn more than by telling the truth."""
    ring = {"collusion-ring": 40}
    model = market(40, deviators=ring, network="small-world", owners=60, bidders=30, task="digits")
    history = history_of(model)
    assert history.misreports_paid == 0
    assert history.groups["gain"].sum() > 0
    gained, *_ = verdict(history, model)
    assert gained.startswith("After 40 rounds. Only together: alone no lie paid (0 of ")
    assert "more than the truth would have brought them" in gained
    together = int(history.groups["paid"].sum())
    assert key_numbers(history, model)["groups that gained"] == f"{together:,} of {len(history.groups):,}"
    assert f"collusion-ring: {together:,} of {len(history.groups):,} groups gained" in groups_caption(history.groups)


def test_rounds_without_sellers_are_not_hidden():
    model = market(3, budget_factor=(0.0, 0.0))
    _, paid, _ = verdict(history_of(model), model)
    assert paid.endswith("spent 0 % of her budget; in 3 of 3 rounds nobody sold.")


@pytest.mark.parametrize("auction", ["sequential-menu", "pay-as-bid"])
def test_what_became_of_the_claims_is_that_of_the_tables(auction):
    model = build(Choices(**SMALL, auction=auction)).model
    for _ in range(5):
        model.step()
        _ = history_of(model).promises
    found = Results.of(model.tables(), {})
    whole = promises(
        declared_guarantees(model.broker.auction), found.rounds, found.trades, found.identities, found.groups
    )
    pd.testing.assert_frame_equal(history_of(model).promises, whole, check_dtype=False)


def test_a_claim_that_nobody_tried_is_not_said_to_be_kept(visit):
    page = visit(GuaranteesPanel(market(2, deviators={}))).text()
    assert "No lie under one name pays (claimed): not tried here." in page
    assert "The budget is kept (claimed): kept here in 2 cases." in page


@pytest.mark.parametrize(
    ("auction", "said"),
    [
        ("sequential-menu", "Claimed: no owner gains by lying, whatever she lies about and whatever the others do."),
        ("sequential-menu-verified", "It takes as known, and not from her word: her data."),
        ("pay-as-bid", "Planted: it claims more than it keeps, to show that the market finds out."),
    ],
)
def test_what_an_auction_promises_is_said_in_words(visit, auction, said):
    model = market(0, auction=auction)
    assert said in claim_sentences(model.broker.auction)
    assert said in visit(GuaranteesPanel(model)).text()


def test_what_an_auction_does_not_promise_is_said_too():
    guarantees = Guarantees(truthful_in="valuation", individually_rational=False, budget_feasible=False)
    assert claim_sentences(SimpleNamespace(planted=False, refuted=True, guarantees=guarantees)) == [
        "Kept as published, although a claim of its authors is false.",
        "Claimed: no owner gains by lying about what her privacy costs her.",
        "Nothing is claimed to keep her from lying about her data, how much she tolerates.",
        "Not claimed: that no truthful owner loses.",
        "Not claimed: that it stays within the budget.",
    ]
