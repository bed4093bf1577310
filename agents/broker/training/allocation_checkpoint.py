"""From a recipe to a checkpoint with its card, for every auction that ``augmented_lagrangian`` trains."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from agents.broker.auctions.checkpoint import ModelCard, save_checkpoint
from agents.broker.auctions.parts.allocation_auction import AllocationAuction
from agents.broker.training.augmented_lagrangian import RegretTraining
from agents.broker.training.found_regret import regret_figures
from agents.broker.training.measure import truthful_figures
from agents.broker.training.regret_recipe import Recipe, Step
from agents.broker.training.resumption import run_to_end
from agents.prior import OwnerPrior


def make_checkpoint_of(
    auction: type[AllocationAuction],
    path: Path,
    prior: OwnerPrior,
    recipe: Recipe,
    *,
    watch: Callable[[Step], None] | None = None,
    state: Path | None = None,
    device: str = "cpu",
    measured: tuple[int, int, int] = (2000, 200, 300),
) -> ModelCard:
    """Train, measure on fresh profiles, and write the checkpoint with its model card.

    Parameters
    ----------
    auction : type
    path : Path
    prior : OwnerPrior
    recipe : Recipe
    watch : callable, optional
        Called after every step.
    state : Path, optional
        Where the state of an interrupted training is kept and looked for.
    device : {"cpu", "cuda"}
    measured : (int, int, int)
        Profiles for the error bound, profiles for the regret, and lies tried per owner there.
    """
    training = RegretTraining(auction.propose, prior, recipe, device=device)
    run_to_end(training, state=state, watch=watch)
    network = training.average.cpu()
    trained = auction(prior.units, network=network)
    profiles, deviators, queries = measured
    figures = truthful_figures(trained, prior, profiles=profiles)
    figures |= regret_figures(trained, prior, profiles=deviators, queries=queries)
    return save_checkpoint(
        path,
        network.state_dict(),
        auction=auction.name,
        units=prior.units,
        prior=asdict(prior),
        architecture={"owners": recipe.owners, "levels": recipe.levels, "width": recipe.width},
        recipe=asdict(recipe),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        figures=figures,
    )
