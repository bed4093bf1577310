"""The command line, as it is typed in a hurry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from scenarios.commands.cli import app
from tests.careless.cases import Case, written

FEW = ["--owners", "8", "--bidders", "4", "--rounds", "1"]


def said(words: list[str], folder: Path) -> Any:
    """What a command says last, with its exit code where it is not 0."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner().invoke(app, words, prog_name="market-sim")
    finally:
        os.chdir(here)
    text = " ".join(result.stderr.split()).rpartition("Error: ")[2]
    return f"exit code {result.exit_code}: {text}" if result.exit_code else "accepted"


def typed(did: str, *words: str, make: Any = None) -> Case:
    def run(folder: Path) -> Any:
        if make is not None:
            make(folder)
        return said(list(words), folder)

    return Case("command line", f"`{did}`", run)


def _toml(text: str) -> Any:
    return lambda folder: written(folder, "market.toml", text)


CASES = [
    typed("run markt", "run", "markt"),
    typed("run market --owner 8", "run", "market", "--owner", "8"),
    typed("run market --owners eight", "run", "market", "--owners", "eight"),
    typed("run market --owners 8.0", "run", "market", "--owners", "8.0", "--bidders", "4", "--rounds", "1"),
    typed("run market --first-best yes", "run", "market", *FEW, "--first-best", "yes"),
    typed("run market --set owners", "run", "market", "--set", "owners"),
    typed("run market --set onwers=8", "run", "market", "--set", "onwers=8"),
    typed("run market --owners 8 --set owners=9", "run", "market", "--owners", "8", "--set", "owners=9"),
    typed("run market --strategy truthful", "run", "market", "--strategy", "truthful"),
    typed("run market --strategy truthful=70%", "run", "market", "--strategy", "truthful=70%"),
    typed("run market --strategy truthful=.5 twice", "run", "market", *["--strategy", "truthful=.5"] * 2),
    typed("run market --network-option 6", "run", "market", "--network-option", "6"),
    typed("run market --budget-factor '(0.1, 2'", "run", "market", "--budget-factor", "(0.1, 2"),
    typed("run market --auction mine:Rule", "run", "market", "--auction", "mine:Rule"),
    typed("run quickstart --owners 8", "run", "quickstart", "--owners", "8"),
    typed("run market --seed -1", "run", "market", "--seed", "-1"),
    typed("run market --config market.toml, not there", "run", "market", "--config", "market.toml"),
    typed(
        "run market --config market.toml, no TOML",
        *("run", "market", "--config", "market.toml"),
        make=_toml("owners = \n"),
    ),
    typed(
        "run market --config market.toml with a slip",
        *("run", "market", "--config", "market.toml"),
        make=_toml("ownrs = 8\n"),
    ),
    typed(
        "run market --config settings.json of something else",
        *("run", "market", "--config", "settings.json"),
        make=lambda folder: written(folder, "settings.json", '{"a": 1}'),
    ),
    typed("run market --out of a file", "run", "market", *FEW, "--out", "file", make=lambda f: written(f, "file", "x")),
    typed(
        "run market --out of somebody's directory",
        *("run", "market", *FEW, "--out", "."),
        make=lambda folder: written(folder, "thesis.tex", "x"),
    ),
    typed("report runs", "report", "runs"),
    typed("verify .", "verify", "."),
    typed("export runs/none", "export", "runs/none"),
    typed("list auction", "list", "auction"),
    typed("list pictures", "list", "pictures"),
    typed("check sequential", "check", "sequential"),
    typed("check mine.py", "check", "mine.py"),
    typed("audit all-in --threat lies", "audit", "all-in", "--threat", "lies"),
    typed("audit all-in --population gone.csv", "audit", "all-in", "--population", "gone.csv"),
    typed("audit all-in --attacker nobody", "audit", "all-in", "--attacker", "nobody"),
    typed("evaluate", "evaluate"),
    typed("evaluate all-in --factor 3", "evaluate", "all-in", "--factor", "3"),
    typed("evaluate all-in --owners 0", "evaluate", "all-in", "--owners", "0"),
    typed("train all-in", "train", "all-in"),
    typed("train sequential-menu --steps 0", "train", "sequential-menu", "--steps", "0"),
    typed("train sequential-menu --set widht=3", "train", "sequential-menu", "--set", "widht=3"),
    typed("train sequential-menu --out menu.pt", "train", "sequential-menu", "--out", "menu.pt"),
    typed("sweep --set auction=all-in", "sweep", "--set", "auction=all-in,pay-as-bid"),
    typed("sweep --seeds 0", "sweep", "--set", "auction=all-in,pay-as-bid", "--seeds", "0", "--out", "out"),
    typed("privacy-audit privunits", "privacy-audit", "privunits"),
    typed("app --port 80000", "app", "--port", "80000"),
    typed("app --allow-host http://me.example", "app", "--allow-host", "http://me.example"),
    typed("quickstart", "quickstart"),
]
