from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.messages import BID_FIELDS, Bids
from agents.misreports.generators import as_misreports, draw_misreports, nearby_misreports
from agents.prior import OwnerPrior
from agents.valuation import TabulatedValuation

GRID = torch.linspace(0.05, 2.0, 40, dtype=torch.float64)


@pytest.fixture
def truth(generator: torch.Generator) -> Bids:
    return OwnerPrior().sample(20, 6, generator)[0].truthful_bids()


def changed(truth: Bids, misreports: Bids) -> dict[str, Tensor]:
    cost, said = truth.valuation.tabulate(GRID), misreports.valuation.tabulate(GRID)
    return {
        "valuation": (cost != said).any(dim=-1),
        "privacy_budget": misreports.privacy_budget != truth.privacy_budget,
        "data_size": misreports.data_size != truth.data_size,
    }


def test_nobody_claims_more_than_she_has(truth: Bids, generator: torch.Generator) -> None:
    for misreports in draw_misreports(truth, 50, generator):
        assert bool((misreports.privacy_budget <= truth.privacy_budget).all())
        assert bool((misreports.data_size <= truth.data_size).all())
        assert bool((nearby_misreports(truth, misreports, generator).privacy_budget <= truth.privacy_budget).all())
        assert bool((nearby_misreports(truth, misreports, generator).data_size <= truth.data_size).all())


def test_every_lie_is_a_valuation_that_never_falls(truth: Bids, generator: torch.Generator) -> None:
    for misreports in draw_misreports(truth, 50, generator, fields={"valuation"}):
        said = misreports.valuation.tabulate(GRID)
        assert bool((said >= 0).all())
        assert bool((said[..., 1:] >= said[..., :-1]).all())


@pytest.mark.parametrize("field", sorted(BID_FIELDS))
def test_only_the_fields_asked_for_are_lied_about(field: str, truth: Bids, generator: torch.Generator) -> None:
    for misreports in [
        *draw_misreports(truth, 10, generator, fields={field}),
        nearby_misreports(truth, as_misreports(truth), generator, fields={field}),
    ]:
        lied = changed(truth, misreports)
        assert bool(lied.pop(field).any())
        assert not any(bool(other.any()) for other in lied.values())


def test_every_combination_of_fields_takes_its_turn(truth: Bids, generator: torch.Generator) -> None:
    seen = set()
    for misreports in draw_misreports(truth, 7, generator):
        seen.add(frozenset(field for field, lied in changed(truth, misreports).items() if bool(lied.any())))
    assert len(seen) == 7


def test_among_many_lies_are_all_kinds(truth: Bids, generator: torch.Generator) -> None:
    cap = truth.privacy_budget
    own = truth.valuation.at(cap)
    ratio, away, hairs, one_less, shapes = [], 0, 0, 0, 0
    for misreports in draw_misreports(truth, 140, generator):
        said = misreports.valuation.at(cap)
        ratio.append(said / own)
        away += int((misreports.data_size == 0).sum())
        hairs += int(((said != own) & ((said / own - 1).abs() < 1e-12)).sum())
        one_less += int((misreports.data_size == truth.data_size - 1).sum())
        half = misreports.valuation.at(cap / 2) / said
        shapes += int((half < 0.01).sum())  # almost free up to half of her privacy budget, dear at all of it
    everywhere = torch.stack(ratio)
    assert float(everywhere.min()) == 0
    assert float(everywhere.max()) > 50
    assert min(away, hairs, one_less, shapes) > 50


def test_the_same_generator_tells_the_same_lies(truth: Bids) -> None:
    one, two = (list(draw_misreports(truth, 5, torch.Generator().manual_seed(9))) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert torch.equal(first.valuation.tabulate(GRID), second.valuation.tabulate(GRID))
        assert torch.equal(first.privacy_budget, second.privacy_budget)
        assert torch.equal(first.data_size, second.data_size)


def test_the_truth_in_the_form_of_a_lie_is_still_the_truth(truth: Bids) -> None:
    assert not any(bool(lied.any()) for lied in changed(truth, as_misreports(truth)).values())


def test_lies_mix_again_and_again_without_growing(truth: Bids, generator: torch.Generator) -> None:
    best = as_misreports(truth)
    for misreports in draw_misreports(truth, 5, generator):
        best = misreports.where(torch.rand(truth.shape, generator=generator) < 0.5, best)
    assert isinstance(best.valuation.second, TabulatedValuation)  # type: ignore[attr-defined]
    assert type(best.valuation.first) is type(truth.valuation)  # type: ignore[attr-defined]


def test_tables_that_end_below_the_privacy_budget_can_be_lied_about(generator: torch.Generator) -> None:
    truth = Bids(
        valuation=TabulatedValuation(levels=GRID[:2], cost=torch.ones(1, 3, 2, dtype=torch.float64)),
        privacy_budget=torch.tensor([[0.0, 0.1, 1.0]], dtype=torch.float64),
        data_size=torch.tensor([[5, 0, 1]]),
    )
    for misreports in draw_misreports(truth, 20, generator):
        assert bool(torch.isfinite(misreports.valuation.at(torch.zeros(1, 3, dtype=torch.float64))).all())


@pytest.mark.parametrize("fields", [set(), {"price"}])
def test_unknown_fields_are_refused(fields: set[str], truth: Bids, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="pass at least one out of"):
        next(draw_misreports(truth, 1, generator, fields=fields))


def test_there_is_no_global_generator(truth: Bids) -> None:
    with pytest.raises(TypeError, match=r"pass a torch\.Generator"):
        next(draw_misreports(truth, 1, None))  # type: ignore[arg-type]
