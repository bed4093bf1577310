"""What all uploads of an owner together give away: beside the plain sum, the exact total of losses fixed in advance."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from agents.composition import Composition
from agents.perturbation.base import Perturbation
from agents.perturbation.gaussian import check_delta
from agents.saved_state import State

NUMBERS = ("epsilon", "delta", "cell", "beyond", "shift_squared")
"""Fields of a composition that are numbers."""


class ComposedAccount:
    """The composition of every owner's uploads (``agents.composition``).

    Parameters
    ----------
    mechanism : Perturbation
        With which all of them are made.
    delta : float
        Probability with which a total may be exceeded.
    """

    def __init__(self, mechanism: Perturbation, delta: float) -> None:
        self.mechanism = mechanism
        self.delta = check_delta(delta)
        self._composed: dict[int, Composition] = {}
        self._total: dict[int, float] = {}

    def charge(self, owners: Tensor, privacy_loss: Tensor) -> None:
        """Add the uploads of a round: whose each is ``int64[m]``, and its loss ``float64[m]``, 0 for none."""
        if not self.mechanism.private:
            return
        sent = privacy_loss > 0
        losses = privacy_loss[sent]
        claims = zip(*(claimed.tolist() for claimed in self.mechanism.claim(losses)), strict=True)
        shift = self.mechanism.gaussian_shift(losses)
        shifts = [None] * len(losses) if shift is None else shift.tolist()
        for owner, (epsilon, delta), distance in zip(owners[sent].tolist(), claims, shifts, strict=True):
            self._composed[owner] = self._composed.get(owner, Composition()).with_upload(epsilon, delta, distance)
            self._total.pop(owner, None)

    def state(self) -> State:
        """The compositions so far, as arrays over the owners who have sold."""
        made = list(self._composed.values())
        return {
            "owner": torch.tensor(list(self._composed), dtype=torch.int64),
            "place": torch.tensor([[one.lowest, len(one.mass)] for one in made], dtype=torch.int64),
            "numbers": torch.tensor([[getattr(one, name) for name in NUMBERS] for one in made], dtype=torch.float64),
            "mass": torch.from_numpy(np.concatenate([np.zeros(0), *(one.mass for one in made)])),
        }

    def load_state(self, state: State) -> None:
        """Go on from what ``state`` returned."""
        self._composed, self._total, start = {}, {}, 0
        rows = (state[name].tolist() for name in ("owner", "place", "numbers"))
        for owner, (lowest, length), numbers in zip(*rows, strict=True):
            mass = state["mass"][start : start + length].numpy().copy()
            named = dict(zip(NUMBERS, numbers, strict=True))
            self._composed[owner] = Composition(mass=mass, lowest=lowest, **named)
            start += length

    def delta_spent(self, owners: Tensor) -> Tensor:
        """Sum of the deltas of all uploads of these owners, ``float64[n]``: it belongs to the plain sum of losses."""
        spent = [self._composed[owner].delta if owner in self._composed else 0.0 for owner in owners.tolist()]
        return torch.tensor(spent, dtype=torch.float64)

    def total(self, owners: Tensor) -> Tensor:
        """The tight total at ``delta``, ``float64[n]``; infinite where there is no noise."""
        return torch.tensor([self._of(owner) for owner in owners.tolist()], dtype=torch.float64)

    def _of(self, owner: int) -> float:
        if not self.mechanism.private:
            return math.inf
        if owner not in self._composed:
            return 0.0
        if owner not in self._total:
            self._total[owner] = self._composed[owner].total(self.delta)
        return self._total[owner]
