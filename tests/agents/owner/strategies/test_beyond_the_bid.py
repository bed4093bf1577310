"""Splitting oneself and adding noise: what is said stays the truth."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from agents.owner.strategies.extra_noise import ExtraNoise
from agents.owner.strategies.identity_splitting import IdentitySplitting


def test_records_are_shared_out_evenly_over_the_names(play: Any) -> None:
    game = play(IdentitySplitting, costs=(4.0, 4.0, 4.0), names=3)
    types = type(game.types)(game.types.valuation, game.types.privacy_budget, torch.tensor([[8, 2, 1]]))
    assert game.strategy.identities(game.view(), types).T.tolist() == [[3, 3, 2], [1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("kind", [IdentitySplitting, ExtraNoise])
def test_they_bid_the_truth(play: Any, kind: Any) -> None:
    game = play(kind)
    assert game.bid().valuation is game.types.valuation


def test_half_of_what_was_sold_is_used(play: Any) -> None:
    game = play(ExtraNoise)
    assert game.strategy.upload(game.view(), torch.tensor([2.0, 0.0]).double()).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [(ExtraNoise, "share", 0.0), (ExtraNoise, "share", 1.5), (IdentitySplitting, "names", 1)],
)
def test_options_that_make_no_sense_are_refused(kind: Any, option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} = "):
        kind(3, **{option: value})
