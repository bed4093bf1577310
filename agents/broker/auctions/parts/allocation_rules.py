"""From the networks' answers to who sells what for how much: the same code in training and in the market.

In training, gradients see what comparisons hide: a softmax instead of the highest score, a slope instead of a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.allocation_network import AllocationNetwork, Reports
from agents.broker.auctions.parts.batch_invariant import batch_invariant

TEMPERATURE = 0.125
"""Of the soft-argmax through which gradients see a choice (FL-Market, section V-D)."""
_SOFTNESS_OF_REFUSAL = 0.1
"""Share of her cost by which a payment misses it when gradients see a refusal as probable."""
_MIN_LEFT = -2.0
"""What a sale leaves its owner, in shares of her claim, is clamped here from below."""
_MIN_DENOMINATOR = 1e-6
_RATES = (1e-4, 1e4)
"""Range to which money per privacy on offer is clamped."""


@dataclass(frozen=True)
class Proposal:
    """What the networks propose, before allocations that pay less than their reported cost are refused.

    Parameters
    ----------
    probability : float[B, n, M + 1]
        Of each level to be bought, level 0 being nothing; a single 1 per owner where nothing is drawn.
    share : float[B, n, M + 1]
        Share of the budget paid if it is. Those of different owners sum to 1 at most, whatever is drawn.
    chance : float[B, n, M + 1]
        The softmax of the scores, taken once, from which ``probability`` was made.
    """

    probability: Tensor
    share: Tensor
    chance: Tensor


def drawn(network: AllocationNetwork, reports: Reports) -> Proposal:
    """Every owner's level is to be drawn from the softmax of her scores; at level k she is paid k/M of her share.

    Shares are those of a softmax over all claims on the budget, since anybody may be drawn.
    """
    scores, claims = _answers(network, reports)
    chance = _softmax(scores, reports)
    share = _shares(claims, reports)[..., None] * _rise(reports)
    return Proposal(probability=chance, share=share, chance=chance)


def highest(network: AllocationNetwork, reports: Reports, temperature: float = TEMPERATURE) -> Proposal:
    """Every owner sells the level of her highest score, ties to the lowest level.

    Shares are those of a softmax over the claims of those who sell, each in proportion to the level she sells at.
    """
    scores, claims = _answers(network, reports)
    choice = torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores)
    choice = torch.where(reports.present[..., None], choice, _nothing(choice))
    chance = choice
    if torch.is_grad_enabled():
        chance = _softmax(scores, reports)
        soft = _softmax(scores / temperature, reports)
        choice = choice + (soft - soft.detach())
    rise = _rise(reports)
    share = _shares((claims * (choice * rise).sum(-1)).clamp(min=0), reports)[..., None]
    return Proposal(probability=choice, share=share * (rise > 0), chance=chance)


@dataclass(frozen=True)
class Sales:
    """A proposal after refusals, as training sees it.

    Parameters
    ----------
    probability : float[B, n, M + 1]
        Of each level being sold.
    payment : float[B, n, M + 1]
        Money if it is, in public units.
    shortfall : float[B, n]
        Expected money by which proposed payments missed the reported cost: what refusals had to prevent.
    """

    probability: Tensor
    payment: Tensor
    shortfall: Tensor


def after_refusals(proposal: Proposal, reports: Reports) -> Sales:
    """Whoever would be paid less than she says it costs her sells nothing; her share stays unspent."""
    payment = reports.budget[:, None, None] * proposal.share  # [batch, owner, 1 + level]
    cost = reports.cost()
    sold = (payment >= cost).to(payment)
    if torch.is_grad_enabled():
        soft = torch.sigmoid((payment / cost.clamp(min=_MIN_DENOMINATOR) - 1).clamp(-5, 5) / _SOFTNESS_OF_REFUSAL)
        sold = sold + (soft - soft.detach())
    probability = (proposal.probability * sold)[..., 1:]  # [batch, owner, level]
    shortfall = (proposal.probability * (cost - payment).clamp(min=0))[..., 1:].sum(-1)
    rest = 1 - probability.sum(-1, keepdim=True)
    return Sales(probability=torch.cat([rest, probability], dim=-1), payment=payment, shortfall=shortfall)


def _answers(network: AllocationNetwork, reports: Reports) -> tuple[Tensor, Tensor]:
    """Scores ``[B, n, M + 1]`` of the outcomes, and the money ``[B, n]`` each owner claims for all she offers.

    A claim is the privacy on offer (data size times privacy budget) at a rate: a learned tariff of the budget over
    all privacy on offer, with and without the owner's own, times the exponential of the payment network's answer.
    The score of a level is the allocation network's answer plus what selling it would leave the owner were her claim
    honoured pro rata, as a share of the claim. Who is asked for what she would choose herself has little to lie for;
    so training starts near an auction without much regret and has to remove the rest.
    """
    outcome, answer = network(reports)  # [batch, owner, 1 + level], [batch, owner]
    offer = reports.size * reports.cap * reports.present  # [batch, owner]
    everything = offer.sum(-1, keepdim=True)  # [batch, 1]
    budget = reports.budget[:, None]
    rate = batch_invariant(torch.log, (budget / everything.clamp(min=_MIN_DENOMINATOR)).clamp(*_RATES))  # [batch, 1]
    # One unit more, so that whoever is alone does not divide by nothing.
    rate_of_others = batch_invariant(torch.log, (budget / (everything - offer + 1)).clamp(*_RATES))  # [batch, owner]
    tariff = network.tariff.to(rate)
    log_rate = tariff[0] + tariff[1] * rate + tariff[2] * rate_of_others + answer.clamp(-8, 8)
    claim = offer * batch_invariant(torch.exp, log_rate)
    honoured = torch.minimum(claim[..., None] * _rise(reports), budget[..., None])  # [batch, owner, 1 + level]
    left = (honoured - reports.cost()) / honoured[..., -1:].clamp(min=_MIN_DENOMINATOR)
    return network.steepness.to(rate).exp() * left.clamp(min=_MIN_LEFT) + outcome, claim


def _shares(claims: Tensor, reports: Reports) -> Tensor:
    """Shares of the budget ``[B, n]``: the softmax of the logarithms of all claims, the buyer's own left out.

    She claims what the others leave: within the budget claims are honoured in full, beyond it in proportion.
    """
    total = torch.maximum(claims.sum(-1), reports.budget)
    return claims / torch.where(total > 0, total, 1.0)[:, None]


def _softmax(scores: Tensor, reports: Reports) -> Tensor:
    """Softmax over the M + 1 outcomes; whoever offers nothing sells nothing."""
    return torch.where(reports.present[..., None], torch.softmax(scores, dim=-1), _nothing(scores))


def _nothing(like: Tensor) -> Tensor:
    return torch.nn.functional.pad(torch.zeros_like(like[..., 1:]), (1, 0), value=1.0)


def _rise(reports: Reports) -> Tensor:
    """k/M for k = 0 to M."""
    size = reports.size
    return torch.arange(reports.levels + 1, dtype=size.dtype, device=size.device) / reports.levels
