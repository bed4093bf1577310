"""Arbitrary monotone valuation tables: lies that no family and factor can tell."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.messages import Bids
from agents.misreports.generators import as_misreports
from agents.valuation import MixedValuation, TabulatedValuation
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel

SPREAD = 0.5
"""Standard deviation of the logarithm by which a level of a bent table is off; steps are as wide as they like."""


class Tables(Attacker):
    """The true curve on 16 levels, bent level by level, or cut: cheap up to one level and dear beyond it.

    A cut is how an owner forces a choice upon a menu or a network; a bend is what a lie in the paper's own form of
    bid, a cost per level, looks like.
    """

    name = "valuation tables"
    share = 0.15
    turn = 40
    requires = "a valuation that may be changed"

    def applies(self, auction: Auction, threat: ThreatModel) -> bool:
        """Whether she may lie about her valuation."""
        return "valuation" in threat.fields

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Bend and cut in turn."""
        while attack.left:
            shape = attack.truth.shape
            scale = (SPREAD * torch.randn(*shape, 1, generator=generator, dtype=torch.float64)).exp()
            cost = true_table(attack.truth) * scale
            if attack.left % 2:
                bend = (SPREAD * torch.randn(cost.shape, generator=generator, dtype=torch.float64)).exp()
                cost = cost * bend
            else:
                levels = cost.shape[-1]
                step = torch.randint(levels, (*shape, 1), generator=generator)
                cheap = torch.rand(*shape, 1, generator=generator, dtype=torch.float64)
                cost = torch.where(torch.arange(levels) < step, cheap * cost, 1000 * cost)
            attack.query(tabulated_misreport(attack.truth, cost))


def true_table(truth: Bids) -> Tensor:
    """The true curves ``[B, n, 16]`` on the levels of a misreported table, finite throughout."""
    return truth.valuation.tabulate(table_levels(truth)).clamp(max=1e100)


def table_levels(truth: Bids) -> Tensor:
    """The levels ``[16]`` of every table that lies about ``truth``."""
    return _form(truth).second.levels


def tabulated_misreport(truth: Bids, cost: Tensor, where: Tensor | None = None) -> Bids:
    """Report the table ``cost[B, n, 16]``, made nondecreasing; the true curve where ``where[B, n]`` does not hold."""
    form = _form(truth)
    mask = torch.zeros_like(form.mask) if where is None else ~where
    table = TabulatedValuation(levels=form.second.levels, cost=cost.cummax(dim=-1).values.clamp(0, 1e200))
    return truth.replace(valuation=MixedValuation(mask=mask, first=truth.valuation, second=table))


class _TableForm(MixedValuation):
    second: TabulatedValuation


def _form(truth: Bids) -> _TableForm:
    form = as_misreports(truth).valuation
    assert isinstance(form, MixedValuation)
    assert isinstance(form.second, TabulatedValuation)
    return form  # type: ignore[return-value]
