"""Training the sequential menu, end to end through the auction itself, from the prior alone.

No inner search for misreports is needed: the mechanism is truthful whatever its prices, so training only lowers the
error bound of truthful play.
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
from agents.broker.auctions.parts.menu_network import History, MenuNetwork, Turn, size_facts
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.broker.training.measure import truthful_figures
from agents.broker.training.purchases import bound_of_purchases
from agents.broker.training.resumption import run_to_end
from agents.checks import number, seed_number, whole
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import FAMILIES, ParametricValuation


@dataclass(frozen=True)
class Recipe:
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
    averaging : float
        Decay, per step, of the running mean of the weights that becomes the trained network; 0 keeps the last ones.
    seed : int
    """

    steps: int = 3600
    batch: int = 512
    owners: int = 10
    other_owners: tuple[int, int] = (3, 60)
    share_of_others: float = 0.12
    learning_rate: float = 5e-3
    temperature: tuple[float, float] = (0.1, 0.001)
    weight_of_mean: float = 1.0
    width: int = 96
    tiers: int = 2
    averaging: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "width", "tiers"):
            whole(name, getattr(self, name), minimum=1)
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], minimum=1)
        whole("other_owners[1]", self.other_owners[1], minimum=self.other_owners[0])
        number("share_of_others", self.share_of_others, maximum=1)
        number("learning_rate", self.learning_rate, above=0)
        number("weight_of_mean", self.weight_of_mean)
        number("averaging", self.averaging, maximum=1 - 1e-9)
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


@dataclass(frozen=True)
class Step:
    """What a training step shows: its number, loss and mean finite error bound."""

    number: int
    loss: float
    error_bound: float


def price_grid(prior: OwnerPrior, tiers: int = 1) -> Tensor:
    """Absolute grid of privacy losses ``[K]``: 28 within the prior's privacy budgets, 3 below, ``tiers`` times each."""
    low, high = prior.privacy_budget
    below = low * torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    within = torch.linspace(low, high, 28 if high > low else 1, dtype=torch.float64)
    return torch.cat([below, within]).repeat_interleave(tiers)


def new_network(prior: OwnerPrior, recipe: Recipe, *, sizes_known: bool = False) -> MenuNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior, recipe.tiers)
    family = torch.tensor([[FAMILIES.index(name) for name in prior.families]])
    factor = torch.full(family.shape, sum(prior.factor) / 2, dtype=torch.float64)
    usual = ParametricValuation(family=family, factor=factor).tabulate(levels).mean(dim=(0, 1))
    usual_price = usual / prior.units.money_per_record
    network = MenuNetwork(levels, usual_price, width=recipe.width, sizes_known=sizes_known)
    # The first offer of a level pays more than usual for little, the last less for much.
    tiers, levels_apart = recipe.tiers, len(levels) // recipe.tiers
    start = torch.cat([torch.linspace(end, -end, tiers).repeat(levels_apart) for end in (0.25, -1.75)])
    generator = torch.Generator().manual_seed(recipe.seed)
    with torch.no_grad():
        network.head.bias.copy_(start if tiers > 1 else 0 * start)
    for layer in network.body:
        if isinstance(layer, torch.nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in (layer.weight, layer.bias):
                with torch.no_grad():
                    parameter.uniform_(-bound, bound, generator=generator)
    return network


class MenuTraining:
    """A training run in the middle: makes one Adam step after another, and can be interrupted and continued.

    Parameters
    ----------
    prior : OwnerPrior
        Distribution of owners and budgets to train on.
    recipe : Recipe
    sizes_known : bool
        Whether data sizes are verified.
    device : str
        Where torch computes.

    Attributes
    ----------
    network : MenuNetwork
        The running mean of the weights so far: what the training is for.
    """

    def __init__(self, prior: OwnerPrior, recipe: Recipe, *, sizes_known: bool = False, device: str = "cpu") -> None:
        self.identity = {"prior": asdict(prior), "recipe": asdict(recipe), "verified": sizes_known, "device": device}
        self.steps, self.done = recipe.steps, 0
        self._prior, self._recipe = prior, recipe
        self.network = new_network(prior, recipe, sizes_known=sizes_known).to(device)
        self._learner = copy.deepcopy(self.network)
        self._optimiser = torch.optim.Adam(self._learner.parameters(), lr=recipe.learning_rate)
        self._generator = torch.Generator().manual_seed(recipe.seed + 1)

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
        owners = _owners_of_step(recipe, self._generator)
        types, budget = prior.sample(max(1, recipe.batch * recipe.owners // owners), owners, self._generator)
        warm, cold = recipe.temperature
        temperature = warm * (cold / warm) ** progress
        bound = bound_of_purchases(*softened_auction(self._learner, types, budget, prior.units, temperature))
        valid = bound.isfinite()
        finite = torch.where(valid, bound, 1.0)
        # An invalid profile has no finite bound to lower: it adds nothing, and the report counts it.
        loss = (finite.log() + recipe.weight_of_mean * finite.clamp(max=50)).mean()
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._learner.parameters(), 1.0)
        if not bool(norm.isfinite()):
            raise FloatingPointError(
                f"training step {self.done}, a batch of {len(budget)} profiles of {owners} owners: the gradient is "
                "not finite; lower learning_rate"
            )
        self._optimiser.step()
        self._average()
        self.done += 1
        return Step(number=self.done - 1, loss=float(loss.detach()), error_bound=float(bound[valid].mean().detach()))

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
            "network": self.network.state_dict(),
            "learner": self._learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self.done = state["done"]
        self.network.load_state_dict(state["network"])
        self._learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])


