"""What every figure shares: colours, markers, ink, and one colour per name everywhere.

Colours are Okabe and Ito's, which people with any common colour blindness can tell apart; shapes say the same again.
"""

from __future__ import annotations

from matplotlib.axes import Axes

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito, "Color universal design", 2008."""

MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#333333"


def bare(axes: Axes) -> None:
    """Leave only the two axes that carry numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
