"""One training loop for RegretNet, M-RegretNet and DM-RegretNet: an augmented Lagrangian on found regret.

Every step draws fresh markets of the prior, lets one owner of each search for a profitable misreport, and takes an Adam
step on the objective plus multipliers times two violations: her regret over her cost, and what payments miss of the
cost. Multipliers belong to places in the list of owners, largest data set first, and grow while their violation lasts.

Source: FL-Market, section V (objective, soft-argmax, penalty of undecided allocations); Dutting et al., "Optimal
auctions through deep learning", 2019 (the loop). With ``PAPER_SEARCH`` the inner search is theirs: from the
truth, many small steps up the gradient. The default one is cheaper and sees past an argmax, where there is no slope:
drawn misreports, misreports that paid before, in other markets, and a step or two by the sign of the slope.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.parts.allocation_network import AllocationNetwork, Reports
from agents.broker.auctions.parts.allocation_rules import Proposal, Sales, after_refusals
from agents.broker.training.profiles import Profiles
from agents.broker.training.purchases import bound_of_purchases
from agents.broker.training.regret_recipe import Recipe, Step
from agents.misreports.encoded import Best, best_of, climb, structured, truth, within_reach
from agents.prior import OwnerPrior

Propose = Callable[[AllocationNetwork, Reports], Proposal]
REMEMBERED = 4096
"""Misreports that paid, kept to be tried again."""


class RegretTraining:
    """A training run that can be stopped and continued; see ``resumption``.

    Parameters
    ----------
    propose : callable
        The rule: from networks and reports to levels and shares of the budget.
    prior : OwnerPrior
    recipe : Recipe
    device : str
        Where the networks are trained; markets are drawn on the CPU, so that they are the same everywhere.

    Attributes
    ----------
    network, average : AllocationNetwork
        The networks that learn, and the running mean of their weights: what the training is for.
    """

    def __init__(self, propose: Propose, prior: OwnerPrior, recipe: Recipe, *, device: str = "cpu") -> None:
        self._propose, self._prior, self.recipe, self._device = propose, prior, recipe, device
        rule = propose.__qualname__
        self.identity = {"rule": rule, "recipe": asdict(recipe), "prior": asdict(prior), "device": device}
        self.steps, self.done = recipe.steps, 0
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self.network = new_network(recipe, self._generator).to(device).train()
        self.average = copy.deepcopy(self.network)
        scalars = [self.network.tariff, self.network.steepness]
        known = {id(parameter) for parameter in scalars}
        layers = [parameter for parameter in self.network.parameters() if id(parameter) not in known]
        self._optimiser = torch.optim.Adam([{"params": layers}, {"params": scalars}], lr=recipe.learning_rate)
        self._paid_before = truth(REMEMBERED).float().clone()
        self._regret = torch.full((recipe.owners,), recipe.regret, device=device)
        self._rationality = torch.full((recipe.owners,), recipe.rationality, device=device)

    def step(self) -> Step:
        """One Adam step on a fresh batch.

        Raises
        ------
        FloatingPointError
            If a gradient is not finite; the message names the batch, and nothing was changed by it.
        """
        recipe = self.recipe
        types, budget = self._prior.sample(recipe.batch, recipe.owners, self._generator)
        profiles = Profiles.of(types, budget, self._prior.units, self._device)
        reports = profiles.truthful(recipe.levels)
        proposal = self._propose(self.network, reports)
        sales = after_refusals(proposal, reports)
        deviator = torch.randint(recipe.owners, (recipe.batch,), generator=self._generator).to(self._device)
        honest = _of(utilities(sales, reports.cost()), deviator)
        best = self._search(profiles, deviator, honest.detach())
        gain = (self._worth(profiles, deviator, best.misreports[None])[0] - honest).clamp(min=0)
        everything = profiles.cost_of_everything()
        relative = recipe.weight_of_cost * gain / _of(everything, deviator)
        relative = relative + recipe.weight_of_money * recipe.owners * gain / profiles.budget
        place = reports.order().argsort(dim=-1)
        regret = _mean_by_place(relative, _of(place, deviator), recipe.owners)
        shortfall = _mean_by_place((sales.shortfall / everything).flatten(), place.flatten(), recipe.owners)
        bound = bound_of_purchases(*purchases(sales, reports))
        loss = self._objective(bound, sales, reports) + self._penalties(regret, shortfall)
        if recipe.undecided:
            loss = loss + recipe.undecided * entropy_penalty(proposal.chance)
        self._descend(loss)
        self._remember(best, honest.detach())
        self.done += 1
        self._raise_multipliers(regret.detach(), shortfall.detach())
        cost = _of((sales.probability * reports.cost()).sum(-1), deviator).detach()
        finite = bound.detach()[bound.isfinite()]
        return Step(
            number=self.done - 1,
            loss=float(loss.detach()),
            error_bound=float(finite.mean()),
            found_regret=float((gain.detach() / cost)[cost > 0].mean()),
            refusals=float((sales.shortfall.detach() > 0).double().mean()),
        )

    def _objective(self, bound: Tensor, sales: Sales, reports: Reports) -> Tensor:
        if self.recipe.objective == "privacy":
            loss = (sales.probability * reports.loss()).sum(-1)
            return -((reports.size * loss).sum(-1) / reports.size.sum(-1)).mean()
        # An invalid market has no finite bound to lower: it adds nothing, and the report counts it.
        finite = torch.where(bound.isfinite(), bound, 1.0)
        return (finite.log() + 0.3 * finite.clamp(max=50)).mean()

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

    def _search(self, profiles: Profiles, deviator: Tensor, honest: Tensor) -> Best:
        """Every liar's best misreport: drawn ones, ones that paid before as they were or shifted, and a climb."""
        recipe, deviators, generator = self.recipe, len(deviator), self._generator
        best = Best(truth(deviators).to(honest), honest)
        again = recipe.candidates // 3
        if recipe.candidates:
            drawn = structured(recipe.candidates - again, deviators, generator).float()
            old = self._paid_before[torch.randint(REMEMBERED, (again, deviators), generator=generator)]
            old[again // 2 :] += 0.1 * torch.randn(again - again // 2, deviators, old.shape[-1], generator=generator)
            candidates = torch.cat([drawn, within_reach(old)]).to(self._device)
            best = best_of(lambda misreports: self._worth(profiles, deviator, misreports), candidates, honest)
        return climb(
            lambda misreports: self._worth(profiles, deviator, misreports),
            best,
            steps=recipe.climbs,
            size=recipe.climb_size,
            by_sign=recipe.by_sign,
        )

    def _worth(self, profiles: Profiles, deviator: Tensor, misreports: Tensor) -> Tensor:
        """Utility ``[c, m]`` of misreports ``[c, m, 5]`` to the liar of each market, nobody else lying."""
        count = len(misreports)
        rows = torch.arange(len(deviator), device=deviator.device).repeat(count)
        who = deviator.repeat(count)
        reports, cost = profiles.take(rows).with_deviators(
            self.recipe.levels, who, misreports.reshape(-1, misreports.shape[-1])
        )
        sales = after_refusals(self._propose(self.network, reports), reports)
        mine = who[:, None, None].expand(-1, 1, cost.shape[-1])
        worth = sales.probability.gather(1, mine)[:, 0] * (sales.payment.gather(1, mine)[:, 0] - cost)
        return worth[..., 1:].sum(-1).view(count, len(deviator))

    def _descend(self, loss: Tensor) -> None:
        progress = self.done / self.steps
        rate = self.recipe.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        layers, scalars = self._optimiser.param_groups
        # Three numbers and a slope steer every market: they learn faster than the layers.
        layers["lr"], scalars["lr"] = rate, 2 * rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if not bool(norm.isfinite()):
            raise FloatingPointError(f"training batch {self.done}: the gradient is not finite; lower learning_rate")
        self._optimiser.step()
        # Early weights are soon forgotten, however slow the running mean is to be later.
        kept = min(self.recipe.averaging, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for mean, latest in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(latest, 1 - kept)

    def _remember(self, best: Best, honest: Tensor) -> None:
        paid = best.misreports[best.utility > honest].cpu()[: REMEMBERED // 32]
        places = torch.randint(REMEMBERED, (len(paid),), generator=self._generator)
        self._paid_before[places] = paid

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands."""
        return {
            "done": self.done,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "paid_before": self._paid_before,
            "regret": self._regret,
            "rationality": self._rationality,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self._paid_before = state["paid_before"].clone()
        self._regret = state["regret"].to(self._device)
        self._rationality = state["rationality"].to(self._device)
        self.done = int(state["done"])


def new_network(recipe: Recipe, generator: torch.Generator) -> AllocationNetwork:
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
    """Mean of M / (M + 1) - |z - 1 / (M + 1)|^2: 0 for certain outcomes, most where all are equally likely."""
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
