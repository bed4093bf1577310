"""The ways of asking that must not matter, each under the name of the check that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from agents.broker.checking.bid_forms import as_mixture, as_other_table, as_table
from agents.broker.checking.calls import Call
from agents.broker.checking.company import absent_between, among_others, one_market_at_a_time, reversed_rows
from agents.broker.checking.guarded import GuardedAuction
from agents.broker.checking.memory import after_other_calls, on_a_copy
from agents.broker.checking.surroundings import global_seeds, gradients_on, not_contiguous, other_threads

GENERATOR = "same with and without generator"
ROWS = "rows independent"
ABSENT = "absent owners ignored"
FORM = "form of bids without effect"
EARLIER = "earlier calls change nothing"
COPY = "a copy answers the same"
LAYOUT = "memory layout without effect"
STATE = "threads and global state without effect"
DETERMINISTIC = "deterministic"

Change = Callable[[Call, torch.Generator], Call]


@dataclass(frozen=True)
class Way:
    """One change to a call: the check that it belongs to, what is said of it, and the change itself."""

    check: str
    told: str
    change: Change


def ways(guard: GuardedAuction, pristine: object) -> list[Way]:
    """Every way that applies to an auction, in the order in which changes are put upon one another.

    Parameters
    ----------
    guard : GuardedAuction
    pristine : Auction or None
        A copy made before the first call; None where none can be made.
    """
    every = [
        Way(FORM, "the same curves as tables at the auction's own levels", as_table(guard)),
        Way(FORM, "the same curves as tables at more levels than its own", as_other_table(guard)),
        Way(FORM, "the same curves as a mixture of kinds", as_mixture),
        Way(ABSENT, "absent owners put in", absent_between),
        Way(ROWS, "in the opposite order", reversed_rows),
        Way(ROWS, "among other markets", among_others),
        Way(ROWS, "one market at a time", one_market_at_a_time),
        Way(LAYOUT, "tensors that are not contiguous", not_contiguous),
        Way(EARLIER, "after other calls", after_other_calls(guard)),
        Way(STATE, "other global seeds", global_seeds),
        Way(STATE, "other number of threads", other_threads),
        Way(STATE, "gradients switched on", gradients_on),
    ]
    if pristine is not None:
        every.append(Way(COPY, "a copy made before the first call", on_a_copy(pristine)))
    if not guard.declares_odds:
        every.append(Way(GENERATOR, "without a generator", lambda call, _: _with_seed(call, None)))
        every.append(Way(GENERATOR, "with another generator", _other_seed))
    return every


def _with_seed(call: Call, seed: int | None) -> Call:
    return Call(**{**vars(call), "seed": seed})


def _other_seed(call: Call, generator: torch.Generator) -> Call:
    return _with_seed(call, int(torch.randint(2**31, (1,), generator=generator)))
