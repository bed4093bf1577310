"""Training the sequential menu, end to end through the auction itself, from the prior alone.

No inner search for misreports is needed: the mechanism is truthful whatever its prices, so training only lowers the
error bound of truthful play.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from agents.broker.auctions.checkpoint import Card, save_checkpoint
from agents.broker.auctions.menu_network import History, MenuNetwork, Turn, size_facts
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.broker.training.measure import truthful_figures
from agents.broker.training.purchases import bound_of_purchases
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
    seed : int
    """

    steps: int = 2800
    batch: int = 512
    owners: int = 10
    other_owners: tuple[int, int] = (3, 60)
    share_of_others: float = 0.12
    learning_rate: float = 5e-3
    temperature: tuple[float, float] = (0.1, 0.004)
    weight_of_mean: float = 0.3
    width: int = 96
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "width"):
            whole(name, getattr(self, name), least=1)
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], least=1)
        whole("other_owners[1]", self.other_owners[1], least=self.other_owners[0])
        number("share_of_others", self.share_of_others, most=1)
        number("learning_rate", self.learning_rate, above=0)
        number("weight_of_mean", self.weight_of_mean)
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


@dataclass(frozen=True)
class Step:
    """What a training step shows: its number, loss and mean finite error bound."""

    number: int
    loss: float
    error_bound: float


def price_grid(prior: OwnerPrior) -> Tensor:
    """Absolute grid of privacy losses ``[K]``: 44 steps over the prior's privacy budgets, 4 below them."""
    low, high = prior.privacy_budget
    below = low * torch.tensor([0.2, 0.4, 0.6, 0.8], dtype=torch.float64)
    within = torch.linspace(low, high, 44 if high > low else 1, dtype=torch.float64)
    return torch.cat([below, within])


def new_network(prior: OwnerPrior, recipe: Recipe, *, sizes_known: bool = False) -> MenuNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior)
    family = torch.tensor([[FAMILIES.index(name) for name in prior.families]])
    factor = torch.full(family.shape, sum(prior.factor) / 2, dtype=torch.float64)
    usual = ParametricValuation(family=family, factor=factor).tabulate(levels).mean(dim=(0, 1))
    usual_price = usual / prior.units.money_per_record
    network = MenuNetwork(levels, usual_price, width=recipe.width, sizes_known=sizes_known)
    generator = torch.Generator().manual_seed(recipe.seed)
    for layer in network.body:
        if isinstance(layer, torch.nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in (layer.weight, layer.bias):
                with torch.no_grad():
                    parameter.uniform_(-bound, bound, generator=generator)
    return network


def training_steps(network: MenuNetwork, prior: OwnerPrior, recipe: Recipe) -> Iterator[Step]:
    """Train ``network`` in place, one Adam step at a time.

    Raises
    ------
    FloatingPointError
        If a gradient is not finite; the message names the step.
    """
    generator = torch.Generator().manual_seed(recipe.seed + 1)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    warm, cold = recipe.temperature
    for step in range(recipe.steps):
        progress = step / recipe.steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) + 0.005)
        owners = _owners_of_step(recipe, generator)
        types, budget = prior.sample(max(1, recipe.batch * recipe.owners // owners), owners, generator)
        precision, share = softened_auction(network, types, budget, prior.units, warm * (cold / warm) ** progress)
        bound = bound_of_purchases(precision, share)
        valid = bound.isfinite()
        finite = torch.where(valid, bound, 1.0)
        # An invalid profile has no finite bound to lower: it adds nothing, and the report counts it.
        loss = (finite.log() + recipe.weight_of_mean * finite.clamp(max=50)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        if not bool(norm.isfinite()):
            raise FloatingPointError(f"training step {step}: the gradient is not finite; lower learning_rate")
        optimiser.step()
        yield Step(number=step, loss=float(loss.detach()), error_bound=float(bound[valid].mean().detach()))


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
    size = types.data_size.double() / units.records
    cost = types.valuation.tabulate(network.levels) / units.money_per_record
    unit_cost = types.valuation.at(types.privacy_budget) / units.money_per_record
    cap = types.privacy_budget
    facts = None
    if network.sizes_known:
        order = size.argsort(dim=-1, descending=True, stable=True)
        cost = cost.gather(1, order[..., None].expand_as(cost))
        size, unit_cost, cap = (array.gather(-1, order) for array in (size, unit_cost, cap))
        facts = size_facts(size)
    money = budget / units.money
    history = History.beginning(money, money)
    precisions, bought = [], []
    for owner, turn in enumerate(Turn.each(money, size > 0)):
        features = history.features(turn).detach()
        price, cap_share = network(features if facts is None else torch.cat([features, facts[:, owner]], dim=-1))
        mine, left = size[:, owner, None], history.left[:, None]
        wanted = torch.minimum(mine, cap_share * left / price)
        records = wanted + ((wanted * units.records + 1e-9).floor() / units.records - wanted).detach()
        utility = records * (price - cost[:, owner])
        for_sale = (network.levels <= cap[:, owner, None]) & (records > 0)
        utility = torch.nn.functional.pad(torch.where(for_sale, utility, -torch.inf), (1, 0))
        soft = torch.softmax(utility / mine / temperature, dim=-1)
        hard = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1])
        choice = (hard + soft - soft.detach())[:, 1:]
        privacy_loss_squared = (choice * network.levels**2).sum(-1)
        sold = (choice * records).sum(-1)
        payment = (choice * records * price).sum(-1)
        precisions.append(privacy_loss_squared / 8)
        bought.append(sold)
        history = history.after(
            left=(history.left - payment).clamp(min=0),
            privacy_loss_squared=privacy_loss_squared.detach(),
            bought=sold.detach(),
            size=size[:, owner],
            unit_cost=unit_cost[:, owner],
            sold=(sold.detach() > 0).double(),
        )
    return torch.stack(precisions, dim=-1), torch.stack(bought, dim=-1) / size.sum(-1, keepdim=True)


def train(
    prior: OwnerPrior,
    recipe: Recipe | None = None,
    *,
    sizes_known: bool = False,
    watch: Callable[[Step], None] | None = None,
) -> MenuNetwork:
    """Train a sequential menu from scratch.

    Parameters
    ----------
    prior : OwnerPrior
        Distribution of owners and budgets to train on.
    recipe : Recipe, optional
    sizes_known : bool
        Whether data sizes are verified.
    watch : callable, optional
        Called after every step.
    """
    recipe = recipe or Recipe()
    network = new_network(prior, recipe, sizes_known=sizes_known)
    for step in training_steps(network, prior, recipe):
        if watch is not None:
            watch(step)
    return network


def make_checkpoint(
    path: Path,
    prior: OwnerPrior,
    recipe: Recipe | None = None,
    *,
    auction: type[SequentialMenu] = SequentialMenu,
    watch: Callable[[Step], None] | None = None,
) -> Card:
    """Train, measure on fresh profiles, and write the checkpoint with its model card."""
    recipe = recipe or Recipe()
    network = train(prior, recipe, sizes_known=auction.sizes_known, watch=watch)
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
