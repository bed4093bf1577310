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
            Different owners.
        privacy_loss : float64[m]
            What each of them sold.

        Raises
        ------
        TypeError, ValueError
            If a charge would exceed an allowance (nothing is booked then), or an owner is named twice.
        """
        owners = count_array("owners", owners, shape=(None,))
        loss = real_array("privacy_loss", privacy_loss, shape=(len(owners),))
        if len(owners) and int(owners.max()) >= len(self.spent):
            raise ValueError(f"owners holds {int(owners.max())}: there are owners 0 to {len(self.spent) - 1}")
        if bool((owners.sort().values.diff() == 0).any()):
            raise ValueError("owners names an owner twice: charge one sum per owner and round")
        total = _add_up(self.spent[owners], loss)
        over = total > self.allowance[owners]
        if bool(over.any()):
            at = int(over.nonzero()[0])
            owner = int(owners[at])
            raise ValueError(
                f"privacy_loss[{at}] = {loss[at].item()!r} exceeds what owner {owner} has left, "
                f"{self.left[owner].item()!r}: let her sell at most that"
            )
        return Accountant(spent=self.spent.index_copy(0, owners, total), allowance=self.allowance)


def _add_up(augend: Tensor, addend: Tensor) -> Tensor:
    """Sum rounded upwards: Knuth's two-sum gives the rounding error exactly, and a positive one costs an ulp."""
    total = augend + addend
    virtual = total - augend
    error = (augend - (total - virtual)) + (addend - virtual)
    return torch.where(error > 0, torch.nextafter(total, torch.full_like(total, torch.inf)), total)


def _below(value: Tensor) -> Tensor:
    return torch.nextafter(value, torch.full_like(value, -torch.inf))
