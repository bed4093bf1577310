"""Training the ascending menu, end to end through the auction itself, for any number of owners and all their sizes.

No inner search for misreports is needed: the mechanism is truthful whatever its lists, so training only lowers the
error bound of truthful play.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_network import LARGEST_SMALL_MARKET, AscendingNetwork
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
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation

SMALLEST_EDGE = 0.08
"""Lower end of class 1, in mean sizes."""


@dataclass(frozen=True)
class AscendingRecipe:
    """Settings of one training run.

    Parameters
    ----------
    steps, batch : int
        Adam steps, and owners per step divided by ``owners``.
    early_steps, early_progress : int, float
        The first steps, and how far they bring the schedules of learning rate and temperature: these fall slowly at
        first. With fewer ``steps`` than that they fall evenly.
    late_steps, late_progress : int, float
        Steps after these for the network of usual markets, which begins as that of small ones: all with ``owners``
        bidders, from the running mean of the weights, with the schedules set back this far.
    last_steps, last_progress : int, float
        The same once more.
    owners : int
        Bidders of most profiles.
    other_owners : (int, int)
        Smallest and largest number of bidders in the remaining profiles.
    share_of_small, share_of_large : float
        How often a step is made with another number of bidders that the network for small markets plays, and with one
        that the other network plays; drawn log-uniformly.
    share_of_regimes, share_of_regimes_of_others : float
        Share of a step's profiles whose sizes and budgets are of a regime drawn at random instead of the prior's: in
        steps with ``owners`` bidders, and in the others.
    share_of_regimes_at_last : float
        The same in the last steps.
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

    steps: int = 5200
    early_steps: int = 2600
    early_progress: float = 0.325
    late_steps: int = 1500
    late_progress: float = 0.56
    last_steps: int = 2000
    last_progress: float = 0.45
    batch: int = 512
    owners: int = 10
    other_owners: tuple[int, int] = (1, 100)
    share_of_small: float = 0.1
    share_of_large: float = 0.25
    share_of_regimes: float = 0.1
    share_of_regimes_of_others: float = 0.7
    share_of_regimes_at_last: float = 0.03
    learning_rate: float = 5e-3
    temperature: tuple[float, float] = (0.1, 0.005)
    weight_of_mean: float = 4.0
    width: int = 128
    tiers: int = 2
    classes: int = 14
    class_ratio: float = 1.6
    earlier_lists: int = 3
    lower_classes: int = 4
    averaging: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "width", "tiers", "classes"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("earlier_lists", "lower_classes", "early_steps", "late_steps", "last_steps"):
            whole(name, getattr(self, name))
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], minimum=1)
        whole("other_owners[1]", self.other_owners[1], minimum=self.other_owners[0])
        for name in (
            "share_of_small",
            "share_of_large",
            "share_of_regimes",
            "share_of_regimes_of_others",
            "share_of_regimes_at_last",
        ):
            number(name, getattr(self, name), maximum=1)
        number("learning_rate", self.learning_rate, above=0)
        number("class_ratio", self.class_ratio, above=1)
        number("weight_of_mean", self.weight_of_mean)
        for name in ("early_progress", "late_progress", "last_progress"):
            number(name, getattr(self, name), maximum=1)
        number("averaging", self.averaging, maximum=1 - 1e-9)
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


def new_network(prior: OwnerPrior, recipe: AscendingRecipe) -> AscendingNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior, tiers=recipe.tiers)
    edges = SMALLEST_EDGE * recipe.class_ratio ** torch.arange(recipe.classes, dtype=torch.float64)
    edges = torch.nn.functional.pad(edges, (1, 0))
    network = AscendingNetwork(levels, usual_price(prior, levels), edges, recipe.width)
    generator = torch.Generator().manual_seed(recipe.seed)
    for layers in (network.small, network.large, network.usual):
        assert isinstance(layers, torch.nn.Sequential)
        seed_uniformly(layers[:-1], generator)
        last = layers[-1]
        if recipe.tiers > 1 and isinstance(last, torch.nn.Linear):
            with torch.no_grad():
                last.bias.copy_(tiered_bias(levels, recipe.tiers, (0.25, -1.75)))
                # An owner may well be paid her whole part of the money left.
                last.bias[len(levels) :] += 1.0
    return network


