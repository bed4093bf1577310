"""Figures of a market that is being played, round by round: what the app draws after every step.

They are small and drawn often, so their margins are fixed instead of being worked out anew each time. Those of the
owners are in ``live_owners``, those of one round in ``live_round``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter
from scipy import stats

from analysis.plots.style import INK, PALETTE, band, bare, key, label

PALE = "#C9CED6"
"""What is offered, held or tolerated, as opposed to sold."""
LOSS, GAIN = PALETTE[0], PALETTE[1]
LEVEL = 0.95
TICKS = 5


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


def gain_figure(gains: pd.DataFrame) -> Figure:
    """What a lie has brought on average up to every round, with its band, and the round's best lie.

    Parameters
    ----------
    gains : DataFrame
        Per round: ``round, misreports, paid`` (how many of them gained more than rounding), ``total`` of their gains
        and ``max``, the gain of the best, all gains per cost.
    """
    figure, axes = panel(key_rows=2)
    played, mean = gains["round"] + 1, running_gain(gains)
    axes.axhline(0, color=INK, linewidth=0.8)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_round = gains["total"] / gains["misreports"].where(gains["misreports"] > 0)
    axes.plot(played, by_round, ".", color=LOSS, alpha=0.3, markersize=4, label="this round's lies, mean")
    band(axes, played, mean["low"], mean["high"], LOSS)
    axes.plot(played, mean["mean"], color=LOSS, linewidth=2, label="all lies so far, mean (band: 95 %)")
    maximum = gains["max"].where(np.isfinite(gains["max"]))
    paid = gains["paid"] > 0
    axes.plot(played[~paid], maximum[~paid], "v", color=INK, markersize=3, alpha=0.5, label="the round's best lie")
    axes.plot(played[paid], maximum[paid], "^", color=GAIN, markersize=5, label="the round's best lie: it paid")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    label(axes, x="rounds", y="gain from lying (% of cost)")
    _by_rounds(axes, played)
    _from_zero(axes, by_round, maximum, mean["mean"])
    _key_above(axes)
    return figure


def _from_zero(axes: Axes, *series: pd.Series) -> None:
    """Show 0 and all values with some air, the bulk of the data deciding if a single round lies far out."""
    values = np.concatenate([part.to_numpy(dtype=float) for part in series])
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [0.01, 0.99]) if len(values) else (0.0, 0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    air = 0.12 * max(high - low, 0.02)
    axes.set_ylim(low - air, high + air)


def bound_figure(rounds: pd.DataFrame) -> Figure:
    """Error bound of the aggregate round by round; rounds in which nobody sold have none and are marked at the top.

    Parameters
    ----------
    rounds : DataFrame
        Columns of ``market_sim.results.ROUNDS``; the first best is drawn where it was searched for.
    """
    figure, axes = panel(key_rows=1)
    played = rounds["round"].to_numpy() + 1
    bound = rounds["error_bound"].to_numpy(dtype=float)
    best = rounds["error_bound_first_best"].to_numpy(dtype=float)
    finite = np.isfinite(bound)
    style: dict[str, Any] = {"linewidth": 1.2, "markersize": 3}
    axes.plot(played, np.where(finite, bound, np.nan), "o-", color=PALETTE[0], label="what was bought", **style)
    if np.isfinite(best).any():
        shown = np.where(np.isfinite(best), best, np.nan)
        axes.plot(played, shown, "x--", color=INK, label="first best (every cost known)", **style)
    if not finite.all():
        nobody = played[~finite]
        text = f"nobody sold ({len(nobody)} of {len(rounds)} rounds)"
        top = axes.get_xaxis_transform()
        axes.plot(nobody, np.full(len(nobody), 0.98), "v", color=GAIN, markersize=4, transform=top, label=text)
    if finite.any():
        log_scale(axes, "y")
    label(axes, x="rounds", y="error bound (log scale)")
    _by_rounds(axes, played)
    _key_above(axes)
    return figure


def money_figure(rounds: pd.DataFrame) -> Figure:
    """What the buyer offered in every round, and what she spent.

    Parameters
    ----------
    rounds : DataFrame
        ``round, budget, spent``; several buyers are added up.
    """
    figure, axes = panel(key_rows=1)
    money = rounds.groupby("round")[["budget", "spent"]].sum()
    played = money.index.to_numpy() + 1
    edges = np.append(played - 0.5, played[-1] + 0.5)
    axes.stairs(money["budget"], edges, fill=True, color=PALE, label="offered: the budget")
    axes.stairs(money["spent"], edges, fill=True, color=PALETTE[2], alpha=0.85, label="spent")
    axes.set_ylim(0, 1.05 * max(float(money["budget"].max()), 1e-9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    label(axes, x="rounds", y="money a round")
    _by_rounds(axes, played)
    _key_above(axes)
    return figure


def accuracy_figure(rounds: pd.DataFrame, *, chance: float) -> Figure:
    """Test accuracy of the buyer's model after every round, beside guessing.

    Parameters
    ----------
    rounds : DataFrame
        ``round, buyer, test_accuracy``.
    chance : float
        Accuracy of guessing.
    """
    figure, axes = panel()
    buyers = rounds["buyer"].unique()
    for buyer, theirs in rounds.groupby("buyer"):
        name = "the buyer's model" if len(buyers) == 1 else f"buyer {buyer}"
        axes.plot(theirs["round"] + 1, theirs["test_accuracy"], color=PALETTE[int(buyer) % 6], linewidth=2, label=name)
    axes.axhline(chance, color=INK, linewidth=1, linestyle=":", label=f"guessing ({chance:.0%})")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    label(axes, x="rounds", y="test records classified rightly")
    _by_rounds(axes, rounds["round"] + 1)
    key(axes, loc="upper left", borderpad=0)
    return figure


def privacy_figure(privacy: pd.DataFrame, *, allowance: float | None = None) -> Figure:
    """Privacy loss that owners have added up so far.

    Parameters
    ----------
    privacy : DataFrame
        Per round: ``round, median, high`` (nine owners in ten have spent less), ``largest``, and ``total``, the tight
        total of the median owner; infinite without noise, and not drawn then.
    allowance : float, optional
        The most that an owner may ever spend.
    """
    figure, axes = panel()
    played = privacy["round"] + 1
    axes.fill_between(played, 0, privacy["high"], color=PALETTE[3], alpha=0.2, linewidth=0, label="nine owners in ten")
    axes.plot(played, privacy["median"], color=PALETTE[3], linewidth=2, label="median owner")
    axes.plot(played, privacy["largest"], color=INK, linewidth=1, linestyle="--", label="who sold most")
    if np.isfinite(privacy["total"]).all():
        axes.plot(played, privacy["total"], color=PALETTE[3], linewidth=2, linestyle=":", label="median, tight total")
    if allowance is not None:
        axes.axhline(allowance, color=GAIN, linewidth=1, label="lifetime allowance")
    axes.set_ylim(0, None)
    label(axes, x="rounds", y="privacy loss so far, added up (ε)")
    _by_rounds(axes, played)
    key(axes, loc="upper left", borderpad=0)
    return figure


def panel(*, height: float = 3.4, key_rows: int = 0) -> tuple[Figure, Axes]:
    """A small figure of one panel, with room for some rows of its key above it."""
    figure = Figure(figsize=(5.6, height))
    foot, head = 0.5 / height, (0.12 + 0.19 * key_rows) / height
    axes = figure.add_axes((0.155, foot, 0.82, 1 - foot - head))
    frame(axes)
    return figure, axes


def frame(axes: Axes) -> None:
    """Two bare axes with few numbers: every number takes longer to set than all the data together."""
    bare(axes)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "linear":
            axis.set_major_locator(MaxNLocator(nbins=TICKS))


def _key_above(axes: Axes) -> None:
    key(axes, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderpad=0.1, columnspacing=1.0)


def _by_rounds(axes: Axes, played: Any) -> None:
    """Count rounds in whole numbers, from the first to the last, at least ten."""
    axes.set_xlim(0.5, max(10, int(np.max(played))) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=TICKS))


def log_scale(axes: Axes, axis: Literal["x", "y"]) -> None:
    """Logarithmic, with numbers as people write them (and as matplotlib sets them quickly)."""
    getattr(axes, f"set_{axis}scale")("log")
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    chosen.set_minor_locator(NullLocator())
