"""A prior that is a population: the bidders of every market are drawn from given owners, e.g. those of a file."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from agents.checks import generator_of, whole
from agents.owners_file import read_owners
from agents.prior import UNIT_PRIVACY_RANGE, OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation

GRID = 31
"""Privacy losses within ``UNIT_PRIVACY_RANGE`` at which curves are averaged."""


@dataclass(frozen=True)
class PopulationPrior(OwnerPrior):
    """Owners of one's own as the distribution that bidders come from.

    Records, number of owners and the range of privacy budgets are those of the population; what else ``OwnerPrior``
    has describes how budgets are drawn. Family, factor and sizes are not drawn.

    Parameters
    ----------
    types : OwnerTypes [1, N]
        The owners.
    """

    types: OwnerTypes = field(kw_only=True, repr=False, compare=False)

    @classmethod
    def of(
        cls, types: OwnerTypes, *, budget_factor: tuple[float, float] = (0.1, 2.0), budgets: str = "tied"
    ) -> PopulationPrior:
        """Return the prior of these owners ``[1, N]``."""
        return cls(
            records=int(types.data_size.sum()),
            owners=types.shape[1],
            floor=1,
            privacy_budget=(float(types.privacy_budget.min()), float(types.privacy_budget.max())),
            budget_factor=budget_factor,
            budgets=budgets,
            types=types,
        )

    @classmethod
    def read(
        cls, path: str | Path, *, budget_factor: tuple[float, float] = (0.1, 2.0), budgets: str = "tied"
    ) -> PopulationPrior:
        """Return the prior of the owners of a CSV file (``agents.owners_file``).

        Raises
        ------
        FileNotFoundError, ValueError
            Naming the line and the column, what stands there, and what should.
        """
        return cls.of(read_owners(path), budget_factor=budget_factor, budgets=budgets)

    def described(self, name: str) -> str:
        """Return the name of a distribution; data sizes are those of the given owners."""
        return "given" if name == "sizes" else super().described(name)

    def sample(self, batch: int, owners: int, generator: torch.Generator) -> tuple[OwnerTypes, Tensor]:
        """Draw ``batch`` profiles of ``owners`` bidders, nobody twice while there are enough, and budgets."""
        whole("batch", batch, minimum=1)
        whole("owners", owners, minimum=1)
        copies = -(-owners // self.owners)
        key = torch.rand(
            batch, copies * self.owners, generator=generator_of("generator", generator), dtype=torch.float64
        )
        types = self._take(key.argsort(dim=-1, stable=True)[:, :owners] % self.owners)
        return types, self.budget(types, generator)

    def as_known(self, generator: torch.Generator) -> PopulationPrior:
        """What everybody may know: that there are such owners, in an order that does not tell who is who."""
        order = torch.randperm(self.owners, generator=generator_of("generator", generator))
        return replace(self, types=self._take(order[None]))

    def _take(self, chosen: Tensor) -> OwnerTypes:
        """Owners ``[B, n]`` by their indices."""
        return OwnerTypes(
            valuation=_picked(self.types.valuation, chosen),
            privacy_budget=self.types.privacy_budget[0][chosen],
            data_size=self.types.data_size[0][chosen],
        )

    def population(self, generator: torch.Generator) -> OwnerTypes:
        """Return these owners."""
        return self.types

    def cost_of_everything(self, types: OwnerTypes) -> Tensor:
        """As the paper's prior has it, without those who ask for infinitely much: no budget buys from them."""
        cost = types.cost_at_own_budget()
        return (
            torch.where(cost.isfinite(), cost, 0.0).sum(-1)
            if self.budgets == "tied"
            else super().cost_of_everything(types)
        )

    @property
    def cost_per_record(self) -> float:
        """Mean cost of a record at its owner's privacy budget."""
        return float(self.types.cost_at_own_budget().sum()) / self.records

    @functools.cached_property
    def units(self) -> PublicUnits:
        """Mean records of an owner, and mean cost of a record over ``UNIT_PRIVACY_RANGE``, where it is for sale."""
        levels = torch.linspace(*UNIT_PRIVACY_RANGE, GRID, dtype=torch.float64)
        cost = self.types.valuation.tabulate(levels)[0]
        weight = self.types.data_size[0, :, None] * cost.isfinite()
        price = float((weight * cost.nan_to_num(posinf=0.0)).sum() / weight.sum().clamp(min=1))
        return PublicUnits(records=self.mean_size, money_per_record=price) if price > 0 else super().units


def _picked(valuation: Valuation, chosen: Tensor) -> Valuation:
    """Curves ``[B, n]`` of the owners ``chosen[B, n]`` out of ``[1, N]``."""
    if isinstance(valuation, ParametricValuation):
        return ParametricValuation(family=valuation.family[0][chosen], factor=valuation.factor[0][chosen])
    if isinstance(valuation, TabulatedValuation):
        return TabulatedValuation(levels=valuation.levels, cost=valuation.cost[0][chosen])
    if isinstance(valuation, MixedValuation):
        return MixedValuation(
            mask=valuation.mask[0][chosen],
            first=_picked(valuation.first, chosen),
            second=_picked(valuation.second, chosen),
        )
    raise TypeError(f"types has a valuation of kind {type(valuation).__name__}; pass one of agents.valuation")
