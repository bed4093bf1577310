"""The app in a real browser without a network: the answer, presets, two markets, hover, click, looking back, files."""

from __future__ import annotations

import io
import re
import zipfile

import pandas as pd
import pytest

from scenarios.app.answer import QUESTION
from scenarios.app.layout import SECTIONS
from scenarios.app.presets import PRESETS

WIDTHS = (360, 768, 1440, 2560)


def test_the_first_screen_is_the_answer(visit, pictures):
    visitor = visit()
    assert visitor.tab.get_by_role("heading", name=QUESTION).is_visible()
    visitor.answers("No")
    visitor.says("Who paid for it?")
    visitor.says("What has the model learned?")
    box = visitor.chart(".answer").bounding_box()
    assert box["width"] > 400
    assert box["y"] + box["height"] < 1000, "the chart that shows it is on the first screen"
    visitor.tab.wait_for_timeout(500)
    visitor.tab.screenshot(path=pictures / "app.png")
    assert visitor.hosts == {"127.0.0.1"}


@pytest.mark.whole
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_comes_played_and_has_an_answer(visit, pictures, name):
    visitor = visit()
    preset = PRESETS[name]
    visitor.press(preset.title)
    visitor.tab.locator(f".preset[aria-pressed=true] >> text={preset.title}").wait_for()
    visitor.at_round(preset.rounds)
    if preset.mark:
        assert visitor.tab.locator(".preset[aria-pressed=true] .mark").inner_text() == preset.mark
    visitor.chart(".answer")
    visitor.tab.wait_for_timeout(500)
    visitor.tab.screenshot(path=pictures / f"app-preset-{name}.png")


def test_an_address_is_kept_by_reload_back_and_forward(visit):
    visitor = visit()
    visitor.answers("No")
    visitor.press("A planted cheat")
    visitor.answers("Yes")
    assert "auction=pay-as-bid" in visitor.tab.url
    visitor.tab.reload()
    visitor.answers("Yes")
    visitor.tab.go_back()
    visitor.answers("No")
    visitor.tab.go_forward()
    visitor.answers("Yes")
    other = visit(visitor.tab.url.removeprefix(visitor.address).removeprefix("/"))
    other.answers("Yes")


def test_the_controls_follow_the_market_that_is_shown(visit):
    visitor = visit()
    slider = visitor.tab.locator(".player input[type=range]")
    assert (slider.input_value(), visitor.tab.get_by_label("Auction", exact=True).input_value()) == (
        "60",
        "ascending-menu",
    )
    visitor.press("Imitation on a network")
    visitor.at_round(100)
    visitor.tab.wait_for_function("() => document.querySelector('.player input[type=range]').value === '100'")
    assert visitor.tab.get_by_label("Auction", exact=True).input_value() == "pay-as-bid"
    assert visitor.tab.locator(".player output").inner_text() == "100"


