"""Training the sequential menu, end to end through the auction itself, from the prior alone.

No inner search for misreports is needed: the mechanism is truthful whatever its prices, so training only lowers the
error bound of truthful play.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.menu_network import History, MenuNetwork, Turn, known_cost, size_facts
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
from agents.checks import number, seed_number, whole
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits


@dataclass(frozen=True)
class MenuRecipe:
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


def new_network(prior: OwnerPrior, recipe: MenuRecipe, *, sizes_known: bool = False) -> MenuNetwork:
    """An untrained network whose prices are the mean cost of a record at each level."""
    levels = price_grid(prior, tiers=recipe.tiers)
    network = MenuNetwork(levels, usual_price(prior, levels), width=recipe.width, sizes_known=sizes_known)
    if recipe.tiers > 1:
        with torch.no_grad():
            network.head.bias.copy_(tiered_bias(levels, recipe.tiers, (0.25, -1.75)))
    seed_uniformly(network.body, torch.Generator().manual_seed(recipe.seed))
    return network


class MenuTraining(GradientTraining[MenuNetwork]):
    """Adam on the error bound of truthful play.

    Parameters
    ----------
    prior : OwnerPrior
    recipe : MenuRecipe
    sizes_known : bool
        Whether data sizes are verified.
    device : str
    """

    def __init__(
        self, prior: OwnerPrior, recipe: MenuRecipe, *, sizes_known: bool = False, device: str = "cpu"
    ) -> None:
        self._prior, self._recipe = prior, recipe
        network = new_network(prior, recipe, sizes_known=sizes_known)
        generator = torch.Generator().manual_seed(recipe.seed + 1)
        super().__init__(prior, recipe, network, generator, device=device, verified=sizes_known)

    def step(self) -> TrainingStep:
        """Make the next step."""
        recipe, prior = self._recipe, self._prior
        temperature = temperature_at(self.done / self.steps, *recipe.temperature)
        owners = _owners_of_step(recipe, self._generator)
        types, budget = prior.sample(max(1, recipe.batch * recipe.owners // owners), owners, self._generator)
        bound = self.bound(*softened_auction(self.learner, types, budget, prior.units, temperature))
        loss = mean_loss(bound, recipe.weight_of_mean)
        self._descend(loss, f"step {self.done}, a batch of {len(budget)} profiles of {owners} owners")
        return TrainingStep(number=self.done - 1, loss=float(loss.detach()), error_bound=mean_of_finite(bound))

    def bound(self, precision: Tensor, share: Tensor) -> Tensor:
        """What is lowered ``[B]``: the error bound of purchases ``[B, n]``."""
        return bound_of_purchases(precision, share)

    def trained(self) -> Trained:
        """The network so far."""
        network = self.network.cpu()
        sizes = {"levels": len(network.levels), "width": self._recipe.width, "sizes_known": network.sizes_known}
        return Trained({"network": network}, network.state_dict(), sizes)


def softened_auction(
    network: MenuNetwork, types: OwnerTypes, budget: Tensor, units: PublicUnits, temperature: float
) -> tuple[Tensor, Tensor]:
    """The auction under truthful bids, with choices that let gradients through (straight-through softmax).

    Everybody takes her favourite entry, as deployed but for the rounding of money; gradients see a softmax over
    entries instead. What is spent is felt by those asked later through the budget left. The features are detached:
    prices are not trained through them (training through both ends higher).

    Returns
    -------
    (precision float64[B, n], share float64[B, n])
    """
    levels = network.levels  # [level]
    size = types.data_size.to(levels.device).double() / units.records  # [batch, owner]
    cost = types.valuation.tabulate(levels.cpu()).to(levels.device) / units.money_per_record  # [batch, owner, level]
    unit_cost = types.valuation.at(types.privacy_budget).to(levels.device) / units.money_per_record
    cap = types.privacy_budget.to(levels.device)
    facts = None
    if network.sizes_known:
        # From here on owners stand in the order in which they are asked, the largest first.
        order = size.argsort(dim=-1, descending=True, stable=True)
        cost = cost.gather(1, order[..., None].expand_as(cost))
        size, unit_cost, cap = (array.gather(-1, order) for array in (size, unit_cost, cap))
        facts = size_facts(size, torch.arange(size.shape[1], device=size.device).expand(size.shape))
    money = budget.to(levels.device) / units.money  # [batch]
    history = History.beginning(money, money)
    precisions, bought = [], []
    for owner, turn in enumerate(Turn.each(money, (size > 0).unbind(-1))):
        features = history.features(turn).detach()  # [batch, feature]
        price, cap_share = network(features if facts is None else torch.cat([features, facts[:, owner]], dim=-1))
        mine, left = size[:, owner, None], history.left[:, None]  # [batch, 1]
        wanted = torch.minimum(mine, cap_share * left / price)  # [batch, level]
        records = wanted + ((wanted * units.records + 1e-9).floor() / units.records - wanted).detach()
        for_sale = (levels <= cap[:, owner, None]) & (records > 0)
        utility = torch.where(for_sale, records * (price - cost[:, owner]), -torch.inf)
        choice = _straight_through(utility, mine, temperature)
        privacy_loss_squared = (choice * levels**2).sum(-1)  # [batch]
        sold = (choice * records).sum(-1)
        payment = (choice * records * price).sum(-1)
        precisions.append(privacy_loss_squared / 8)
        bought.append(sold)
        history = history.after(
            left=(history.left - payment).clamp(min=0),
            privacy_loss_squared=privacy_loss_squared.detach()[:, None],
            bought=sold.detach()[:, None],
            size=mine,
            cost=known_cost(unit_cost[:, owner, None], mine),
            sold=(sold.detach()[:, None] > 0).double(),
        )
    return torch.stack(precisions, dim=-1), torch.stack(bought, dim=-1) / size.sum(-1, keepdim=True)


def _straight_through(utility: Tensor, size: Tensor, temperature: float) -> Tensor:
    """One-hot favourites ``[B, K]`` with the gradient of a softmax of utility per record she has; 0s for nothing."""
    utility = torch.nn.functional.pad(utility, (1, 0))  # [batch, 1 + level]
    soft = torch.softmax(utility / size / temperature, dim=-1)
    hard = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1])
    return (hard + soft - soft.detach())[:, 1:]


def _owners_of_step(recipe: MenuRecipe, generator: torch.Generator) -> int:
    draw = torch.rand(2, generator=generator, dtype=torch.float64)
    if float(draw[0]) >= recipe.share_of_others:
        return recipe.owners
    low, high = (math.log(bound) for bound in recipe.other_owners)
    return round(math.exp(low + (high - low) * float(draw[1])))
