"""What strategic owners work out from the public rule: what a lie would bring against given bids of the others."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.messages import BID_FIELDS, Bids
from agents.misreports.scalar import Misreport
from agents.misreports.search import expected_utility
from agents.owner.strategies.base import PublicKnowledge, Rule
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 20
"""Bids in one run of the rule: bounds the memory that reasoning takes."""

STAYING_AWAY = 1000.0
"""A scale of the valuation: asking a thousand times one's cost is staying away, with every field of the bid open."""


def known_rule(name: str, public: PublicKnowledge) -> Rule:
    """Return the auction rule, or say that a strategy cannot do without."""
    if public.rule is None:
        raise ValueError(f"strategy {name!r} reasons about the auction; pass PublicKnowledge(rule=...)")
    return public.rule


def utilities(
    public: PublicKnowledge,
    everybody: Bids,
    row: Tensor,
    types: OwnerTypes,
    misreports: Misreport,
    budget: float,
    name: str,
) -> Tensor:
    """Utility ``float64[S, K, m]`` of each of ``m`` owners if she alone tells her k-th lie, all other bids as given.

    That of a lottery, a rule with ``lottery``, is an expectation and no draw.

    Parameters
    ----------
    public : PublicKnowledge
        The rule, and the fields that are verified and cannot be lied about.
    everybody : Bids [S, r]
        The bids of a round, or of any number of rounds as it might be.
    row : int64[m]
        Where the owners stand among them.
    types : OwnerTypes [1, m]
        Who they really are.
    misreports : Misreport [K, m]
        Or ``[K, 1]``, the same for all.
    budget : float
        Of the round.
    name : str
        The strategy that asks, for the message.
    """
    rule = known_rule(name, public)
    rounds, bidders = everybody.shape
    owners, count = types.shape[1], len(misreports)
    result = torch.empty(rounds * count * owners, dtype=torch.float64)
    if not owners:
        return result.reshape(rounds, count, 0)
    source = torch.zeros(bidders, dtype=torch.int64).index_copy(0, row, torch.arange(owners))
    verified = BID_FIELDS - public.strategic
    for part in torch.split(torch.arange(len(result)), max(1, ENTRIES_AT_ONCE // max(1, bidders))):
        # F markets at once, each one round in which one owner tells one misreport.
        of, misreport, owner = part // (count * owners), part // owners % count, part % owners  # [F] each
        # All owners tell that misreport first, and then only hers is used.
        wide = types.take(rows=torch.zeros_like(part), owners=source)  # [F, r]
        deviating = _of_markets(misreports, misreport, owner, owners).tell(wide)
        if verified:
            deviating = deviating.replace(**{field: getattr(wide, field) for field in verified})
        alone = torch.arange(bidders) == row[owner][:, None]  # [F, r]
        bids = deviating.where(alone, everybody.take(rows=of))
        utility = expected_utility(rule, wide, bids, torch.full((len(part),), budget, dtype=torch.float64))
        result[part] = utility.gather(1, row[owner][:, None])[:, 0]
    return result.reshape(rounds, count, owners)


def _of_markets(misreports: Misreport, misreport: Tensor, owner: Tensor, owners: int) -> Misreport:
    """The lie ``[F, 1]`` told in every market."""
    parts = (misreports.scale, misreports.privacy_share, misreports.size_share)
    return Misreport(*(part.expand(len(misreports), owners)[misreport, owner][:, None] for part in parts))
