"""Figures of an audit show what is in the tables, and say that it is a lower bound."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.audit import CAPTION, curves_figure, gains_figure, power_figure


def curves(found: float = 1.0) -> pd.DataFrame:
    own = {"lattice": [0.1, 0.4], "climbing": [0.4, 0.5, 0.5], "cma-es": [0.9]}
    rows = [
        {
            "attacker": name,
            "queries": place + 1,
            "own": found * value,
            "together": found * value,
            "owners": 4 if name == "cma-es" else 100,
            "infinite": 0,
        }
        for name, values in own.items()
        for place, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def classes() -> pd.DataFrame:
    row = {"low_end": 0.0, "high_end": 1.0, "mean": 0.2, "low": 0.1, "high": float("inf"), "over_0.01": 1.0}
    return pd.DataFrame([{"by": by, "owners": 3, **row} for by in ("data_size", "budget_factor")])


def drawn(figure: Figure) -> Figure:
    figure.savefig(io.BytesIO())
    assert figure.get_supxlabel() == CAPTION
    assert "at least" in CAPTION
    return figure


def test_curves_of_every_attacker_and_of_those_who_asked_everybody() -> None:
    left, right = drawn(curves_figure(curves(), "fair-query: everything")).axes
    labels = left.get_legend_handles_labels()[1]
    assert set(labels) == {
        "lattice",
        "climbing",
        "cma-es (4 owners)",
    }
    joint = right.lines[0]
    assert list(joint.get_ydata()) == [0.1, 0.4, 0.4, 0.5, 0.5]
    assert list(joint.get_xdata()) == [1, 2, 3, 4, 5]


def test_where_nothing_was_found_it_says_so() -> None:
    right = drawn(curves_figure(curves(0.0), "sequential-menu")).axes[1]
    assert [text.get_text() for text in right.texts] == ["no lie gained anything"]
    owners = pd.DataFrame({"gain": [0.0, 0.0], "own_cost": [1.0, 0.0]})
    left = drawn(gains_figure(owners, classes(), "sequential-menu")).axes[0]
    assert "nobody gains" in [text.get_text() for text in left.texts]


def test_the_share_of_owners_falls_with_the_gain_asked_for() -> None:
    owners = pd.DataFrame({"gain": [1.0, 3.0, 0.0, 2.0], "own_cost": [10.0, 10.0, 10.0, 0.0]})
    left = drawn(gains_figure(owners, classes(), "fair-query")).axes[0]
    line = left.lines[0]
    # The owner without cost gains infinitely much: she is in the shares although no axis reaches her.
    assert list(line.get_xdata()) == [0.3, 0.1]
    assert list(line.get_ydata()) == [0.5, 0.75]


def test_an_interval_without_end_says_so() -> None:
    owners = pd.DataFrame({"gain": [1.0], "own_cost": [10.0]})
    _, middle, right = drawn(gains_figure(owners, classes(), "fair-query")).axes
    for axes in (middle, right):
        assert [text.get_text() for text in axes.texts] == ["∞"]


def test_controls_stand_beside_the_audited_auction() -> None:
    table = pd.DataFrame({"control": ["pay-as-bid", "all-in"], "mean": [4.9, 0.003], "caught": [True, True]})
    (axes,) = drawn(power_figure(table, {"mine: everything": 0.0})).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["pay-as-bid", "all-in", "mine: everything"]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [4.9, 0.003, 0.0])
