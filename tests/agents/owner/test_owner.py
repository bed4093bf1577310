"""The owners' side of a round: who comes, what she sends, what is booked."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from agents.messages import Announcement, Outcome
from agents.owner.bidders import Bidders
from agents.owner.identities import Identities
from agents.owner.population import OwnerPopulation
from agents.owner.settlement import Settlement
from agents.prior import OwnerPrior
from agents.tasks.registry import load_task
from agents.upload_terms import UploadTerms

TASK = load_task("digits")
TYPES = OwnerPrior(records=TASK.train_size, owners=12).population(torch.Generator().manual_seed(0))
OWNERS = torch.tensor([3, 0, 11, 7])


def stream(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(sum(name.encode()))


def population(lifetime_allowance: float = math.inf, **fields: Any) -> OwnerPopulation:
    terms = UploadTerms(**{"perturbation": "privunit", "dimension": TASK.dimension, **fields})
    return OwnerPopulation(TYPES, {"truthful": 1.0}, TASK, terms, lifetime_allowance=lifetime_allowance, stream=stream)


def announcement() -> Announcement:
    return Announcement(budget=1.0, parameters=torch.zeros(TASK.dimension).double(), round=0)


def sale(loss: list[float], records: list[int] | None = None) -> Outcome:
    losses = torch.tensor([loss]).double()
    counts = TYPES.data_size[:, OWNERS] if records is None else torch.tensor([records])
    return Outcome(privacy_loss=losses, payment=2 * losses, data_size=torch.where(losses > 0, counts, 0))


def bidders(owners: torch.Tensor = OWNERS, parts: torch.Tensor | None = None) -> Bidders:
    """Some owners, all under one name each unless ``parts`` says otherwise."""
    types = TYPES.take(owners=owners)
    single = Bidders.single(announcement(), owners, types)
    return single if parts is None else replace(single, identities=Identities.split(types, parts, stream("x")))


def settlement(outcome: Outcome, utility: torch.Tensor, transfer: torch.Tensor) -> Settlement:
    here = bidders()
    return Settlement(here, here.types.truthful_bids(), outcome, utility, transfer)


def test_bidders_are_a_uniform_sample_in_random_order() -> None:
    owners, generator = population(), torch.Generator().manual_seed(1)
    nobody = torch.zeros(12, dtype=torch.bool)
    samples = [owners.bidders(3, nobody, generator).tolist() for _ in range(2000)]
    assert all(len(set(sample)) == 3 for sample in samples)
    for place in range(3):
        count = Counter(sample[place] for sample in samples)
        assert len(count) == 12
        assert all(100 < times < 240 for times in count.values())


def test_who_is_taken_or_gone_does_not_come_and_moves_nobody_else() -> None:
    owners = population(lifetime_allowance=1.0)
    all_of_them = owners.bidders(12, torch.zeros(12, dtype=torch.bool), stream("sampling")).tolist()
    taken = torch.zeros(12, dtype=torch.bool)
    taken[all_of_them[4]] = True
    owners.accounts = owners.accounts.charge(torch.tensor([all_of_them[0]]), torch.ones(1).double())
    left = owners.bidders(12, taken, stream("sampling")).tolist()
    assert left == [owner for owner in all_of_them if owner not in (all_of_them[0], all_of_them[4])]


def test_privacy_budgets_shrink_to_what_is_left_of_the_allowance() -> None:
    owners = population(lifetime_allowance=2.0)
    owners.accounts = owners.accounts.charge(OWNERS[:1], torch.tensor([1.75]).double())
    shown = owners.types_of(OWNERS)
    assert shown.privacy_budget[0, 0] == 0.25
    assert torch.equal(shown.privacy_budget[:, 1:], TYPES.privacy_budget[:, OWNERS[1:]])
    assert torch.equal(shown.data_size, TYPES.data_size[:, OWNERS])


def test_nobody_without_privacy_loss_or_records_sends_anything() -> None:
    upload = population().upload(bidders(), sale([1.0, 0.0, 2.0, 1.0], [3, 2, 1, 0]), stream)
    assert upload.bidder.tolist() == [0, 2]
    assert upload.gradient.shape == (2, TASK.dimension)
    nothing = population().upload(bidders(), Outcome.nothing(1, 4), stream)
    assert nothing.gradient.shape == (0, TASK.dimension)


def test_an_upload_depends_on_the_own_sale_alone() -> None:
    owners = population()
    together = owners.upload(bidders(), sale([1.0, 1.5, 0.5, 2.0]), stream)
    alone = owners.upload(bidders(), sale([0.0, 0.0, 0.5, 0.0]), stream)
    assert alone.bidder.tolist() == [2]
    assert torch.allclose(alone.gradient[0], together.gradient[2], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("perturbation", "order"), [("none", 2), ("laplace", 1)])
@pytest.mark.parametrize("clip", ["record", "owner"])
def test_gradients_are_clipped_in_the_norm_of_the_perturbation(perturbation: str, order: int, clip: str) -> None:
    owners = population(perturbation=perturbation, clip=clip, clip_norm=0.01)
    upload = owners.upload(bidders(), sale([1e9] * 4), stream)
    assert (upload.gradient.norm(p=order, dim=1) <= 0.01 * (1 + 1e-5)).all()
    assert (upload.gradient.norm(p=order, dim=1) > 0.001).all()


def test_exact_noise_is_drawn_for_the_sellers() -> None:
    pytest.importorskip("opendp")
    owners = population(perturbation="laplace", noise_source="opendp")
    upload = owners.upload(bidders(), sale([0.0, 1.0, 0.0, 0.0]), stream)
    assert upload.bidder.tolist() == [1]
    assert 1 < upload.gradient.std() < 5


def test_what_is_sold_is_booked_and_nothing_else() -> None:
    owners = population()
    outcome = sale([1.0, 0.0, 2.0, 0.5])
    utility = torch.tensor([[0.5, 0.0, -1.0, 0.25]]).double()
    for _ in range(2):
        owners.settle(settlement(outcome, utility, torch.tensor([[1.0, -1.0, 0.0, 0.0]]).double()))
    assert owners.accounts.spent[OWNERS].tolist() == [2.0, 0.0, 4.0, 1.0]
    assert owners.earned[OWNERS].tolist() == [4.0, 0.0, 8.0, 2.0]
    assert owners.utility[OWNERS].tolist() == [1.0, 0.0, -2.0, 0.5]
    assert owners.received[OWNERS].tolist() == [2.0, -2.0, 0.0, 0.0]
    assert owners.accounts.spent.sum() == 7.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"perturbation": "privunits"}, "did you mean 'privunit'"),
        ({"noise_source": "opendp"}, "not offered by perturbation 'privunit'"),
        ({"clip": "all"}, "clip = 'all' is not known"),
        ({"lifetime_allowance": 0.0}, r"allowance = 0\.0"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        population(**fields)


def test_identities_upload_disjoint_parts_and_move_nobody_elses_noise() -> None:
    owners, types = population(), TYPES.take(owners=OWNERS)
    size = types.data_size[0]
    several = bidders(parts=torch.stack([size - size // 2, size // 2 * torch.tensor([0, 0, 1, 0])]))
    split = several.identities
    assert split.place.tolist().count(2) == 2
    rows = len(split.place)
    sold = Outcome(
        privacy_loss=torch.ones(1, rows).double(), payment=torch.zeros(1, rows).double(), data_size=split.records[None]
    )
    upload = owners.upload(several, sold, stream)
    assert upload.bidder.tolist() == list(range(5))
    together = owners.upload(bidders(), sale([1.0] * 4), stream)
    for place in (0, 1, 3):
        mine = upload.gradient[split.first[place]]
        assert torch.allclose(mine, together.gradient[place], rtol=1e-5, atol=1e-5)


def test_without_noise_the_parts_of_an_owner_average_to_her_gradient() -> None:
    owners, types = population(perturbation="none"), TYPES.take(owners=OWNERS)
    size = types.data_size[0]
    several = bidders(parts=torch.stack([size - size // 3, size // 3 * torch.tensor([1, 0, 0, 0])]))
    split = several.identities
    rows = len(split.place)
    sold = Outcome(
        privacy_loss=torch.ones(1, rows).double(), payment=torch.zeros(1, rows).double(), data_size=split.records[None]
    )
    parts = owners.upload(several, sold, stream).gradient
    (whole,) = owners.upload(
        bidders(OWNERS[:1]),
        Outcome(*(part[:, :1] for part in (torch.ones(1, 4).double(), torch.zeros(1, 4).double(), types.data_size))),
        stream,
    ).gradient
    hers = (split.place == 0).nonzero()[:, 0]
    weight = split.records[hers].double() / split.records[hers].sum()
    assert torch.allclose((weight[:, None] * parts[hers]).sum(0), whole, atol=1e-6)


def test_records_that_no_owner_holds_stay_unused() -> None:
    few = TYPES.take(owners=OWNERS)
    held = int(few.data_size.sum())
    assert held < TASK.train_size
    owners = OwnerPopulation(few, {"truthful": 1.0}, TASK, UploadTerms("privunit", TASK.dimension), stream=stream)
    rows, _ = owners.partition.rows(torch.arange(4))
    assert len(rows) == held == len(set(rows.tolist()))
