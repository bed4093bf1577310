"""What an auction that can be differentiated shows of itself: its rule, made smooth, for gradients to pass through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class Softened:
    """An outcome that gradients pass through.

    Parameters
    ----------
    privacy_loss : Tensor[B, n, K]
        Privacy loss at every level, nothing included.
    probability : Tensor[B, n, K]
        Share of every level; sums to 1.
    payment : Tensor[B, n]
        Money (its expectation under ``probability``).
    """

    privacy_loss: Tensor
    probability: Tensor
    payment: Tensor


@runtime_checkable
class Differentiable(Protocol):
    """An auction whose outcome has a gradient in the bids; having the method is enough."""

    def softened(
        self,
        value_at: Callable[[Tensor], Tensor],
        privacy_budget: Tensor,
        data_size: Tensor,
        budget: Tensor,
        *,
        hard: bool,
    ) -> Softened:
        """The rule on bids that carry gradients.

        Parameters
        ----------
        value_at : callable
            Reported money per record at privacy losses ``[B, n, K]``; the auction says at which.
        privacy_budget, data_size : float64[B, n]
            As reported; the data size need not be whole.
        budget : float64[B]
        hard : bool
            True: the outcome is the deployed one, with the gradient of the smooth one (straight-through).
        """
        ...
