"""Scalar misreports: one number for each field of the bid, by which the truth is multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.messages import Bids
from agents.types import OwnerTypes


@dataclass(frozen=True, eq=False)
class Misreport:
    """What is reported over what is true: any number of misreports, all three tensors of one shape.

    Parameters
    ----------
    scale : float64[...]
        Of the valuation; 0 or more.
    privacy_share, size_share : float64[...]
        Of the privacy budget and the data size; between 0 and 1.
    """

    scale: Tensor
    privacy_share: Tensor
    size_share: Tensor

    @staticmethod
    def of(*misreports: Sequence[float]) -> Misreport:
        """A list of misreports ``[K]``, each as (scale, privacy share, size share)."""
        scale, privacy_share, size_share = torch.tensor(misreports, dtype=torch.float64).T
        return Misreport(scale, privacy_share, size_share)

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, index: Tensor) -> Misreport:
        """The misreports with these numbers, in the shape of ``index``."""
        return Misreport(self.scale[index], self.privacy_share[index], self.size_share[index])

    def tell(self, types: OwnerTypes) -> Bids:
        """The bids ``[B, n]`` of owners who tell one misreport each, or one a row (a shape that expands to ``[B, n]``).

        Records are rounded down, but whoever has any offers at least one. (1, 1, 1) is the truth, bit by bit.
        """
        scale, privacy_share, size_share = (
            part.expand(types.shape) for part in (self.scale, self.privacy_share, self.size_share)
        )
        kept = (size_share * types.data_size.double()).floor().long()
        return Bids(
            valuation=types.valuation.scaled(scale),
            privacy_budget=privacy_share * types.privacy_budget,
            data_size=torch.maximum(kept, types.data_size.clamp(max=1)),
        )

    def recognise(self, types: OwnerTypes, bids: Bids) -> Tensor:
        """Which of these misreports ``[K]`` everybody told, ``int64[n]``; -1 for none, the first where several fit.

        Parameters
        ----------
        types : OwnerTypes [1, n]
        bids : Bids [1, n]
        """
        misreports = len(self)
        # The market K times over, row k as it would look if everybody told misreport k: all below is [K, n].
        rows = torch.zeros(misreports, dtype=torch.int64)
        told, said = self[torch.arange(misreports)[:, None]].tell(types.take(rows=rows)), bids.take(rows=rows)
        own = types.privacy_budget.expand(misreports, -1)
        levels = torch.stack([own / 4, own / 2, own], dim=-1)
        same = (told.privacy_budget == said.privacy_budget) & (told.data_size == said.data_size)
        same &= (told.valuation.at(levels) == said.valuation.at(levels)).all(-1)
        return torch.where(same.any(0), same.double().argmax(0), -1)


MISREPORTS = Misreport.of(
    (1.0, 1.0, 1.0),
    (0.8, 1.0, 1.0),
    (1.25, 1.0, 1.0),
    (1.5, 1.0, 1.0),
    (2.0, 1.0, 1.0),
    (3.0, 1.0, 1.0),
    (1.0, 0.5, 1.0),
    (1.0, 1.0, 0.5),
)
"""The misreports that owners learn about and copy from one another; number 0 is the truth."""
