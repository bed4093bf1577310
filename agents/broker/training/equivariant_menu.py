"""Training the equivariant menu: the least error bound of truthful play at a regret that the user names.

The mechanism is individually rational and budget feasible whatever its weights. Regret is kept down by dual ascent, as
in RegretFormer (Ivanov et al., "Optimal-er auctions through attention", 2022): in every step one owner of some markets
tries a few lies, the best of them is played once more with gradients, and her gain is charged at a price that rises
while regret exceeds its target and falls while it does not.
"""

from __future__ import annotations

import copy
import math
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.checkpoint import ModelCard, save_checkpoint
from agents.broker.auctions.equivariant_menu import EquivariantMenu
from agents.broker.training.equivariant_recipe import Recipe, new_network
from agents.broker.training.found_regret import regret_figures
from agents.broker.training.measure import truthful_figures
from agents.broker.training.purchases import bound_of_purchases
from agents.broker.training.resumption import run_to_end
from agents.broker.training.softened_equivariant import Played, Reported, softened_equivariant
from agents.misreports.one_per_market import one_misreport_per_market
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

__all__ = ["EquivariantTraining", "Recipe", "Step", "make_checkpoint", "new_network"]

PAYMENTS_PER_COST = 4.0
"""A gain over all payments counts as this many gains over cost: the published targets stand in this proportion."""
_SMALLEST_COST = 1e-4
_WEIGHT_OF_TENTATIVE = 0.5


@dataclass(frozen=True)
class Step:
    """What a training step shows: its number, loss, mean finite error bound, and regret found over its target."""

    number: int
    loss: float
    error_bound: float
    regret_over_target: float