def test_an_address_that_asks_for_a_file_is_not_answered_with_it(visit, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of one line\n")
    visitor = visit(f"?network={secret}&auction=os:system&population={secret}")
    visitor.says("The address asks for what is not offered.")
    visitor.answers("No")
    said = visitor.tab.locator("body").inner_text()
    assert "a secret" not in said
    assert "secret.txt" not in said


def test_two_markets_side_by_side(visit, pictures):
    visitor = visit("?beside=pay-as-bid")
    visitor.tab.locator(".markets .market").nth(1).wait_for()
    assert visitor.tab.locator(".badge").all_inner_texts() == ["No", "Yes"]
    visitor.says("no against yes")
    visitor.tab.locator(".market .plot svg").nth(1).wait_for()
    visitor.tab.wait_for_timeout(500)
    visitor.tab.screenshot(path=pictures / "app-two.png")


def test_play_pause_step_look_back_and_reset(visit):
    visitor = visit()
    visitor.at_round(60)
    visitor.press("Step")
    visitor.at_round(61)
    slider = visitor.tab.locator(".player input[type=range]")
    slider.focus()
    slider.press("Home")
    visitor.at_round(1)
    visitor.says("Not known yet")
    visitor.press("Play")
    visitor.tab.locator(".player label", has_text=re.compile("^Round (6[2-9]|[7-9][0-9]|1[0-9]{2}) ")).wait_for()
    visitor.press("Pause")
    visitor.tab.get_by_role("button", name="Play", exact=True).wait_for()
    visitor.press("Reset")
    visitor.says("Round 0 of 300")


def test_a_chart_answers_to_the_mouse_and_says_its_numbers(visit, tmp_path):
    visitor = visit()
    drawn = visitor.chart(".answer")
    drawn.locator(".mark-symbol path").last.hover(force=True)
    visitor.tab.locator("#vg-tooltip-element.visible").wait_for()
    visitor.tab.locator(".answer summary", has_text="Numbers").click()
    rows = visitor.tab.locator(".answer .numbers tbody tr")
    rows.nth(3).wait_for()
    with visitor.tab.expect_download() as download:
        visitor.tab.locator(".answer").get_by_role("button", name="Save as SVG").click()
    download.value.save_as(tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")


def test_the_legend_switches_lines(visit):
    visitor = visit()
    visitor.press("What is learned")
    drawn = visitor.chart(".panel")
    line = drawn.locator(".mark-line path").first
    line.wait_for()
    drawn.locator(".role-legend-label text, .role-legend-symbol path").last.click(force=True)
    visitor.tab.wait_for_function(
        "line => Number(getComputedStyle(line).opacity) < 0.5", arg=line.element_handle(), timeout=10_000
    )


def test_a_click_on_an_owner_opens_her_card(visit, pictures):
    visitor = visit()
    visitor.press("The owners")
    drawn = visitor.chart(".panel")
    before = visitor.tab.get_by_label("Owner", exact=True).input_value()
    discs = drawn.locator(".mark-symbol.role-mark path")
    discs.first.wait_for()
    discs.first.click(force=True)
    visitor.tab.wait_for_function(
        "before => document.querySelectorAll('.panel select')[1].value !== before", arg=before, timeout=20_000
    )
    visitor.tab.screenshot(path=pictures / "app-owners.png", full_page=True)


@pytest.mark.whole
def test_every_section_is_drawn(visit, pictures):
    visitor = visit("?network=small-world")
    for name in SECTIONS:
        visitor.press(name)
        visitor.tab.locator(".tab[aria-pressed=true]", has_text=name).wait_for()
        visitor.tab.locator(".panels h3").first.wait_for()
        visitor.tab.wait_for_timeout(1500)
        visitor.tab.screenshot(path=pictures / f"app-{name.replace(' ', '-')}.png", full_page=True)
    assert visitor.tab.locator(".chart [role=alert]").count() == 0


def test_a_market_of_ones_own_is_refused_or_played(visit, pictures):
    visitor = visit()
    visitor.tab.locator("summary", has_text="The people").click()
    owners = visitor.tab.get_by_label("Owners", exact=True)
    owners.focus()
    owners.press("Home")
    visitor.says("There are 5 owners, but 30 bid in every round")
    visitor.press("Reset")
    visitor.tab.screenshot(path=pictures / "app-refused.png")
    visitor.answers("No")
    for _ in range(11):
        owners.press("ArrowRight")
    visitor.pick("Auction", "pay-as-bid")
    visitor.says("You have changed the market: press Reset to play it.")
    visitor.press("Reset")
    visitor.tab.wait_for_url(re.compile("auction=pay-as-bid"))
    visitor.at_round(40)


def test_what_is_taken_away_is_the_run(visit):
    visitor = visit()
    with visitor.tab.expect_download() as download:
        visitor.press("Run (Parquet)")
    with zipfile.ZipFile(download.value.path()) as archive:
        rounds = pd.read_parquet(io.BytesIO(archive.read("run/rounds.parquet")))
    assert len(rounds) == 60
    with visitor.tab.expect_download() as download:
        visitor.press("Tables (CSV)")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert set(archive.namelist()) >= {"rounds.csv", "trades.csv"}
    assert "market-sim run market --seed 0" in visitor.tab.locator(".copy code").first.inner_text()


def test_two_visitors_at_once_have_markets_of_their_own(visit):
    one, other = visit(), visit()
    one.press("Step")
    one.at_round(61)
    other.at_round(60)
    other.press("A planted cheat")
    other.answers("Yes")
    one.answers("No")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.whole
def test_nothing_is_cut_at_any_width(visit, pictures, width, colours):
    visitor = visit(viewport={"width": width, "height": 900}, color_scheme=colours)
    visitor.chart(".answer")
    visitor.tab.wait_for_timeout(500)
    assert visitor.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"
    for control in visitor.tab.locator(".layout select, .layout input, .layout button").all():
        if control.is_visible():
            box = control.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width + 1
    visitor.tab.screenshot(path=pictures / f"app-{width}-{colours}.png", full_page=True)


def test_dark_is_dark(visit):
    visitor = visit(color_scheme="dark")
    ink, paper = (
        visitor.tab.evaluate(f"getComputedStyle(document.querySelector('{where}')).{part}")
        for where, part in ((".layout", "color"), ("body", "backgroundColor"))
    )
    assert lightness(ink) - lightness(paper) > 150


def lightness(colour: str) -> float:
    """Mean of red, green and blue of ``rgb(r, g, b)``, 0 to 255."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def test_the_whole_page_is_printed(visit, pictures):
    visitor = visit()
    visitor.press("The round up close")
    visitor.chart(".panel")
    printed = visitor.tab.pdf(format="A4", path=pictures / "app.pdf")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
    visitor.tab.emulate_media(media="print")
    assert visitor.tab.locator(".player").is_hidden()
