"""Misreports as bids, in every field, structured and random: what check, audit and training try.

Owners can only understate privacy budget and data size: more than she has, nobody could deliver. The misreports that
``draw_misreports`` makes for one batch have the same form (a valuation of the truth's own kind or a table on common
levels), so that they can be mixed owner by owner without nesting.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from agents.checks import generator_of, whole
from agents.messages import BID_FIELDS, Bids
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, Valuation

LEVELS = 16
"""Levels of a misreported table."""
SCALES: tuple[float, ...] = (0.0, 1e-3, 0.5, 0.9, 1 - 2.0**-48, 1.0, 1 + 2.0**-48, 1.1, 2.0, 100.0)
FRACTIONS: tuple[float, ...] = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


def draw_misreports(
    truth: Bids, count: int, generator: torch.Generator, *, fields: Collection[str] = BID_FIELDS
) -> Iterator[Bids]:
    """Yield ``count`` times a misreport of every owner at once, each meant to be told alone.

    Valuations are scaled (by anything from zero to a hundred, and by a hair), swapped for another family, copied from
    another bidder or replaced by an arbitrary nondecreasing table, smooth or with one step; privacy budgets and data
    sizes are understated by fractions, to absolute values, by a hair or one record, and to nothing, which is staying
    away. Every nonempty combination of ``fields`` takes its turn.

    Parameters
    ----------
    truth : Bids [B, n]
        What the owners would truthfully say.
    count : int
    generator : torch.Generator
    fields : collection of str, optional
        Fields misreported.
    """
    whole("count", count)
    generator_of("generator", generator)
    combinations = field_subsets(fields)
    for index in range(count):
        yield draw_misreport(truth, combinations[index % len(combinations)], generator)


def field_subsets(fields: Collection[str]) -> list[frozenset[str]]:
    """Every nonempty combination of ``fields``, single ones first."""
    chosen = sorted(fields)
    if not chosen or not BID_FIELDS.issuperset(chosen):
        raise ValueError(f"fields = {chosen}: pass at least one out of {sorted(BID_FIELDS)}")
    return [frozenset(some) for size in range(1, len(chosen) + 1) for some in itertools.combinations(chosen, size)]


def draw_misreport(truth: Bids, fields: Collection[str], generator: torch.Generator) -> Bids:
    """One misreport of every owner, in every one of ``fields`` at once; see ``draw_misreports``."""
    return Bids(
        valuation=_valuation(truth, generator) if "valuation" in fields else as_misreports(truth).valuation,
        privacy_budget=_privacy_budget(truth.privacy_budget, generator)
        if "privacy_budget" in fields
        else truth.privacy_budget,
        data_size=_data_size(truth.data_size, generator) if "data_size" in fields else truth.data_size,
    )


def draw_unilateral_misreports(types: OwnerTypes, deviator: Tensor, generator: torch.Generator) -> Bids:
    """Truthful bids but for one deviator per market, of the kinds of misreport that pay in practice.

    Costs are scaled by up to a factor of 1.8 either way or swapped for those of another family, equal at her privacy
    budget; privacy budget and size are understated a little or by any amount. Half of them misreport the size alone.
    Cheaper to draw and closer to the truth than ``draw_misreports``: for the inner search of training.

    Parameters
    ----------
    types : OwnerTypes [B, n]
        With parametric valuations.
    deviator : int64[B]
        Owner of each market who misreports.
    generator : torch.Generator
    """
    valuation = types.valuation
    if not isinstance(valuation, ParametricValuation):
        raise TypeError(f"types.valuation is a {type(valuation).__name__}: pass types with parametric valuations")
    rows = torch.arange(len(deviator))
    # All below is [B]: one number per deviator.
    own_cap, own_size = types.privacy_budget[rows, deviator], types.data_size[rows, deviator]

    def draw() -> Tensor:
        return torch.rand(len(deviator), generator=generator, dtype=torch.float64)

    def understated(minimum: Tensor) -> Tensor:
        """A share of the truth: a little less, or anything down to ``minimum``, log-uniformly."""
        return torch.where(draw() < 0.6, (draw() * minimum.log()).exp(), 1 - 0.25 * draw())

    only_size = draw() < 0.5
    scale = torch.where(~only_size & (draw() < 0.5), (0.6 * (2 * draw() - 1)).exp(), 1.0)
    cap_share = torch.where(~only_size & (draw() < 0.5), understated(torch.full_like(own_cap, 0.1)), 1.0)
    size_share = understated(1 / own_size.double().clamp(min=1))
    size_share = torch.where(only_size | (draw() < 0.5), size_share, 1.0)
    other = torch.randint(len(FAMILIES), (len(deviator),), generator=generator)
    unit = ParametricValuation(family=other[:, None], factor=torch.ones(len(deviator), 1, dtype=torch.float64))
    swapped = ~only_size & (draw() < 0.3)
    same_cost = valuation.at(types.privacy_budget)[rows, deviator] / unit.at(own_cap[:, None])[:, 0]
    family, factor = valuation.family.clone(), valuation.factor.clone()
    factor[rows, deviator] = torch.where(swapped, same_cost, factor[rows, deviator]) * scale
    family[rows, deviator] = torch.where(swapped, other, family[rows, deviator])
    cap, size = types.privacy_budget.clone(), types.data_size.clone()
    cap[rows, deviator] = own_cap * cap_share
    size[rows, deviator] = (own_size.double() * size_share).floor().long()
    return Bids(valuation=ParametricValuation(family=family, factor=factor), privacy_budget=cap, data_size=size)


def nearby_misreports(
    truth: Bids,
    misreports: Bids,
    generator: torch.Generator,
    *,
    fields: Collection[str] = BID_FIELDS,
    width: float = 0.1,
) -> Bids:
    """Misreports a factor of about ``1 + width`` from given ones, in ``fields``, within what the owners have."""
    shape = truth.shape
    factor = [(width * torch.randn(shape, generator=generator, dtype=torch.float64)).exp() for _ in range(3)]
    moved = [torch.rand(shape, generator=generator) < 2 / 3 for _ in range(3)]
    factor = [torch.where(move, by, 1.0) for move, by in zip(moved, factor, strict=True)]
    size = (misreports.data_size.double() * factor[2]).round().long()
    return Bids(
        valuation=misreports.valuation.scaled(factor[0]) if "valuation" in fields else misreports.valuation,
        privacy_budget=torch.minimum(misreports.privacy_budget * factor[1], truth.privacy_budget)
        if "privacy_budget" in fields
        else truth.privacy_budget,
        data_size=torch.minimum(size, truth.data_size) if "data_size" in fields else truth.data_size,
    )


def as_misreports(truth: Bids) -> Bids:
    """The truth itself, in the form that all misreports of it have."""
    levels = _levels(truth)
    valuation = MixedValuation(
        mask=torch.ones(truth.shape, dtype=torch.bool),
        first=truth.valuation,
        second=TabulatedValuation(levels=levels, cost=torch.zeros(*truth.shape, len(levels), dtype=torch.float64)),
    )
    return truth.replace(valuation=valuation)


def _levels(truth: Bids) -> Tensor:
    maximum = float(truth.privacy_budget.max()) if truth.privacy_budget.numel() else 0.0
    return torch.arange(1, LEVELS + 1, dtype=torch.float64) / LEVELS * (maximum if maximum > 1e-100 else 1.0)


def _valuation(truth: Bids, generator: torch.Generator) -> MixedValuation:
    kind = torch.rand(truth.shape, generator=generator)
    own = truth.valuation.scaled(_scale(truth.shape, generator))
    if isinstance(truth.valuation, ParametricValuation):
        own = own.where(kind > 0.25, _other_family(truth, generator))
    shift = int(torch.randint(truth.shape[1] or 1, (1,), generator=generator))
    neighbour = (torch.arange(truth.shape[1]) + shift) % max(1, truth.shape[1])
    own = own.where(kind > 0.1, truth.valuation.take(slice(None), neighbour))
    return MixedValuation(mask=kind < 0.7, first=own, second=_table(truth, generator))


def _scale(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Factors: nothing, hardly anything, a hair off, or log-uniform over four orders of magnitude."""
    lattice = torch.tensor(SCALES, dtype=torch.float64)
    exact = lattice[torch.randint(len(lattice), shape, generator=generator)]
    free = 10 ** (4 * torch.rand(shape, generator=generator, dtype=torch.float64) - 2)
    near = 10 ** (torch.rand(shape, generator=generator, dtype=torch.float64) - 0.5)
    which = torch.rand(shape, generator=generator)
    return torch.where(which < 1 / 3, exact, torch.where(which < 2 / 3, near, free))


