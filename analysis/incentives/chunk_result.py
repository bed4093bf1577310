"""What was found in one chunk of profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from agents.messages import Bids


@dataclass
class Curve:
    """What one attacker found against the queries it made: sums over the owners asked, after every query.

    Parameters
    ----------
    own, together : list of float
        Gain per cost at the own privacy budget found so far by this attacker, and by all so far.
    infinite : int
        Owners from whom somebody found an infinite gain per cost; where it is infinite it is in no sum.
    owners : int
        How many owners were asked.
    """

    own: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    infinite: int = 0
    owners: int = 0


@dataclass(frozen=True)
class Failure:
    """An attacker that could not finish in one chunk: the error in words, and the queries it left unused."""

    attacker: str
    chunk: int
    error: str
    unused: int


@dataclass(frozen=True, eq=False)
class ChunkResult:
    """What was found in one chunk.

    Parameters
    ----------
    names : tuple of str
        Attackers, in the order in which they acted.
    gain : float64[B, n]
        Most money gained, 0 for who was not asked.
    paid : bool[B, n]
        Whether that is more than rounding (``agents.surplus.pays``), once the best lie was run again.
    found_by : int64[B, n]
        Index into ``names`` of the attacker who found it first, -1 for nobody.
    queries : int64[B, n]
        Lies evaluated per owner.
    misreports : Bids [B, n]
        The best lies; of a coalition the first member's.
    curves : mapping of Curve
        By attacker.
    failures : tuple of Failure
    attacked : bool[B, n]
        Owners, or coalitions, that exist.
    contradicted : bool[B, n]
        Where a run from scratch gained something else than the price lists had foretold.
    overspent : float64[B, n]
        Money paid beyond the budget in the market with the best lie.
    """

    names: tuple[str, ...]
    gain: Tensor
    paid: Tensor
    found_by: Tensor
    queries: Tensor
    misreports: Bids
    curves: Mapping[str, Curve]
    failures: tuple[Failure, ...]
    attacked: Tensor
    contradicted: Tensor
    overspent: Tensor
