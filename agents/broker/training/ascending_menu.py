"""Training the ascending menu, end to end through the auction itself, for any number of owners and all their sizes.

No inner search for misreports is needed: the mechanism is truthful whatever its lists, so training only lowers the
error bound of truthful play.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_network import USUAL_MARKETS, AscendingNetwork
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
from agents.broker.training.first_prices import price_grid, usual_price
from agents.broker.training.softened_ascending import Shortcuts, softened_auction
from agents.checks import number, seed_number, whole
from agents.prior import BUDGETS, SIZES, OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation

SMALLEST_EDGE = 0.08
"""Lower end of class 1, in mean sizes."""


@dataclass(frozen=True)
class AscendingRecipe:
    """Settings of one training run: three networks are trained one after another.

    Parameters
    ----------
    steps : int
        Adam steps of the network of usual markets.
    small_steps, large_steps : int
        Those of the networks of small and of large ones; at most ``steps`` each.
    batch, owners : int
        How many usual markets a step plays, and bidders of most of them. Of other markets it plays as many owners in
        all, of large ones twice as many, but at most twice as many markets.
    neighbours : (int, int)
        Fewest and most bidders of other usual markets that are played.
    share_of_neighbours : float
        How often a step for usual markets plays one of these.
    most_owners : int
        Bidders of the largest market.
    share_of_regimes, share_of_regimes_of_others : float
        Share of a step's profiles whose sizes and budgets are of a regime drawn at random instead of the prior's: in
        usual markets, and in all others.
    learning_rate : float
        Of Adam; decays to nothing along a cosine, for each network.
    temperature : (float, float)
        First and last temperature of the softened choice, in utility per record, in public units.
    weight_of_mean : float
        Weight of E[ERR] beside E[log ERR].
    width : int
        Units of each hidden layer.
    levels : int
        Privacy losses on offer within the prior's privacy budgets.
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

    steps: int = 6000
    small_steps: int = 1300
    large_steps: int = 2000
    batch: int = 512
    owners: int = 10
    neighbours: tuple[int, int] = (8, 13)
    share_of_neighbours: float = 0.1
    most_owners: int = 100
    share_of_regimes: float = 0.05
    share_of_regimes_of_others: float = 0.7
    learning_rate: float = 5e-3
    temperature: tuple[float, float] = (0.1, 0.005)
    weight_of_mean: float = 1.0
    width: int = 128
    levels: int = 56
    classes: int = 14
    class_ratio: float = 1.6
    earlier_lists: int = 3
    lower_classes: int = 4
    averaging: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "width", "levels", "classes"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("earlier_lists", "lower_classes", "small_steps", "large_steps"):
            whole(name, getattr(self, name))
        seed_number("seed", self.seed)
        whole("owners", self.owners, minimum=USUAL_MARKETS[0], maximum=USUAL_MARKETS[1])
        whole("neighbours[0]", self.neighbours[0], minimum=USUAL_MARKETS[0])
        whole("neighbours[1]", self.neighbours[1], minimum=self.neighbours[0], maximum=USUAL_MARKETS[1])
        whole("most_owners", self.most_owners, minimum=USUAL_MARKETS[1] + 1)
        for name in ("share_of_neighbours", "share_of_regimes", "share_of_regimes_of_others"):
            number(name, getattr(self, name), maximum=1)
        number("learning_rate", self.learning_rate, above=0)
        number("class_ratio", self.class_ratio, above=1)
        number("weight_of_mean", self.weight_of_mean)
        number("averaging", self.averaging, maximum=1 - 1e-9)
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


def new_network(prior: OwnerPrior, recipe: AscendingRecipe) -> AscendingNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior, recipe.levels)
    edges = SMALLEST_EDGE * recipe.class_ratio ** torch.arange(recipe.classes, dtype=torch.float64)
    edges = torch.nn.functional.pad(edges, (1, 0))
    network = AscendingNetwork(levels, usual_price(prior, levels), edges, recipe.width)
    generator = torch.Generator().manual_seed(recipe.seed)
    for layers in (network.small, network.usual, network.large):
        assert isinstance(layers, torch.nn.Sequential)
        seed_uniformly(layers[:-1], generator)
        last = layers[-1]
        assert isinstance(last, torch.nn.Linear)
        with torch.no_grad():
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


