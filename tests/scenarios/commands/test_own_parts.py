"""Parts of one's own, from a file in the working directory, in every command that plays them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.broker.auctions.registry import load_auction
from market_sim import MarketConfig, verify
from scenarios.commands.cli import app

MINE = """
import torch
from torch import nn

from agents.broker.auctions.all_in import AllIn
from agents.owner.strategies.scaled_valuation import ScaledValuation
from agents.tasks.base import stored_task


def build(features, classes, width=4):
    return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, classes))


def load(records=90):
    features = torch.randn(records, 3, generator=torch.Generator().manual_seed(0))
    both = features, (features[:, 0] > 0).long()
    return stored_task("signs", 2, both, both, class_names=("minus", "plus"))


def nothing():
    return None


class Rule(AllIn):
    name = "my-rule"
    memory = ()


class Liar(ScaledValuation):
    name = "my-liar"
    memory = ()
"""
FIELDS = "--model parts_of_mine:build --model-option width=3 --task parts_of_mine:load --auction parts_of_mine:Rule"
STRATEGIES = "--strategy truthful=0.5 --strategy parts_of_mine:Liar=0.5"


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "parts_of_mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "parts_of_mine", raising=False)
    return tmp_path


def test_a_market_of_parts_of_ones_own_is_played_and_verified(mine: Path) -> None:
    small = "--owners 10 --bidders 5 --rounds 2 --partition shards --partition-option classes=1 --update adam"
    result = CliRunner().invoke(app, ["run", "market", *f"{FIELDS} {STRATEGIES} {small} --json".split()])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert [row["label"] for row in figures["classes"]] == ["minus", "plus"]
    config = json.loads((mine / "runs/market-seed0/config.json").read_text())
    assert config["repeatable"] is True
    assert config["model"] == {"name": "parts_of_mine:build", "dimension": 3 * 3 + 3 + 3 * 2 + 2}
    assert verify(mine / "runs/market-seed0", replay=True).disagreements == ()


def test_an_auction_of_ones_own_is_loaded_by_its_name() -> None:
    assert load_auction("parts_of_mine:Rule").name == "my-rule"
    with pytest.raises(ValueError, match="is no finished Auction"):
        load_auction("parts_of_mine:Liar")


def test_what_is_no_part_is_refused_before_anything_is_played() -> None:
    for fields, message in {
        "auction parts_of_mine:Liar": "is no finished Auction",
        "auction parts_of_mine:Rulle": "has no 'Rulle'; name one of its classes",
        "model parts_of_mine:built": "has no 'built'; name one of its functions",
        "task parts_of_mine:nothing": "returned a NoneType: return what stored_task makes",
    }.items():
        name, value = fields.split()
        result = CliRunner().invoke(app, ["run", "market", f"--{name}", value])
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())
    with pytest.raises(ValueError, match="is no finished Strategy"):
        MarketConfig(strategies={"parts_of_mine:Rule": 1.0})
