"""The whole page without a browser: controls, presets, panels; no value goes further than its door."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from scenarios.app import layout
from scenarios.app.address import Place
from scenarios.app.answer import QUESTION, Answer, facts
from scenarios.app.controls import Controls
from scenarios.app.guarantees import GuaranteesPanel, claim_sentences
from scenarios.app.last_round import LastRoundPanel
from scenarios.app.offers import offers
from scenarios.app.owners import NO_LISTS, SEVERAL_NAMES, OwnersPanel, card
from scenarios.app.panels import AccuracyPanel, BoundPanel, GainPanel, MoneyPanel, PrivacyPanel
from scenarios.app.presets import PRESETS
from scenarios.app.visit import Pair

PANELS = [GainPanel, MoneyPanel, PrivacyPanel, AccuracyPanel, BoundPanel, OwnersPanel, LastRoundPanel, GuaranteesPanel]


@pytest.fixture(scope="module")
def attack(tmp_path_factory) -> str:
    secret = tmp_path_factory.mktemp("secret") / "secret.txt"
    secret.write_text("a secret of one line\n")
    return str(secret)


def test_every_list_and_number_has_a_control_that_moves_it(screen, visit):
    her = visit()
    page = screen(Controls(her))
    for name, offer in offers().items():
        field = page.field(offer.label)
        before = getattr(her.draft.value.choices, name)
        if hasattr(field, "items"):
            assert [item["value"] for item in field.items] == list(offer.names)
            value = next(each for each in offer.names if each != before)
        elif isinstance(before, bool):
            value = not before
        else:
            value = [0.2, 0.3] if isinstance(before, tuple) else offer.maximum
        page.set(offer.label, value)
        found = getattr(her.draft.value.choices, name)
        assert found == (tuple(value) if isinstance(value, list) else value), name


def test_a_value_that_no_list_offers_changes_nothing_and_is_not_read(screen, visit, attack):
    her = visit()
    page = screen(Controls(her))
    before = her.draft.value
    for field in page.fields():
        field.set_state({"value": attack})
        assert her.draft.value == before, field.label
        assert her.problem.value is not None, field.label
        assert attack not in her.problem.value
        assert "secret" not in her.problem.value


def test_shares_always_sum_to_the_whole(screen, visit):
    her = visit(deviators={"hedge": 60})
    page = screen(Controls(her))
    page.set("More ways to bid", "scaled-valuation")
    page.set("Scaled valuation", 70)
    assert her.draft.value.choices.deviators == {"hedge": 30, "scaled-valuation": 70}
    assert "The other 0 % of the owners tell the truth." in page.text()
    page.set("Scaled valuation", 0)
    assert her.draft.value.choices.deviators == {"hedge": 30}


def test_an_uploaded_file_is_bounded_and_validated(screen, visit, attack):
    her = visit()
    page = screen(Controls(her))
    (field,) = page.widgets("most")
    for content, said in (("a,b\n1,2\n", "population"), ("x" * 2**21, "bytes at most"), (attack, "population")):
        field.vue_chosen(content)
        assert said in her.problem.value
        assert her.draft.value.choices.population is None
    rows = "\n".join(f"linear,{1 + n / 10},1.5,5" for n in range(9))
    field.vue_chosen(f"family,factor,privacy_budget,data_size\n{rows}\n")
    assert her.draft.value.choices.population.owners == 9


def test_a_file_that_is_not_the_one_of_the_address_is_refused(screen, visit):
    her = visit()
    content = "family,factor,privacy_budget,data_size\n" + "linear,1,1.5,5\n" * 9
    asked_for = hashlib.sha256(content.encode()).hexdigest()
    her.draft.value = replace(her.draft.value, asked_for=asked_for)
    (field,) = screen(Controls(her)).widgets("most")
    field.vue_chosen(content + "linear,1,1.5,6\n")
    assert "This is not the file that the address names" in her.problem.value
    assert her.draft.value.choices.population is None
    field.vue_chosen(content)
    assert her.draft.value.choices.population.sha256 == asked_for
    assert her.draft.value.asked_for == ""


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("auction", ["sequential-menu", "pay-as-bid"])
def test_every_panel_is_there_before_and_after_a_round(screen, visit, panel, auction):
    her = visit(auction=auction)
    page = screen(panel(her))
    before = set(page.charts())
    her.step()
    after = page.charts()
    assert before <= set(after)
    assert len(after) > (0 if panel is not GuaranteesPanel else -1)
    for chart in after.values():
        assert chart.said
        assert set(chart.numbers) <= set(chart.columns[chart.table])


def test_the_answer_is_the_first_thing(screen, visit):
    her = visit(6, auction="pay-as-bid", deviators={"scaled-valuation": 50})
    page = screen(Answer(her))
    assert QUESTION in page.text()
    assert "Yes" in page.text()
    assert "gains" in page.charts()
    assert "of the test records are classified rightly" in page.text()


def test_who_paid_is_who_had_less(visit):
    main = visit(6, auction="pay-as-bid", deviators={"scaled-valuation": 50}).pair.value.main
    paid, learned = facts(main.history.view(), main.model.task.chance)
    assert paid.number == "The buyer", "who pays each what she asks pays for what is asked too much"
    assert paid.sentence.startswith("A round, against everybody's truth: the buyer paid ")
    assert 0 < int(learned.number.removesuffix(" %")) < 100
    truthful = visit(3, deviators={}).pair.value.main
    assert facts(truthful.history.view(), 0.1)[0].number == "Nobody"
    assert facts(truthful.history.view(0), 0.1) == []


def test_where_nobody_lies_there_is_no_gain_to_draw(screen, visit):
    page = screen(GainPanel(visit(2, deviators={})))
    assert not page.charts()
    assert "Nobody has lied so far." in page.text()


def test_a_click_opens_the_card_of_the_owner(screen, visit):
    her = visit(3, network="small-world")
    page = screen(OwnersPanel(her))
    page.charts()["owners"].vue_pick(5)
    assert page.field("Owner").value == "5"
    for wild in (-1, 16, "5", True, None, 2.5):
        page.charts()["owners"].vue_pick(wild)
        assert her.owner.value == 5
    page.set("Owner", "7")
    assert her.owner.value == 7
    main = her.pair.value.main
    lines = card(main, main.history.view(), 7)
    assert lines["She holds"] == f"{int(main.model.population.types.data_size[0, 7])} records"
    assert set(lines["She knows"].split(", ")) == {str(each) for each in main.model.grid.G.neighbors(7)}


def test_a_card_says_what_was_said_and_what_is_true(visit):
    main = visit(1, deviators={"understated-data-size": 100}).pair.value.main
    view = main.history.view()
    record, place = next(iter(view.last_bid.values()))
    lines = card(main, view, int(record.owners[place]))
    true, said = int(record.types.data_size[0, place]), int(record.bids.data_size[0, place])
    assert lines["In round 1 she said"].startswith(f"{said:,} records (of {true:,})" if said != true else f"{said:,}")


def test_an_auction_without_price_lists_says_so(screen, visit):
    assert NO_LISTS in screen(OwnersPanel(visit(1, auction="pay-as-bid"))).text()


def test_who_bids_under_several_names_leaves_no_single_list(screen, visit):
    her = visit(2, deviators={"identity-splitting": 100}, owners=40, bidders=20)
    assert SEVERAL_NAMES in screen(OwnersPanel(her)).text()


def test_side_by_side_there_is_a_line_of_differences(screen, visit):
    her, other = visit(3), visit(3, auction="pay-as-bid")
    her.pair.value = Pair(her.pair.value.main, other.pair.value.main)
    page = screen(Answer(her))
    assert "Ascending menu, with its liars against pay as bid (planted cheat), with its liars: " in page.text()
    assert "money a round" in page.text()


@pytest.mark.parametrize(
    ("auction", "said"),
    [
        ("sequential-menu", "Claimed: no owner gains by lying, whatever she lies about and whatever the others do."),
        (
            "ascending-menu",
            "Assumed: nobody can overstate her data size (the market refuses it); such lies are not tried.",
        ),
        ("sequential-menu-verified", "It takes as known, and not from her word: her data."),
        ("pay-as-bid", "Planted: it claims more than it keeps, to show that the market finds out."),
    ],
)
def test_what_an_auction_promises_is_said_in_words(screen, visit, auction, said):
    her = visit(auction=auction)
    assert said in claim_sentences(her.pair.value.main.model.broker.auction)
    assert said in screen(GuaranteesPanel(her)).text()


def test_a_claim_that_nobody_tried_is_not_said_to_be_kept(screen, visit):
    page = screen(GuaranteesPanel(visit(2, deviators={}))).text()
    assert "No lie under one name pays</th><td>claimed</td><td>not tried</td>" in page
    assert "The budget is kept</th><td>claimed</td><td>kept in 2 cases</td>" in page
    assert "several names" not in page, "what was neither promised nor tried is no row"


def test_the_page_opens_with_the_opening_market_played(screen, monkeypatch):
    small = replace(PRESETS[layout.OPENING].choices, owners=16, bidders=8, task="synthetic")
    monkeypatch.setitem(PRESETS, layout.OPENING, replace(PRESETS[layout.OPENING], choices=small, rounds=5))
    monkeypatch.setattr(layout, "read", lambda search: Place(small))
    page = screen(layout.MarketPage())
    assert QUESTION in page.text()
    assert page.field("Round 5 of").value == 5
    assert {"gains", "gains-by-round", "money", "privacy"} <= set(page.charts())
    assert [each for each in page.buttons() if "planted cheat" in each]
    page.press("What is learned")
    assert "accuracy" in page.charts()
    assert "money" not in page.charts()
