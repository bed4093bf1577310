"""One number, one definition: terminal, report and app print the same text about the same run."""

from __future__ import annotations

import html
import io
import re

import pytest
from rich.console import Console

from analysis.formatting import percent, rounded
from market_sim import run_market
from scenarios.app.answer import facts, in_full
from scenarios.app.choices import Choices
from scenarios.app.market import Market
from scenarios.commands.market_summary import market_figures, market_summary
from scenarios.commands.report import report_html
from scenarios.commands.runs import read_runs

CHOICES = Choices(
    owners=24, bidders=12, rounds=6, task="synthetic", network="small-world", auction="sequential-menu", seed=3,
    deviators={"collusion-ring": 40, "scaled-valuation": 20},
)  # fmt: skip
NUMBER = re.compile(r"\N{MINUS SIGN}?\d[\d,]*(?:\.\d+)?(?:e[+\N{MINUS SIGN}]?\d+)?")
LABELS = {"95"}
"""Numbers that are no results: the level of intervals."""


def numbers(text: str) -> set[str]:
    return {found.rstrip(",") for found in NUMBER.findall(text)} - LABELS


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, str]:
    """What each of the three says about one run."""
    out = tmp_path_factory.mktemp("one") / "run"
    run_market(CHOICES.config, seed=CHOICES.seed, out=out)
    (market,) = read_runs({"run": out}, progress=False).markets
    console = Console(width=160, record=True, file=io.StringIO())
    for part in market_summary(market, market_figures(market, chance=None)):
        console.print(part)
    whole = report_html([market], {})
    page = re.sub(r"<(style|svg|details)\b.*?</\1>", " ", whole, flags=re.S)
    market = Market.of(CHOICES)
    market.play(CHOICES.rounds)
    view = market.history.view()
    return {
        "terminal": " ".join(console.export_text().split()),
        "report": " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split()),
        "html": whole,
        "app": " ".join(in_full(view)),
        "facts": " ".join(f"{fact.number} {fact.sentence}" for fact in facts(view, market.model.task.chance)),
    }


def test_every_number_in_the_terminal_is_in_the_report(printed):
    said = numbers(printed["terminal"])
    # The clipping norm stands in the folded configuration.
    assert len(said) > 25
    assert said - numbers(printed["report"]) <= {"0.1"}


def test_every_number_in_the_apps_full_answer_is_in_terminal_and_report(printed):
    said = numbers(printed["app"]) - {str(CHOICES.rounds)}
    spent = re.search(r"The buyer spent (\d+) % of all budgets", printed["app"])[1]
    assert spent == re.search(r"spent of the budget (\d+)", printed["report"])[1]
    said -= {spent}
    assert len(said) > 3
    assert said <= numbers(printed["report"])
    assert said <= numbers(printed["terminal"])


def test_every_number_at_the_top_of_the_app_is_one_of_the_report_with_fewer_digits(printed):
    exact = [float(value) for value in re.findall(r'<data value="([^"]+)"', printed["html"])]
    known = {text for value in exact for text in (rounded(abs(value), 3), percent(value).removesuffix(" %"))}
    guessing = re.findall(r"by guessing, (\d+)", printed["facts"])
    said = numbers(printed["facts"]) - set(guessing)
    assert len(said) > 3
    assert said <= known


def test_the_answers_are_the_same_sentences(printed):
    sentence = printed["app"].partition(" Against")[0]
    assert sentence.split(":")[0] in ("No", "Yes", "Only together")
    paid = re.findall(r"Against everybody's .*? bound\.|The owners who told the truth .*? round\.", printed["app"])
    assert len(paid) == 2
    for each in (sentence, *paid):
        assert each in printed["terminal"]
        assert each in printed["report"]