class EquivariantTraining:
    """A training run in the middle: makes one Adam step after another, and can be interrupted and continued.

    Attributes
    ----------
    network : EquivariantNetwork
        The running mean of the weights so far: what the training is for.
    """

    def __init__(self, prior: OwnerPrior, recipe: Recipe, *, device: str = "cpu") -> None:
        self.identity = {"prior": asdict(prior), "recipe": asdict(recipe), "device": device}
        self.steps, self.done = recipe.steps, 0
        self._prior, self._recipe = prior, recipe
        self.network = new_network(prior, recipe).to(device)
        self._learner = copy.deepcopy(self.network)
        self._optimiser = torch.optim.Adam(self._learner.parameters(), lr=recipe.learning_rate)
        self._generator = torch.Generator().manual_seed(recipe.seed + 1)
        self._multiplier = recipe.multiplier

    def step(self) -> Step:
        """Make the next step.

        Raises
        ------
        FloatingPointError
            If a gradient is not finite; the message names the step and its batch.
        """
        recipe, prior = self._recipe, self._prior
        progress = self.done / self.steps
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) + 0.005)
        warm, cold = recipe.temperature
        temperature = warm * (cold / warm) ** progress
        owners = self._owners()
        types, budget = prior.sample(max(2, recipe.batch * recipe.owners // owners), owners, self._generator)
        reported = Reported.of(types.truthful_bids(), budget, self._learner.levels, prior.units)
        first, last = softened_equivariant(self._learner, reported, prior.units, temperature)
        bound = self._bound(last, reported)
        loss = self._loss(bound) + _WEIGHT_OF_TENTATIVE * self._loss(self._bound(first, reported))
        self._require_finite(last.purchases.payment.sum(), budget, owners)
        regret = self._regret(types, budget, reported, last, temperature) / recipe.regret_target
        whole_loss = loss + self._multiplier * regret
        self._optimiser.zero_grad()
        whole_loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._learner.parameters(), 1.0)
        self._require_finite(norm, budget, owners)
        self._optimiser.step()
        self._average()
        found = recipe.unfound * float(regret.detach())
        # One batch says little: it moves the price a little, however far off it is.
        self._multiplier *= math.exp(recipe.dual_rate * max(-1.0, min(1.0, found - 1.0)))
        self.done += 1
        finite = bound.isfinite()
        return Step(
            number=self.done - 1,
            loss=float(whole_loss.detach()),
            error_bound=float(bound[finite].mean().detach()),
            regret_over_target=found,
        )

    def _require_finite(self, value: Tensor, budget: Tensor, owners: int) -> None:
        if not bool(value.isfinite()):
            raise FloatingPointError(
                f"training step {self.done}, a batch of {len(budget)} profiles of {owners} owners: loss or gradient is "
                "not finite; lower learning_rate"
            )

    def _owners(self) -> int:
        recipe = self._recipe
        low, high = recipe.other_owners
        other = int(torch.randint(low, high + 1, (1,), generator=self._generator))
        draw = float(torch.rand(1, generator=self._generator, dtype=torch.float64))
        return other if draw < recipe.share_of_others else recipe.owners

    @staticmethod
    def _bound(played: Played, reported: Reported) -> Tensor:
        share = played.purchases.records / reported.market.size.sum(-1, keepdim=True)
        return bound_of_purchases(played.purchases.precision.double(), share.double())

    def _loss(self, bound: Tensor) -> Tensor:
        # An invalid profile has no finite bound to lower: it adds nothing, and the report counts it.
        finite = torch.where(bound.isfinite(), bound, 1.0)
        return (finite.log() + self._recipe.weight_of_mean * finite.clamp(max=50)).mean()

    def _regret(
        self, types: OwnerTypes, budget: Tensor, reported: Reported, truthful: Played, temperature: float
    ) -> Tensor:
        """Mean gain over cost plus four times the gains over all payments, estimated from one liar per market."""
        recipe, prior, network = self._recipe, self._prior, self._learner
        rows = max(1, round(recipe.deviators * len(budget)))
        markets = slice(0, rows)
        some, money, cost = types.take(rows=markets), budget[markets], reported.cost[markets]
        paid = truthful.purchases.payment[markets].detach().double().cpu()
        sells = (paid > 0).double()
        # Half of the liars are any sellers, half are drawn by what they are paid: they have the most to gain.
        fair = sells / sells.sum(-1, keepdim=True).clamp(min=1)
        chance = (fair + paid / paid.sum(-1, keepdim=True).clamp(min=_SMALLEST_COST)) / 2 + 1e-9
        deviator = torch.multinomial(chance, 1, generator=self._generator)
        fair, chance, deviator = fair.gather(-1, deviator)[:, 0], chance.gather(-1, deviator)[:, 0], deviator[:, 0]
        misreports = [one_misreport_per_market(some, deviator, self._generator) for _ in range(recipe.misreports)]
        gains = []
        with torch.no_grad():
            for misreport in misreports:
                told = Reported.of(misreport, money, network.levels, prior.units)
                gains.append(
                    softened_equivariant(network, told, prior.units, temperature)[1].utility(cost, deviator)[0]
                )
        best = torch.stack(gains).argmax(0).cpu()
        bids = misreports[0]
        for index, misreport in enumerate(misreports):
            bids = misreport.where((best == index)[:, None].expand(bids.shape), bids)
        told = Reported.of(bids, money, network.levels, prior.units)
        lied, _ = softened_equivariant(network, told, prior.units, temperature)[1].utility(cost, deviator)
        honest, spent = truthful.utility(cost, deviator)
        gain = (lied - honest).clamp(min=0)
        # Where nobody sells there is no honest sale to compare with.
        odds = torch.where(fair > 0, 1 / chance, 0.0).to(gain)
        per_cost = (gain / spent.detach().clamp(min=_SMALLEST_COST)).clamp(max=1) * fair.to(gain) * odds
        per_payment = (gain * odds).sum() / paid.sum().clamp(min=_SMALLEST_COST).to(gain)
        return per_cost.mean() + PAYMENTS_PER_COST * per_payment

    @torch.no_grad()
    def _average(self) -> None:
        # Early weights are soon forgotten, however slow the running mean is to be later.
        kept = min(self._recipe.averaging, (1 + self.done) / (10 + self.done))
        for mean, latest in zip(self.network.parameters(), self._learner.parameters(), strict=True):
            mean.lerp_(latest, 1 - kept)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {
            "done": self.done,
            "multiplier": self._multiplier,
            "network": self.network.state_dict(),
            "learner": self._learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.done, self._multiplier = state["done"], state["multiplier"]
        self.network.load_state_dict(state["network"])
        self._learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])


def make_checkpoint(
    path: Path,
    prior: OwnerPrior,
    recipe: Recipe | None = None,
    *,
    watch: Callable[[Step], None] | None = None,
    state: Path | None = None,
    device: str = "cpu",
    measured: tuple[int, int, int] = (2000, 200, 300),
) -> ModelCard:
    """Train, measure on fresh profiles, and write the checkpoint with its model card.

    Parameters
    ----------
    path : Path
        Checkpoint to write (.safetensors).
    prior : OwnerPrior
    recipe : Recipe, optional
    watch : callable, optional
        Called after every step.
    state : Path, optional
        File that keeps the training's state, so that an interrupted one goes on from there.
    device : str
    measured : (int, int, int)
        Profiles for the error bound, profiles for the regret, and lies tried per owner there.
    """
    recipe = recipe or Recipe()
    training = EquivariantTraining(prior, recipe, device=device)
    run_to_end(training, state=state, watch=watch)
    network = training.network.cpu()
    auction = EquivariantMenu(prior.units, network=network)
    profiles, deviators, queries = measured
    figures = truthful_figures(auction, prior, profiles=profiles)
    figures |= regret_figures(auction, prior, profiles=deviators, queries=queries)
    card = save_checkpoint(
        path,
        network.state_dict(),
        auction=auction.name,
        units=prior.units,
        prior=asdict(prior),
        architecture={"levels": len(network.levels), "summary": recipe.summary, "width": recipe.width},
        recipe=asdict(recipe),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        figures=figures,
    )
    if state is not None:
        state.unlink(missing_ok=True)
    return card
