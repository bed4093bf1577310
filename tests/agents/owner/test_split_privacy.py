"""Two uploads of one owner tell her data sets apart as well as their privacy losses allow: together, not one by one."""

import math
from dataclasses import replace

import torch
from scipy import stats

from agents.messages import Announcement, Outcome
from agents.owner.bidders import Bidders
from agents.owner.identities import Identities
from agents.owner.population import OwnerPopulation
from agents.owner.settlement import Settlement
from agents.perturbation.caps import spherical_cap
from agents.tasks.base import stored_task
from agents.types import OwnerTypes
from agents.upload_terms import UploadTerms
from agents.valuation import ParametricValuation
from market_sim import FLMarket

PLAYERS = 20_000
LOSS = 1.0
CONFIDENCE = 1 - 1e-6


def stream(name, seed=0):
    return torch.Generator().manual_seed(seed + sum(name.encode()))


def uploads(label, seed):
    """One pair of uploads of each of many owners alike: both her records have this label.

    Returns the uploads ``[owner, name, p]``, the owners' population after the round, and who sent what.
    """
    features, labels = torch.ones(2 * PLAYERS, 1), torch.full((2 * PLAYERS,), label)
    task = stored_task("alike", 2, (features, labels), (features, labels))
    everybody = torch.ones(1, PLAYERS, dtype=torch.float64)
    types = OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(1, PLAYERS, dtype=torch.int64), factor=everybody),
        privacy_budget=2 * everybody,
        data_size=torch.full((1, PLAYERS), 2),
    )
    population = OwnerPopulation(
        types, {"truthful": 1.0}, task, UploadTerms("privunit", task.dimension, clip="direction"), stream=stream
    )
    identities = Identities.split(types, torch.ones(2, PLAYERS, dtype=torch.int64), stream("places"))
    announcement = Announcement(budget=1.0, parameters=torch.zeros(task.dimension).double(), round=0)
    single = Bidders.single(announcement, torch.arange(PLAYERS), types)
    bidders = replace(single, identities=identities)
    rows = torch.ones(1, 2 * PLAYERS, dtype=torch.float64)
    outcome = Outcome(privacy_loss=LOSS * rows, payment=rows, data_size=rows.long())
    upload = population.upload(bidders, outcome, lambda name: stream(name, seed))
    bids = bidders.row_types.truthful_bids()
    population.settle(Settlement(bidders, bids, outcome, torch.zeros(1, PLAYERS).double(), None))
    pairs = upload.gradient[identities.place[upload.bidder].argsort(stable=True)]
    return pairs.view(PLAYERS, 2, -1), population


def test_the_pair_of_uploads_costs_the_sum_which_is_what_is_booked():
    zero, population = uploads(0, seed=1)
    one, _ = uploads(1, seed=2)
    booked = population.accounts.spent
    assert booked.tolist() == [2 * LOSS] * PLAYERS
    # Label 0 pulls the scores of class 0 up: the direction is (-1, 1, -0.3, 0.3), whatever the noise.
    direction = torch.tensor([-1.0, 1.0, -0.3, 0.3], dtype=torch.float64)
    height = float(spherical_cap(torch.tensor([LOSS]).double().numpy(), 4).height[0])

    def both_in_the_cap(pairs):
        along = (pairs @ (direction / direction.norm())) / pairs.norm(dim=2)
        return int((along >= height).all(dim=1).sum())

    certain = stats.binomtest(both_in_the_cap(zero), PLAYERS).proportion_ci(CONFIDENCE).low
    at_most = stats.binomtest(both_in_the_cap(one), PLAYERS).proportion_ci(CONFIDENCE).high
    lower = math.log(certain / at_most)
    assert LOSS < lower <= 2 * LOSS
    assert lower > 0.8 * 2 * LOSS


def test_a_lifetime_allowance_holds_for_an_owner_of_several_names_and_all_she_sent_is_booked():
    market = FLMarket(
        auction="sequential-menu",
        owners=12,
        bidders=6,
        rounds=12,
        strategies={"identity-splitting": 1.0},
        lifetime_allowance=2.0,
        seed=1,
    )
    sent = torch.zeros(12, dtype=torch.float64)
    upload = market.population.upload

    def watched(bidders, outcome, stream, *, loss=None):
        made = upload(bidders, outcome, stream, loss=loss)
        sent.index_add_(0, bidders.row_owners[made.bidder], loss[made.bidder])
        return made

    market.population.upload = watched
    while market.running:
        market.step()
    assert torch.allclose(sent, market.population.accounts.spent, atol=1e-9, rtol=0)
    assert bool((sent <= 2.0).all())
    assert float(sent.max()) > 1.9
