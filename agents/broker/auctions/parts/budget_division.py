"""The weighted uniform rule: who may claim how much of a budget that is too small for all claims.

Everybody is capped at a common rate times her weight, the largest at which all payments fit into the budget. Whoever
claims less gets all of it; whoever is capped cannot move her own cap by claiming more or less. Source: Sprumont,
"The division problem with single-peaked preferences", 1991, with weights.
"""

from __future__ import annotations

import torch
from torch import Tensor


def common_rate(claim: Tensor, weight: Tensor, budget: Tensor) -> tuple[Tensor, Tensor]:
    """The largest rate ``[B]`` with sum of min(claim, rate * weight) <= budget, infinite where all claims fit.

    Differentiable in claims and weights.

    Parameters
    ----------
    claim : Tensor[B, n]
    weight : Tensor[B, n]
        Positive.
    budget : Tensor[B]

    Returns
    -------
    (rate [B], capped bool[B, n])
        Who claims more than her part.
    """
    # In the order in which a rising rate serves the claims in full: [batch, place].
    ratio, order = (claim / weight).detach().sort(-1)
    sorted_claim, sorted_weight = claim.detach().gather(-1, order), weight.detach().gather(-1, order)
    # What the claims served before each cost, and the weights of those who share the rest with her.
    below = torch.nn.functional.pad(sorted_claim.cumsum(-1), (1, 0))[..., :-1]
    above = sorted_weight.flip(-1).cumsum(-1).flip(-1)
    # Where claims do not fit somebody is capped, whatever rounding says of the last.
    served = (below + ratio * above <= budget[:, None]).sum(-1, keepdim=True).clamp(max=claim.shape[1] - 1)
    scarce = claim.detach().sum(-1) > budget
    behind = torch.arange(claim.shape[1], device=claim.device) >= served
    capped = torch.zeros_like(behind).scatter(-1, order, behind) & scarce[:, None]
    left = (budget - torch.where(capped, 0.0, claim).sum(-1)).clamp(min=0)
    total = torch.where(capped, weight, 0.0).sum(-1)
    rate = torch.where(scarce, left / torch.where(total > 0, total, 1.0), torch.inf)
    return rate, capped
