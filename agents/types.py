"""Who the owners really are: true types, their truthful bids and what an outcome is worth to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.surplus import surplus
from agents.valuation import Valuation


@dataclass(frozen=True)
class OwnerTypes:
    """True valuations, privacy budgets and data sizes of a batch of owners.

    Parameters
    ----------
    valuation : Valuation of shape [B, n]
        True money per record.
    privacy_budget : float64[B, n]
        Largest privacy loss tolerated.
    data_size : int64[B, n]
        Records held; 0 means absent.
    """

    valuation: Valuation
    privacy_budget: Tensor
    data_size: Tensor

    def __post_init__(self) -> None:
        bids = Bids(valuation=self.valuation, privacy_budget=self.privacy_budget, data_size=self.data_size)
        object.__setattr__(self, "privacy_budget", bids.privacy_budget)
        object.__setattr__(self, "data_size", bids.data_size)

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.valuation.shape

    def truthful_bids(self) -> Bids:
        """What these owners say when they tell the truth."""
        return Bids(valuation=self.valuation, privacy_budget=self.privacy_budget, data_size=self.data_size)

    def take(self, rows: Any = slice(None), owners: Any = slice(None)) -> OwnerTypes:
        """The types at ``[rows][:, owners]`` (slices or index tensors)."""
        bids = self.truthful_bids().take(rows, owners)
        return OwnerTypes(valuation=bids.valuation, privacy_budget=bids.privacy_budget, data_size=bids.data_size)

    def cost_at_own_budget(self) -> Tensor:
        """Cost ``[B, n]`` of selling every record at the own privacy budget: what gains are normalised by."""
        return self.data_size.double() * self.valuation.at(self.privacy_budget)

    def cost(self, outcome: Outcome) -> Tensor:
        """True cost ``[B, n]`` of an outcome: records bought times the true valuation of the privacy loss."""
        self._require_fit(outcome)
        return outcome.data_size.double() * self.valuation.at(outcome.privacy_loss)

    def _require_fit(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Outcome):
            raise TypeError(f"outcome is a {type(outcome).__name__}; pass the Outcome that an auction's run gives")
        if tuple(outcome.payment.shape) != self.shape:
            raise ValueError(
                f"outcome has shape {list(outcome.payment.shape)} but these owners have {list(self.shape)}; "
                "pass the outcome of their own auction"
            )

    def utility(self, outcome: Outcome) -> Tensor:
        """Payment less true cost ``[B, n]``; minus infinity where more was sold than she has or tolerates.

        Source: FL-Market, section III-B.

        Raises
        ------
        TypeError, ValueError
            If ``outcome`` is no outcome, or one of other owners.
        """
        self._require_fit(outcome)
        value = self.valuation.at(outcome.privacy_loss)
        utility = surplus(outcome.payment, outcome.data_size, value)
        impossible = (outcome.privacy_loss > self.privacy_budget) | (outcome.data_size > self.data_size)
        return torch.where(impossible, -torch.inf, utility)
