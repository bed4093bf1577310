"""Charts of one round of a market: who was offered what, sold what, at what price; and one owner's price list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.plots.live import GAIN, INK, ONE, LiveChart, chart, columns_of, scale_of
from analysis.plots.style import PALETTE

ROW = 19
"""Pixels of a bidder's row."""
PAID, REFUSED = "price paid", "price refused"


def prices_chart(offers: pd.DataFrame) -> LiveChart:
    """One round as a picture: what every bidder was offered, what it would cost her, what a liar says it costs.

    Parameters
    ----------
    offers : DataFrame
        One row per bidder, drawn from the top: ``owner, strategy, truthful, sells, data_size, records,
        privacy_budget, privacy_loss, price, cost, ask``, the last three in money per record.
    """
    frame = _rows(offers)
    price = offers["price"].to_numpy(dtype=float)
    frame["what"] = np.select([~np.isfinite(price), offers["sells"]], ["", PAID], default=REFUSED)
    frame["profit"] = np.where(price >= offers["cost"], "profit", "loss")
    frame["ask"] = offers["ask"].where(~offers["truthful"] & np.isfinite(offers["ask"]))
    sold, named = int(offers["sells"].sum()), int(np.isfinite(price).sum())
    said = f"Prices of one round: of {len(offers):,} bidders shown {sold:,} sold; {named - sold:,} refused a price."
    x = {"type": "quantitative", "title": "money per record"}
    y = _who(frame, "name")
    tooltip = [
        {"field": "name", "title": "bidder"},
        {"field": "price", "format": ",.4~g"},
        {"field": "cost", "title": "true cost", "format": ",.4~g"},
        {"field": "ask", "title": "cost she claims", "format": ",.4~g"},
        {"field": "privacy_loss", "title": "privacy loss sold", "format": ",.3~g"},
        {"field": "records", "title": "records sold", "format": ",d"},
    ]
    data = {"name": "offers"}
    layers: list[dict[str, Any]] = [
        {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": 4, "opacity": 0.45},
            "encoding": {
                "x": {"field": "price", **x},
                "x2": {"field": "cost"},
                "y": y,
                "color": {"condition": {"test": "datum.profit == 'loss'", "value": GAIN}, "value": PALETTE[2]},
                "tooltip": tooltip,
            },
        },
        {
            "data": data,
            "mark": {"type": "tick", "thickness": 2.5, "size": 13, "color": INK},
            "encoding": {"x": {"field": "cost", **x}, "y": y, "tooltip": tooltip},
        },
        {
            "data": data,
            "mark": {"type": "point", "shape": "cross", "angle": 45, "size": 55, "filled": True, "color": GAIN},
            "encoding": {"x": {"field": "ask", **x}, "y": y, "tooltip": tooltip},
        },
        {
            "data": data,
            "mark": {"type": "point", "size": 60, "filled": True, "strokeWidth": 1.6, "opacity": 1},
            "encoding": {
                "x": {"field": "price", **x},
                "y": y,
                "fill": {
                    "field": "what",
                    "type": "nominal",
                    "scale": scale_of([PAID, REFUSED], [PALETTE[2], "transparent"]),
                    "legend": None,
                },
                "stroke": {"condition": {"test": f"datum.what == '{PAID}'", "value": PALETTE[2]}, "value": INK},
                "tooltip": tooltip,
            },
        },
    ]
    numbers = {"name": "bidder", "price": "price", "cost": "true cost", "ask": "cost she claims"}
    return LiveChart(_tall(frame, layers, said), {"offers": columns_of(frame)}, said, numbers, table="offers")


def sold_chart(offers: pd.DataFrame, *, what: str) -> LiveChart:
    """What every bidder has, and what of it she sold: ``what`` is "privacy" or "records"."""
    privacy = what == "privacy"
    has, sold = ("privacy_budget", "privacy_loss") if privacy else ("data_size", "records")
    frame = _rows(offers)
    title = "privacy loss sold (ε)" if privacy else "records sold (log scale)"
    scale = {} if privacy else {"type": "log", "domainMin": 0.7}
    start = 0 if privacy else 0.7
    frame["start"], frame["sold_to"] = start, np.maximum(frame[sold], start)
    said = f"{title}, bidder by bidder, before what she has."
    axis = {"tickCount": 4} if privacy else {"tickCount": 3, "grid": False, "format": "~s"}
    x = {"type": "quantitative", "title": title, "scale": scale, "axis": axis}
    y = _who(frame, "owner_name")
    tooltip = [
        {"field": "name", "title": "bidder"},
        {"field": has, "title": "tolerated" if privacy else "held", "format": ",.4~g"},
        {"field": sold, "title": "sold", "format": ",.4~g"},
    ]
    layers: list[dict[str, Any]] = [
        {
            "data": {"name": "offers"},
            "mark": {"type": "rule", "color": INK, "opacity": 0.22, "strokeWidth": 10},
            "encoding": {"x": {"field": "start", **x}, "x2": {"field": has}, "y": y, "tooltip": tooltip},
        },
        {
            "data": {"name": "offers"},
            "mark": {"type": "rule", "color": PALETTE[3] if privacy else PALETTE[0], "strokeWidth": 5},
            "encoding": {"x": {"field": "start", **x}, "x2": {"field": "sold_to"}, "y": y, "tooltip": tooltip},
        },
    ]
    numbers = {"name": "bidder", has: "has", sold: "sold"}
    return LiveChart(_tall(frame, layers, said), {"offers": columns_of(frame)}, said, numbers, table="offers")


