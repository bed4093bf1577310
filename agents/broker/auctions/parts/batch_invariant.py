"""Functions of numbers one by one, with bits that do not depend on how many numbers there are.

A processor works numbers off several at a time, and those left over at the end one by one, by another routine whose
last bit may differ. Here the end is made up, so that there are none left over.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_VECTOR = 64
"""A multiple of what any processor works off at a time."""


def batch_invariant(function: Callable[[Tensor], Tensor], numbers: Tensor) -> Tensor:
    """Return ``function`` of every number, the same bits for the same number wherever it stands.

    Parameters
    ----------
    function : callable
        Of one number each, e.g. ``torch.log``.
    numbers : Tensor
    """
    flat = torch.nn.functional.pad(numbers.reshape(-1), (0, -numbers.numel() % _VECTOR), value=1.0)
    return function(flat)[: numbers.numel()].reshape(numbers.shape)
