"""A short table as text and as HTML: numbers to the right, nothing for what is missing, names escaped."""

from __future__ import annotations

import pandas as pd
import pytest

from agents.showing import Shown, cell

SHOWN = Shown(
    "A <heading>",
    pd.DataFrame({"name": ["one", "seventeen"], "count": [1_000, 2], "share": [0.123456, None]}),
    ("A note & its end",),
)


def test_as_text_words_stand_left_and_numbers_right():
    assert SHOWN.text().splitlines() == [
        "A <heading>",
        "  name       count   share",
        "  one        1,000  0.1235",
        "  seventeen      2",
        "A note & its end",
    ]


def test_as_html_every_word_is_escaped():
    html = SHOWN.html()
    assert "<b>A &lt;heading&gt;</b>" in html
    assert "<td>seventeen</td><td>2</td><td></td>" in html
    assert "<p>A note &amp; its end</p>" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NA, ""),
        (float("inf"), "inf"),
        (1e-12, "1e-12"),
        (True, "True"),
        (12345, "12,345"),
    ],
)
def test_a_cell(value, text):
    assert cell(value) == text


def test_a_table_without_rows_is_its_heading():
    assert Shown("nothing", pd.DataFrame()).text() == "nothing"
