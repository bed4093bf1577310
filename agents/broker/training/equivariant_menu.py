"""Training the equivariant menu: the least error bound of truthful play at a regret that the user names.

The mechanism is individually rational and budget feasible whatever its weights. Regret is kept down by dual ascent, as
in RegretFormer (Ivanov et al., "Optimal-er auctions through attention", 2022): in every step one owner of some markets
tries a few lies, the best of them is played once more with gradients, and her gain is charged at a price that rises
while regret exceeds its target and falls while it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.parts.equivariant_network import EquivariantNetwork
from agents.broker.training.base import (
    GradientTraining,
    Trained,
    TrainingStep,
    check_finite,
    mean_loss,
    mean_of_finite,
    temperature_at,
)
from agents.broker.training.differentiable_bound import bound_of_purchases
from agents.broker.training.equivariant_recipe import EquivariantRecipe, new_network
from agents.broker.training.softened_equivariant import ReportedMarket, SoftenedPass, softened_equivariant
from agents.misreports.generators import draw_unilateral_misreports
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

PAYMENTS_PER_COST = 4.0
"""A gain over all payments counts as this many gains over cost: the published targets stand in this proportion."""
_MIN_COST = 1e-4
"""Costs and payments below this, in public units, count as this where gains are divided by them."""
_WEIGHT_OF_TENTATIVE = 0.5


@dataclass(frozen=True)
class EquivariantStep(TrainingStep):
    """What a training step shows, with the regret found over its target."""

    regret_over_target: float


class EquivariantTraining(GradientTraining[EquivariantNetwork]):
    """Adam on the error bound of truthful play plus the price of regret times the regret that is found.

    Parameters
    ----------
    prior : OwnerPrior
    recipe : EquivariantRecipe
    device : str
    """

    def __init__(self, prior: OwnerPrior, recipe: EquivariantRecipe, *, device: str = "cpu") -> None:
        self._prior, self._recipe = prior, recipe
        generator = torch.Generator().manual_seed(recipe.seed + 1)
        super().__init__(prior, recipe, new_network(prior, recipe), generator, device=device)
        self._multiplier = recipe.multiplier

    def step(self) -> EquivariantStep:
        """Make the next step."""
        recipe, prior = self._recipe, self._prior
        temperature = temperature_at(self.done / self.steps, *recipe.temperature)
        owners = self._owners()
        types, budget = prior.sample(max(2, recipe.batch * recipe.owners // owners), owners, self._generator)
        batch = f"step {self.done}, a batch of {len(budget)} profiles of {owners} owners"
        reported = ReportedMarket.of(types.truthful_bids(), budget, self.learner.levels, prior.units)
        first, last = softened_equivariant(self.learner, reported, prior.units, temperature)
        bound = self._bound(last, reported)
        loss = mean_loss(bound, recipe.weight_of_mean)
        loss = loss + _WEIGHT_OF_TENTATIVE * mean_loss(self._bound(first, reported), recipe.weight_of_mean)
        # Liars are drawn by what they are paid, which has to be a number.
        check_finite(last.purchases.payment.sum(), batch)
        regret = self._regret(types, budget, reported, last, temperature) / recipe.regret_target
        whole_loss = loss + self._multiplier * regret
        self._descend(whole_loss, batch)
        found = recipe.regret_factor * float(regret.detach())
        # One batch says little: it moves the price a little, however far off it is.
        self._multiplier *= math.exp(recipe.dual_rate * max(-1.0, min(1.0, found - 1.0)))
        return EquivariantStep(
            number=self.done - 1,
            loss=float(whole_loss.detach()),
            error_bound=mean_of_finite(bound),
            regret_over_target=found,
        )

    def trained(self) -> Trained:
        """The network so far."""
        network, recipe = self.network.cpu(), self._recipe
        sizes = {"levels": len(network.levels), "summary": recipe.summary, "width": recipe.width}
        return Trained({"network": network}, network.state_dict(), sizes)

    def _owners(self) -> int:
        recipe = self._recipe
        low, high = recipe.other_owners
        other = int(torch.randint(low, high + 1, (1,), generator=self._generator))
        draw = float(torch.rand(1, generator=self._generator, dtype=torch.float64))
        return other if draw < recipe.share_of_others else recipe.owners

    @staticmethod
    def _bound(played: SoftenedPass, reported: ReportedMarket) -> Tensor:
        share = played.purchases.records / reported.market.size.sum(-1, keepdim=True)
        return bound_of_purchases(played.purchases.precision.double(), share.double())

    def _regret(
        self, types: OwnerTypes, budget: Tensor, reported: ReportedMarket, truthful: SoftenedPass, temperature: float
    ) -> Tensor:
        """Mean gain over cost plus four times the gains over all payments, estimated from one liar per market."""
        recipe, prior, network = self._recipe, self._prior, self.learner
        rows = max(1, round(recipe.deviators * len(budget)))
        markets = slice(0, rows)
        some, money, cost = types.take(rows=markets), budget[markets], reported.cost[markets]
        # [market, owner]
        paid = truthful.purchases.payment[markets].detach().double().cpu()
        sells = (paid > 0).double()
        # Half of the liars are any sellers, half are drawn by what they are paid: they have the most to gain.
        fair = sells / sells.sum(-1, keepdim=True).clamp(min=1)
        chance = (fair + paid / paid.sum(-1, keepdim=True).clamp(min=_MIN_COST)) / 2 + 1e-9
        deviator = torch.multinomial(chance, 1, generator=self._generator)
        # [market] from here on: one deviator each.
        fair, chance, deviator = fair.gather(-1, deviator)[:, 0], chance.gather(-1, deviator)[:, 0], deviator[:, 0]
        misreports = [draw_unilateral_misreports(some, deviator, self._generator) for _ in range(recipe.misreports)]
        gains = []
        with torch.no_grad():
            for misreport in misreports:
                told = ReportedMarket.of(misreport, money, network.levels, prior.units)
                gains.append(
                    softened_equivariant(network, told, prior.units, temperature)[1].utility(cost, deviator)[0]
                )
        best = torch.stack(gains).argmax(0).cpu()  # [market], of [misreport, market]
        bids = misreports[0]
        for index, misreport in enumerate(misreports):
            bids = misreport.where((best == index)[:, None].expand(bids.shape), bids)
        told = ReportedMarket.of(bids, money, network.levels, prior.units)
        misreported, _ = softened_equivariant(network, told, prior.units, temperature)[1].utility(cost, deviator)
        told_truth, spent = truthful.utility(cost, deviator)
        gain = (misreported - told_truth).clamp(min=0)
        # Weighted by the inverse of how probable she was to be drawn: unbiased means over all sellers. Where nobody
        # sells there is no truthful sale to compare with.
        odds = torch.where(fair > 0, 1 / chance, 0.0).to(gain)
        per_cost = (gain / spent.detach().clamp(min=_MIN_COST)).clamp(max=1) * fair.to(gain) * odds
        per_payment = (gain * odds).sum() / paid.sum().clamp(min=_MIN_COST).to(gain)
        return per_cost.mean() + PAYMENTS_PER_COST * per_payment

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {**super().state_dict(), "multiplier": self._multiplier}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        super().load_state_dict(state)
        self._multiplier = float(state["multiplier"])
