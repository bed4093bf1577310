"""One training loop for RegretNet, M-RegretNet and DM-RegretNet: an augmented Lagrangian on found regret.

Every step draws fresh markets of the prior, lets one owner of each search for a profitable misreport, and takes an Adam
step on the objective plus multipliers times two violations: her regret over her cost, and what payments miss of the
cost. Multipliers belong to places in the list of owners, largest data set first, and grow while their violation lasts.

Source: FL-Market, section V (objective, soft-argmax, penalty of uncertain allocations); Dutting et al., "Optimal
auctions through deep learning", 2019 (the loop). With ``PAPER_SEARCH`` the inner search is theirs: from the
truth, many small steps up the gradient. The default one is cheaper and sees past an argmax, where there is no slope:
drawn misreports, misreports that paid before, in other markets, and a step or two by the sign of the slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.parts.allocation_network import AllocationNetwork, Reports
from agents.broker.auctions.parts.allocation_rules import Proposal, Sales, after_refusals
from agents.broker.training.base import GradientTraining, Trained, mean_loss, mean_of_finite
from agents.broker.training.differentiable_bound import bound_of_purchases
from agents.broker.training.profiles import Profiles
from agents.broker.training.regret_recipe import RegretRecipe, RegretStep
from agents.misreports.encoded import (
    BestEncoded,
    best_encoded,
    clamp_encoded,
    climb_encoded,
    draw_encoded,
    encoded_truth,
)
from agents.prior import OwnerPrior

Propose = Callable[[AllocationNetwork, Reports], Proposal]
REMEMBERED = 4096
"""Misreports that paid, kept to be tried again."""
_WEIGHT_OF_MEAN = 0.3
"""Weight of E[ERR] beside E[log ERR]."""


class RegretTraining(GradientTraining[AllocationNetwork]):
    """Adam on what is to be minimised plus multipliers times violations.

    Parameters
    ----------
    propose : callable
        The rule: from networks and reports to levels and shares of the budget.
    prior : OwnerPrior
    recipe : RegretRecipe
    device : str
    """

    LAST_RATE = 0.01

    def __init__(self, propose: Propose, prior: OwnerPrior, recipe: RegretRecipe, *, device: str = "cpu") -> None:
        self._propose, self._prior, self.recipe = propose, prior, recipe
        generator = torch.Generator().manual_seed(recipe.seed)
        network = new_network(recipe, generator)
        super().__init__(prior, recipe, network, generator, device=device, rule=propose.__qualname__)
        self._paid_before = encoded_truth(REMEMBERED).float().clone()
        self._regret = torch.full((recipe.owners,), recipe.regret, device=device)
        self._rationality = torch.full((recipe.owners,), recipe.rationality, device=device)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        scalars = [self.learner.tariff, self.learner.steepness]
        layers = [*self.learner.allocation.parameters(), *self.learner.payment.parameters()]
        # Three numbers and a slope steer every market: they learn faster than the layers.
        return [{"params": layers}, {"params": scalars, "factor": 2}]

    def step(self) -> RegretStep:
        """Make the next step, on a fresh batch."""
        recipe = self.recipe
        types, budget = self._prior.sample(recipe.batch, recipe.owners, self._generator)
        profiles = Profiles.of(types, budget, self._prior.units, self._device)
        reports = profiles.truthful(recipe.levels)
        proposal = self._propose(self.learner, reports)
        sales = after_refusals(proposal, reports)
        deviator = torch.randint(recipe.owners, (recipe.batch,), generator=self._generator).to(self._device)
        # Of one deviator per market: [market].
        truthful = _of(utilities(sales, reports.cost()), deviator)
        best = self._search(profiles, deviator, truthful.detach())
        gain = (self._worth(profiles, deviator, best.misreports[None])[0] - truthful).clamp(min=0)
        everything = profiles.cost_of_everything()
        relative = recipe.weight_of_cost * gain / _of(everything, deviator)
        relative = relative + recipe.weight_of_money * recipe.owners * gain / profiles.budget
        place = reports.order().argsort(dim=-1)  # [market, owner]
        regret = _mean_by_place(relative, _of(place, deviator), recipe.owners)
        shortfall = _mean_by_place((sales.shortfall / everything).flatten(), place.flatten(), recipe.owners)
        bound = bound_of_purchases(*purchases(sales, reports))
        loss = self._objective(bound, sales, reports) + self._penalties(regret, shortfall)
        if recipe.entropy_weight:
            loss = loss + recipe.entropy_weight * entropy_penalty(proposal.chance)
        self._descend(loss, f"batch {self.done}")
        self._remember(best, truthful.detach())
        self._raise_multipliers(regret.detach(), shortfall.detach())
        cost = _of((sales.probability * reports.cost()).sum(-1), deviator).detach()
        return RegretStep(
            number=self.done - 1,
            loss=float(loss.detach()),
            error_bound=mean_of_finite(bound),
            found_regret=float((gain.detach() / cost)[cost > 0].mean()),
            refusals=float((sales.shortfall.detach() > 0).double().mean()),
        )

    def _objective(self, bound: Tensor, sales: Sales, reports: Reports) -> Tensor:
        if self.recipe.objective == "privacy":
            loss = (sales.probability * reports.loss()).sum(-1)
            return -((reports.size * loss).sum(-1) / reports.size.sum(-1)).mean()
        return mean_loss(bound, _WEIGHT_OF_MEAN)

    def _penalties(self, regret: Tensor, shortfall: Tensor) -> Tensor:
        """Multipliers times violations plus rho/2 times their squares, averaged over places."""
        warm = min(1.0, (self.done + 1) / max(1.0, self.recipe.warm_up * self.steps))
        linear = warm * (self._regret * regret + self._rationality * shortfall)
        return (linear + self._rho() / 2 * (regret.square() + shortfall.square())).mean()

    def _rho(self) -> float:
        return self.recipe.rho * (1 + self.done // self.recipe.epoch)

    def _raise_multipliers(self, regret: Tensor, shortfall: Tensor) -> None:
        if self.done % self.recipe.multipliers_every == 0:
            excess = regret - self.recipe.regret_target
            self._regret = (self._regret + self._rho() * excess).clamp(min=0)
            self._rationality = self._rationality + self._rho() * shortfall

    def _search(self, profiles: Profiles, deviator: Tensor, truthful: Tensor) -> BestEncoded:
        """Every liar's best misreport: drawn ones, ones that paid before as they were or shifted, and a climb."""
        recipe, deviators, generator = self.recipe, len(deviator), self._generator
        best = BestEncoded(encoded_truth(deviators).to(truthful), truthful)
        again = recipe.candidates // 3
        if recipe.candidates:
            drawn = draw_encoded(recipe.candidates - again, deviators, generator).float()
            # Half of those that paid before as they were, half shifted: [again, deviator, 5].
            old = self._paid_before[torch.randint(REMEMBERED, (again, deviators), generator=generator)]
            old[again // 2 :] += 0.1 * torch.randn(again - again // 2, deviators, old.shape[-1], generator=generator)
            candidates = torch.cat([drawn, clamp_encoded(old)]).to(self._device)
            best = best_encoded(lambda misreports: self._worth(profiles, deviator, misreports), candidates, truthful)
        return climb_encoded(
            lambda misreports: self._worth(profiles, deviator, misreports),
            best,
            steps=recipe.climbs,
            size=recipe.climb_size,
            by_sign=recipe.by_sign,
        )

    def _worth(self, profiles: Profiles, deviator: Tensor, misreports: Tensor) -> Tensor:
        """Utility ``[c, m]`` of misreports ``[c, m, 5]`` to the liar of each market, nobody else lying."""
        count = len(misreports)
        # All misreports of all deviators as one batch: [c * m] markets.
        rows = torch.arange(len(deviator), device=deviator.device).repeat(count)
        who = deviator.repeat(count)
        reports, cost = profiles.take(rows).with_deviators(
            self.recipe.levels, who, misreports.reshape(-1, misreports.shape[-1])
        )
        sales = after_refusals(self._propose(self.learner, reports), reports)
        mine = who[:, None, None].expand(-1, 1, cost.shape[-1])  # [c * m, 1, 1 + level]
        worth = sales.probability.gather(1, mine)[:, 0] * (sales.payment.gather(1, mine)[:, 0] - cost)
        return worth[..., 1:].sum(-1).view(count, len(deviator))

    def _remember(self, best: BestEncoded, truthful: Tensor) -> None:
        paid = best.misreports[best.utility > truthful].cpu()[: REMEMBERED // 32]
        places = torch.randint(REMEMBERED, (len(paid),), generator=self._generator)
        self._paid_before[places] = paid

    def trained(self) -> Trained:
        """The networks so far."""
        network, recipe = self.network.cpu(), self.recipe
        sizes = {"owners": recipe.owners, "levels": recipe.levels, "width": recipe.width}
        return Trained({"network": network}, network.state_dict(), sizes)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        own = {"paid_before": self._paid_before, "regret": self._regret, "rationality": self._rationality}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        super().load_state_dict(state)
        self._paid_before = state["paid_before"].clone()
        self._regret = state["regret"].to(self._device)
        self._rationality = state["rationality"].to(self._device)


def new_network(recipe: RegretRecipe, generator: torch.Generator) -> AllocationNetwork:
    """Untrained networks; the last layers start small, so that the first auction is the tariff alone."""
    network = AllocationNetwork(recipe.owners, recipe.levels, recipe.width)
    with torch.no_grad():
        for layers in (network.allocation, network.payment):
            linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
            for layer in linear:
                bound = 1 / math.sqrt(layer.in_features)
                small = 0.1 if layer is linear[-1] else 1.0
                layer.weight.uniform_(-small * bound, small * bound, generator=generator)
                layer.bias.zero_()
    return network


def utilities(sales: Sales, cost: Tensor) -> Tensor:
    """Expected payment less cost ``[B, n]``."""
    return (sales.probability * (sales.payment - cost))[..., 1:].sum(-1)


def purchases(sales: Sales, reports: Reports) -> tuple[Tensor, Tensor]:
    """Expected precision and share of all records ``[B, n]``, as ``bound_of_purchases`` takes them."""
    precision = (sales.probability * reports.loss().square()).sum(-1) / 8
    share = reports.size * sales.probability[..., 1:].sum(-1) / reports.size.sum(-1, keepdim=True)
    return precision.clamp(min=0).double(), share.clamp(min=0).double()


def entropy_penalty(chance: Tensor) -> Tensor:
    """Mean of ``M / (M + 1) - |z - 1 / (M + 1)|^2``: 0 for certain outcomes, most where all are equally likely."""
    outcomes = chance.shape[-1]
    return ((outcomes - 1) / outcomes - (chance - 1 / outcomes).square().sum(-1)).mean()


def _of(table: Tensor, owner: Tensor) -> Tensor:
    """One owner's entry ``[B]`` of every row of ``table[B, n]``."""
    return table.gather(1, owner[:, None])[:, 0]


def _mean_by_place(value: Tensor, place: Tensor, owners: int) -> Tensor:
    """Mean of ``value[m]`` over those at each place ``[owners]``; 0 where nobody is."""
    total = value.new_zeros(owners).index_add(0, place, value)
    count = value.new_zeros(owners).index_add(0, place, torch.ones_like(value))
    return total / count.clamp(min=1)
