"""What does the broker see of an owner's records in what she uploads?

Uploads of the first round are inverted to images: of owners with 1, 4 and 16 digits, under softmax regression and a
perceptron, with noise of privacy losses from 0.5 to 64 and without any. Gradients are directions (the default
clipping), noise is that of PrivUnit, which treats losses over 32 as 32. Pixels are learned here, so that images come
back.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich import box
from rich.table import Table

from analysis.formatting import percent, rounded, with_interval
from analysis.inversion import NO_NOISE, InversionSettings, inversion_table, invert
from analysis.plots.inversion import images_figure, name_of, rates_figure
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

DURATION = "about a minute"

NAME = "what-the-broker-sees"
SETTINGS = InversionSettings()


def run(*, seed: int = 0, out: Path = Path("runs/what-the-broker-sees-seed0"), progress: bool = True) -> Answer:
    """Attack, and lay what was found beside what is true."""
    return attack(InversionSettings(seed=seed), out=out, progress=progress)


def attack(settings: InversionSettings, *, out: Path, progress: bool) -> Answer:
    """The same with other settings."""
    played = {"scenario": NAME, "settings": {**vars(settings), "losses": list(map(str, settings.losses))}}
    with scenario_directory(out, played) as folder:
        with torch_threads(1), bar(progress, "inverting", settings.count) as advance:
            inverted = invert(settings, advance)
        table = inversion_table(inverted)
        table.to_csv(folder / "inversion.csv", index=False)
        images_figure(inverted).savefig(folder / "images.png", dpi=110)
        rates_figure(table).savefig(folder / "rates.png", dpi=110)
    sentences = [sentence(str(model), rows) for model, rows in table.groupby("model", sort=False)]
    note = (
        "Recognised: an image of hers is the nearest to what was found, among hers and those of 99 other records. "
        "PSNR: decibel against the nearest of hers. [ ]: 95 % intervals, Clopper and Pearson's and Student's, over "
        f"{settings.images} owners. An attack that fails proves nothing about better ones; the privacy loss does."
    )
    files = f"Written to {out}: inversion.csv, images.png, rates.png"
    figures = {"inversion": table.to_dict("records"), "settings": played["settings"]}
    return Answer(figures=figures, summary=(*sentences, _table(table), note, files))


def sentence(model: str, rows: pd.DataFrame) -> str:
    """What can be seen under one model."""
    parts = []
    for records, line in rows.groupby("records"):
        clean = line[line["loss"] == NO_NOISE]
        seen = line[(line["loss"] != NO_NOISE) & (line["recognised_low"] > line["chance"])]
        bare = f", {percent(clean['recognised'].iloc[0])} without noise" if len(clean) else ""
        noisy = f"above chance from ε = {seen['loss'].min():g} on" if len(seen) else "never above chance with noise"
        parts.append(f"of {records} record{'' if records == 1 else 's'} {noisy}{bare}")
    return f"Under {model}, images of owners are recognised: {'; '.join(parts)}."


def _table(table: pd.DataFrame) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("model", "records", "noise", "recognised [ ]", "by chance", "PSNR, dB [ ]"):
        shown.add_column(name, justify="left" if name in ("model", "noise") else "right")
    for row in table.to_dict("records"):
        rate = f"{percent(row['recognised'])} [{percent(row['recognised_low'])}, {percent(row['recognised_high'])}]"
        quality = with_interval(*(round(row[name], 1) for name in ("psnr", "psnr_low", "psnr_high")))
        chance = f"{rounded(100 * row['chance'], 2)} %"
        shown.add_row(row["model"], str(row["records"]), name_of(row["loss"]), rate, chance, quality)
    return shown
