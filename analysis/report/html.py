"""A report that stands alone: HTML with its style, tables and pictures inside, readable on light, dark and paper.

Nothing is fetched from anywhere. Every number of a table stands in a ``data`` element whose ``value`` is the number
itself, to the last digit, beside the rounded one that is read.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from agents.files import to_json
from analysis.formatting import NOTHING, interval_texts, rounded
from analysis.headline import STYLE_CLASSES
from analysis.plots.style import INK

GENERATOR = "fl-market report 1"
"""Marks a report as one of this project; only such a file is ever replaced."""
LONG = 40
"""Rows from which on a table may be broken when it is printed."""


def document(
    title: str,
    question: str,
    answer: str,
    sections: Iterable[str],
    *,
    verdict: str = "",
    figure: str = "",
    more: Iterable[str] = (),
) -> str:
    """Return a complete HTML document, which opens with the answer and the one figure that shows it.

    Parameters
    ----------
    title, question, answer : str
        Plain text; the answer is the sentence that a reader in a hurry takes away.
    sections : iterable of str
        HTML, from ``section``.
    verdict : str
        The answer in a word or two, before its sentence.
    figure : str
        HTML, from ``picture``.
    more : iterable of str
        What else a reader should know before the sections, a sentence or two each.
    """
    sheet = files("analysis.report").joinpath("style.css").read_text(encoding="utf-8")
    badge = f'<strong class="{STYLE_CLASSES.get(verdict, "other")}">{html.escape(verdict)}</strong> ' if verdict else ""
    points = "".join(f"<li>{html.escape(point)}</li>" for point in more)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta name="generator" content="{GENERATOR}">',
            '<link rel="icon" href="data:,">',
            f"<title>{html.escape(title)}</title>",
            f"<style>\n{sheet}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{html.escape(title)}</h1>",
            f'<p id="question">{html.escape(question)}</p>',
            f'<p id="answer">{badge}{html.escape(answer)}</p>',
            *([figure] if figure else []),
            *([f'<ul id="more">{points}</ul>'] if points else []),
            *sections,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def section(name: str, heading: str, *parts: str) -> str:
    """A part of the report with its heading; ``name`` is its anchor."""
    return f'<section id="{html.escape(name)}">\n<h2>{html.escape(heading)}</h2>\n' + "\n".join(parts) + "\n</section>"


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def folded(summary: str, *parts: str) -> str:
    """What only some readers want, behind one line."""
    return f"<details><summary>{html.escape(summary)}</summary>\n" + "\n".join(parts) + "\n</details>"


def listing(content: Mapping[str, Any]) -> str:
    """A mapping as indented JSON."""
    return f"<pre>{html.escape(to_json(content))}</pre>"


def html_table(
    name: str,
    frame: pd.DataFrame,
    headings: Mapping[str, str] | None = None,
    caption: str = "",
    *,
    intervals: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """A table with one row per row of ``frame``; ``name`` is its id.

    Parameters
    ----------
    name : str
    frame : DataFrame
    headings : mapping, optional
        Columns to show and what to call them, in order; by default all, by their own names.
    caption : str, optional
    intervals : mapping, optional
        Columns that are means, and those with both ends of their intervals, which stand in the same cell.
    """
    shown = dict(headings or {str(column): str(column) for column in frame.columns})
    ends = intervals or {}
    aligned = {column: ' class="number"' if _numeric(frame, column) else "" for column in shown}
    head = "".join(f'<th scope="col"{aligned[column]}>{html.escape(text)}</th>' for column, text in shown.items())
    rows = [
        "<tr>"
        + "".join(
            interval_cell(row, column, *ends[column]) if column in ends else cell(row[column], name=column)
            for column in shown
        )
        + "</tr>"
        for row in frame.to_dict(orient="records")
    ]
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    long = ' class="long"' if len(rows) > LONG else ""
    return (
        f'<div class="wide"><table id="{html.escape(name)}"{long}>{title}\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _numeric(frame: pd.DataFrame, column: str) -> bool:
    """Whether a column holds numbers, which stand at the right."""
    known = [each for each in frame[column] if not (each is None or each is pd.NA)]
    return bool(known) and all(
        isinstance(each, int | float | np.number) and not isinstance(each, bool | np.bool_) for each in known
    )


def interval_cell(row: Mapping[Any, Any], mean: str, low: str, high: str) -> str:
    """One cell with a mean and both ends of its interval, or the mean alone where there is none."""
    value = float(row[mean])
    texts = interval_texts(value, float(row[low]), float(row[high]))
    if math.isnan(value):
        return cell(value, name=mean)
    said = number(value, texts[0])
    if len(texts) > 1:
        ends = (number(row[end], text, name=end) for end, text in zip((low, high), texts[1:], strict=True))
        said += f" [{', '.join(ends)}]"
    return f'<td data-column="{html.escape(mean)}" class="number">{said}</td>'


def cell(value: Any, name: str = "") -> str:
    """One cell: text as it is, a number rounded for the eye and exact in its ``value``, nothing as a dash."""
    column = f' data-column="{html.escape(name)}"' if name else ""
    if isinstance(value, bool | np.bool_):
        return f"<td{column}>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float | np.number):
        return f'<td{column} class="number">{number(value)}</td>'
    if value is None or value is pd.NA:
        return f"<td{column}>{NOTHING}</td>"
    return f"<td{column}>{html.escape(str(value))}</td>"


def number(value: Any, text: str = "", *, name: str = "") -> str:
    """A number as HTML, read as ``text`` or with four digits; what is unknown (NaN) is a dash."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and math.isnan(plain):
        return NOTHING
    exact = plain + 0.0 if isinstance(plain, float) else plain  # -0.0 + 0.0 is 0.0
    column = f' data-column="{html.escape(name)}"' if name else ""
    return f'<data value="{exact!r}"{column}>{text or rounded(exact)}</data>'


def picture(name: str, figure: Figure, caption: str) -> str:
    """A figure as inline SVG with a caption; ``name`` keeps its parts apart from those of other pictures.

    Text stays text, in the report's own fonts, and what is drawn in ink takes the colour of its text.
    """
    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    image = drawn.getvalue()
    image = image[image.index("<svg") :]
    image = re.sub(r"<metadata>.*?</metadata>", "", image, flags=re.S)
    for ink in (INK, INK.lower(), "#000000"):
        image = image.replace(f": {ink}", ": currentColor")
    image = _own_ids(image, name)
    image = image.replace("<svg ", f'<svg role="img" aria-label="{html.escape(caption)}" ', 1)
    return f'<figure id="{html.escape(name)}">\n{image}\n<figcaption>{html.escape(caption)}</figcaption>\n</figure>'


def _own_ids(image: str, name: str) -> str:
    """Drop ids that nothing refers to, and keep the others apart from those of the report's other pictures."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', image))
    image = re.sub(r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", image)
    return re.sub(r'(url\(#|href="#)', lambda found: f"{found[1]}{name}-", image)
