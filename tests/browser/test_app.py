"""The interactive app in a real browser: no request leaves the machine, every control works, visitors stay apart."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from scenarios.app.choices import Choices
from scenarios.app.headline import QUESTION

PATIENCE = 60_000
"""Milliseconds to wait for what takes less than one on a machine that does nothing else."""

PICTURES = 9


@pytest.fixture(scope="module")
def address():
    """The page, served as ``market-sim app`` serves it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "scenarios.commands.cli", "app", "--port", str(port), "--no-open"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    place = f"http://127.0.0.1:{port}"
    try:
        _until_ready(place, server)
        yield place
    finally:
        server.terminate()
        server.wait(timeout=20)
        server.stdout.close()


def _until_ready(place: str, server: subprocess.Popen[str]) -> None:
    for _ in range(240):
        assert server.poll() is None, server.stdout.read()
        try:
            with urllib.request.urlopen(f"{place}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the page was not ready within a minute")


class Visitor:
    """Somebody with a browser of her own."""

    def __init__(self, browser, address: str, **looks) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **looks})
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE)
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("websocket", lambda socket: self.asked.append(socket.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.tab.goto(address)
        self.wait_for(0)

    def wait_for(self, rounds: int) -> None:
        """Wait until so many rounds have been played."""
        self.tab.get_by_text(f"Step: {rounds}", exact=True).wait_for()

    def press(self, label: str) -> None:
        """Press a button."""
        self.tab.get_by_role("button", name=label, exact=True).click()

    def says(self, words: str) -> None:
        """Wait until the page says so."""
        self.tab.get_by_text(words).first.wait_for()

    def draws(self, count: int) -> Any:
        """Wait until so many pictures are on the page, and return them."""
        drawings = self.tab.locator("img.drawing")
        drawings.nth(count - 1).wait_for()
        drawings.nth(count).wait_for(state="detached")
        return drawings

    def pick(self, label: str, value: str) -> None:
        """Pick from a list."""
        self.tab.get_by_label(label, exact=True).locator("xpath=ancestor::div[@role='button']").click()
        self.tab.locator(".menuable__content__active").get_by_text(value, exact=True).click()

    def slide(self, label: str, key: str, end: int = 0) -> None:
        """Press a key on the slider under a label; a range has two ends."""
        words = self.tab.locator(".label", has_text=re.compile(f"^{re.escape(label)}"))
        slider = words.locator("xpath=following::*[@role='slider']").nth(end)
        slider.focus()
        slider.press(key)


@pytest.fixture
def visit(browser, address):
    """Open the page; whatever browsers were opened are closed, and none may have complained."""
    visitors: list[Visitor] = []

    def make(**looks) -> Visitor:
        visitors.append(Visitor(browser, address, **looks))
        return visitors[-1]

    yield make
    errors = [error for visitor in visitors for error in visitor.errors]
    for visitor in visitors:
        visitor.context.close()
    assert errors == []


def test_no_request_leaves_the_machine_and_a_round_redraws_every_panel(visit, pictures):
    visitor = visit()
    assert visitor.tab.get_by_role("heading", name=QUESTION).is_visible()
    visitor.press("Step")
    visitor.wait_for(1)
    drawings = visitor.draws(PICTURES)
    before = [drawing.get_attribute("src") for drawing in drawings.all()]
    visitor.press("Step")
    visitor.wait_for(2)
    visitor.says("After 2 rounds")
    for drawing in drawings.all():
        drawing.scroll_into_view_if_needed()
        assert drawing.evaluate("picture => picture.complete && picture.naturalWidth > 500")
    assert set(before).isdisjoint(drawing.get_attribute("src") for drawing in drawings.all())
    visitor.tab.mouse.move(700, 500)
    visitor.tab.mouse.wheel(0, -20_000)
    visitor.tab.wait_for_timeout(500)
    visitor.tab.screenshot(path=pictures / "page.png")
    hosts = {urlsplit(url).hostname for url in visitor.asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"}


def test_play_pause_and_reset(visit):
    visitor = visit()
    visitor.press("▶")
    visitor.wait_for(2)
    visitor.press("❚❚")
    visitor.tab.get_by_role("button", name="▶", exact=True).wait_for()
    visitor.press("Reset")
    visitor.wait_for(0)
    visitor.says("Press ▶ to watch")


def test_every_control_moves_the_market(visit, pictures):
    visitor = visit()
    for label, value in (
        ("Auction", "pay-as-bid"),
        ("Aggregation", "conventional"),
        ("Perturbation", "laplace"),
        ("Task", "synthetic"),
        ("Network", "small-world"),
    ):
        visitor.pick(label, value)
    for label, key, end, said in (
        ("Owners", "ArrowRight", 0, "Owners: 65"),
        ("Bidders per round", "ArrowLeft", 0, "Bidders per round: 29"),
        ("Privacy budget", "ArrowRight", 0, "0.6 to 2"),
        ("Budget factor", "ArrowLeft", 1, "0.1 to 1.9"),
        ("Rounds", "ArrowLeft", 0, "Rounds: 290"),
        ("Seed", "ArrowRight", 0, "Seed: 1"),
        ("scaled-valuation", "ArrowRight", 0, "scaled-valuation: 11 % of the owners"),
    ):
        visitor.slide(label, key, end)
        visitor.says(said)
    visitor.says("truthful: 69 % (the rest)")
    visitor.tab.get_by_text("Search for the first best (slow)").click()
    visitor.says("You have changed the market: press Reset to play it.")
    visitor.press("Reset")
    visitor.says("What does the auction claim, and what was kept here? (pay-as-bid)")
    visitor.press("Step")
    visitor.wait_for(1)
    visitor.says("1 of 290")
    visitor.says("This auction has no price lists")
    visitor.press("gain")
    visitor.tab.set_viewport_size({"width": 420, "height": 900})
    assert visitor.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"
    visitor.tab.screenshot(path=pictures / "page-narrow.png")


def test_a_bad_combination_is_explained_and_the_last_good_market_goes_on(visit, pictures):
    visitor = visit()
    visitor.press("Step")
    visitor.wait_for(1)
    visitor.slide("Owners", "Home")
    visitor.says(f"bidders = {Choices().bidders} for each of buyers = 1 are more than owners = 5")
    visitor.press("Reset")
    visitor.says("The page still shows the last market that could be played.")
    visitor.tab.screenshot(path=pictures / "page-refused.png")
    visitor.press("Step")
    visitor.wait_for(2)
    visitor.slide("Owners", "End")
    visitor.says("press Reset to play it")
    visitor.press("Reset")
    visitor.says("task 'digits' has only 1437 records")
    visitor.wait_for(2)


def test_two_visitors_at_once_have_markets_of_their_own(visit):
    one, other = visit(), visit()
    one.pick("Auction", "pay-as-bid")
    one.press("Reset")
    one.press("▶")
    other.press("Step")
    other.wait_for(1)
    one.wait_for(3)
    one.press("❚❚")
    one.says("What does the auction claim, and what was kept here? (pay-as-bid)")
    other.says("What does the auction claim, and what was kept here? (sequential-menu)")
    other.wait_for(1)


def test_the_sections_can_be_put_away(visit):
    visitor = visit()
    visitor.press("Step")
    visitor.draws(PICTURES)
    visitor.press("Who gains?")
    visitor.tab.get_by_role("heading", name="Who gains?").wait_for(state="hidden")
    visitor.draws(PICTURES - 3)