def together(parts: Sequence[tuple[OwnerTypes, Tensor]]) -> tuple[OwnerTypes, Tensor]:
    """Markets of equally many owners from several priors, and their budgets, as one batch."""
    if len(parts) == 1:
        return parts[0]
    valuations = [types.valuation for types, _ in parts if isinstance(types.valuation, ParametricValuation)]
    assert len(valuations) == len(parts)
    types = OwnerTypes(
        ParametricValuation(
            family=torch.cat([valuation.family for valuation in valuations]),
            factor=torch.cat([valuation.factor for valuation in valuations]),
        ),
        privacy_budget=torch.cat([types.privacy_budget for types, _ in parts]),
        data_size=torch.cat([types.data_size for types, _ in parts]),
    )
    return types, torch.cat([budget for _, budget in parts])


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
        self._last = recipe.steps + recipe.late_steps
        self.steps = self._last + recipe.last_steps

    def step(self) -> TrainingStep:
        """Make the next step."""
        recipe = self._recipe
        if self.done in (recipe.steps, self._last):
            self._begin_again()
        self.learner.usual_apart = self.done >= recipe.steps
        temperature = temperature_at(self.progress(), *recipe.temperature)
        owners = self._owners_of_step()
        types, budget = self._profiles(self._batch(owners), owners)
        shortcuts = Shortcuts(recipe.earlier_lists, recipe.lower_classes, alone=0)
        bound = bound_of_purchases(
            *softened_auction(self.learner, types, budget, self._prior.units, temperature, shortcuts, self._generator)
        )
        loss = mean_loss(bound, recipe.weight_of_mean)
        self._descend(loss, f"step {self.done}, a batch of {len(budget)} profiles of {owners} owners")
        if self.done <= recipe.steps:
            self.network.usual.load_state_dict(self.network.small.state_dict())
        return TrainingStep(number=self.done - 1, loss=float(loss.detach()), error_bound=mean_of_finite(bound))

    def progress(self) -> float:
        """How far the schedules have come: slowly at first."""
        recipe, done = self._recipe, self.done
        for begin, length, back in (
            (self._last, recipe.last_steps, recipe.last_progress),
            (recipe.steps, recipe.late_steps, recipe.late_progress),
        ):
            if done >= begin:
                return back + (1 - back) * (done - begin) / max(1, length)
        early, there = recipe.early_steps, recipe.early_progress
        if not 0 < early < recipe.steps:
            return done / recipe.steps
        if done < early:
            return there * done / early
        return there + (1 - there) * (done - early) / (recipe.steps - early)

    def trained(self) -> Trained:
        """The network so far."""
        network = self.network.cpu()
        sizes = {"levels": len(network.levels), "width": self._recipe.width, "classes": len(network.edges)}
        return Trained({"network": network}, network.state_dict(), sizes)

    def _owners_of_step(self) -> int:
        recipe = self._recipe
        if self.done >= recipe.steps:
            return recipe.owners
        draw = torch.rand(2, generator=self._generator, dtype=torch.float64)
        low, high = recipe.other_owners
        if float(draw[0]) < recipe.share_of_large and high > LARGEST_SMALL_MARKET:
            low = max(low, LARGEST_SMALL_MARKET + 1)
        elif 0 <= float(draw[0]) - recipe.share_of_large < recipe.share_of_small:
            high = max(low, min(high, LARGEST_SMALL_MARKET))
        else:
            return recipe.owners
        return round(math.exp(math.log(low) + math.log(high / low) * float(draw[1])))

    def _begin_again(self) -> None:
        """Go on from the running mean of the weights; the network for usual markets takes over from the small ones'."""
        if self.done == self._recipe.steps:
            for before, after in zip(self.learner.small.parameters(), self.learner.usual.parameters(), strict=True):
                self._optimiser.state[after] = copy.deepcopy(self._optimiser.state[before])
        self.learner.load_state_dict(self.network.state_dict())

    def _batch(self, owners: int) -> int:
        """Profiles of a step: as many owners in all, twice as many of large markets, which vary among themselves."""
        recipe = self._recipe
        everybody = recipe.batch * recipe.owners * (1 + (owners > LARGEST_SMALL_MARKET))
        return max(1, min(2 * recipe.batch, everybody // owners))

    def _profiles(self, batch: int, owners: int) -> tuple[OwnerTypes, Tensor]:
        """Markets of the prior, and some with sizes and budgets of another regime."""
        recipe = self._recipe
        share = recipe.share_of_regimes if owners == recipe.owners else recipe.share_of_regimes_of_others
        if self.done >= self._last:
            share = recipe.share_of_regimes_at_last
        which = int(torch.randint(len(SIZES) * len(BUDGETS), (1,), generator=self._generator))
        sizes, budgets = divmod(which, len(BUDGETS))
        regime = replace(self._prior, sizes=SIZES[sizes], budgets=BUDGETS[budgets])
        others = round(share * batch)
        counts = {self._prior: batch - others, regime: others} if regime != self._prior else {regime: batch}
        return together([prior.sample(count, owners, self._generator) for prior, count in counts.items() if count])
