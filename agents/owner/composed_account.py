"""What all uploads of an owner together give away: beside the plain sum, the exact total of losses fixed in advance.

Most owners sell the same loss again and again, or with Gaussian noise: numbers in arrays are all that is kept of these,
and their totals come from closed forms. Owners who sold different losses share one composition with all who sold the
same ones, in whatever order: there are few levels to choose from, and many who choose.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.composition import CELLS, Composition
from agents.equal_losses import equal_composition, equal_total, with_plain_sum
from agents.perturbation.base import Perturbation
from agents.perturbation.gaussian import check_delta
from agents.perturbation.gaussian_profile import gaussian_epsilon
from agents.saved_state import State

NUMBERS = ("epsilon", "delta", "cell", "beyond", "shift_squared")
"""Fields of a composition that are numbers."""

BY_OWNER = ("epsilon", "delta", "shift_squared", "loss", "count", "history", "known")
"""Arrays over the owners."""

CELLS_IN_ALL = 1 << 26
"""Points of the grids of all compositions together (512 MB); with more of them each has a coarser grid."""

FEWEST_CELLS = 384
"""A grid is never made coarser than that: its total is then about 1 per cent above the exact one."""

Array = NDArray[np.float64]


class ComposedAccount:
    """The composition of every owner's uploads (``agents.composition``).

    Parameters
    ----------
    mechanism : Perturbation
        With which all of them are made.
    delta : float
        Probability with which a total may be exceeded.
    owners : int
        How many there are, numbered from 0.
    """

    def __init__(self, mechanism: Perturbation, delta: float, owners: int) -> None:
        self.mechanism = mechanism
        self.delta = check_delta(delta)
        self._epsilon, self._delta, self._shift_squared = np.zeros(owners), np.zeros(owners), np.zeros(owners)
        self._loss = np.zeros(owners)  # Of each upload, while all are equal and pure.
        self._count = np.zeros(owners, dtype=np.int64)  # How many these are.
        self._history = np.full(owners, -1)  # Otherwise: which composition.
        self._known = np.zeros(owners)  # Total; NaN where it has to be computed.
        self._shared: list[Composition] = []
        self._keys: list[int] = []
        self._totals: dict[int, float] = {}

    def charge(self, owners: Tensor, privacy_loss: Tensor) -> None:
        """Add the uploads of a round: whose each is ``int64[m]``, and its loss ``float64[m]``, 0 for none."""
        sent = privacy_loss > 0
        if not self.mechanism.private or not bool(sent.any()):
            return
        losses, who = privacy_loss[sent], owners[sent].numpy()
        epsilon, delta = (claimed.double().numpy() for claimed in self.mechanism.claim(losses))
        shift = self.mechanism.gaussian_shift(losses)
        self._known[who] = np.nan
        # An owner of several names has several uploads, which are added one after the other.
        turn = _occurrence(who)
        for number in range(int(turn.max()) + 1):
            now = turn == number
            self._epsilon[who[now]] += epsilon[now]
            self._delta[who[now]] += delta[now]
            if shift is not None:
                self._shift_squared[who[now]] += shift.double().numpy()[now] ** 2
            else:
                self._charge_once(who[now], epsilon[now], delta[now])
        self._drop_unused()

    def _charge_once(self, who: NDArray[np.int64], epsilon: Array, delta: Array) -> None:
        same = (self._count[who] == 0) | (self._loss[who] == epsilon)
        same &= (self._history[who] < 0) & (delta == 0)
        self._loss[who[same]] = epsilon[same]
        self._count[who[same]] += 1
        who, epsilon, delta = who[~same], epsilon[~same], delta[~same]
        # Each different upload to each different history is composed once.
        rows = np.stack([self._history[who], self._loss[who], self._count[who], epsilon, delta], axis=1)
        different, of = np.unique(rows, axis=0, return_inverse=True)
        number = {key: place for place, key in enumerate(self._keys)}
        made = []
        for history, loss, count, more, excess in different.tolist():
            key = self._keys[int(history)] if history >= 0 else int(count) * _key(loss, 0.0)
            key = (key + _key(more, excess)) % (1 << 128)
            if key not in number:
                before = self._shared[int(history)] if history >= 0 else equal_composition(loss, int(count))
                number[key] = len(self._shared)
                self._shared.append(before.with_upload(more, excess, cells=self._cells))
                self._keys.append(key)
            made.append(number[key])
        self._history[who] = np.array(made, dtype=np.int64)[of.reshape(-1)]
        self._loss[who], self._count[who] = 0.0, 0

    @property
    def _cells(self) -> int:
        return max(FEWEST_CELLS, min(CELLS, CELLS_IN_ALL // (len(self._shared) + 1)))

    def _drop_unused(self) -> None:
        """Forget the histories that nobody has any more."""
        used = np.unique(self._history[self._history >= 0])
        if len(used) == len(self._shared):
            return
        place = np.full(len(self._shared) + 1, -1)
        place[used] = np.arange(len(used))
        self._history = place[self._history]
        self._shared, self._keys = [self._shared[old] for old in used], [self._keys[old] for old in used]
        self._totals = {int(place[old]): total for old, total in self._totals.items() if place[old] >= 0}

    def state(self) -> State:
        """Arrays over the owners, and the compositions that they share."""
        keys = b"".join(key.to_bytes(16, "little") for key in self._keys)
        numbers = [[getattr(one, name) for name in NUMBERS] for one in self._shared]
        return {
            "by owner": {name: torch.from_numpy(getattr(self, f"_{name}").copy()) for name in BY_OWNER},
            "place": torch.tensor([[one.lowest, len(one.mass)] for one in self._shared], dtype=torch.int64),
            "numbers": torch.tensor(numbers, dtype=torch.float64),
            "mass": torch.from_numpy(np.concatenate([np.zeros(0), *(one.mass for one in self._shared)])),
            "key": torch.tensor(list(keys), dtype=torch.uint8),
        }

    def load_state(self, state: State) -> None:
        """Go on from what ``state`` returned."""
        for name in BY_OWNER:
            setattr(self, f"_{name}", state["by owner"][name].numpy().copy())
        self._shared, self._totals, start = [], {}, 0
        for (lowest, length), numbers in zip(state["place"].tolist(), state["numbers"].tolist(), strict=True):
            mass = state["mass"][start : start + length].numpy().copy()
            self._shared.append(Composition(mass=mass, lowest=lowest, **dict(zip(NUMBERS, numbers, strict=True))))
            start += length
        keys = bytes(state["key"].tolist())
        self._keys = [int.from_bytes(keys[at : at + 16], "little") for at in range(0, len(keys), 16)]

    def delta_spent(self, owners: Tensor) -> Tensor:
        """Sum of the deltas of all uploads of these owners, ``float64[n]``: it belongs to the plain sum of losses."""
        return torch.from_numpy(self._delta[owners.numpy()])

    def total(self, owners: Tensor) -> Tensor:
        """The tight total at ``delta``, ``float64[n]``; infinite where there is no noise."""
        if not self.mechanism.private:
            return torch.full((len(owners),), math.inf, dtype=torch.float64)
        asked = owners.numpy()
        unknown = np.unique(asked[np.isnan(self._known[asked])])
        kinds: tuple[tuple[NDArray[np.bool_], Callable[[NDArray[np.int64]], Array]], ...] = (
            (self._history[unknown] >= 0, self._of_shared),
            (self._count[unknown] > 0, self._of_equal),
            (self._shift_squared[unknown] > 0, self._of_gaussian),
        )
        for those, found in kinds:
            if those.any():
                self._known[unknown[those]] = found(unknown[those])
        return torch.from_numpy(self._known[asked])

    def _of_shared(self, who: NDArray[np.int64]) -> Array:
        for number in np.unique(self._history[who]).tolist():
            if number not in self._totals:
                self._totals[number] = self._shared[number].total(self.delta)
        return np.array([self._totals[number] for number in self._history[who].tolist()])

    def _of_equal(self, who: NDArray[np.int64]) -> Array:
        return with_plain_sum(equal_total(self._loss[who], self._count[who], self.delta), self._epsilon[who])

    def _of_gaussian(self, who: NDArray[np.int64]) -> Array:
        plain = np.where(self._delta[who] <= self.delta, self._epsilon[who], np.inf)
        different, of = np.unique(self._shift_squared[who], return_inverse=True)
        return with_plain_sum(gaussian_epsilon(np.sqrt(different), self.delta)[of], plain)


def _key(epsilon: float, delta: float) -> int:
    """A number of 128 bits; the sum of those of some uploads stands for them in whatever order."""
    return int.from_bytes(hashlib.blake2b(struct.pack("<dd", epsilon, delta), digest_size=16).digest(), "little")


def _occurrence(who: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many times each number stands before its place."""
    order = np.argsort(who, kind="stable")
    ordered = who[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(len(who)), 0))
    found = np.empty(len(who), dtype=np.int64)
    found[order] = np.arange(len(who)) - start
    return found
