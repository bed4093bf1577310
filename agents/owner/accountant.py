"""Privacy loss spent over the rounds, and lifetime allowances that are never exceeded.

Losses of pure local differential privacy add up (sequential composition; Dwork et al. 2006). A sum of float64 numbers
is rounded; here always upwards, so that what is booked is never less than the true sum and "within the allowance"
holds for the true sum too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, real_array, whole


@dataclass(frozen=True, eq=False)
class Accountant:
    """The privacy account of every owner; charging gives a new one.

    Parameters
    ----------
    spent : float64[owners]
        Privacy loss booked so far.
    allowance : float64[owners]
        Most that may ever be spent; infinite for no limit.
    """

    spent: Tensor
    allowance: Tensor

    @staticmethod
    def open(owners: int, allowance: float = float("inf")) -> Accountant:
        """Accounts of ``owners`` who have spent nothing and may each spend ``allowance`` in all."""
        whole("owners", owners, minimum=1)
        if isinstance(allowance, bool) or not isinstance(allowance, int | float) or not allowance > 0:
            raise ValueError(f"allowance = {allowance!r}: pass a number over 0, or infinity for no limit")
        spent = torch.zeros(owners, dtype=torch.float64)
        return Accountant(spent=spent, allowance=torch.full_like(spent, allowance))

    @property
    def left(self) -> Tensor:
        """What each owner may still spend ``float64[owners]``: the largest loss that ``charge`` takes."""
        rest = self.allowance - self.spent
        return torch.where(_add_up(self.spent, rest) > self.allowance, _below(rest), rest)

    def charge(self, owners: Any, privacy_loss: Any) -> Accountant:
        """Book the losses of one round.

        Parameters
        ----------
        owners : int64[m]
            Whose each loss is. An owner named several times sent several uploads: her losses add up.
        privacy_loss : float64[m]
            Of every upload.

        Raises
        ------
        TypeError, ValueError
            If a charge would exceed an allowance; nothing is booked then.
        """
        owners = count_array("owners", owners, shape=(None,))
        loss = real_array("privacy_loss", privacy_loss, shape=(len(owners),))
        if len(owners) and int(owners.max()) >= len(self.spent):
            raise ValueError(f"owners holds {int(owners.max())}: there are owners 0 to {len(self.spent) - 1}")
        spent = self.spent
        for turn in _turns(owners):  # each owner at most once in a turn
            owner, more = owners[turn], loss[turn]
            total = _add_up(spent[owner], more)
            over = total > self.allowance[owner]
            if bool(over.any()):
                at = int(turn[over.nonzero()[0, 0]])
                raise ValueError(
                    f"privacy_loss[{at}] = {loss[at].item()!r} exceeds what owner {int(owners[at])} has left, "
                    f"{self.left[owners[at]].item()!r} before this round: let her sell at most that, under all names"
                )
            spent = spent.index_copy(0, owner, total)
        return Accountant(spent=spent, allowance=self.allowance)


def _turns(owners: Tensor) -> list[Tensor]:
    """Places of ``owners[m]``, grouped so that no group names an owner twice."""
    order = owners.argsort(stable=True)
    count = owners.bincount()
    rank = torch.empty_like(owners)
    rank[order] = torch.arange(len(owners)) - (count.cumsum(0) - count)[owners[order]]
    return [(rank == turn).nonzero()[:, 0] for turn in range(int(count.max()) if len(owners) else 0)]


def _add_up(augend: Tensor, addend: Tensor) -> Tensor:
    """Sum rounded upwards: Knuth's two-sum gives the rounding error exactly, and a positive one costs an ulp."""
    total = augend + addend
    virtual = total - augend
    error = (augend - (total - virtual)) + (addend - virtual)
    return torch.where(error > 0, torch.nextafter(total, torch.full_like(total, torch.inf)), total)


def _below(value: Tensor) -> Tensor:
    return torch.nextafter(value, torch.full_like(value, -torch.inf))
