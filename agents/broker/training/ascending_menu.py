"""Training the ascending menu, end to end through the auction itself, for any number of owners and all their sizes.

No inner search for misreports is needed: the mechanism is truthful whatever its lists, so training only lowers the
error bound of truthful play.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.training.base import (
    GradientTraining,
    Trained,
    TrainingStep,
    mean_loss,
    mean_of_finite,
    seed_uniformly,
    temperature_at,
)
from agents.broker.training.differentiable_bound import bound_of_purchases
from agents.broker.training.first_prices import price_grid, tiered_bias, usual_price
from agents.broker.training.softened_ascending import Shortcuts, softened_auction
from agents.checks import number, seed_number, whole
from agents.prior import BUDGETS, SIZES, OwnerPrior

SMALLEST_EDGE = 0.08
"""Lower end of class 1, in mean sizes."""


@dataclass(frozen=True)
class AscendingRecipe:
    """Settings of one training run.

    Parameters
    ----------
    steps, batch : int
        Adam steps, and owners per step divided by ``owners``.
    owners : int
        Bidders of most profiles.
    other_owners : (int, int)
        Smallest and largest number of bidders in the remaining profiles, drawn log-uniformly.
    share_of_others : float
        How often a step is made with another number of bidders.
    share_of_regimes : float
        How often a step is made with sizes and budgets of any regime instead of the prior's.
    learning_rate : float
        Of Adam; decays to nothing along a cosine.
    temperature : (float, float)
        First and last temperature of the softened choice, in utility per record, in public units.
    weight_of_mean : float
        Weight of E[ERR] beside E[log ERR].
    width : int
        Units of each hidden layer.
    tiers : int
        Offers per privacy loss: large owners can be paid less per record for more records.
    classes : int
        Classes of sizes beside class 0.
    class_ratio : float
        Of the edges of two neighbouring classes.
    earlier_lists, lower_classes : int
        What of the auction a step plays; see ``Shortcuts``.
    averaging : float
        Decay, per step, of the running mean of the weights that becomes the trained network; 0 keeps the last ones.
    seed : int
    """

    steps: int = 7000
    batch: int = 512
    owners: int = 10
    other_owners: tuple[int, int] = (1, 100)
    share_of_others: float = 0.2
    share_of_regimes: float = 0.2
    learning_rate: float = 5e-3
    temperature: tuple[float, float] = (0.1, 0.005)
    weight_of_mean: float = 4.0
    width: int = 128
    tiers: int = 2
    classes: int = 16
    class_ratio: float = 1.6
    earlier_lists: int = 3
    lower_classes: int = 4
    averaging: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "width", "tiers", "classes"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("earlier_lists", "lower_classes"):
            whole(name, getattr(self, name))
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], minimum=1)
        whole("other_owners[1]", self.other_owners[1], minimum=self.other_owners[0])
        for name in ("share_of_others", "share_of_regimes"):
            number(name, getattr(self, name), maximum=1)
        number("learning_rate", self.learning_rate, above=0)
        number("class_ratio", self.class_ratio, above=1)
        number("weight_of_mean", self.weight_of_mean)
        number("averaging", self.averaging, maximum=1 - 1e-9)
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


def new_network(prior: OwnerPrior, recipe: AscendingRecipe) -> AscendingNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior, tiers=recipe.tiers)
    edges = SMALLEST_EDGE * recipe.class_ratio ** torch.arange(recipe.classes, dtype=torch.float64)
    edges = torch.nn.functional.pad(edges, (1, 0))
    network = AscendingNetwork(levels, usual_price(prior, levels), edges, recipe.width)
    if recipe.tiers > 1:
        with torch.no_grad():
            network.head.bias.copy_(tiered_bias(levels, recipe.tiers, (0.25, -1.75)))
            # An owner may well be paid her whole part of the money left.
            network.head.bias[len(levels) :] += 1.0
    seed_uniformly(network.body, torch.Generator().manual_seed(recipe.seed))
    return network


class AscendingTraining(GradientTraining[AscendingNetwork]):
    """Adam on the error bound of truthful play.

    Parameters
    ----------
    prior : OwnerPrior
    recipe : AscendingRecipe
    device : str
    """

    def __init__(self, prior: OwnerPrior, recipe: AscendingRecipe, *, device: str = "cpu") -> None:
        self._prior, self._recipe = prior, recipe
        generator = torch.Generator().manual_seed(recipe.seed + 1)
        super().__init__(prior, recipe, new_network(prior, recipe), generator, device=device)

    def step(self) -> TrainingStep:
        """Make the next step."""
        recipe = self._recipe
        temperature = temperature_at(self.done / self.steps, *recipe.temperature)
        owners, prior = self._owners_of_step(), self._prior_of_step()
        batch = max(1, recipe.batch * recipe.owners // max(owners, recipe.owners // 2))
        types, budget = prior.sample(batch, owners, self._generator)
        shortcuts = Shortcuts(recipe.earlier_lists, recipe.lower_classes)
        bound = bound_of_purchases(
            *softened_auction(self.learner, types, budget, prior.units, temperature, shortcuts, self._generator)
        )
        loss = mean_loss(bound, recipe.weight_of_mean)
        self._descend(loss, f"step {self.done}, a batch of {len(budget)} profiles of {owners} owners")
        return TrainingStep(number=self.done - 1, loss=float(loss.detach()), error_bound=mean_of_finite(bound))

    def trained(self) -> Trained:
        """The network so far."""
        network = self.network.cpu()
        sizes = {"levels": len(network.levels), "width": self._recipe.width, "classes": len(network.edges)}
        return Trained({"network": network}, network.state_dict(), sizes)

    def _owners_of_step(self) -> int:
        recipe = self._recipe
        draw = torch.rand(2, generator=self._generator, dtype=torch.float64)
        if float(draw[0]) >= recipe.share_of_others:
            return recipe.owners
        low, high = (math.log(bound) for bound in recipe.other_owners)
        return round(math.exp(low + (high - low) * float(draw[1])))

    def _prior_of_step(self) -> OwnerPrior:
        """The prior itself, or one with other sizes and budgets."""
        draw = torch.rand(1, generator=self._generator, dtype=torch.float64)
        which = torch.randint(len(SIZES) * len(BUDGETS), (1,), generator=self._generator)
        if float(draw) >= self._recipe.share_of_regimes:
            return self._prior
        sizes, budgets = divmod(int(which), len(BUDGETS))
        return replace(self._prior, sizes=SIZES[sizes], budgets=BUDGETS[budgets])
