"""How the records of a population are spread over its owners: evenly, or heavy-tailed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CONCENTRATION = 0.5
"""Of the Dirichlet distribution over owners by which every class is divided; the smaller, the more unequal."""


def shares(
    sizes: str, batch: int, population: int, sampled: int, generator: torch.Generator, *, exponent: float, classes: int
) -> Tensor:
    """Shares ``float64[batch, sampled]`` of the records that some owners of a population hold, one population a row.

    equal
        Everybody holds the same.
    lognormal
        In proportion to exp(2 z), z standard normal: the IID setting of FL-Market, section VI-A.
    zipf
        In proportion to 1 / rank^exponent, the ranks 1 to ``population`` in random order.
    dirichlet
        Every one of ``classes`` equally large classes is divided by a Dirichlet(0.5) distribution over the owners;
        an owner holds her parts of all of them: the non-IID setting of FL-Market, section VI-A.

    Parameters
    ----------
    sizes : str
        A name out of ``SIZES``.
    batch, population, sampled : int
        Populations, owners of each, and how many of those are returned.
    generator : torch.Generator
    exponent, classes : float, int
        What Zipf and Dirichlet sizes take.
    """
    return _RULES[sizes](batch, population, sampled, generator, exponent, classes)


def gamma_stream(generator: torch.Generator) -> np.random.Generator:
    """Return a numpy stream seeded by the next number of ``generator``: torch draws gammas from its global one only."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))


def _equal(batch: int, population: int, sampled: int, *_: object) -> Tensor:
    return torch.full((batch, sampled), 1 / population, dtype=torch.float64)


def _lognormal(batch: int, population: int, sampled: int, generator: torch.Generator, *_: object) -> Tensor:
    weights = (2 * torch.randn(batch, population, generator=generator, dtype=torch.float64)).exp()
    return weights[:, :sampled] / weights.sum(-1, keepdim=True)


def _zipf(batch: int, population: int, sampled: int, generator: torch.Generator, exponent: float, _: int) -> Tensor:
    weights = torch.arange(1, population + 1, dtype=torch.float64) ** -exponent
    # The places of the largest of independent uniform draws are a random sample of the ranks, in random order.
    draws = torch.rand(batch, population, generator=generator, dtype=torch.float64)
    return (weights / weights.sum())[draws.topk(sampled, dim=-1).indices]


def _dirichlet(batch: int, population: int, sampled: int, generator: torch.Generator, _: float, classes: int) -> Tensor:
    stream = gamma_stream(generator)
    mine: NDArray[np.float64] = stream.standard_gamma(CONCENTRATION, size=(batch, sampled, classes))
    # Parts of a Dirichlet add up to a Dirichlet: all other owners together are one gamma, however many they are.
    rest = stream.standard_gamma(CONCENTRATION * (population - sampled), size=(batch, 1, classes))
    share = mine / (mine.sum(axis=1, keepdims=True) + rest)
    return torch.from_numpy(share.mean(axis=-1))


_RULES: dict[str, Callable[..., Tensor]] = {
    "lognormal": _lognormal,
    "equal": _equal,
    "zipf": _zipf,
    "dirichlet": _dirichlet,
}
SIZES: tuple[str, ...] = tuple(_RULES)
