"""Training lowers the error bound, charges what lying pays, plays the deployed auction, and repeats itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from agents.broker.auctions.equivariant_menu import EquivariantMenu
from agents.broker.auctions.registry import load_auction
from agents.broker.training.equivariant_menu import EquivariantTraining
from agents.broker.training.equivariant_recipe import EquivariantRecipe, new_network
from agents.broker.training.registry import trainer
from agents.broker.training.softened_equivariant import ReportedMarket, softened_equivariant
from agents.broker.training.truthful_figures import true_error_bound
from agents.misreports.generators import draw_unilateral_misreports
from agents.prior import OwnerPrior

PRIOR = OwnerPrior()
SMALL = EquivariantRecipe(
    steps=40,
    batch=64,
    owners=8,
    other_owners=(7, 10),
    misreports=1,
    levels=10,
    tiers=1,
    summary=8,
    width=16,
    averaging=0.8,
)


def trained(recipe: EquivariantRecipe) -> EquivariantTraining:
    training = EquivariantTraining(PRIOR, recipe)
    for _ in range(recipe.steps):
        training.step()
    return training


def test_training_lowers_the_error_bound():
    types, budget = PRIOR.sample(400, 8, torch.Generator().manual_seed(0))

    def mean_log_bound(network):
        outcome = EquivariantMenu(PRIOR.units, network=network).run(types.truthful_bids(), budget)
        bound = true_error_bound(types, outcome)
        return float(bound[bound.isfinite()].log().mean())

    assert mean_log_bound(trained(SMALL).network) < mean_log_bound(new_network(PRIOR, SMALL)) - 0.05


def test_training_plays_the_auction_that_is_deployed():
    auction = load_auction("equivariant-menu", prior=PRIOR)
    types, budget = PRIOR.sample(300, 10, torch.Generator().manual_seed(5))
    outcome = auction.run(types.truthful_bids(), budget)
    reported = ReportedMarket.of(types.truthful_bids(), budget, auction.network.levels, PRIOR.units)
    with torch.no_grad():
        _, played = softened_equivariant(auction.network, reported, PRIOR.units, 1e-3)
    same = (outcome.privacy_loss**2 / 8 - played.purchases.precision).abs() < 1e-5
    # Money and sums are rounded in one and not in the other, which decides a rare near-tie otherwise.
    assert float(same.double().mean()) > 0.97
    assert float(played.purchases.payment.sum()) * PRIOR.units.money == pytest.approx(
        float(outcome.payment.sum()), rel=1e-2
    )


def test_regret_is_charged_until_it_meets_its_target():
    """The price of regret rises where the target is out of reach and falls where any regret would do."""
    prices = []
    for target in (1e-9, 1e3):
        training = EquivariantTraining(PRIOR, dataclasses.replace(SMALL, regret_target=target))
        state = training.state_dict()
        generator = torch.Generator().manual_seed(2)
        for head in ("tentative.head.weight", "final.head.weight"):  # lists that depend on what everybody says
            state["learner"][head].uniform_(-1, 1, generator=generator)
        training.load_state_dict(state)
        for _ in range(3):
            training.step()
        prices.append(training.state_dict()["multiplier"])
    assert prices[0] > SMALL.multiplier > prices[1]


def test_two_trainings_with_one_seed_are_one_even_if_interrupted():
    short = dataclasses.replace(SMALL, steps=4)
    one = trained(short)
    half = EquivariantTraining(PRIOR, short)
    half.step()
    half.step()
    resumed = EquivariantTraining(PRIOR, short)
    resumed.load_state_dict(half.state_dict())
    resumed.step()
    resumed.step()
    other = trained(dataclasses.replace(short, seed=4))
    weights = [training.network.state_dict() for training in (one, resumed, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["final.head.weight"], weights[2]["final.head.weight"])


def test_a_checkpoint_with_its_card(tmp_path):
    path = tmp_path / "mine.safetensors"
    steps = []
    short = dataclasses.replace(SMALL, steps=2)
    card = trainer("equivariant-menu").make_checkpoint(path, PRIOR, short, watch=steps.append, measured=(20, 4, 8))
    assert [step.number for step in steps] == [0, 1]
    assert card.recipe["regret_target"] == short.regret_target
    assert {"found_regret", "gain_over_payments", "ir_violation_rate"} <= card.figures.keys()
    assert load_auction(path).card == card
    assert trainer("equivariant-menu").training is EquivariantTraining


def test_a_gradient_that_is_not_finite_stops_training_and_names_the_step():
    training = EquivariantTraining(PRIOR, SMALL)
    training.step()
    state = training.state_dict()
    state["learner"] = {
        **state["learner"],
        "final.head.bias": torch.full_like(state["learner"]["final.head.bias"], torch.nan),
    }
    training.load_state_dict(state)
    with pytest.raises(FloatingPointError, match="training step 1"):
        training.step()


def test_liars_lie_alone_and_offer_no_more_than_they_have():
    generator = torch.Generator().manual_seed(1)
    types, _ = PRIOR.sample(200, 4, generator)
    deviator = torch.randint(4, (200,), generator=generator)
    bids = draw_unilateral_misreports(types, deviator, generator)
    others = torch.arange(4) != deviator[:, None]
    assert torch.equal(bids.data_size[others], types.data_size[others])
    assert torch.equal(bids.privacy_budget[others], types.privacy_budget[others])
    assert torch.equal(bids.valuation.factor[others], types.valuation.factor[others])
    assert bool((bids.data_size <= types.data_size).all())
    assert bool((bids.privacy_budget <= types.privacy_budget).all())
    mine = ~others
    for told, true in ((bids.data_size, types.data_size), (bids.valuation.factor, types.valuation.factor)):
        assert 0.2 < float((told[mine] != true[mine]).double().mean()) < 0.9


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"regret_target": 0.0}, "regret_target"),
        ({"other_owners": (3, 2)}, "other_owners"),
        ({"temperature": (0.1, 0.0)}, "temperature"),
        ({"regret_factor": 0.5}, "regret_factor"),
    ],
)
def test_impossible_recipes_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        EquivariantRecipe(**fields)
