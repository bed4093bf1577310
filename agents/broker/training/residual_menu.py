"""Training the residual-budget menu by an evolution strategy, through the auction itself, from the prior alone.

The mechanism is truthful whatever its price lists, so training only lowers the error bound of truthful play. What is
bought jumps with the prices, and few numbers make a good list; so candidates are compared on the same fresh profiles
and the next generation is drawn around the better half (CMA-ES: Hansen, "The CMA evolution strategy: a tutorial",
arXiv 1604.00772). Adam through softened choices was unstable here: it priced whole markets out and found no way back.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.broker.auctions.parts.nested_prices import TERMS, LearnedPrices, PriceShape
from agents.broker.auctions.residual_menu import ResidualMenu
from agents.broker.training.base import WORST, Trained, TrainingStep
from agents.broker.training.truthful_figures import true_error_bound
from agents.checks import number, seed_number, whole
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

KNOTS = (-1.5, -0.5, 0.3, 1.3)
FIRST_GUESS = (0.6, 0.0, 1.3, 0.0, 0.0)
"""Exponents before training, at every knot: lists pay q^0.6 e^1.3 times a number."""
SCALE = (1.0, 0.3, 1.5, 1.0, 0.5)
"""By how much each exponent may be off, relatively to the others."""
SCALE_PER_LOG_BIDDERS = 0.5
"""The same for what an exponent is shifted by, relatively to the exponent itself."""
LOTS = (0.06, 200.0, 1.15)
"""Smallest and largest lot in mean data sizes, and the factor from one to the next."""
POOR_LISTS = (-8.0, -5.0, -3.5, -2.6, -2.0, -1.6, -1.3, -1.1)
STEP, RICHEST = 0.05, 0.55
"""Offsets of the other lists: up to the richest in steps."""


@dataclass(frozen=True)
class ResidualRecipe:
    """Settings of one training run.

    Parameters
    ----------
    steps, candidates : int
        Generations, and price lists tried in each of them.
    batch : int
        Profiles of ``owners`` bidders that a generation is compared on.
    owners : int
        Bidders of most profiles.
    other_owners : (int, int)
        Smallest and largest number of bidders, drawn log-uniformly for each generation, of further profiles.
    share_of_others : float
        How many bidders in those profiles, relative to the others; also their weight.
    spread : float
        Standard deviation of the first generation, in units of ``SCALE``.
    weight_of_mean : float
        Weight of E[ERR] beside E[log ERR].
    thin : int
        Training uses every so many-th of the levels and lots on sale: with 2 it is nearly three times as fast, and what
        it finds suits all of them.
    seed : int
    """

    steps: int = 200
    candidates: int = 12
    batch: int = 160
    owners: int = 10
    other_owners: tuple[int, int] = (2, 120)
    share_of_others: float = 0.25
    spread: float = 0.12
    weight_of_mean: float = 1.0
    thin: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, minimum in (("steps", 1), ("candidates", 4), ("batch", 1), ("owners", 1), ("thin", 1)):
            whole(name, getattr(self, name), minimum=minimum)
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], minimum=1)
        whole("other_owners[1]", self.other_owners[1], minimum=self.other_owners[0])
        number("share_of_others", self.share_of_others, maximum=1)
        number("spread", self.spread, above=0)
        number("weight_of_mean", self.weight_of_mean)


def first_shape(prior: OwnerPrior) -> PriceShape:
    """Price lists before training: what is on sale, and the first guess of what is paid for it."""
    low, high = prior.privacy_budget
    within = torch.linspace(low, high, 31 if high > low else 1, dtype=torch.float64)
    smallest, largest, factor = (math.log(bound) for bound in LOTS)
    powers = torch.arange(math.ceil(smallest / factor), math.floor(largest / factor) + 1, dtype=torch.float64)
    steps = torch.arange(round((RICHEST - POOR_LISTS[-1]) / STEP), dtype=torch.float64) + 1
    poor = torch.tensor(POOR_LISTS, dtype=torch.float64)
    guess = torch.tensor(FIRST_GUESS, dtype=torch.float64)
    return PriceShape(
        levels=torch.cat([low * torch.tensor([0.5, 0.75], dtype=torch.float64), within]),
        lots=(factor * powers).exp(),
        offsets=torch.cat([poor, poor[-1] + STEP * steps]),
        knots=torch.tensor(KNOTS, dtype=torch.float64),
        exponents=guess[:, None].repeat(1, len(KNOTS)),
        per_log_bidders=torch.zeros(TERMS, dtype=torch.float64),
    )


class EvolutionTraining:
    """A generation of an evolution strategy after another.

    Parameters
    ----------
    prior : OwnerPrior
        Distribution of owners and budgets to train on.
    recipe : Recipe

    Attributes
    ----------
    shape : PriceShape
        The price lists in the middle of the generation to come: what the training is for.
    """

    def __init__(self, prior: OwnerPrior, recipe: ResidualRecipe) -> None:
        self.identity: Mapping[str, Any] = {
            "prior": asdict(prior),
            "recipe": asdict(recipe),
            "auction": ResidualMenu.name,
        }
        self.steps, self.done = recipe.steps, 0
        self._prior, self._recipe = prior, recipe
        self._first = self.shape = first_shape(prior)
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._strategy = _strategy(recipe)
        self._losses = torch.zeros(recipe.steps, recipe.candidates, dtype=torch.float64)

    def step(self) -> TrainingStep:
        """Draw a generation, compare it on fresh profiles, and move on to the better half.

        Raises
        ------
        FloatingPointError
            If the loss of a candidate is not finite; the message names the step.
        """
        markets = _markets(self._prior, self._recipe, self._generator)
        candidates = self._strategy.ask()
        shapes = [_shaped(self._first, candidate, self._recipe.thin) for candidate in candidates]
        found = [_loss(shape, self._prior, markets, self._recipe) for shape in shapes]
        losses = [loss for loss, _ in found]
        if not all(math.isfinite(loss) for loss in losses):
            raise FloatingPointError(f"training step {self.done}: a loss is not finite; lower spread")
        self._tell(candidates, losses)
        return TrainingStep(self.done - 1, *min(found))

    def trained(self) -> Trained:
        """The price lists so far."""
        shape = self.shape
        return Trained(
            arguments={"prices": LearnedPrices(shape, self._prior.units)},
            tensors={name: getattr(shape, name) for name in shape.__dataclass_fields__},
            architecture={"lists": len(shape.offsets), "lots": len(shape.lots), "levels": len(shape.levels)},
            versions={"cma": importlib.metadata.version("cma")},
        )

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, which a strategy with the same seed becomes the same by, and where profiles are drawn."""
        return {"losses": self._losses[: self.done], "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Tell a fresh strategy again what the saved one was told."""
        for losses in state["losses"].tolist():
            self._tell(self._strategy.ask(), losses)
        self._generator.set_state(state["generator"])

    def _tell(self, candidates: list[Any], losses: list[float]) -> None:
        self._strategy.tell(candidates, losses)
        self._losses[self.done] = torch.tensor(losses, dtype=torch.float64)
        self.done += 1
        self.shape = _shaped(self._first, self._strategy.result.xfavorite)


def _strategy(recipe: ResidualRecipe) -> Any:
    """The evolution strategy, with random numbers of its own instead of the global ones."""
    import cma  # takes a second, which whoever only asks what can be trained should not wait

    scale = np.concatenate([np.repeat(SCALE, len(KNOTS)), SCALE_PER_LOG_BIDDERS * np.array(SCALE)])
    random = np.random.default_rng(recipe.seed)
    quiet = {"verbose": -9, "verb_disp": 0, "verb_log": 0}
    own = {"seed": math.nan, "randn": lambda *shape: random.standard_normal(shape)}
    options = {"CMA_stds": scale, "popsize": recipe.candidates, **own, **quiet}
    return cma.CMAEvolutionStrategy(np.zeros(len(scale)), recipe.spread, options)


def _shaped(first: PriceShape, change: Any, thin: int = 1) -> PriceShape:
    """The first price lists, changed by a candidate of the strategy, with every ``thin``-th level and lot on sale."""
    change = torch.as_tensor(change, dtype=torch.float64)
    exponents, per_log_bidders = change[:-TERMS].view(TERMS, -1), change[-TERMS:]
    return replace(
        first,
        levels=first.levels[::thin],
        lots=first.lots[::thin],
        exponents=first.exponents + exponents,
        per_log_bidders=per_log_bidders.clone(),
    )


def _markets(prior: OwnerPrior, recipe: ResidualRecipe, generator: torch.Generator) -> list[tuple[OwnerTypes, Tensor]]:
    """Fresh profiles of the usual number of bidders, and fewer of another number."""
    low, high = (math.log(bound) for bound in recipe.other_owners)
    draw = float(torch.rand(1, generator=generator, dtype=torch.float64))
    others = round(math.exp(low + (high - low) * draw))
    markets = [prior.sample(recipe.batch, recipe.owners, generator)]
    profiles = round(recipe.share_of_others * recipe.batch * recipe.owners / others)
    return markets + ([prior.sample(profiles, others, generator)] if profiles else [])


def _loss(
    shape: PriceShape, prior: OwnerPrior, markets: list[tuple[OwnerTypes, Tensor]], recipe: ResidualRecipe
) -> tuple[float, float]:
    """Loss of price lists, and their mean error bound with the usual number of bidders."""
    auction = ResidualMenu(prior.units, prices=LearnedPrices(shape, prior.units))
    means = []
    for types, budget in markets:
        bound = true_error_bound(types, auction.run(types.truthful_bids(), budget)).clamp(max=WORST)
        means.append((float((bound.log() + recipe.weight_of_mean * bound).mean()), float(bound.mean())))
    weights = [1.0, recipe.share_of_others]
    loss = sum(weight * mean for weight, (mean, _) in zip(weights, means, strict=False))
    return loss, means[0][1]
