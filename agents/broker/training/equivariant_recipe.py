"""The settings of a training of the equivariant menu, and the network that it starts from."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from agents.broker.auctions.parts.equivariant_network import EquivariantNetwork
from agents.broker.training.base import seed_uniformly
from agents.broker.training.first_prices import price_grid, tiered_bias, usual_price
from agents.checks import number, seed_number, whole
from agents.prior import OwnerPrior


@dataclass(frozen=True)
class EquivariantRecipe:
    """Settings of one training run.

    Parameters
    ----------
    steps, batch : int
        Adam steps, and owners per step divided by ``owners``.
    owners : int
        Bidders of many profiles.
    other_owners : (int, int)
        Smallest and largest number of bidders in the remaining profiles, drawn uniformly.
    share_of_others : float
        How often a step is made with another number of bidders.
    learning_rate : float
        Of Adam; decays to nothing along a cosine.
    temperature : (float, float)
        First and last temperature of the softened choice, in utility per record, in public units.
    weight_of_mean : float
        Weight of E[ERR] beside E[log ERR].
    regret_target : float
        Mean gain over cost of the sale, over sellers, and four times the gains over all payments, that a search may
        find together. The lower, the higher the error bound.
    regret_factor : float
        How many times the regret of the few lies tried here a long search finds.
    multiplier : float
        First price of regret, in units of the loss per target.
    dual_rate : float
        How fast that price follows; 0 keeps it.
    deviators : float
        Share of a step's markets in which somebody lies.
    misreports : int
        Lies tried in each of them.
    levels, tiers : int
        Privacy losses within the prior's range, and offers at each.
    summary, width : int
        Length of the vectors added up over owners, and units of the hidden layers.
    averaging : float
        Weight of the past in the running mean of the weights.
    seed : int
    """

    steps: int = 1800
    batch: int = 512
    owners: int = 10
    other_owners: tuple[int, int] = (3, 30)
    share_of_others: float = 0.3
    learning_rate: float = 4e-3
    temperature: tuple[float, float] = (0.1, 0.004)
    weight_of_mean: float = 0.3
    regret_target: float = 0.02
    regret_factor: float = 3.5
    multiplier: float = 0.02
    dual_rate: float = 0.02
    deviators: float = 0.4
    misreports: int = 3
    levels: int = 20
    tiers: int = 2
    summary: int = 48
    width: int = 96
    averaging: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "misreports", "levels", "tiers", "summary", "width"):
            whole(name, getattr(self, name), minimum=1)
        seed_number("seed", self.seed)
        whole("other_owners[0]", self.other_owners[0], minimum=1)
        whole("other_owners[1]", self.other_owners[1], minimum=self.other_owners[0])
        for name in ("share_of_others", "deviators", "averaging", "dual_rate"):
            number(name, getattr(self, name), maximum=1)
        for name in ("learning_rate", "regret_target"):
            number(name, getattr(self, name), above=0)
        number("regret_factor", self.regret_factor, minimum=1)
        for name in ("weight_of_mean", "multiplier"):
            number(name, getattr(self, name))
        for place, temperature in enumerate(self.temperature):
            number(f"temperature[{place}]", temperature, above=0)


def new_network(prior: OwnerPrior, recipe: EquivariantRecipe) -> EquivariantNetwork:
    """An untrained network whose prices are about the mean cost of a record at each level."""
    levels = price_grid(prior, recipe.levels, recipe.tiers)
    network = EquivariantNetwork(levels, usual_price(prior, levels), recipe.summary, recipe.width)
    generator = torch.Generator().manual_seed(recipe.seed)
    for lists in (network.tentative, network.final):
        seed_uniformly(lists.describe, generator)
        seed_uniformly(lists.body, generator)
        if recipe.tiers > 1:
            with torch.no_grad():
                # The last entry, the weight of her claim, starts at 0.
                lists.head.bias[:-1] = tiered_bias(levels, recipe.tiers, (0.2, -0.75))
    return network
