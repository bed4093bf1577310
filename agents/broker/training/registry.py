"""Which auctions can be trained, and by what.

A trainer of one's own is one file with a recipe (a frozen dataclass with ``steps`` and ``seed``) and a ``Training``
(``base.py``; by gradients, a subclass of ``GradientTraining``), and one line in ``TRAINERS`` below. From then on
``market-sim train`` knows it, ``--set`` reaches the fields of its recipe, and the tests of checkpoints include it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.base import Auction
from agents.broker.auctions.checkpoint import ModelCard, save_checkpoint
from agents.broker.auctions.dm_regretnet import DMRegretNet
from agents.broker.auctions.equivariant_menu import EquivariantMenu
from agents.broker.auctions.m_regretnet import MRegretNet
from agents.broker.auctions.regretnet import RegretNet
from agents.broker.auctions.residual_menu import ResidualMenu
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.broker.auctions.sequential_menu_full import SequentialMenuFull
from agents.broker.auctions.sequential_menu_verified import SequentialMenuVerified
from agents.broker.training.ascending_menu import AscendingRecipe, AscendingTraining
from agents.broker.training.augmented_lagrangian import RegretTraining
from agents.broker.training.base import Training, TrainingStep
from agents.broker.training.equivariant_menu import EquivariantTraining
from agents.broker.training.equivariant_recipe import EquivariantRecipe
from agents.broker.training.found_regret import regret_figures
from agents.broker.training.refined_menu import RefinedRecipe, RefinedTraining
from agents.broker.training.regret_recipe import RegretRecipe
from agents.broker.training.residual_menu import EvolutionTraining, ResidualRecipe
from agents.broker.training.resumption import run_to_end
from agents.broker.training.sequential_menu import MenuRecipe, MenuTraining
from agents.broker.training.sequential_menu_full import FullMenuRecipe, FullMenuTraining
from agents.broker.training.truthful_figures import truthful_figures
from agents.checks import one_of
from agents.prior import OwnerPrior


@dataclass(frozen=True)
class Trainer:
    """How an auction is trained.

    Parameters
    ----------
    auction : type
        What is trained.
    recipe_class : type
        Of its settings; ``recipe`` makes one.
    training : callable
        From prior and recipe to a ``Training``.
    particular : mapping, optional
        Settings in which the usual recipe of this auction differs from that of the class.
    devices : bool
        Whether ``training`` takes a ``device``; otherwise it is a matter of moments, on the CPU.
    """

    auction: type[Auction]
    recipe_class: type[Any]
    training: Callable[..., Training]
    particular: Mapping[str, Any] = field(default_factory=dict)
    devices: bool = True

    def recipe(self, **settings: Any) -> Any:
        """The usual recipe of this auction, but for ``settings``."""
        return self.recipe_class(**{**self.particular, **settings})

    def steps(self, recipe: Any) -> int:
        """How many steps a training by this recipe has."""
        return self.training(OwnerPrior(), recipe).steps

    def make_checkpoint(
        self,
        path: Path,
        prior: OwnerPrior,
        recipe: Any = None,
        *,
        watch: Callable[[TrainingStep], None] | None = None,
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
            Distribution of owners and budgets to train on.
        recipe : optional
            By default the usual one.
        watch : callable, optional
            Called after every step.
        state : Path, optional
            File that keeps the training's state, so that an interrupted one goes on from there.
        device : {"cpu", "cuda"}
            Where torch computes.
        measured : (int, int, int)
            Profiles for the error bound and, where lies may pay, profiles for the regret and lies per owner there.

        Raises
        ------
        ValueError
            If the training knows no such device, or ``state`` is damaged or another training's.
        """
        if device != "cpu" and not self.devices:
            raise ValueError(f"device = {device!r}: {self.auction.name} trains in moments, on the CPU only")
        recipe = recipe or self.recipe()
        training = self.training(prior, recipe, **({"device": device} if self.devices else {}))
        run_to_end(training, state=state, watch=watch)
        trained = training.trained()
        auction = self.auction(prior.units, **trained.arguments)
        profiles, regret_profiles, queries = measured
        figures = truthful_figures(auction, prior, profiles=profiles)
        if auction.guarantees.strategic - auction.guarantees.truthful_in:
            figures |= regret_figures(auction, prior, profiles=regret_profiles, queries=queries)
        return save_checkpoint(
            path,
            trained.tensors,
            auction=auction.name,
            units=prior.units,
            prior=asdict(prior),
            architecture=trained.architecture,
            recipe=asdict(recipe),
            versions={"python": platform.python_version(), "torch": torch.__version__, **trained.versions},
            figures=figures,
        )


TRAINERS: dict[str, Trainer] = {
    entry.auction.name: entry
    for entry in (
        Trainer(AscendingMenu, AscendingRecipe, AscendingTraining),
        Trainer(SequentialMenu, MenuRecipe, MenuTraining),
        Trainer(SequentialMenuFull, FullMenuRecipe, FullMenuTraining),
        Trainer(SequentialMenuVerified, RefinedRecipe, partial(RefinedTraining, sizes_known=True)),
        Trainer(EquivariantMenu, EquivariantRecipe, EquivariantTraining),
        Trainer(ResidualMenu, ResidualRecipe, EvolutionTraining, devices=False),
        # Gains count in equal parts of the budget and hardly in the liar's cost.
        Trainer(DMRegretNet, RegretRecipe, partial(RegretTraining, DMRegretNet.propose), {"weight_of_cost": 0.05}),
        Trainer(MRegretNet, RegretRecipe, partial(RegretTraining, MRegretNet.propose), {"steps": 600}),
        # One level: all or nothing.
        Trainer(RegretNet, RegretRecipe, partial(RegretTraining, RegretNet.propose), {"steps": 600, "levels": 1}),
    )
}
"""Trainers by the name of the auction they train."""


def trainer(name: str) -> Trainer:
    """What trains the auction ``name``; raises ValueError with the nearest known name."""
    return TRAINERS[one_of("auction to train", name, TRAINERS)]