@dataclass(frozen=True)
class _Part:
    """One of the three networks: its name, the steps it is trained for, and of how many owners."""

    name: str
    steps: int
    owners: range


class AscendingTraining(GradientTraining[AscendingNetwork]):
    """Adam on the error bound of truthful play, of one network after another.

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
        low, high = USUAL_MARKETS
        fewest, most = recipe.neighbours
        self._parts = (
            _Part("usual", recipe.steps, range(fewest, most + 1)),
            _Part("small", min(recipe.small_steps, recipe.steps), range(1, low)),
            _Part("large", min(recipe.large_steps, recipe.steps), range(high + 1, recipe.most_owners + 1)),
        )
        self.steps = sum(part.steps for part in self._parts)

    def step(self) -> TrainingStep:
        """Make the next step."""
        recipe, (part, done) = self._recipe, self._part()
        if done == 0:  # What a network learns does not depend on the others.
            self._generator.manual_seed(recipe.seed + 1 + self._parts.index(part))
        temperature = temperature_at(self.progress(), *recipe.temperature)
        owners = self._owners_of_step()
        types, budget = self._profiles(self._batch(owners), owners)
        shortcuts = Shortcuts(recipe.earlier_lists, recipe.lower_classes, alone=0)
        bound = bound_of_purchases(
            *softened_auction(self.learner, types, budget, self._prior.units, temperature, shortcuts)
        )
        loss = mean_loss(bound, recipe.weight_of_mean)
        self._descend(loss, f"step {self.done}, a batch of {len(budget)} profiles of {owners} owners")
        return TrainingStep(number=self.done - 1, loss=float(loss.detach()), error_bound=mean_of_finite(bound))

    def progress(self) -> float:
        """How far the schedules of the network in training have come."""
        part, done = self._part()
        return done / max(1, part.steps)

    def trained(self) -> Trained:
        """The network so far."""
        network = self.network.cpu()
        sizes = {"levels": len(network.levels), "width": self._recipe.width, "classes": len(network.edges)}
        return Trained({"network": network}, network.state_dict(), sizes)

    def _part(self) -> tuple[_Part, int]:
        """The network in training, and how many of its steps have been made."""
        done = self.done
        for part in self._parts:
            if done < part.steps:
                return part, done
            done -= part.steps
        return self._parts[-1], self._parts[-1].steps

    @torch.no_grad()
    def _average(self) -> None:
        part, done = self._part()
        means, latest = (getattr(network, part.name).parameters() for network in (self.network, self.learner))
        self._approach(means, latest, done)

    def _owners_of_step(self) -> int:
        recipe, (part, _) = self._recipe, self._part()
        if part.name == "usual" and float(self._uniform()) >= recipe.share_of_neighbours:
            return recipe.owners
        # Log-uniform, as far as whole numbers can be.
        chances = (1 / torch.tensor([*part.owners], dtype=torch.float64)).cumsum(0)
        drawn = int(torch.searchsorted(chances, self._uniform() * chances[-1]))
        return part.owners[min(drawn, len(part.owners) - 1)]

    def _uniform(self) -> Tensor:
        return torch.rand((), generator=self._generator, dtype=torch.float64)

    def _batch(self, owners: int) -> int:
        """Profiles of a step: as many owners in all, twice as many of large markets, which vary among themselves."""
        recipe = self._recipe
        everybody = recipe.batch * recipe.owners * (1 + (owners > USUAL_MARKETS[1]))
        return max(1, min(2 * recipe.batch, everybody // owners))

    def _profiles(self, batch: int, owners: int) -> tuple[OwnerTypes, Tensor]:
        """Markets of the prior, and some with sizes and budgets of another regime."""
        recipe = self._recipe
        usual = USUAL_MARKETS[0] <= owners <= USUAL_MARKETS[1]
        share = recipe.share_of_regimes if usual else recipe.share_of_regimes_of_others
        which = int(torch.randint(len(SIZES) * len(BUDGETS), (1,), generator=self._generator))
        sizes, budgets = divmod(which, len(BUDGETS))
        regime = replace(self._prior, sizes=SIZES[sizes], budgets=BUDGETS[budgets])
        others = round(share * batch)
        counts = {self._prior: batch - others, regime: others} if regime != self._prior else {regime: batch}
        return together([prior.sample(count, owners, self._generator) for prior, count in counts.items() if count])
