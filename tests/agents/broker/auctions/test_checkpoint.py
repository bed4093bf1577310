"""Checkpoints are refused when they are missing, damaged, without card, or another auction's."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from agents.broker.auctions.checkpoint import SHIPPED, ModelCard, load_checkpoint, save_checkpoint, sealed
from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior
from agents.units import PublicUnits

NAME = "sequential-menu"


@pytest.fixture
def copied(tmp_path):
    """The shipped checkpoint, somewhere else."""
    for suffix in ("safetensors", "json"):
        shutil.copy(SHIPPED / f"{NAME}.{suffix}", tmp_path)
    return tmp_path / f"{NAME}.safetensors"


def test_a_checkpoint_is_loaded_by_its_path(copied):
    types, budget = OwnerPrior().sample(4, 5, torch.Generator().manual_seed(0))
    by_path, by_name = (load_auction(which).run(types.truthful_bids(), budget) for which in (copied, NAME))
    assert torch.equal(by_path.payment, by_name.payment)


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "deep" / "x.safetensors"
    card = save_checkpoint(path, {"a": torch.arange(3)}, auction="x", units=PublicUnits(2.0, 3.0), recipe={"seed": 1})
    tensors, read = load_checkpoint(path, "x")
    assert read == card
    assert tensors["a"].tolist() == [0, 1, 2]
    assert sorted(file.name for file in path.parent.iterdir()) == ["x.json", "x.safetensors"]


def test_a_missing_checkpoint_says_how_to_make_it(tmp_path):
    with pytest.raises(ValueError, match=r"does not exist; make it with: market-sim train sequential-menu"):
        load_checkpoint(tmp_path / "no.safetensors", NAME)


def test_a_missing_card_is_named(copied):
    copied.with_suffix(".json").unlink()
    with pytest.raises(ValueError, match=r"has no card: sequential-menu\.json must lie beside it"):
        load_auction(copied)


def test_a_damaged_file_is_refused(copied):
    content = bytearray(copied.read_bytes())
    content[-1] ^= 1
    copied.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="damaged or not the card's"):
        load_auction(copied)


def test_a_damaged_card_is_refused(copied):
    copied.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="cannot be read"):
        load_auction(copied)


def test_another_auctions_checkpoint_is_refused(copied):
    card = copied.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "auction": "all-in"}))
    with pytest.raises(ValueError, match="is of auction 'all-in', not 'sequential-menu'"):
        load_checkpoint(copied, NAME)
    with pytest.raises(ValueError, match="'all-in' is not trained"):
        load_auction(copied)


def test_tensors_that_are_no_menu_network_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, {"a": torch.zeros(1)}, auction=NAME, units=PublicUnits(1.0, 1.0))
    with pytest.raises(ValueError, match="does not hold a menu network"):
        load_auction(path)


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, {"a": torch.zeros(1)}, auction=NAME, units=PublicUnits(1.0, 1.0))
    import hashlib

    path.write_bytes(b"no tensors")
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(b"no tensors").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_auction(path)


def test_the_shipped_card_tells_how_it_was_made():
    card = ModelCard.load(SHIPPED / f"{NAME}.safetensors")
    assert card.auction == NAME
    assert card.prior["records"] == OwnerPrior().records
    assert {"seed", "steps"} <= set(card.recipe)
    assert card.figures["invalid_rate"] <= 0.001
    assert card.units == OwnerPrior().units


def test_a_card_cannot_pass_a_checkpoint_off_as_another_auctions(tmp_path):
    for suffix in ("safetensors", "json"):
        shutil.copy(SHIPPED / f"{NAME}-verified.{suffix}", tmp_path)
    path = tmp_path / f"{NAME}-verified.safetensors"
    card = path.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "auction": NAME}))
    with pytest.raises(ValueError, match="its card says otherwise"):
        load_auction(path)


def test_a_card_with_other_units_is_refused(copied):
    card = copied.with_suffix(".json")
    content = json.loads(card.read_text())
    content["units"]["records"] = 5.0
    card.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="its card says otherwise"):
        load_auction(copied)


@pytest.mark.parametrize("spoil", ["nan", "levels"])
def test_numbers_that_make_no_prices_are_refused(tmp_path, spoil):
    tensors, card = load_checkpoint(SHIPPED / f"{NAME}.safetensors", NAME)
    if spoil == "nan":
        tensors["head.bias"][3] = torch.nan
    else:
        tensors["levels"] = tensors["levels"].flip(0)
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, tensors, auction=NAME, units=card.units)
    with pytest.raises(ValueError, match=r"not finite|positive and increasing"):
        load_auction(path)


@pytest.mark.parametrize("field", ["prior", "recipe", "figures", "versions"])
def test_a_card_that_was_edited_anywhere_is_refused(copied, field):
    card = copied.with_suffix(".json")
    content = json.loads(card.read_text())
    content[field]["edited"] = "yes"
    card.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"sequential-menu\.json is not as it was written"):
        load_checkpoint(copied, NAME)


def test_every_shipped_card_is_hashed_whole():
    for path in SHIPPED.glob("*.json"):
        content = json.loads(path.read_text())
        assert content == sealed(content), f"write {path.name} again with agents.broker.auctions.checkpoint.sealed"


def test_a_field_of_another_kind_is_named(copied):
    card = copied.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "recipe": 3}))
    with pytest.raises(ValueError, match=r"sequential-menu\.json cannot be read \(field 'recipe': Input should be"):
        load_checkpoint(copied, NAME)
