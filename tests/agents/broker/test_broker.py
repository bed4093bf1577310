"""The broker by hand: what it declares, how it weighs, what it adds up."""

from __future__ import annotations

import math

import pytest
import torch
from mesa import Model

from agents.broker.auctions.registry import load_auction
from agents.broker.broker import Broker
from agents.broker.error_bound import aggregate_error_bound, counted_share, worst_error_bound
from agents.messages import Announcement, Bids, Outcome, Upload
from agents.upload_terms import UploadTerms
from agents.valuation import ParametricValuation

TERMS = UploadTerms(perturbation="laplace", dimension=2)
BIDS = Bids(
    valuation=ParametricValuation(family=torch.zeros(1, 3, dtype=torch.int64), factor=torch.ones(1, 3).double()),
    privacy_budget=torch.ones(1, 3).double(),
    data_size=torch.tensor([[30, 30, 40]]),
)
SOLD = Outcome(
    privacy_loss=torch.tensor([[2.0, 1.0, 0.0]]).double(),
    payment=torch.tensor([[4.0, 2.0, 0.0]]).double(),
    data_size=torch.tensor([[30, 15, 0]]),
)
VARIANCE = torch.tensor([[2.0, 8.0, math.inf]]).double()


def broker(aggregation: str = "optimal", auction: str = "all-in", terms: UploadTerms = TERMS) -> Broker:
    return Broker(Model(rng=0), load_auction(auction), aggregation, terms)


def bound(
    weights: torch.Tensor,
    terms: UploadTerms = TERMS,
    variance: torch.Tensor = VARIANCE,
    sold: Outcome = SOLD,
    bids: Bids = BIDS,
) -> float:
    return float(aggregate_error_bound(terms, weights, variance, sold, bids.data_size))


def test_noise_is_declared_by_the_privacy_loss_sold() -> None:
    assert TERMS.variance(SOLD.privacy_loss).tolist() == VARIANCE.tolist()


@pytest.mark.parametrize(
    ("clip", "share"), [("record", [0.3, 0.15, 0.0]), ("owner", [0.3, torch.finfo(torch.float64).tiny, 0.0])]
)
def test_shares_are_what_the_bound_may_be_certain_of(clip: str, share: list[float]) -> None:
    terms = UploadTerms(perturbation="laplace", dimension=2, clip=clip)
    assert counted_share(terms, SOLD, BIDS.data_size)[0].tolist() == pytest.approx(share, abs=0)


@pytest.mark.parametrize(
    ("aggregation", "weights"), [("conventional", [30 / 45, 15 / 45, 0]), ("variance", [8 / 10, 2 / 10, 0])]
)
@pytest.mark.parametrize("clip", ["record", "owner"])
def test_plain_weights_do_not_depend_on_what_is_certain(aggregation: str, weights: list[float], clip: str) -> None:
    terms = UploadTerms(perturbation="laplace", dimension=2, clip=clip)
    assert broker(aggregation, terms=terms).weigh(BIDS, SOLD, VARIANCE)[0].tolist() == pytest.approx(weights)


def test_optimal_weights_beat_the_others() -> None:
    # Few records with little noise and many with much: neither counting records nor noise alone is best.
    bids = BIDS.replace(data_size=torch.tensor([[15, 60, 25]]))
    sold = Outcome(privacy_loss=SOLD.privacy_loss, payment=SOLD.payment, data_size=torch.tensor([[15, 60, 0]]))
    bounds = {
        name: float(
            aggregate_error_bound(TERMS, broker(name).weigh(bids, sold, VARIANCE), VARIANCE, sold, bids.data_size)
        )
        for name in ("optimal", "conventional", "variance")
    }
    assert bounds["optimal"] < min(bounds["conventional"], bounds["variance"])


def test_the_full_bound_counts_every_coordinate() -> None:
    weights = torch.tensor([[0.5, 0.5, 0.0]]).double()
    noise, bias = 0.25 * 2 + 0.25 * 8, 0.55 + 0.2 + 0.35
    full = UploadTerms(perturbation="laplace", dimension=2, error_bound="full")
    assert bound(weights) == pytest.approx(noise + bias**2)
    assert bound(weights, full) == pytest.approx(2 * noise + bias**2)
    assert (worst_error_bound(TERMS, 1.0), worst_error_bound(full, 1.0)) == (12.0, 20.0)


def test_uploads_are_added_up_by_weight_and_the_noise_of_the_sum_is_declared() -> None:
    upload = Upload(bidder=torch.tensor([0, 1]), gradient=torch.tensor([[1.0, 2.0], [10.0, 20.0]]))
    weights = torch.tensor([[0.75, 0.25, 0.0]]).double()
    aggregate = broker().aggregate(weights, VARIANCE, upload)
    assert aggregate.gradient.tolist() == [3.25, 6.5]
    assert aggregate.variance == 0.75**2 * 2 + 0.25**2 * 8
    assert aggregate.sellers == 2


def test_nobodys_uploads_make_an_invalid_aggregate() -> None:
    nothing = Upload(bidder=torch.zeros(0, dtype=torch.int64), gradient=torch.zeros(0, 2))
    weights = broker().weigh(BIDS, Outcome.nothing(1, 3), TERMS.variance(torch.zeros(1, 3).double()))
    aggregate = broker().aggregate(weights, VARIANCE, nothing)
    assert (aggregate.gradient.tolist(), aggregate.variance, aggregate.sellers) == ([0.0, 0.0], math.inf, 0)


@pytest.mark.parametrize("auction", ["sequential-menu", "leaky-menu", "all-in"])
def test_trade_is_what_the_rule_says(auction: str) -> None:
    announcement = Announcement(budget=100.0, parameters=torch.zeros(2).double(), round=0)
    outcome = broker(auction=auction).trade(announcement, BIDS, torch.Generator())
    rerun = load_auction(auction).run(BIDS, torch.tensor([100.0]).double())
    for field in ("privacy_loss", "payment", "data_size"):
        assert torch.equal(getattr(outcome, field), getattr(rerun, field))


@pytest.mark.parametrize("clip_norm", [0.1, 3.0])
def test_the_clipping_norm_scales_bias_and_noise_alike(clip_norm: float) -> None:
    # With gradients of norm L everything squared scales by L^2, and what is best stays best.
    terms = UploadTerms(perturbation="laplace", dimension=2, clip_norm=clip_norm)
    variance = terms.variance(SOLD.privacy_loss)
    assert variance[0, :2].tolist() == pytest.approx([clip_norm**2 * 2, clip_norm**2 * 8])
    weights = broker(terms=terms).weigh(BIDS, SOLD, variance)
    assert weights[0].tolist() == pytest.approx(broker().weigh(BIDS, SOLD, VARIANCE)[0].tolist())
    here, there = bound(weights, terms, variance), bound(weights)
    assert here == pytest.approx(clip_norm**2 * there)
    assert worst_error_bound(terms, 1.0) == pytest.approx(clip_norm**2 * 12)


def test_an_unknown_aggregation_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'optimal'"):
        broker("optimum")