def _rows(offers: pd.DataFrame) -> pd.DataFrame:
    numbers = offers[["owner", "data_size", "records", "privacy_budget", "privacy_loss", "price", "cost"]].copy()
    numbers["name"] = [
        f"{strategy}  {owner}" for strategy, owner in zip(offers["strategy"], offers["owner"], strict=True)
    ]
    numbers["owner_name"] = [str(owner) for owner in offers["owner"]]
    return numbers


def _who(frame: pd.DataFrame, field: str) -> dict[str, Any]:
    axis = {"labelLimit": 240, "labelFontSize": 11, "ticks": False, "domain": False, "title": None}
    return {"field": field, "type": "nominal", "sort": frame[field].tolist(), "axis": axis}


def _tall(frame: pd.DataFrame, layers: list[dict[str, Any]], said: str) -> dict[str, Any]:
    return chart(max(120, ROW * len(frame)), layers, said=said)


def price_list_charts(
    entries: pd.DataFrame, curves: pd.DataFrame, *, privacy_budget: float
) -> tuple[LiveChart, LiveChart]:
    """One owner's price list: what every privacy loss pays and costs her, and what each entry would earn her.

    Parameters
    ----------
    entries : DataFrame
        ``privacy_loss, price, records, profit, chosen, best`` of every entry that sells something.
    curves : DataFrame
        Her ``cost`` and her ``ask`` per record over ``privacy_loss``.
    privacy_budget : float
        The largest privacy loss that she tolerates.
    """
    maximum = 1.05 * max(privacy_budget, float(entries["privacy_loss"].max()) if len(entries) else 0.0)
    lies = not np.array_equal(curves["cost"], curves["ask"])
    x = {"type": "quantitative", "title": "privacy loss (ε)", "scale": {"domain": [0, round(maximum, 3)]}}
    beyond = {
        "data": ONE,
        "mark": {"type": "rect", "color": INK, "opacity": 0.08},
        "encoding": {"x": {"datum": round(privacy_budget, 4), **x}, "x2": {"datum": round(maximum, 3)}},
    }
    data = {"entries": columns_of(entries), "curves": columns_of(curves)}
    numbers = {"privacy_loss": "privacy loss", "price": "price", "records": "records", "profit": "her true profit"}
    charts = []
    for field, title in (("price", "money per record"), ("profit", "her true profit (money)")):
        y = {"field": field, "type": "quantitative", "title": title}
        layers: list[dict[str, Any]] = [beyond]
        if field == "price":
            layers.append(_curve("cost", x, INK, []))
            if lies:
                layers.append(_curve("ask", x, GAIN, [5, 4]))
        else:
            zero = {"type": "rule", "color": INK, "opacity": 0.6}
            layers.append({"data": ONE, "mark": zero, "encoding": {"y": {"datum": 0}}})
        layers += [
            _entries(x, y, None, {"filled": True, "color": PALETTE[5], "opacity": 0.75}),
            _entries(x, y, "best", {"filled": False, "color": INK, "size": 210, "strokeWidth": 2, "opacity": 1}),
            _entries(x, y, "chosen", {"filled": True, "color": GAIN, "size": 90, "opacity": 1, "shape": "diamond"}),
        ]
        said = f"Price list of one owner: {title} by privacy loss; {len(entries):,} entries."
        charts.append(LiveChart(chart(270, layers, said=said), data, said, numbers, table="entries"))
    return charts[0], charts[1]


def _curve(field: str, x: dict[str, Any], colour: str, dash: list[int]) -> dict[str, Any]:
    return {
        "data": {"name": "curves"},
        "mark": {"type": "line", "color": colour, "strokeWidth": 1.8, "strokeDash": dash},
        "encoding": {"x": {"field": "privacy_loss", **x}, "y": {"field": field, "type": "quantitative"}},
    }


def _entries(x: dict[str, Any], y: dict[str, Any], only: str | None, mark: dict[str, Any]) -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "x": {"field": "privacy_loss", **x},
        "y": y,
        "tooltip": [
            {"field": "privacy_loss", "title": "privacy loss", "format": ",.3~g"},
            {"field": "price", "title": "money per record", "format": ",.4~g"},
            {"field": "records", "title": "records at most", "format": ",d"},
            {"field": "profit", "title": "her true profit", "format": ",.4~g"},
        ],
    }
    if only is None:
        encoding["size"] = {"field": "records", "type": "quantitative", "legend": None, "scale": {"range": [15, 110]}}
    layer: dict[str, Any] = {"data": {"name": "entries"}, "mark": {"type": "point", **mark}, "encoding": encoding}
    if only is not None:
        layer["transform"] = [{"filter": f"datum.{only}"}]
    return layer
