"""The sequential menu where data sizes are verified: the largest owner is asked first, and prices know all sizes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from agents.broker.auctions.base import Guarantees
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.messages import Bids


class SequentialMenuVerified(SequentialMenu):
    """Exactly truthful in valuation and privacy budget, for owners whose data sizes the market has verified.

    Sizes that nobody can misreport may enter prices and order. Everything else is as in the sequential menu.
    """

    name: ClassVar[str] = "sequential-menu-verified"
    guarantees: ClassVar[Guarantees] = Guarantees(
        truthful_in=frozenset({"valuation", "privacy_budget"}), verified=frozenset({"data_size"})
    )
    sizes_known: ClassVar[bool] = True
    asked_ahead: ClassVar[bool] = True

    def approached(self, bids: Bids) -> Tensor:
        """Order ``int64[B, n]`` in which the owners are asked: by data size, the largest first, ties by index."""
        return bids.data_size.argsort(dim=-1, descending=True, stable=True)
