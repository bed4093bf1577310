"""One name, one colour and marker, in every figure."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import list_auctions
from agents.owner.strategies.registry import list_strategies
from analysis.plots.style import (
    INK,
    MARKERS,
    PALETTE,
    band,
    colour_of,
    curve,
    key,
    label,
    marker_of,
    panels,
    save,
    whiskers,
)


@pytest.mark.parametrize("names", [list_auctions(), list_strategies(), list(AGGREGATIONS)])
def test_no_two_names_of_a_kind_look_alike(names):
    """If a new name collides with another, give it a line of its own in ``KNOWN``."""
    looks: dict[tuple[str, str], str] = {}
    for name in names:
        other = looks.setdefault((colour_of(name), marker_of(name)), name)
        assert other == name, f"{name} looks like {other}"


def test_a_name_of_ones_own_always_looks_the_same():
    assert (colour_of("my-auction"), marker_of("my-auction")) == (colour_of("my-auction"), marker_of("my-auction"))
    assert colour_of("my-auction") in PALETTE
    assert marker_of("my-auction") in MARKERS
    assert len({(colour_of(f"auction {i}"), marker_of(f"auction {i}")) for i in range(300)}) > 80


def test_benchmarks_are_drawn_in_ink():
    assert colour_of("first best") == colour_of("published") == INK


def luminance(colour: str) -> float:
    red, green, blue = (int(part, 16) / 255 for part in re.findall("..", colour[1:]))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("colour", PALETTE)
def test_every_colour_is_seen_on_white_and_on_black(colour):
    """Contrast by WCAG 2: at least 2 to 1 on either paper."""
    assert 1.05 / (luminance(colour) + 0.05) >= 2
    assert (luminance(colour) + 0.05) / 0.05 >= 2


def test_a_curve_has_its_band_its_name_and_its_points():
    _, (axes,) = panels()
    curve(axes, [1, 2, 3], [1.0, 2.0, 3.0], [0.5, 1.5, -np.inf], [1.5, 2.5, np.inf], "truthful")
    label(axes, x="rounds", y="money", title="What?")
    key(axes)
    (line,) = axes.lines
    assert (line.get_color(), line.get_marker(), len(line.get_xdata())) == (PALETTE[0], "o", 3)
    assert len(axes.collections) == 1
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["truthful"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")) == ("rounds", "money", "What?")


def test_a_whisker_without_end_is_left_away():
    _, (axes,) = panels()
    whiskers(axes, [0, 1], [1.0, 2.0], [0.5, -np.inf], [2.0, np.inf], "hedge")
    segments = axes.containers[0].lines[2][0].get_segments()
    assert [segment[:, 1].tolist() for segment in segments] == [[0.5, 2.0], [2.0, 2.0]]


def test_a_panel_without_names_has_no_legend():
    _, (axes,) = panels()
    band(axes, [0, 1], [0, 0], [1, 1], INK)
    key(axes)
    assert axes.get_legend() is None


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_a_figure_is_written_to_the_same_bytes_without_a_date(tmp_path, ending):
    def drawn() -> Figure:
        figure, (axes,) = panels()
        axes.plot([0, 1], [0, 1], label="line", clip_on=True)
        axes.legend()
        return figure

    files = [tmp_path / part / f"figure.{ending}" for part in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        save(drawn(), file)
    one, two = (file.read_bytes() for file in files)
    assert one == two
    assert b"<dc:date>" not in one