def _reference(truth: Bids) -> Tensor:
    """Money per record ``[B, n]`` at the own privacy budget, or the most that a table names if that is infinite."""
    own = truth.valuation.at(truth.privacy_budget)
    table = truth.valuation.tabulate(_levels(truth))
    maximum = torch.where(torch.isfinite(table), table, 0.0).amax(dim=-1)
    return torch.where(torch.isfinite(own), own, maximum)


def _other_family(truth: Bids, generator: torch.Generator) -> Valuation:
    """Any family, with the same cost at the own privacy budget times a factor."""
    family = torch.randint(len(FAMILIES), truth.shape, generator=generator)
    unit = ParametricValuation(family=family, factor=torch.ones(truth.shape, dtype=torch.float64))
    whole_cost = unit.at(truth.privacy_budget)
    factor = torch.where(whole_cost > 1e-100, _reference(truth) / whole_cost, 1.0)
    return unit.scaled(factor.clamp(max=1e100)).scaled(_scale(truth.shape, generator))


def _table(truth: Bids, generator: torch.Generator) -> TabulatedValuation:
    """Arbitrary nondecreasing tables: rises of very different heights, and in one of three a prohibitive step."""
    shape = (*truth.shape, LEVELS)  # [batch, owner, level]
    rises = (2 * torch.randn(shape, generator=generator, dtype=torch.float64)).exp()
    rises = torch.where(torch.rand(shape, generator=generator) < 0.2, 0.0, rises)
    cost = rises.cumsum(dim=-1) / rises.sum(dim=-1, keepdim=True).clamp(min=1e-100)
    cost = cost * (2 * _reference(truth) * _scale(truth.shape, generator))[..., None]
    step = torch.randint(3 * LEVELS, (*truth.shape, 1), generator=generator)
    prohibitive = torch.where(torch.arange(LEVELS) >= step, 1000 * cost[..., -1:], 0.0)
    cost = (cost + torch.where(step > 0, prohibitive, 0.0)).clamp(max=1e200)
    return TabulatedValuation(levels=_levels(truth), cost=cost)


