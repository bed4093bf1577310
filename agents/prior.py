"""The commonly known distribution of owners, data sizes and budgets, and its public units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.checks import generator_of, number, one_of, whole
from agents.data_sizes import SIZES as SIZES
from agents.data_sizes import shares
from agents.remainders import largest_remainders
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import FAMILIES, ParametricValuation

UNIT_PRIVACY_RANGE = (0.5, 2.0)
"""Privacy losses, uniform, at which the unit of money is what a record costs on average, whatever owners tolerate."""
BUDGETS: tuple[str, ...] = ("tied", "independent")
MIN_PRIVACY_BUDGET = 1e-6
"""With less than this, of a round or of her lifetime allowance, an owner has nothing worth selling."""
LARGEST_PRIVACY_BUDGET = 100.0
"""Largest privacy budget taken: an exponential valuation there is 10^43, and its products with money stay finite."""
LARGEST_EXPONENT = 10.0
"""Largest exponent of Zipf sizes taken; with more the first owner has all but the floor."""
LARGEST_FACTOR = 1e30
"""Largest valuation factor and budget factor taken, for the same reason."""


@dataclass(frozen=True)
class OwnerPrior:
    """The paper's distribution of owners (FL-Market, section VI-A), every part of it adjustable.

    Parameters
    ----------
    records, owners : int
        Records of the whole population and its size; their ratio is the public unit of data sizes.
    sizes : {"lognormal", "equal", "zipf", "dirichlet"}
        How the records above the ``floor`` are spread (``agents.data_sizes``). ``lognormal`` is the paper's IID
        setting, ``dirichlet`` its non-IID one.
    floor : int, optional
        Fewest records of an owner; 10 as in the paper, or 1 where the population has too few records.
    factor, privacy_budget, budget_factor : pair of float
        Ranges of the uniform draws of the valuation factor, the privacy budget and the budget factor f.
    families : tuple of str
        Valuation families drawn from, uniformly.
    exponent : float
        Of Zipf sizes, which fall with 1 / rank^exponent; 0 makes them equal.
    classes : int
        Of Dirichlet sizes: equally large classes divided independently. The fewer, the more unequal the sizes.
    budgets : {"tied", "independent"}
        ``tied``: B = f * sum of d v(privacy budget), as in the paper, which lets B leak true costs. ``independent``:
        the same with every owner's cost replaced by its mean under the prior.
    """

    records: int = 125_973
    owners: int = 1000
    sizes: str = "lognormal"
    floor: int | None = None
    factor: tuple[float, float] = (0.5, 1.5)
    privacy_budget: tuple[float, float] = (0.5, 2.0)
    budget_factor: tuple[float, float] = (0.1, 2.0)
    families: tuple[str, ...] = FAMILIES
    budgets: str = "tied"
    exponent: float = 1.0
    classes: int = 10

    def __post_init__(self) -> None:
        whole("owners", self.owners, minimum=1)
        whole("records", self.records, minimum=self.owners)
        one_of("sizes", self.sizes, SIZES)
        one_of("budgets", self.budgets, BUDGETS)
        object.__setattr__(self, "exponent", number("exponent", self.exponent, maximum=LARGEST_EXPONENT))
        whole("classes", self.classes, minimum=1)
        if self.floor is None:
            object.__setattr__(self, "floor", 10 if self.records >= 20 * self.owners else 1)
        whole("floor", self.floor, minimum=1, maximum=self.records // self.owners)
        for name in ("factor", "privacy_budget", "budget_factor"):
            pair = getattr(self, name)
            if not isinstance(pair, tuple | list):
                raise TypeError(f"{name} = {pair!r}: pass a pair (low, high), twice the same for one value")
            if len(pair) != 2:
                raise ValueError(f"{name} = {pair!r}: pass a pair (low, high)")
            maximum = LARGEST_PRIVACY_BUDGET if name == "privacy_budget" else LARGEST_FACTOR
            low = number(f"{name}[0]", pair[0], maximum=maximum, above=None if name == "budget_factor" else 0.0)
            object.__setattr__(self, name, (low, number(f"{name}[1]", pair[1], minimum=low, maximum=maximum)))
        if not isinstance(self.families, tuple | list):
            raise TypeError(f"families = {self.families!r}: pass a tuple of names, e.g. ('linear',)")
        if not self.families:
            raise ValueError("families is empty: name at least one valuation family")
        for family in self.families:
            one_of("families", family, FAMILIES)
        object.__setattr__(self, "families", tuple(self.families))

    @property
    def mean_size(self) -> float:
        """Mean records of an owner."""
        return self.records / self.owners

    @property
    def cost_per_record(self) -> float:
        """Mean of v(privacy budget) under this prior."""
        means = [_mean_cost(family, *self.privacy_budget) for family in self.families]
        return sum(means) / len(means) * (self.factor[0] + self.factor[1]) / 2

    @property
    def units(self) -> PublicUnits:
        """The units in which learned auctions see records and money."""
        means = [_mean_cost(family, *UNIT_PRIVACY_RANGE) for family in self.families]
        price = sum(means) / len(means) * (self.factor[0] + self.factor[1]) / 2
        return PublicUnits(records=self.mean_size, money_per_record=price)

    def described(self, name: str) -> str:
        """Return the name of a distribution, ``sizes`` or ``budgets``."""
        return str(getattr(self, name))

    def sample(self, batch: int, owners: int, generator: torch.Generator) -> tuple[OwnerTypes, Tensor]:
        """Draw ``batch`` profiles of ``owners`` bidders and a budget for each.

        Every profile's bidders come from a population of its own.

        Returns
        -------
        (OwnerTypes [batch, owners], budget float64[batch])
        """
        whole("batch", batch, minimum=1)
        whole("owners", owners, minimum=1)
        generator_of("generator", generator)
        population = max(self.owners, owners)
        size = self._sizes(batch, population, generator, sampled=owners)
        types = self._types(size, generator)
        return types, self.budget(types, generator)

    def population(self, generator: torch.Generator) -> OwnerTypes:
        """Draw one whole population ``[1, owners]``; its data sizes sum to ``records`` exactly."""
        generator_of("generator", generator)
        return self._types(self._whole_sizes(generator)[None], generator)

    def as_known(self, generator: torch.Generator) -> OwnerPrior:
        """What everybody may know: this prior, which names nobody."""
        return self

    def budget(self, types: OwnerTypes, generator: torch.Generator) -> Tensor:
        """Draw a budget ``float64[B]`` for each profile: f ~ U[budget_factor] times the (mean) cost of everything."""
        low, high = self.budget_factor
        draw = torch.rand(types.shape[0], generator=generator, dtype=torch.float64)
        return (low + (high - low) * draw) * self.cost_of_everything(types)

    def cost_of_everything(self, types: OwnerTypes) -> Tensor:
        """Sum over owners of the cost of all they have ``[B]``: true if budgets are tied, else its prior mean."""
        if self.budgets == "tied":
            return types.cost_at_own_budget().sum(-1)
        return (types.data_size > 0).double().sum(-1) * self.mean_size * self.cost_per_record

    def _types(self, size: Tensor, generator: torch.Generator) -> OwnerTypes:
        batch, owners = size.shape
        index = torch.tensor([FAMILIES.index(name) for name in self.families])
        family = index[torch.randint(len(index), (batch, owners), generator=generator)]
        draw = torch.rand(2, batch, owners, generator=generator, dtype=torch.float64)
        factor = self.factor[0] + (self.factor[1] - self.factor[0]) * draw[0]
        cap = self.privacy_budget[0] + (self.privacy_budget[1] - self.privacy_budget[0]) * draw[1]
        return OwnerTypes(
            valuation=ParametricValuation(family=family, factor=factor), privacy_budget=cap, data_size=size
        )

    def _shares(self, batch: int, owners: int, generator: torch.Generator, *, sampled: int) -> Tensor:
        return shares(self.sizes, batch, owners, sampled, generator, exponent=self.exponent, classes=self.classes)

    def _sizes(self, batch: int, owners: int, generator: torch.Generator, *, sampled: int) -> Tensor:
        free = max(self.records, int(self.mean_size * owners)) - self._floor * owners
        return self._floor + (free * self._shares(batch, owners, generator, sampled=sampled)).floor().long()

    def _whole_sizes(self, generator: torch.Generator) -> Tensor:
        """Sizes ``[owners]`` that sum to ``records``: shares rounded down, the rest to the largest remainders."""
        share = self._shares(1, self.owners, generator, sampled=self.owners)[0]
        free = self.records - self._floor * self.owners
        return self._floor + largest_remainders(free * share, free)

    @property
    def _floor(self) -> int:
        assert self.floor is not None
        return self.floor


def _mean_cost(family: str, low: float, high: float) -> float:
    """Mean of a family's curve at factor 1 over privacy budgets uniform between ``low`` and ``high``."""
    width = high - low
    if family == "linear":
        return low + high
    if family == "quadratic":
        return (low * low + low * high + high * high) / 3
    if family == "square_root":
        return 4 / 3 * (high**1.5 - low**1.5) / width if width > 0 else 2 * math.sqrt(low)
    return (math.exp(high) - math.exp(low)) / width - 1 if width > 0 else math.expm1(low)
