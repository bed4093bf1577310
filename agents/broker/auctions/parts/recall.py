"""Answers that a rule gave before: markets that are played beside one another ask the same of it again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.valuation import ParametricValuation

MAX_ENTRIES = 1 << 22
"""Bidders of all answers that are kept: about 100 MB."""

OF_ONE_MARKET = 1 << 18
"""The same for a market that nothing is played beside: it asks for nothing after the round is over."""

LARGEST = 512
"""Bidders of a round up to which its answers are kept."""


class Recall:
    """Outcomes by what was bid, row by row, for several markets of one auction in one process.

    A market and the same one without noise, or with everybody truthful, sell and rerun the same bids. Only a pure rule
    may be recalled: one that draws nothing, remembers nothing and gives every row of a batch the same bits whatever the
    other rows are. ``Auction.recall`` holds it; copies of the auction share it.

    Parameters
    ----------
    most_entries : int
        Bidders of all answers that are kept; with more, all are forgotten.
    """

    def __init__(self, most_entries: int = MAX_ENTRIES) -> None:
        self._most_entries = most_entries
        self._known: dict[bytes, tuple[Tensor, Tensor, Tensor]] = {}
        self._entries = 0

    def __deepcopy__(self, memo: Any) -> Recall:
        return self

    def outcome(self, ask: Callable[[Bids, Tensor], Outcome], bids: Bids, budget: Tensor) -> Outcome:
        """The outcome ``[B, n]`` of ``ask``, which is only called with the rows that it was not yet called with."""
        keys = _keys(bids, budget)
        if keys is None:
            return ask(bids, budget)
        new = list({key: row for row, key in reversed(list(enumerate(keys))) if key not in self._known}.values())
        if new:
            rows = torch.tensor(sorted(new))
            found = ask(bids if len(new) == len(keys) else bids.take(rows=rows), budget[rows])
            parts = (found.privacy_loss, found.payment, found.data_size)
            self._known |= dict(zip((keys[row] for row in rows.tolist()), zip(*parts, strict=True), strict=True))
            self._entries += found.payment.numel()
        told = Outcome(*(torch.stack(part) for part in zip(*(self._known[key] for key in keys), strict=True)))
        if self._entries > self._most_entries:
            self._known, self._entries = {}, 0
        return told


def _keys(bids: Bids, budget: Tensor) -> list[bytes] | None:
    """What tells rows apart; None where there is more to them than a few numbers an owner."""
    if not isinstance(bids.valuation, ParametricValuation) or bids.shape[1] > LARGEST:
        return None
    numbers = (bids.valuation.family, bids.valuation.factor, bids.privacy_budget, bids.data_size, budget[:, None])
    rows = torch.cat([part.double() for part in numbers], dim=-1).numpy()
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