def softened_auction(
    network: MenuNetwork, types: OwnerTypes, budget: Tensor, units: PublicUnits, temperature: float
) -> tuple[Tensor, Tensor]:
    """The auction under truthful bids, with choices that let gradients through (straight-through softmax).

    Everybody takes her favourite entry, as deployed but for the rounding of money; gradients see a softmax over
    entries instead. What is spent is felt by those asked later through the budget left, not through the features: they
    inform prices and are no lever of them (training through both ends higher).

    Returns
    -------
    (precision float64[B, n], share float64[B, n])
    """
    levels = network.levels
    size = types.data_size.to(levels.device).double() / units.records
    cost = types.valuation.tabulate(levels.cpu()).to(levels.device) / units.money_per_record
    unit_cost = types.valuation.at(types.privacy_budget).to(levels.device) / units.money_per_record
    cap = types.privacy_budget.to(levels.device)
    facts = None
    if network.sizes_known:
        order = size.argsort(dim=-1, descending=True, stable=True)
        cost = cost.gather(1, order[..., None].expand_as(cost))
        size, unit_cost, cap = (array.gather(-1, order) for array in (size, unit_cost, cap))
        facts = size_facts(size, torch.arange(size.shape[1], device=size.device).expand(size.shape))
    money = budget.to(levels.device) / units.money
    history = History.beginning(money, money)
    precisions, bought = [], []
    for owner, turn in enumerate(Turn.each(money, (size > 0).unbind(-1))):
        features = history.features(turn).detach()
        price, cap_share = network(features if facts is None else torch.cat([features, facts[:, owner]], dim=-1))
        mine, left = size[:, owner, None], history.left[:, None]
        wanted = torch.minimum(mine, cap_share * left / price)
        records = wanted + ((wanted * units.records + 1e-9).floor() / units.records - wanted).detach()
        utility = records * (price - cost[:, owner])
        for_sale = (levels <= cap[:, owner, None]) & (records > 0)
        utility = torch.nn.functional.pad(torch.where(for_sale, utility, -torch.inf), (1, 0))
        soft = torch.softmax(utility / mine / temperature, dim=-1)
        hard = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1])
        choice = (hard + soft - soft.detach())[:, 1:]
        privacy_loss_squared = (choice * levels**2).sum(-1)
        sold = (choice * records).sum(-1)
        payment = (choice * records * price).sum(-1)
        precisions.append(privacy_loss_squared / 8)
        bought.append(sold)
        history = history.after(
            left=(history.left - payment).clamp(min=0),
            privacy_loss_squared=privacy_loss_squared.detach()[:, None],
            bought=sold.detach()[:, None],
            size=mine,
            unit_cost=unit_cost[:, owner, None],
            sold=(sold.detach()[:, None] > 0).double(),
        )
    return torch.stack(precisions, dim=-1), torch.stack(bought, dim=-1) / size.sum(-1, keepdim=True)


def make_checkpoint(
    path: Path,
    prior: OwnerPrior,
    recipe: Recipe | None = None,
    *,
    auction: type[SequentialMenu] = SequentialMenu,
    watch: Callable[[Step], None] | None = None,
    state: Path | None = None,
    device: str = "cpu",
) -> ModelCard:
    """Train, measure on fresh profiles, and write the checkpoint with its model card.

    Parameters
    ----------
    path : Path
        Checkpoint to write (.safetensors).
    prior : OwnerPrior
    recipe : Recipe, optional
    auction : type
        ``SequentialMenu`` or ``SequentialMenuVerified``.
    watch : callable, optional
        Called after every step.
    state : Path, optional
        File that keeps the training's state, so that an interrupted one goes on from there.
    device : str
    """
    recipe = recipe or Recipe()
    training = MenuTraining(prior, recipe, sizes_known=auction.sizes_known, device=device)
    run_to_end(training, state=state, watch=watch)
    network = training.network.cpu()
    return save_checkpoint(
        path,
        network.state_dict(),
        auction=auction.name,
        units=prior.units,
        prior=asdict(prior),
        architecture={"levels": len(network.levels), "width": recipe.width, "sizes_known": auction.sizes_known},
        recipe=asdict(recipe),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        figures=truthful_figures(auction(prior.units, network=network), prior),
    )


def _owners_of_step(recipe: Recipe, generator: torch.Generator) -> int:
    draw = torch.rand(2, generator=generator, dtype=torch.float64)
    if float(draw[0]) >= recipe.share_of_others:
        return recipe.owners
    low, high = (math.log(bound) for bound in recipe.other_owners)
    return round(math.exp(low + (high - low) * float(draw[1])))
