"""Charts of the owners of a market that is being played: what their lies brought, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.formatting import counted
from analysis.plots.live import GAIN, INK, ONE, LiveChart, chart, columns_of, if_shown, scale_of, toggled
from analysis.plots.style import PALETTE, colour_of

DRAWN_LIES = 150
"""Lies of each strategy that are drawn one by one."""
QUANTILES = {"low": 0.05, "lower": 0.25, "median": 0.5, "upper": 0.75, "high": 0.95}


def gains_chart(lies: pd.DataFrame, titles: Mapping[str, str] | None = None) -> LiveChart:
    """What lies brought, strategy by strategy: every mark is a lie, to the right of zero those that paid.

    Parameters
    ----------
    lies : DataFrame
        One row per lie: ``strategy, gain`` (per cost of all she has) and ``paid``, more than rounding.
    titles : mapping of str to str, optional
        Names of the strategies to show instead of their own.
    """
    rows, drawn = [], []
    for strategy, theirs in lies.groupby("strategy", sort=False):
        gain = 100 * theirs["gain"]
        paid = int(theirs["paid"].sum())
        name = (titles or {}).get(str(strategy), str(strategy))
        rows.append(
            {
                "strategy": name,
                "row": f"{name}\n{paid:,} of {len(theirs):,} paid",
                "lies": len(theirs),
                "paid": paid,
                "said": f"{paid:,} of {len(theirs):,} paid",
                "mean": float(gain.mean()),
                **{key: float(gain.quantile(level)) for key, level in QUANTILES.items()},
            }
        )
        step = max(1, -(-len(theirs) // DRAWN_LIES))
        some = theirs.iloc[::step]
        drawn.append(pd.DataFrame({"strategy": name, "gain": 100 * some["gain"], "paid": some["paid"].astype(bool)}))
    table = pd.DataFrame(rows).sort_values("mean", ascending=False)
    order = table["row"].tolist()
    points = pd.concat(drawn)
    points["row"] = points["strategy"].map(dict(zip(table["strategy"], order, strict=True)))
    # Marks of one strategy are spread over its row in the order they come, so that equal ones are still seen.
    points["place"] = (np.arange(len(points)) * 0.618) % 1
    low, high = min(float(points["gain"].quantile(0.03)), 0.0), max(float(points["gain"].quantile(0.99)), 0.0)
    reach = max(high - low, 1.0)
    # To the right there is always room to see that nothing is there.
    domain = [round(low - 0.06 * reach, 2), round(max(1.08 * high, 0.22 * reach), 2)]
    points["gain"] = points["gain"].clip(*domain)
    said = "What lies brought, strategy by strategy, in per cent of the liar's cost. " + " ".join(
        f"{row['strategy']}: {row['said']}, median {row['median']:.3g} %." for row in rows
    )
    x: dict[str, Any] = {
        "type": "quantitative",
        "title": "gain, % of her cost",
        "scale": {"domain": domain, "nice": False, "clamp": True},
        "axis": {"grid": True, "tickCount": 7, "format": ",.4~f"},
    }
    y = {
        "field": "row",
        "type": "nominal",
        "sort": order,
        "title": None,
        "axis": {
            "labelLimit": 200,
            "ticks": False,
            "domain": False,
            "labelPadding": 8,
            "labelExpr": "split(datum.label, '\\n')",
            "labelLineHeight": 16,
        },
    }
    tooltip = [
        {"field": "strategy"},
        {"field": "said", "title": "lies"},
        {"field": "median", "title": "median gain, %", "format": ",.3~g"},
        {"field": "mean", "title": "mean gain, %", "format": ",.3~g"},
    ]
    strategies = {"name": "strategies"}
    layers: list[dict[str, Any]] = [
        {
            "data": ONE,
            "mark": {"type": "rect", "color": GAIN, "opacity": 0.1},
            "encoding": {"x": {"datum": 0, **x}, "x2": {"datum": domain[1]}},
        },
        {
            "data": {"name": "lies"},
            "mark": {"type": "point", "filled": True, "size": 26},
            "encoding": {
                "x": {"field": "gain", **x},
                "y": y,
                "yOffset": {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, 1.5]}},
                "color": {"condition": {"test": "datum.paid", "value": GAIN}, "value": PALETTE[0]},
                "opacity": {"condition": {"test": "datum.paid", "value": 0.9}, "value": 0.5},
                "tooltip": [{"field": "strategy"}, {"field": "gain", "title": "gain, %", "format": ",.3~g"}],
            },
        },
        {
            "data": strategies,
            "mark": {"type": "rule", "color": INK, "strokeWidth": 5, "opacity": 0.55, "strokeCap": "round"},
            "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}, "y": y, "tooltip": tooltip},
        },
        {
            "data": strategies,
            "mark": {"type": "point", "filled": True, "size": 110, "color": INK, "opacity": 1},
            "encoding": {"x": {"field": "median", **x}, "y": y, "tooltip": tooltip},
        },
        {
            "data": ONE,
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"x": {"datum": 0, **x}},
        },
    ]
    numbers = {
        "strategy": "how she lies",
        "lies": "lies",
        "paid": "paid",
        "mean": "mean gain, %",
        "low": "5 %",
        "median": "median",
        "high": "95 %",
    }
    data = {"strategies": columns_of(table), "lies": columns_of(points)}
    return LiveChart(chart(max(150, 56 * len(order)), layers, said=said), data, said, numbers, table="strategies")


def groups_chart(groups: pd.DataFrame) -> LiveChart:
    """What those who act together earned, group by group, more than the same group would have by the truth.

    Parameters
    ----------
    groups : DataFrame
        One row per group and round: ``round, gain, paid`` (more than rounding) and ``members``.
    """
    frame = pd.DataFrame(
        {
            "round": groups["round"] + 1,
            "gain": groups["gain"].astype(float),
            "paid": groups["paid"].astype(bool),
            "members": groups["members"],
        }
    ).tail(1000)
    paid = int(frame["paid"].sum())
    said = f"Gain of each group in each round over the same group's truth, in money: {paid:,} of {len(frame):,} gained."
    shown = {"field": "gain", "type": "quantitative", "title": "a group's gain together, money"}
    layers: list[dict[str, Any]] = [
        {"data": ONE, "mark": {"type": "rule", "color": INK}, "encoding": {"y": {"datum": 0}}},
        {
            "data": {"name": "rounds"},
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": {
                "x": {"field": "round", "type": "quantitative", "title": "round", "axis": {"grid": False}},
                "y": shown,
                "color": {"condition": {"test": "datum.paid", "value": GAIN}, "value": PALETTE[0]},
                "tooltip": [
                    {"field": "round"},
                    {"field": "members"},
                    {"field": "gain", "title": "gain together", "format": ",.4~g"},
                ],
            },
        },
    ]
    numbers = {"round": "round", "members": "members", "gain": "gain together"}
    return LiveChart(chart(260, layers, said=said), {"rounds": columns_of(frame)}, said, numbers)


def owners_chart(
    owners: pd.DataFrame,
    edges: NDArray[np.int64],
    *,
    by: str = "strategy",
    titles: Mapping[str, str] | None = None,
) -> LiveChart:
    """Owners where they stand on their network; the area of a disc is her data.

    Parameters
    ----------
    owners : DataFrame
        One row per owner: ``x, y, strategy, data_size, gain`` (per cost of all she has), ``bids`` (in the last
        round) and ``active`` (still in the market).
    edges : int64[m, 2]
        Who knows whom, by row.
    by : {"strategy", "gain"}
        What the colours say.
    titles : mapping of str to str, optional
        How a reader would call the strategies.
    """
    titles = titles or {}
    names = sorted(owners["strategy"].unique(), key=lambda name: (name != "truthful", name))
    reach = max(10.0, float(100 * owners["gain"].abs().max()))
    if by == "strategy":
        scale = scale_of([titles.get(name, name) for name in names], [colour_of(name) for name in names])
        legend = {"labelLimit": 260, "columns": 2}
        colour: dict[str, Any] = {"field": "strategy", "type": "nominal", "scale": scale, "legend": legend}
    else:
        colour = {
            "field": "gain",
            "type": "quantitative",
            "title": "gain from lying so far, %",
            "scale": {"scheme": "purpleorange", "domain": [-reach, reach]},
            "legend": {"title": "gain from lying so far, % of her cost", "gradientLength": 160},
        }
    said = f"{counted(len(owners), 'owner')}, " + ", ".join(
        f"{int((owners['strategy'] == name).sum()):,} {titles.get(name, name)}" for name in names
    )
    place = {"scale": {"domain": [-1.08, 1.08]}, "axis": None, "type": "quantitative"}
    layers: list[dict[str, Any]] = []
    data = {"owners": _discs(owners.assign(strategy=owners["strategy"].replace(titles)))}
    if len(edges):
        at = owners[["x", "y"]].to_numpy()[edges]
        data["edges"] = columns_of(
            pd.DataFrame({"x": at[:, 0, 0], "y": at[:, 0, 1], "x2": at[:, 1, 0], "y2": at[:, 1, 1]})
        )
        layers.append(
            {
                "data": {"name": "edges"},
                "mark": {"type": "rule", "color": INK, "opacity": 0.2, "strokeWidth": 0.7},
                "encoding": {
                    "x": {"field": "x", **place},
                    "y": {"field": "y", **place},
                    "x2": {"field": "x2"},
                    "y2": {"field": "y2"},
                },
            }
        )
    largest = float(np.clip(9000 / max(1, len(owners)) * 6, 60, 900))
    layers.append(
        {
            "data": {"name": "owners"},
            "mark": {"type": "circle", "strokeWidth": 1.6, "cursor": "pointer"},
            "params": [toggled("strategy")] if by == "strategy" else [],
            "encoding": {
                "x": {"field": "x", **place},
                "y": {"field": "y", **place},
                "size": {
                    "field": "data_size",
                    "type": "quantitative",
                    "legend": None,
                    "scale": {"range": [8, largest], "zero": True},
                },
                "color": colour,
                "stroke": {"condition": {"test": "datum.bids", "value": INK}, "value": None},
                "opacity": if_shown(0.9) if by == "strategy" else {"value": 0.9},
                "fillOpacity": {"condition": {"test": "datum.active", "value": 1}, "value": 0.1},
                "tooltip": [
                    {"field": "owner"},
                    {"field": "strategy"},
                    {"field": "data_size", "title": "records"},
                    {"field": "gain", "title": "gain from lying, %", "format": ",.3~g"},
                ],
            },
        }
    )
    numbers = {"owner": "owner", "strategy": "strategy", "data_size": "records", "gain": "gain from lying, %"}
    return LiveChart(chart(330, layers, said=said), data, said, numbers, table="owners")


def _discs(owners: pd.DataFrame) -> dict[str, list[Any]]:
    shown = owners[["x", "y", "strategy", "data_size", "bids", "active"]].assign(
        owner=np.arange(len(owners)), gain=100 * owners["gain"]
    )
    # Large discs first, so that none hides a small one.
    return columns_of(shown.sort_values("data_size", ascending=False, kind="stable"))
