"""What every figure shares: colours, markers, ink, bands, and one colour and marker per name everywhere.

Colours are Okabe and Ito's and two shades that stay apart from them under the common colour blindnesses; the marker
says the same again, so that a figure printed in grey can still be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#7F7F7F")
"""Six of Okabe and Ito, "Color universal design", 2008 (their yellow is too pale for a line), brown and grey."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d")
INK = "#333333"
"""Text, axes and marks that stand for no name."""

NEUTRAL = frozenset({"first best", "all at own privacy budget", "published", "chance"})
"""Marks to compare with: drawn in ink, so that colours are left to mechanisms and strategies."""

KNOWN: Mapping[str, tuple[int, int]] = {
    # Strategies: truth is blue, whatever else is drawn.
    "truthful": (0, 0),
    "scaled-valuation": (1, 1),
    "understated-privacy-budget": (2, 2),
    "understated-data-size": (3, 3),
    "random-misreport": (4, 4),
    "best-response": (5, 5),
    "prior-best-response": (0, 6),
    "hedge": (6, 7),
    "exp3": (7, 8),
    "q-learning": (1, 9),
    "imitate-richest": (2, 10),
    "fermi-imitation": (3, 11),
    "replicator-imitation": (4, 0),
    "collusion-ring": (5, 1),
    "identity-splitting": (6, 2),
    "extra-noise": (7, 3),
    # Mechanisms.
    "ascending-menu": (0, 4),
    "sequential-menu": (0, 0),
    "sequential-menu-verified": (5, 1),
    "sequential-menu-full": (0, 10),
    "dm-regretnet": (1, 2),
    "m-regretnet": (4, 3),
    "regretnet": (3, 4),
    "all-in": (7, 5),
    "residual-menu": (2, 6),
    "equivariant-menu": (6, 3),
    "fair-query": (6, 7),
    "posted-price": (2, 8),
    "pac": (6, 9),
    "csra": (7, 10),
    "k-plus-one-price": (3, 11),
    "proportional-share": (5, 0),
    "pay-as-bid": (1, 1),
    "leaky-menu": (4, 5),
    "fixed-share": (6, 2),
    # Ways to weigh uploads.
    "optimal": (0, 0),
    "conventional": (1, 1),
    "variance": (2, 2),
}
"""Places in ``PALETTE`` and ``MARKERS`` by name; two names of one kind never share both."""


def colour_of(name: str) -> str:
    """Colour that ``name`` (a strategy, mechanism or aggregation) has in every figure."""
    return INK if name in NEUTRAL else PALETTE[_place(name)[0]]


def marker_of(name: str) -> str:
    """Marker that ``name`` has in every figure."""
    return "x" if name in NEUTRAL else MARKERS[_place(name)[1]]


def style_of(name: str) -> dict[str, Any]:
    """Colour and marker of ``name`` as matplotlib takes them."""
    return {"color": colour_of(name), "marker": marker_of(name)}


def _place(name: str) -> tuple[int, int]:
    """Where a name stands; one that is not in the table always gets the same place by its hash."""
    if name in KNOWN:
        return KNOWN[name]
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
    return number % len(PALETTE), number // len(PALETTE) % len(MARKERS)


def panels(
    rows: int = 1, columns: int = 1, *, width: float = 4.8, height: float = 4.0, **layout: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``rows * columns`` bare panels, each ``width`` by ``height`` inches, and the panels in order.

    ``layout`` goes to ``Figure.subplots``, e.g. ``sharey=True``.
    """
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, **layout).flat)
    for each in axes:
        bare(each)
    return figure, axes


def bare(axes: Axes) -> None:
    """Leave only the two axes that carry numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


def label(axes: Axes, *, x: str, y: str, title: str | None = None) -> None:
    """Name both axes, each with its unit, and say at the upper left what is asked."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title is not None:
        axes.set_title(title, loc="left")


def band(axes: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str) -> None:
    """Shade an interval along ``x``; ends that are not finite leave a gap, for nothing is known there."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    known = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(np.asarray(x, dtype=float), low, high, where=known, color=colour, alpha=0.2, linewidth=0)


def curve(axes: Axes, x: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike, name: str, **style: Any) -> None:
    """Draw a line of means with its band, in the colour and marker of ``name`` unless ``style`` says otherwise."""
    drawn = {**style_of(name), "label": name, "markersize": 5, "linewidth": 1.5, **style}
    band(axes, x, low, high, str(drawn["color"]))
    axes.plot(np.asarray(x), np.asarray(mean), **drawn)


def whiskers(
    axes: Axes, x: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike, name: str, **style: Any
) -> None:
    """Draw one mark per mean with a whisker from ``low`` to ``high``; a whisker without end is left away."""
    middle, low, high = (np.asarray(part, dtype=float) for part in (mean, low, high))
    reach = np.stack([middle - low, high - middle])
    reach = np.where(np.isfinite(reach), np.maximum(reach, 0.0), 0.0)
    drawn = {**style_of(name), "label": name, "linestyle": "none", "capsize": 2, "markersize": 6, **style}
    axes.errorbar(np.asarray(x), middle, yerr=reach, **drawn)


def save(figure: Figure, file: Path, *, dpi: int = 110) -> None:
    """Write a figure so that the same figure gives the same bytes: ids that are no random numbers, and no date."""
    vector = file.suffix in (".svg", ".pdf")
    dates = {"Date": None} if file.suffix == ".svg" else {"CreationDate": None} if vector else {}
    with mpl.rc_context({"svg.hashsalt": file.stem}):
        figure.savefig(file, dpi=dpi, metadata=dates)


def key(axes: Axes, **where: Any) -> None:
    """Put a legend without frame into the panel, if anything in it has a name."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize="small", **where)
