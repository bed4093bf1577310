"""What crosses a wall is checked there."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload
from agents.valuation import ParametricValuation, TabulatedValuation

LINEAR = ParametricValuation(family=[[0, 0, 0]], factor=[[1.0, 2.0, 3.0]])


def bids(**fields) -> Bids:
    given = {"valuation": LINEAR, "privacy_budget": [[1.0, 2.0, 0.5]], "data_size": [[10, 20, 0]]}
    return Bids(**{**given, **fields})


def test_bids_know_who_is_present_and_what_they_ask():
    three = bids()
    assert three.shape == (1, 3)
    assert three.present.tolist() == [[True, True, False]]
    loss = torch.tensor([[1.0, 0.5, 1.0]], dtype=torch.float64)
    assert three.cost(loss, torch.tensor([[10, 4, 0]])).tolist() == [[20.0, 8.0, 0.0]]


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"privacy_budget": [[1.0, -2.0, 0.5]]}, ValueError, r"privacy_budget\[0, 1\] = -2\.0: .*0 or more"),
        ({"privacy_budget": [[1.0, math.nan, 0.5]]}, ValueError, r"privacy_budget\[0, 1\] = nan: .*finite"),
        ({"privacy_budget": [[1.0, math.inf, 0.5]]}, ValueError, r"privacy_budget\[0, 1\] = inf: .*finite"),
        ({"privacy_budget": [[1.0, 2.0]]}, ValueError, r"privacy_budget has shape \[1, 2\]; pass shape \[1, 3\]"),
        ({"privacy_budget": torch.ones(1, 3)}, TypeError, r"privacy_budget has dtype torch\.float32; pass float64"),
        ({"data_size": [[10.5, 20.0, 0.0]]}, ValueError, r"data_size\[0, 0\] = 10\.5: .*round them down"),
        ({"data_size": [[10.0, 20.0, 0.0]]}, TypeError, r"data_size has dtype torch\.float64; pass int64"),
        ({"data_size": [[10, -20, 0]]}, ValueError, r"data_size\[0, 1\] = -20: .*0 means absent"),
        ({"data_size": [[10, 2 * 10**12, 0]]}, ValueError, r"data_size\[0, 1\] = 2000000000000: at most 1e\+12"),
        ({"data_size": [[10, 20]]}, ValueError, r"data_size has shape \[1, 2\]; pass shape \[1, 3\]"),
        ({"valuation": [[1.0]]}, TypeError, r"valuation is a list; pass a ParametricValuation or a TabulatedVal"),
    ],
)
def test_a_bad_bid_is_refused(fields, kind, message):
    with pytest.raises(kind, match=message):
        bids(**fields)


def test_a_changed_bid_is_checked_again():
    assert bids().replace(data_size=[[1, 2, 3]]).data_size.tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="0 means absent"):
        bids().replace(data_size=[[1, 2, -3]])


def test_bids_are_frozen():
    with pytest.raises(AttributeError):
        bids().data_size = torch.zeros(1, 3)


def test_take_and_where_pick_whole_bids():
    three = bids()
    last = three.take(owners=torch.tensor([2, 1]))
    assert last.data_size.tolist() == [[0, 20]]
    assert last.valuation.factor.tolist() == [[3.0, 2.0]]
    other = bids(
        valuation=TabulatedValuation(levels=[1.0], cost=[[[7.0], [8.0], [9.0]]]),
        privacy_budget=[[0.1, 0.2, 0.3]],
        data_size=[[1, 2, 3]],
    )
    mixed = three.where(torch.tensor([[True, False, False]]), other)
    assert mixed.privacy_budget.tolist() == [[1.0, 0.2, 0.3]]
    assert mixed.data_size.tolist() == [[10, 2, 3]]
    assert mixed.valuation.at(torch.ones(1, 3, dtype=torch.float64)).tolist() == [[2.0, 8.0, 9.0]]


def test_an_outcome_knows_who_sells():
    outcome = Outcome(privacy_loss=torch.tensor([[1.0, 0.0]]).double(), payment=[[3.0, 0.0]], data_size=[[4, 0]])
    assert outcome.sells.tolist() == [[True, False]]
    assert Outcome.nothing(2, 3).sells.tolist() == [[False] * 3] * 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"payment": [[-1.0, 0.0]]}, r"payment\[0, 0\] = -1\.0"),
        ({"payment": [[1.0]]}, r"payment has shape \[1, 1\]; pass shape \[1, 2\]"),
        ({"data_size": [[-1, 0]]}, r"data_size\[0, 0\] = -1"),
        ({"privacy_loss": [[0.0, -1.0]]}, r"privacy_loss\[0, 1\] = -1\.0"),
        ({"privacy_loss": [0.0, 1.0]}, r"privacy_loss has shape \[2\]; pass shape \[any, any\]"),
    ],
)
def test_a_bad_outcome_is_refused(fields, message):
    good = {
        "privacy_loss": torch.zeros(1, 2).double(),
        "payment": torch.zeros(1, 2).double(),
        "data_size": torch.zeros(1, 2).long(),
    }
    with pytest.raises(ValueError, match=message):
        Outcome(**{**good, **fields})


def test_uploads_carry_one_gradient_per_seller():
    Upload(bidder=torch.tensor([0, 4]), gradient=torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"bidder has shape \[1\] and gradient \[2, 5\]; pass \[m\] and \[m, p\]"):
        Upload(bidder=torch.tensor([0]), gradient=torch.zeros(2, 5))


def test_an_aggregate_counts_its_sellers():
    Aggregate(gradient=torch.zeros(5), variance=math.inf, sellers=0)
    with pytest.raises(ValueError, match="sellers = -1"):
        Aggregate(gradient=torch.zeros(5), variance=1.0, sellers=-1)


def test_an_announcement_is_the_budget_the_model_and_the_round():
    said = Announcement(budget=10.0, parameters=torch.zeros(3), round=4)
    assert (said.budget, said.round, said.parameters.tolist()) == (10.0, 4, [0.0, 0.0, 0.0])


def test_an_outcome_may_be_written_as_lists():
    outcome = Outcome(privacy_loss=[[1.0, 0.0]], payment=[[3.0, 0.0]], data_size=[[4, 0]])
    assert outcome.privacy_loss.tolist() == [[1.0, 0.0]]


def test_a_bid_stays_as_it_was_checked():
    mine = np.array([[1.0, 2.0, 0.5]])
    three = bids(privacy_budget=mine)
    mine[0, 0] = -9.0
    assert three.privacy_budget.tolist() == [[1.0, 2.0, 0.5]]


@pytest.mark.parametrize(
    ("message", "fields", "kind", "words"),
    [
        (Announcement, {"budget": math.nan}, ValueError, "budget = nan: pass a number between 0 and infinity"),
        (Announcement, {"budget": "5"}, TypeError, "budget = '5' is not a number"),
        (Announcement, {"round": -1}, ValueError, "round = -1: pass a whole number"),
        (Announcement, {"parameters": [0.0]}, TypeError, r"parameters is a list; pass a float tensor \[p\]"),
        (Upload, {"gradient": [[0.0]]}, TypeError, r"gradient is a list; pass a float tensor \[m, p\]"),
        (Upload, {"gradient": torch.zeros(1, 2).long()}, TypeError, r"gradient has dtype torch\.int64; pass float32"),
        (Upload, {"gradient": torch.zeros(2)}, ValueError, r"gradient has shape \[2\]; pass shape \[m, p\]"),
        (Upload, {"bidder": [0]}, TypeError, r"bidder is list; pass an int64 tensor \[m\]"),
        (Upload, {"bidder": torch.zeros(1)}, TypeError, r"bidder is torch\.float32; pass an int64 tensor"),
        (Aggregate, {"variance": math.nan}, ValueError, "variance = nan: pass a number between 0 and infinity"),
        (Aggregate, {"variance": -1.0}, ValueError, r"variance = -1\.0: pass a number between 0"),
        (Aggregate, {"gradient": torch.zeros(1, 2)}, ValueError, r"gradient has shape \[1, 2\]; pass shape \[p\]"),
    ],
)
def test_what_makes_no_sense_crosses_no_wall(message, fields, kind, words):
    good = {
        Announcement: {"budget": 1.0, "parameters": torch.zeros(2), "round": 0},
        Upload: {"bidder": torch.tensor([0]), "gradient": torch.zeros(1, 2)},
        Aggregate: {"gradient": torch.zeros(2), "variance": 1.0, "sellers": 1},
    }[message]
    with pytest.raises(kind, match=words):
        message(**{**good, **fields})
