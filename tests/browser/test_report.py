"""A report in a real browser, with the network off: nothing is missing, nothing complains, every number is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from market_sim import load_results, run_market
from scenarios.commands.report import write_report

SMALL = {"owners": 24, "bidders": 8, "rounds": 6, "strategies": {"truthful": 0.5, "random-misreport": 0.5}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for auction in ("sequential-menu", "all-in"):
        run_market(auction=auction, clip="owner", clip_norm=0.1, out=folder / auction, **SMALL)
    write_report([folder / "sequential-menu"], None, progress=False)
    write_report([folder / "sequential-menu", folder / "all-in"], folder / "both.html", progress=False)
    return folder


def opened(browser, page: Path, **looks):
    """The page in a browser without network; what it complains of and what it asks for."""
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 800}, **looks)
    tab, said, asked = context.new_page(), [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    return tab, said, asked


@pytest.mark.parametrize("page", ["sequential-menu/report.html", "both.html"])
@pytest.mark.parametrize("looks", [{"color_scheme": "light"}, {"color_scheme": "dark"}])
def test_nothing_is_fetched_and_nothing_complains(browser, runs, page, looks):
    tab, said, asked = opened(browser, runs / page, **looks)
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [(runs / page).as_uri()]
    assert tab.locator("#answer").is_visible()
    for picture in tab.locator("figure svg").all():
        box = picture.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 60
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"
    ink, paper = (tab.evaluate(f"getComputedStyle(document.body).{part}") for part in ("color", "backgroundColor"))
    assert abs(lightness(ink) - lightness(paper)) > 150
    text = tab.locator("figure svg text").first.evaluate("text => getComputedStyle(text).fill")
    assert abs(lightness(text) - lightness(paper)) > 150


def lightness(colour: str) -> float:
    """Mean of red, green and blue of ``rgb(r, g, b)``, 0 to 255."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def test_the_browser_reads_the_numbers_of_the_parquet_files(browser, runs):
    tab, _, _ = opened(browser, runs / "sequential-menu" / "report.html")
    shown = tab.eval_on_selector_all(
        "#rounds-table td[data-column=spent] data", "cells => cells.map(cell => Number(cell.value))"
    )
    assert shown == load_results(runs / "sequential-menu").rounds["spent"].tolist()
    tab.locator("summary", has_text="All rounds").click()
    assert tab.locator("#rounds-table").is_visible()


def test_it_can_be_printed(browser, runs):
    tab, said, _ = opened(browser, runs / "both.html")
    assert tab.pdf(format="A4").startswith(b"%PDF")
    assert said == []
