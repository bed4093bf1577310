"""Charts of a market that is being played: Vega-Lite specifications that a browser draws, and their data as columns.

A chart's specification stays what it is while the market goes on; only the columns are sent again. Long runs are
smoothed: at most ``POINTS`` points, each the mean of as many rounds. Charts of the owners are in ``live_owners``, those
of one round in ``live_round``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.plots.style import PALETTE

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
LOSS, GAIN = PALETTE[0], PALETTE[1]
INK = "currentColor"
"""The colour of the text around the chart: dark on a light page, light on a dark one."""
LEVEL = 0.95
POINTS = 120
FEW_POINTS = 40
"""Of what is drawn anew in every round, and would hatch the chart."""
EARLY = 8
DIGITS = 4
CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "tickColor": INK,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "orient": "top", "title": None, "columns": 3},
    "text": {"color": INK, "fontSize": 12},
}
ONE: dict[str, Any] = {"values": [{}]}
"""Data of a mark that stands for no data, such as the line at zero."""
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class LiveChart:
    """What a browser needs to draw a chart, and to say its numbers.

    Parameters
    ----------
    spec : mapping
        Vega-Lite; its data are named.
    data : mapping of str to columns
        The data sets by name.
    said : str
        What is to be seen, for those who do not see it.
    numbers : mapping of str to str
        Headings of the table of its numbers, by column.
    table : str
        The data set that is this table.
    """

    spec: dict[str, Any]
    data: dict[str, Columns]
    said: str
    numbers: dict[str, str]
    table: str = "rounds"


def chart(height: int, layers: Sequence[Mapping[str, Any]], *, said: str, **more: Any) -> dict[str, Any]:
    """Return a specification of layers, as wide as its place on the page."""
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "description": said,
        "config": CONFIG,
        "layer": list(layers),
        **more,
    }


def columns_of(frame: pd.DataFrame) -> Columns:
    """Columns as JSON holds them, numbers to ``DIGITS`` digits; what is not finite is missing."""
    return {str(name): [_plain(value) for value in frame[name].tolist()] for name in frame}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def by_rounds(title: str = "round") -> dict[str, Any]:
    """The axis of rounds, in whole numbers."""
    return {
        "field": "round",
        "type": "quantitative",
        "title": title,
        "axis": {"tickMinStep": 1, "format": ",d", "grid": False, "tickCount": 6},
        "scale": {"zero": False, "nice": False},
    }


def zoomed() -> dict[str, Any]:
    """Zoom along the rounds by the wheel with shift, drag to move, double click to see all again."""
    wheel = "wheel![event.shiftKey]"
    drag = "[mousedown, window:mouseup] > window:mousemove!"
    selected = {"type": "interval", "encodings": ["x"], "zoom": wheel, "translate": drag}
    return {"name": "zoom", "bind": "scales", "select": selected}


def toggled(field: str) -> dict[str, Any]:
    """A legend whose entries can be switched."""
    return {"name": "shown", "bind": "legend", "select": {"type": "point", "fields": [field], "toggle": "true"}}


def if_shown(opacity: float = 1.0) -> dict[str, Any]:
    """Opacity of what the legend shows; the rest is nearly gone."""
    return {"condition": {"param": "shown", "value": opacity}, "value": 0.06}


def scale_of(names: Iterable[str], colours: Iterable[str]) -> dict[str, Any]:
    """A scale that gives each name its colour."""
    return {"domain": list(names), "range": list(colours)}


def thinned(frame: pd.DataFrame, *, points: int = POINTS, last: Sequence[str] = ()) -> pd.DataFrame:
    """Return at most ``points`` rows: means of consecutive rows, and of the columns ``last`` the latest value.

    ``round`` is that of the last row of each.
    """
    if len(frame) <= points:
        return frame
    part = np.arange(len(frame)) * points // len(frame)
    how = {name: "last" if name in ("round", *last) else "mean" for name in frame}
    return frame.groupby(part).agg(how).reset_index(drop=True)


def running_gain(gains: pd.DataFrame) -> pd.DataFrame:
    """Mean gain of all lies up to every round, with its 95 % interval, rounds being what varies.

    The bids of one round share its budget and order, so a round counts as one observation of a ratio (gains over
    lies); the interval is Student's on the linearised ratio (Cochran, "Sampling Techniques", 1977, section 6.4).

    Parameters
    ----------
    gains : DataFrame
        Per round: ``misreports`` and the ``total`` of their gains.

    Returns
    -------
    DataFrame
        ``mean, low, high`` on the index of ``gains``; missing as long as nothing is known.
    """
    misreports, total = gains["misreports"].to_numpy(dtype=float), gains["total"].to_numpy(dtype=float)
    all_misreports, count = np.cumsum(misreports), np.cumsum(misreports > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.cumsum(total) / all_misreports
        squares = np.cumsum(total**2) - 2 * mean * np.cumsum(total * misreports) + mean**2 * np.cumsum(misreports**2)
        error = np.sqrt(np.maximum(squares, 0.0) * count / (count - 1)) / all_misreports
        reach = np.where(count > 1, stats.t.ppf((1 + LEVEL) / 2, np.maximum(count - 1, 1)) * error, np.nan)
    return pd.DataFrame({"mean": mean, "low": mean - reach, "high": mean + reach}, index=gains.index)


def gain_chart(gains: pd.DataFrame) -> LiveChart:
    """What a lie has brought on average up to every round, with its band, and the round's best lie.

    Parameters
    ----------
    gains : DataFrame
        Per round: ``round, misreports, paid`` (how many of them gained more than rounding), ``total`` of their gains
        and ``max``, the gain of the best, all gains per cost.
    """
    said = "Mean gain of all lies so far with its 95 % interval, and the best lie of each round, in per cent of cost."
    running = running_gain(gains)
    # The interval of the first rounds is wider than everything that comes later.
    early = np.arange(len(gains)) < min(EARLY, len(gains) // 4)
    running.loc[early, ["low", "high"]] = np.nan
    frame = pd.DataFrame(
        {
            "round": gains["round"] + 1,
            "mean": 100 * running["mean"],
            "low": 100 * running["low"],
            "high": 100 * running["high"],
            "best": 100 * gains["max"],
            "paid": gains["paid"] > 0,
        }
    )
    best = thinned(frame[["round", "best", "paid"]].assign(paid=frame["paid"].astype(float)), last=())
    frame = thinned(frame.drop(columns=["best", "paid"]), last=("mean", "low", "high"))
    frame = frame.assign(best=best["best"].to_numpy(), paid=best["paid"].to_numpy() > 0)
    y = {"type": "quantitative", "title": "gain from a lie, % of her cost"}
    tooltip = [
        {"field": "round", "format": ",d"},
        {"field": "mean", "title": "mean so far, %", "format": ",.2f"},
        {"field": "low", "title": "from", "format": ",.2f"},
        {"field": "high", "title": "to", "format": ",.2f"},
        {"field": "best", "title": "best lie, %", "format": ",.2f"},
    ]
    data, x = {"name": "rounds"}, by_rounds()
    layers: list[dict[str, Any]] = [
        {"data": ONE, "mark": {"type": "rule", "color": INK, "opacity": 0.7}, "encoding": {"y": {"datum": 0}}},
        {
            "data": data,
            "mark": {"type": "area", "color": LOSS, "opacity": 0.22},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "data": data,
            "mark": {"type": "line", "color": LOSS, "strokeWidth": 2.5},
            "encoding": {"x": x, "y": {"field": "mean", **y}},
        },
        {
            "data": data,
            "mark": {"type": "point", "filled": True, "size": 36},
            "encoding": {
                "x": x,
                "y": {"field": "best", **y},
                "color": {"condition": {"test": "datum.paid", "value": GAIN}, "value": INK},
                "opacity": {"condition": {"test": "datum.paid", "value": 0.95}, "value": 0.35},
                "shape": {"condition": {"test": "datum.paid", "value": "triangle-up"}, "value": "triangle-down"},
                "tooltip": tooltip,
            },
            "params": [zoomed()],
        },
    ]
    numbers = {"round": "round", "mean": "mean so far, %", "low": "from", "high": "to", "best": "best lie, %"}
    return LiveChart(chart(230, layers, said=said), {"rounds": columns_of(frame)}, said, numbers)


def _lines(
    frame: pd.DataFrame,
    names: Mapping[str, tuple[str, str]],
    *,
    said: str,
    y: str,
    format_: str = ",.4~g",
    scale: Mapping[str, Any] | None = None,
    extra: Sequence[Mapping[str, Any]] = (),
    data: Mapping[str, Columns] | None = None,
    dashed: Sequence[str] = (),
) -> LiveChart:
    """Lines over the rounds that the legend switches.

    ``names`` gives each column its name in the legend and its colour.
    """
    shown = {column: name for column, (name, _) in names.items()}
    dashes = [[5, 4] if column in dashed else [1, 0] for column in names]
    axis = {"title": y, "format": format_, "tickCount": 5, "grid": (scale or {}).get("type") != "log"}
    line = {
        "data": {"name": "rounds"},
        "transform": [
            {"fold": list(names), "as": ["column", "value"]},
            {"lookup": "column", "from": {"data": {"name": "names"}, "key": "column", "fields": ["name"]}},
        ],
        "encoding": {
            "x": by_rounds(),
            "y": {"field": "value", "type": "quantitative", "axis": axis, "scale": dict(scale or {})},
            "color": {
                "field": "name",
                "type": "nominal",
                "scale": scale_of(shown.values(), [colour for _, colour in names.values()]),
            },
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 2.2},
                "params": [toggled("name"), zoomed()],
                "encoding": {
                    "opacity": if_shown(),
                    "strokeDash": {
                        "field": "name",
                        "type": "nominal",
                        "scale": {"domain": list(shown.values()), "range": dashes},
                    },
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {
                    "opacity": {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0},
                    "tooltip": [
                        {"field": "name", "title": "what"},
                        {"field": "round", "format": ",d"},
                        {"field": "value", "format": ",.4~g"},
                    ],
                },
                "params": [
                    {
                        "name": "hover",
                        "select": {"type": "point", "on": "mouseover", "nearest": True, "clear": "mouseout"},
                    }
                ],
            },
        ],
    }
    named = {"column": list(shown), "name": list(shown.values())}
    return LiveChart(
        chart(230, [*extra, line], said=said),
        {"rounds": columns_of(frame), "names": named, **(data or {})},
        said,
        {"round": "round", **shown},
    )


def bound_chart(rounds: pd.DataFrame) -> LiveChart:
    """Error bound of the aggregate round by round; of rounds in which nobody sold there is none.

    Parameters
    ----------
    rounds : DataFrame
        Columns of ``market_sim.results.ROUNDS``; the first best is drawn where it was searched for.
    """
    bound = rounds["error_bound"].astype(float).where(lambda value: np.isfinite(value))
    frame = pd.DataFrame({"round": rounds["round"] + 1, "bought": bound})
    names = {"bought": ("what was bought", PALETTE[0])}
    best = rounds["error_bound_first_best"].astype(float)
    if np.isfinite(best).any():
        frame["best"] = best.where(np.isfinite(best))
        names["best"] = ("first best: every cost known", PALETTE[7])
    invalid = int(bound.isna().sum())
    said = "Error bound of the sum of contributions, by round; lower is better."
    if invalid:
        said += f" In {invalid:,} of {len(rounds):,} rounds nobody sold."
    few, log = thinned(frame, points=FEW_POINTS), {"type": "log", "nice": False, "padding": 12}
    return _lines(few, names, said=said, y="error bound (log scale)", scale=log, dashed=("best",))


def money_chart(rounds: pd.DataFrame) -> LiveChart:
    """What the buyer offered in every round, and what she spent.

    Parameters
    ----------
    rounds : DataFrame
        ``round, budget, spent``; several buyers are added up.
    """
    money = rounds.groupby("round")[["budget", "spent"]].sum().reset_index()
    said = "Money a round: the budget that was offered, and what was spent of it."
    names = {"budget": ("offered: the budget", PALETTE[7]), "spent": ("spent", PALETTE[2])}
    frame = thinned(money.assign(round=money["round"] + 1), points=FEW_POINTS)
    return _lines(frame, names, said=said, y="money a round", scale={"zero": True})


def accuracy_chart(
    rounds: pd.DataFrame, *, chance: float, beside: pd.DataFrame | None = None, name: str = "beside"
) -> LiveChart:
    """Test accuracy of the buyers' models after every round, beside guessing and, if given, beside another market.

    Parameters
    ----------
    rounds : DataFrame
        ``round, buyer, test_accuracy``.
    chance : float
        Accuracy of guessing.
    beside : DataFrame, optional
        The same of the market to compare with, whose line is called ``name``.
    """
    wide = rounds.pivot(index="round", columns="buyer", values="test_accuracy")
    several = wide.shape[1] > 1
    names = {
        f"buyer{buyer}": (f"buyer {buyer}'s model" if several else "the buyer's model", PALETTE[int(buyer) % 6])
        for buyer in wide
    }
    wide.columns = pd.Index(list(names))
    if beside is not None:
        wide["beside"] = beside.groupby("round")["test_accuracy"].mean()
        names["beside"] = (name, PALETTE[4])
    frame = 100 * wide
    frame.insert(0, "round", frame.index + 1)
    frame["chance"] = 100 * chance
    names["chance"] = (f"guessing ({chance:.0%})", PALETTE[7])
    last = [column for column in names if column != "chance"]
    said = "Share of the test records that the model classifies rightly after each round, in per cent; and guessing."
    return _lines(
        thinned(frame.reset_index(drop=True), last=last),
        names,
        said=said,
        y="test records right, %",
        scale={"domain": [0, 100]},
        dashed=("chance",),
    )


def privacy_chart(privacy: pd.DataFrame, *, allowance: float | None = None) -> LiveChart:
    """Privacy loss that owners have added up so far.

    Parameters
    ----------
    privacy : DataFrame
        Per round: ``round, median, high`` (nine owners in ten have spent less), ``largest``, and ``total``, the tight
        total of the median owner; infinite without noise, and not drawn then.
    allowance : float, optional
        The most that an owner may ever spend.
    """
    names = {
        "median": ("median owner", PALETTE[3]),
        "high": ("nine in ten are below", PALETTE[5]),
        "largest": ("who sold most", PALETTE[7]),
    }
    frame = privacy.assign(round=privacy["round"] + 1)
    if np.isfinite(privacy["total"]).all():
        names["total"] = ("median, tight total", PALETTE[2])
    else:
        frame = frame.drop(columns="total")
    if allowance is not None:
        frame["allowance"], names["allowance"] = allowance, ("lifetime allowance", PALETTE[1])
    said = "Privacy loss that owners have added up so far, by round."
    frame = thinned(frame, last=[name for name in frame if name != "round"])
    return _lines(
        frame, names, said=said, y="privacy loss so far (ε)", scale={"zero": True}, dashed=("allowance", "total")
    )
