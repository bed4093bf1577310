"""What the broker sees, side by side with what is true, and how often she finds the right image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.inversion import NO_NOISE, Inverted
from analysis.plots.style import INK, PALETTE, band, key, label, panels

SHOWN: tuple[float, ...] = (NO_NOISE, 64.0, 32.0, 16.0, 4.0, 1.0)


def images_figure(inverted: Sequence[Inverted], *, owners: int = 2) -> Figure:
    """True images beside what is made of the uploads: a row per owner of every model and number of records."""
    rows = [
        (model, records, owner)
        for model in dict.fromkeys(one.model for one in inverted)
        for records in dict.fromkeys(one.records for one in inverted)
        for owner in range(owners)
    ]
    by_setting = {(one.model, one.records, one.loss): one for one in inverted}
    losses = [loss for loss in SHOWN if any(one.loss == loss for one in inverted)]
    figure = Figure(figsize=(1.0 * (len(losses) + 2), 0.95 * len(rows) + 0.4))
    axes = figure.subplots(len(rows), len(losses) + 1, squeeze=False)
    for line, (model, records, owner) in enumerate(rows):
        settings = [by_setting[model, records, loss] for loss in losses]
        pictures = [settings[0].true[owner], *(one.found[owner] for one in settings)]
        for place, (each, picture) in enumerate(zip(axes[line], pictures, strict=True)):
            each.imshow(picture.view(8, 8).numpy(), cmap="gray_r", vmin=0.0)
            each.set_xticks([])
            each.set_yticks([])
            if line == 0:
                each.set_title("hers" if place == 0 else name_of(losses[place - 1]), fontsize=9, color=INK)
        axes[line][0].set_ylabel(f"{model}\n{records} rec.", fontsize=8, color=INK)
    figure.tight_layout(pad=0.3)
    return figure


def rates_figure(table: pd.DataFrame) -> Figure:
    """How often is the right image found? One panel per model, one line with its interval per number of records."""
    figure, axes = panels(1, table["model"].nunique(), sharey=True)
    for each, (model, rows) in zip(axes, table.groupby("model", sort=False), strict=True):
        for number, (records, line) in enumerate(rows.groupby("records")):
            finite = line[np.isfinite(line["loss"])]
            band(each, finite["loss"], finite["recognised_low"], finite["recognised_high"], PALETTE[number])
            each.plot(
                finite["loss"],
                finite["recognised"],
                color=PALETTE[number],
                marker="o",
                label=f"{records} record{'' if records == 1 else 's'}",
            )
            each.axhline(line["chance"].iloc[0], color=PALETTE[number], linewidth=1, linestyle=":")
        each.set_xscale("log", base=2)
        label(
            each, x="privacy loss ε of the upload", y="images recognised" if each is axes[0] else "", title=str(model)
        )
    key(axes[-1], loc="upper left")
    return figure


def name_of(loss: float) -> str:
    """A privacy loss as a heading."""
    return f"ε = {loss:g}" if math.isfinite(loss) else "no noise"
