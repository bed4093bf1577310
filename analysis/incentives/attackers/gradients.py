"""Gradient ascent from the truth, through auctions that can be differentiated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.parts.softened import Differentiable
from agents.messages import Bids
from agents.misreports.search import CHUNK
from agents.valuation import Valuation
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.tables import table_levels, tabulated_misreport, true_table
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel

STEP = 0.1
"""Step of the ascent, in logarithms of the cost at each level and in shares of privacy budget and data size."""
MIN_WEIGHT = 0.01
"""Smallest share of the privacy budget or the data size that the ascent goes down to."""


class TruthStartGradient(Attacker):
    """The published attack: ascent on the smooth rule, starting at the truth; every step is one query.

    It climbs in the logarithm of the cost at every level of a table and in the shares of privacy budget and data size
    that are admitted to. Where the deployed rule picks the largest of several levels, the smooth one misleads it.
    Source: FL-Market, section V-C (inner ascent of the regret, step 0.1).
    """

    name = "gradient from the truth"
    share = 0.1
    turn = 50
    hard = False
    payment_only = False
    requires = "a field that may be changed, and an auction with `softened` to climb on"

    def applies(self, auction: Auction, threat: ThreatModel) -> bool:
        """Whether there is something to climb."""
        return bool(threat.fields) and isinstance(auction, Differentiable)

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Climb, telling every step."""
        misreport = _SoftMisreport.truth(attack)
        ascent = torch.optim.Adam(
            [misreport.log_cost, misreport.cap_share, misreport.size_share], lr=STEP, maximize=True
        )
        while attack.left:
            ascent.zero_grad()
            for chunk in _chunks(attack):
                self._worth(attack, misreport, *chunk).sum().backward()  # type: ignore[no-untyped-call]
            misreport.keep_gradients(attack.threat)
            ascent.step()
            misreport.project()
            attack.query(attack.threat.admitted(attack.truth, misreport.told(attack.truth)))

    def _worth(self, attack: Attack, misreport: _SoftMisreport, rows: Tensor, deviators: Tensor) -> Tensor:
        """What the smooth rule makes each liar's lie worth ``[m]``, over her cost of all she has."""
        auction = attack.auction
        assert isinstance(auction, Differentiable)
        types = attack.types.take(rows=rows)
        here = torch.arange(types.shape[1]) == deviators[:, None]
        cap = torch.where(here, types.privacy_budget * misreport.cap_share[rows], types.privacy_budget)
        size = torch.where(here, types.data_size * misreport.size_share[rows], types.data_size.double())

        def value_at(loss: Tensor) -> Tensor:
            true = _with_slope(types.valuation, loss)
            bent = true * _interpolated(attack_levels, misreport.log_cost[rows], loss).exp()
            return torch.where(here[..., None], bent, true)

        attack_levels = table_levels(attack.truth)
        outcome = auction.softened(value_at, cap, size, attack.budget[rows], hard=self.hard)
        cost = size * (outcome.probability * _with_slope(types.valuation, outcome.privacy_loss)).sum(-1)
        utility = outcome.payment - (cost.detach() if self.payment_only else cost)
        own = utility.gather(-1, deviators[:, None])[:, 0]
        whole = types.cost_at_own_budget().gather(-1, deviators[:, None])[:, 0]
        worth = own / torch.where((whole > 0) & whole.isfinite(), whole, 1.0)
        return torch.where(worth.isfinite(), worth, 0.0)


class StraightThroughGradient(TruthStartGradient):
    """The same with the outcome of the deployed rule and the gradient of the smooth one."""

    name = "straight-through gradient"
    share = 0.1
    turn = 51
    hard = True


class PaymentOnlyGradient(TruthStartGradient):
    """The same climbing on the payment alone, what is sold being taken as fixed."""

    name = "payment-only gradient"
    share = 0.05
    turn = 52
    hard = True
    payment_only = True


@dataclass
class _SoftMisreport:
    """Lies ``[B, n]`` that gradients reach: ``log_cost[B, n, 16]``, shares ``[B, n]`` of what she has."""

    log_cost: Tensor
    cap_share: Tensor
    size_share: Tensor

    @staticmethod
    def truth(attack: Attack) -> _SoftMisreport:
        shape, levels = attack.truth.shape, len(table_levels(attack.truth))
        return _SoftMisreport(
            log_cost=torch.zeros(*shape, levels, dtype=torch.float64, requires_grad=True),
            cap_share=torch.ones(shape, dtype=torch.float64, requires_grad=True),
            size_share=torch.ones(shape, dtype=torch.float64, requires_grad=True),
        )

    def keep_gradients(self, threat: ThreatModel) -> None:
        """Forget gradients that are no number, and those of fields that may not be changed."""
        for field, parameter in (
            ("valuation", self.log_cost),
            ("privacy_budget", self.cap_share),
            ("data_size", self.size_share),
        ):
            slope = parameter.grad
            if slope is not None:
                parameter.grad = torch.where(slope.isfinite() & (field in threat.fields), slope, 0.0)

    def project(self) -> None:
        """Back into what can be told."""
        with torch.no_grad():
            self.log_cost.clamp_(-5, 5)
            self.cap_share.clamp_(MIN_WEIGHT, 1)
            self.size_share.clamp_(MIN_WEIGHT, 1)

    def told(self, truth: Bids) -> Bids:
        """The lies as bids; the table only where it says something."""
        log_cost = self.log_cost.detach()
        size = (truth.data_size * self.size_share.detach()).floor().long()
        one_record = torch.minimum(truth.data_size, torch.ones_like(truth.data_size))
        misreports = tabulated_misreport(truth, true_table(truth) * log_cost.exp(), (log_cost != 0).any(-1))
        return misreports.replace(
            privacy_budget=torch.minimum(truth.privacy_budget * self.cap_share.detach(), truth.privacy_budget),
            data_size=torch.minimum(torch.maximum(size, one_record), truth.data_size),
        )


def _chunks(attack: Attack) -> list[tuple[Tensor, Tensor]]:
    """The liars as (rows, places), few enough at a time."""
    row, deviator = attack.chosen.nonzero(as_tuple=True)
    markets = max(1, CHUNK // max(1, attack.types.shape[1]))
    return list(zip(torch.split(row, markets), torch.split(deviator, markets), strict=True)) if len(row) else []


def _with_slope(valuation: Valuation, loss: Tensor) -> Tensor:
    """The curves at ``loss``, with their slope as gradient, whatever kind they are."""
    at = loss.detach()
    step = 1e-4 * at + 1e-9
    value = valuation.at(at)
    slope = (value - valuation.at((at - step).clamp(min=0))) / step
    return value + torch.where(slope.isfinite(), slope, 0.0) * (loss - at)


def _interpolated(levels: Tensor, value: Tensor, loss: Tensor) -> Tensor:
    """``value[m, n, 16]`` at ``loss[m, n, K]``, linear between ``levels`` and constant outside."""
    upper = torch.searchsorted(levels, loss.detach().contiguous()).clamp(1, len(levels) - 1)
    share = ((loss - levels[upper - 1]) / (levels[upper] - levels[upper - 1])).clamp(0, 1)
    return value.gather(-1, upper - 1) * (1 - share) + value.gather(-1, upper) * share