def _privacy_budget(true: Tensor, generator: torch.Generator) -> Tensor:
    lattice = torch.tensor(FRACTIONS, dtype=torch.float64)
    exact = true * lattice[torch.randint(len(lattice), true.shape, generator=generator)]
    draw = torch.rand(true.shape, generator=generator, dtype=torch.float64)
    absolute = torch.minimum(true, (8 * draw * true).floor() / 8)
    hair = torch.nextafter(true, torch.zeros_like(true))
    which = torch.rand(true.shape, generator=generator)
    return torch.where(
        which < 0.4, exact, torch.where(which < 0.6, absolute, torch.where(which < 0.95, true * draw, hair))
    )


def _data_size(true: Tensor, generator: torch.Generator) -> Tensor:
    lattice = torch.tensor(FRACTIONS, dtype=torch.float64)
    exact = true * lattice[torch.randint(len(lattice), true.shape, generator=generator)]
    draw = torch.rand(true.shape, generator=generator, dtype=torch.float64)
    few = torch.minimum(true, (1 + 4 * draw).long())
    which = torch.rand(true.shape, generator=generator)
    fraction = torch.where(which < 0.4, exact, true * draw).floor().long()
    return torch.where(which < 0.7, fraction, torch.where(which < 0.85, few, (true - 1).clamp(min=0)))
