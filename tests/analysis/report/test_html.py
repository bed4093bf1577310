"""What a report is made of."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.report.html import cell, document, html_table, picture, section


def test_a_cell_keeps_the_exact_number():
    assert '<data value="0.1">0.1</data>' in cell(np.float64(0.1))
    assert f'value="{0.1 + 0.2!r}">0.3<' in cell(0.1 + 0.2)
    assert '<data value="0.0">0</data>' in cell(-0.0)
    assert cell(float("nan")).endswith(">\N{EN DASH}</td>")
    assert (cell(None), cell(True)) == ("<td>\N{EN DASH}</td>", "<td>yes</td>")


def test_text_cannot_break_the_report(read):
    wicked = '<script>alert("x")</script>'
    html = document(wicked, wicked, wicked, [section("a", wicked, html_table("t", pd.DataFrame({wicked: [wicked]})))])
    found = read(html)
    assert "script" not in [tag for tag, _ in found.tags]
    assert found.texts["answer"] == wicked
    assert found.rows("t") == [{wicked: wicked}]


def test_a_picture_is_inline_takes_the_reports_ink_and_keeps_its_ids_apart():
    def drawn() -> Figure:
        figure = Figure()
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#333333", label="a & b")
        axes.legend()
        return figure

    one, two = picture("one", drawn(), "a caption"), picture("two", drawn(), "a caption")
    assert "currentColor" in one
    assert "#333333" not in one
    assert "a &amp; b</text>" in one
    assert not set(re.findall(r' id="([^"]+)"', one)) & set(re.findall(r' id="([^"]+)"', two))
    for reference in re.findall(r'(?:url\(#|href="#)([^)"]+)', one):
        assert f'id="{reference}"' in one
