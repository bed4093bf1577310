"""Misreports as five numbers, whatever the auction: the inner search of regret training.

The five numbers say how much dearer the owner makes herself, how she tilts her curve, which part of her privacy budget
and of her data she admits to, and from which level on she prices herself out. The search needs nothing of an auction
but what a misreport is worth to the deviator; where that has a slope, it climbs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

FIELDS = ("log_scale", "tilt", "log_cap", "log_size", "reach")
"""What a misreport consists of, in this order."""
LOW = (-math.log(100), -2.0, math.log(0.01), math.log(0.01), 0.0)
HIGH = (math.log(100), 2.0, 0.0, 0.0, 1.0)
PROHIBITIVE = 1000.0
"""Factor on the cost of levels beyond a misreport's reach."""


def encoded_truth(*shape: int, device: torch.device | None = None) -> Tensor:
    """The truth as a misreport, ``float64[*shape, 5]``."""
    truthful = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0], dtype=torch.float64, device=device)
    return truthful.expand(*shape, len(FIELDS))


def clamp_encoded(misreports: Tensor) -> Tensor:
    """The nearest misreports that an owner can tell: privacy budget and data size are only ever understated."""
    return torch.maximum(torch.minimum(misreports, misreports.new_tensor(HIGH)), misreports.new_tensor(LOW))


def draw_encoded(count: int, deviators: int, generator: torch.Generator) -> Tensor:
    """Draw misreports ``[count, deviators, 5]``: each of the five numbers misreports or not, at least one does.

    Scales are log-uniform, half of them within 30 %, half over two orders of magnitude either way; privacy budgets
    and data sizes are understated a little as often as nearly altogether.
    """
    shape = (count, deviators)
    uniform = torch.rand(8, *shape, generator=generator, dtype=torch.float64)
    normal = torch.randn(*shape, generator=generator, dtype=torch.float64)
    near = uniform[0] < 0.5
    log_scale = torch.where(near, 0.3 * normal, (2 * uniform[1] - 1) * HIGH[0])
    tilt = LOW[1] + (HIGH[1] - LOW[1]) * uniform[2]
    log_cap = torch.where(uniform[3] < 0.7, (0.3 + 0.7 * uniform[4]).log(), LOW[2] * uniform[4])
    log_size = torch.where(uniform[5] < 0.7, (0.1 + 0.9 * uniform[6]).log(), LOW[3] * uniform[6])
    misreports = torch.stack([log_scale, tilt, log_cap, log_size, uniform[7]], dim=-1)
    misreported = torch.rand(*shape, len(FIELDS), generator=generator) < 0.4
    # Whoever would misreport nothing misreports her price.
    misreported[..., 0] |= ~misreported.any(-1)
    return torch.where(misreported, misreports, encoded_truth(*shape))


@dataclass(frozen=True)
class BestEncoded:
    """What the search came across.

    Parameters
    ----------
    misreports : float64[m, 5]
        Each deviator's best misreport, or the truth where none was better.
    utility : float64[m]
        What it is worth to her.
    """

    misreports: Tensor
    utility: Tensor


def best_encoded(utility: Callable[[Tensor], Tensor], candidates: Tensor, truthful: Tensor) -> BestEncoded:
    """The best of given misreports, without any gradient.

    Parameters
    ----------
    utility : callable
        From misreports ``[c, m, 5]`` to what each is worth to its deviator, ``[c, m]``.
    candidates : float64[c, m, 5]
    truthful : float64[m]
        What the truth is worth.
    """
    with torch.no_grad():
        worth = utility(candidates)
    found, which = worth.max(dim=0)  # [deviator]
    misreports = candidates.gather(0, which[None, :, None].expand(1, -1, len(FIELDS)))[0]
    better = found > truthful
    return BestEncoded(
        torch.where(better[:, None], misreports, encoded_truth(len(misreports)).to(misreports)),
        found.where(better, truthful),
    )


def climb_encoded(
    utility: Callable[[Tensor], Tensor], start: BestEncoded, *, steps: int, size: float, by_sign: bool = True
) -> BestEncoded:
    """Go uphill from the best misreports found, keeping the best place passed.

    Where the worth of a misreport has no slope, nothing moves.

    Parameters
    ----------
    utility : callable
        As for ``best_encoded``.
    start : BestEncoded
    steps : int
    size : float
        Length of a step: in ranges of each of the five numbers, or in slopes.
    by_sign : bool
        Whether to follow the sign of the slope or the slope itself.
    """
    best, misreports = start, start.misreports
    span = misreports.new_tensor(HIGH) - misreports.new_tensor(LOW)
    for _ in range(steps):
        here = misreports.detach().requires_grad_()
        worth = utility(here[None])[0]
        if not worth.requires_grad:
            return best
        (slope,) = torch.autograd.grad(worth.sum(), here)
        slope = slope.nan_to_num()
        misreports = clamp_encoded(here.detach() + size * (span * slope.sign() if by_sign else slope))
        with torch.no_grad():
            worth = utility(misreports[None])[0]
        better = worth > best.utility
        best = BestEncoded(
            torch.where(better[:, None], misreports, best.misreports), torch.where(better, worth, best.utility)
        )
    return best
