"""Small runs of a market and their reports, read with the standard library."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from analysis.report.runs import markets_of
from market_sim import run_market
from market_sim.results import Results

SHARES = {"truthful": 0.5, "scaled-valuation": 0.25, "random-misreport": 0.25}
SMALL = {"owners": 24, "bidders": 8, "rounds": 6, "strategies": SHARES, "clip": "owner", "clip_norm": 0.1}


class ReportReader(HTMLParser):
    """Tables of a report by id (rows of cells by column: exact numbers, or text), its text and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[dict[str, float | str]]] = {}
        self.texts: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._rows: list[dict[str, float | str]] = []
        self._column: str | None = None
        self._inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        if tag == "table":
            self._rows = self.tables[found["id"]] = []
        elif tag == "tr":
            self._rows.append({})
        elif tag == "td":
            self._column = found.get("data-column")
            self._rows[-1][self._column] = ""
        elif tag == "data":
            self._rows[-1][found.get("data-column", self._column)] = float(found["value"])
            self._column = None
        elif tag == "p" and "id" in found:
            self._inside = found["id"]

    def handle_endtag(self, tag):
        if tag in ("td", "p"):
            self._column = self._inside = None

    def handle_data(self, data):
        if self._column is not None:
            self._rows[-1][self._column] += data
        if self._inside is not None:
            self.texts[self._inside] = self.texts.get(self._inside, "") + data

    def rows(self, name: str) -> list[dict[str, float | str]]:
        return [row for row in self.tables[name] if row]


@pytest.fixture(scope="session")
def runs() -> dict[str, Results]:
    """Two seeds of one market, and the first of them with All-in."""
    return {
        "first": run_market(seed=0, **SMALL),
        "second": run_market(seed=1, **SMALL),
        "all-in": run_market(seed=0, auction="all-in", **SMALL),
    }


@pytest.fixture(scope="session")
def markets(runs):
    """The two markets of these three runs."""
    return markets_of(runs)


@pytest.fixture(scope="session")
def read():
    """Read a report."""
    return ReportReader
