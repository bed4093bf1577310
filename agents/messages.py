"""All that crosses a wall between the actors: announcement, bids, outcome, upload, aggregate.

Shapes are ``[B]`` per market (one market is a batch of one), ``[B, n]`` per bidder. Money is per round, privacy loss
is the pure local differential privacy parameter, data sizes are whole numbers of records.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, number, real_array, whole
from agents.valuation import ParametricValuation, Valuation


@dataclass(frozen=True)
class Announcement:
    """What the buyer makes public before anybody bids.

    Parameters
    ----------
    budget : float
        Money she will spend at most this round, fixed before the bids.
    parameters : float64[p]
        Current global model.
    round : int
        Round number, from 0.

    Raises
    ------
    TypeError, ValueError
        Naming the field, its value and the remedy.
    """

    budget: float
    parameters: Tensor
    round: int

    def __post_init__(self) -> None:
        number("budget", self.budget)
        whole("round", self.round)
        _require_floating("parameters", self.parameters, "[p]", 1)


@dataclass(frozen=True)
class Bids:
    """What the owners say: (valuation, privacy budget, data size), true or not.

    Tensors are shared with the caller, who must not write into them afterwards; numpy arrays are copied.

    Parameters
    ----------
    valuation : Valuation of shape [B, n]
        Money per record for every privacy loss.
    privacy_budget : float64[B, n]
        Largest privacy loss for sale.
    data_size : int64[B, n]
        Records for sale; 0 means absent.

    Raises
    ------
    TypeError, ValueError
        If an entry is negative, not finite or fractional, or shapes and dtypes do not match.
    """

    valuation: Valuation
    privacy_budget: Tensor
    data_size: Tensor

    def __post_init__(self) -> None:
        # The protocol alone would do, but checking it takes longer than all the rest of this.
        if not isinstance(self.valuation, ParametricValuation) and not isinstance(self.valuation, Valuation):
            raise TypeError(
                f"valuation is a {type(self.valuation).__name__}; pass a ParametricValuation or a TabulatedValuation"
            )
        shape = tuple(self.valuation.shape)
        object.__setattr__(self, "privacy_budget", real_array("privacy_budget", self.privacy_budget, shape=shape))
        object.__setattr__(self, "data_size", count_array("data_size", self.data_size, shape=shape))

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.valuation.shape

    @property
    def present(self) -> Tensor:
        """``[B, n]``: who offers at least one record."""
        return self.data_size > 0

    def cost(self, privacy_loss: Tensor, records: Tensor) -> Tensor:
        """Reported cost ``[B, n]`` (or ``[B, n, K]``): records times the reported valuation."""
        return records.double() * self.valuation.at(privacy_loss)

    def take(self, rows: Any = slice(None), owners: Any = slice(None)) -> Bids:
        """The bids at ``[rows][:, owners]`` (slices or index tensors)."""
        return Bids(
            valuation=self.valuation.take(rows, owners),
            privacy_budget=self.privacy_budget[rows][:, owners],
            data_size=self.data_size[rows][:, owners],
        )

    def where(self, mask: Tensor, other: Bids) -> Bids:
        """These bids where ``mask[B, n]`` holds, those of ``other`` elsewhere."""
        return Bids(
            valuation=self.valuation.where(mask, other.valuation),
            privacy_budget=torch.where(mask, self.privacy_budget, other.privacy_budget),
            data_size=torch.where(mask, self.data_size, other.data_size),
        )

    def replace(self, **fields: Any) -> Bids:
        """A copy with some fields replaced (and checked again)."""
        return replace(self, **fields)


BID_FIELDS: frozenset[str] = frozenset(field.name for field in fields(Bids))
"""What a bid consists of, and so what an owner may lie about."""


@dataclass(frozen=True)
class Outcome:
    """What an auction decides.

    Parameters
    ----------
    privacy_loss : float64[B, n]
        Privacy loss bought, 0 where nothing is sold.
    payment : float64[B, n]
        Money per round.
    data_size : int64[B, n]
        Records bought, 0 where nothing is sold.
    """

    privacy_loss: Tensor
    payment: Tensor
    data_size: Tensor

    def __post_init__(self) -> None:
        privacy_loss = real_array("privacy_loss", self.privacy_loss, shape=(None, None))
        shape = tuple(privacy_loss.shape)
        object.__setattr__(self, "privacy_loss", privacy_loss)
        object.__setattr__(self, "payment", real_array("payment", self.payment, shape=shape))
        object.__setattr__(self, "data_size", count_array("data_size", self.data_size, shape=shape))

    @property
    def sells(self) -> Tensor:
        """``[B, n]``: who sells at least one record."""
        return self.data_size > 0

    @property
    def privacy_loss_sold(self) -> Tensor:
        """``[B, n]``: privacy loss bought, none without records, whatever the auction wrote down."""
        return torch.where(self.sells, self.privacy_loss, 0.0)

    def take(self, owners: Any) -> Outcome:
        """The outcome of some owners (a slice or an index tensor)."""
        return Outcome(self.privacy_loss[:, owners], self.payment[:, owners], self.data_size[:, owners])

    @staticmethod
    def nothing(batch: int, owners: int) -> Outcome:
        """The outcome in which nobody sells."""
        return Outcome(
            privacy_loss=torch.zeros(batch, owners, dtype=torch.float64),
            payment=torch.zeros(batch, owners, dtype=torch.float64),
            data_size=torch.zeros(batch, owners, dtype=torch.int64),
        )


@dataclass(frozen=True)
class Upload:
    """What the sellers of one round send: one locally perturbed gradient each.

    Parameters
    ----------
    bidder : int64[m]
        Places of the sellers in the round's bids.
    gradient : float32 or float64[m, p]
        Clipped and perturbed by the owner herself.
    """

    bidder: Tensor
    gradient: Tensor

    def __post_init__(self) -> None:
        _require_floating("gradient", self.gradient, "[m, p]", 2)
        if not isinstance(self.bidder, Tensor) or self.bidder.dtype != torch.int64:
            what = self.bidder.dtype if isinstance(self.bidder, Tensor) else type(self.bidder).__name__
            raise TypeError(f"bidder is {what}; pass an int64 tensor [m]")
        if self.bidder.shape != self.gradient.shape[:1]:
            raise ValueError(
                f"bidder has shape {list(self.bidder.shape)} and gradient {list(self.gradient.shape)}; "
                "pass [m] and [m, p]"
            )


@dataclass(frozen=True)
class Aggregate:
    """What the broker hands to the buyer.

    Parameters
    ----------
    gradient : float64[p]
        Weighted sum of the uploads (zero in an invalid round).
    variance : float
        Declared noise variance of one of its coordinates; infinite in an invalid round.
    sellers : int
        How many owners sold; 0 makes the round invalid.
    """

    gradient: Tensor
    variance: float
    sellers: int

    def __post_init__(self) -> None:
        whole("sellers", self.sellers)
        _require_floating("gradient", self.gradient, "[p]", 1)
        if self.variance != torch.inf:
            number("variance", self.variance)


def _require_floating(name: str, value: Any, shape: str, dimensions: int) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; pass a float tensor {shape}")
    if not value.dtype.is_floating_point:
        raise TypeError(f"{name} has dtype {value.dtype}; pass float32 or float64")
    if value.ndim != dimensions:
        raise ValueError(f"{name} has shape {list(value.shape)}; pass shape {shape}")
