"""Data owners: everything private to them, and what they do in a round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from mesa import Agent
from torch import Tensor

from agents.checks import generator_of, one_of
from agents.messages import Announcement, Bids, Outcome, Upload
from agents.noise import CLIPS, check_noise_source, norm_order
from agents.owner.accountant import Accountant
from agents.owner.gradients import draw_records, local_gradients
from agents.owner.perturbation.registry import perturb
from agents.owner.strategies.groups import StrategyGroups, Stream
from agents.tasks.base import Task
from agents.tasks.partition import partition
from agents.types import OwnerTypes

if TYPE_CHECKING:
    from mesa import Model

LEAST_PRIVACY_BUDGET = 1e-6
"""An owner with less of her lifetime allowance left than this leaves the market: she has nothing worth selling."""


class OwnerPopulation:
    """All the owners of one market, as arrays: one method call acts for every bidder of a round.

    Parameters
    ----------
    types : OwnerTypes [1, N]
        Who they really are; data sizes sum to the task's records.
    strategies : mapping of str to float
        Strategy names and the shares of the owners who follow them.
    task : Task
        What is learned, from records dealt out to the owners at random.
    perturbation, noise_source : str
        How uploads are perturbed, and where the noise comes from (``agents.noise``).
    clip, clip_norm : str, float
        What is clipped (every "record", or the "owner"'s mean) and to which norm.
    lifetime_allowance : float
        Most privacy loss that each owner may ever spend; infinite for no limit.
    stream : callable
        Random stream by name, for the dealing out of records and of strategies.
    """

    def __init__(
        self,
        types: OwnerTypes,
        strategies: Mapping[str, float],
        task: Task,
        *,
        perturbation: str = "privunit",
        noise_source: str = "generator",
        clip: str = "record",
        clip_norm: float = 1.0,
        lifetime_allowance: float = float("inf"),
        stream: Stream,
    ) -> None:
        owners = types.shape[1]
        self.types = types
        self.task = task
        self.perturbation = perturbation
        self.noise_source = check_noise_source(perturbation, noise_source)
        self.clip = one_of("clip", clip, CLIPS)
        self.clip_norm = clip_norm
        self.groups = StrategyGroups(strategies, owners, stream("strategies"))
        self.partition = partition(
            types.data_size[0], task.train_size, stream("data split"), shuffle=not task.interchangeable
        )
        self.accounts = Accountant.open(owners, lifetime_allowance)
        self.earned = torch.zeros(owners, dtype=torch.float64)
        self.utility = torch.zeros(owners, dtype=torch.float64)

    @property
    def active(self) -> Tensor:
        """Who is still in the market, ``bool[N]``."""
        return self.accounts.left >= LEAST_PRIVACY_BUDGET

    def bidders(self, most: int, taken: Tensor, generator: torch.Generator) -> Tensor:
        """Sample bidders uniformly, in random order.

        Parameters
        ----------
        most : int
            How many are wanted; fewer come if fewer are left.
        taken : bool[N]
            Who already serves another buyer.
        generator : torch.Generator
            Sampling stream; every owner's lot is drawn, whoever is still there.

        Returns
        -------
        int64[n]
        """
        lot = torch.rand(len(taken), generator=generator_of("generator", generator), dtype=torch.float64)
        order = lot.argsort(stable=True)
        return order[(self.active & ~taken)[order]][:most]

    def types_of(self, owners: Tensor) -> OwnerTypes:
        """Who some owners are in this round ``[1, n]``: privacy budgets within what is left of their allowances."""
        valuation = self.types.valuation.take(slice(None), owners)
        left = self.accounts.left[owners]
        return OwnerTypes(
            valuation=valuation,
            privacy_budget=torch.minimum(self.types.privacy_budget[:, owners], left),
            data_size=self.types.data_size[:, owners],
        )

    def bid(self, announcement: Announcement, owners: Tensor, types: OwnerTypes, stream: Stream) -> Bids:
        """Let every bidder bid by her strategy; see ``StrategyGroups.bid``."""
        return self.groups.bid(announcement, owners, types, stream)

    def upload(self, announcement: Announcement, owners: Tensor, outcome: Outcome, stream: Stream) -> Upload:
        """Compute, clip and perturb the gradients that were sold; whoever sold nothing sends nothing.

        Noise and records are drawn for all bidders and then selected, so that runs which differ in bids stay paired.
        Noise of OpenDP's cannot be seeded and is drawn for the sellers alone.

        Parameters
        ----------
        announcement : Announcement
        owners : int64[n]
        outcome : Outcome [1, n]
        stream : callable
            Random stream by name.

        Returns
        -------
        Upload
            One gradient per seller.
        """
        loss, records = privacy_loss_sold(outcome), outcome.data_size[0]
        sells = loss > 0
        sellers = sells.nonzero()[:, 0]
        if not len(sellers):
            return Upload(bidder=sellers, gradient=torch.zeros(0, self.task.dimension, dtype=torch.float64))
        rows, bidder = draw_records(self.partition, owners, torch.where(sells, records, 0), stream("records"))
        gradient = local_gradients(
            self.task,
            announcement.parameters,
            rows,
            bidder,
            len(owners),
            clip=self.clip,
            clip_norm=self.clip_norm,
            norm_order=norm_order(self.perturbation),
        )
        noisy = perturb(
            self.perturbation,
            gradient,
            loss,
            stream("noise"),
            radius=self.clip_norm,
            noise_source=self.noise_source,
        )
        return Upload(bidder=sellers, gradient=noisy[sellers])

    def settle(self, owners: Tensor, bids: Bids, outcome: Outcome, utility: Tensor) -> None:
        """Book privacy loss, payments and utility, and let the strategies see their own results.

        Parameters
        ----------
        owners : int64[n]
        bids : Bids [1, n]
        outcome : Outcome [1, n]
        utility : float64[1, n]
        """
        self.accounts = self.accounts.charge(owners, privacy_loss_sold(outcome))
        self.earned[owners] += outcome.payment[0]
        self.utility[owners] += utility[0]
        self.groups.observe(owners, bids, outcome, utility)


def privacy_loss_sold(outcome: Outcome) -> Tensor:
    """Privacy loss ``float64[n]`` of a round: none without records, whatever the auction wrote down."""
    return torch.where(outcome.sells, outcome.privacy_loss, 0.0)[0]


class DataOwner(Agent):  # type: ignore[misc]
    """One data owner: her place in the arrays of her population.

    Parameters
    ----------
    model : mesa.Model
    population : OwnerPopulation
    index : int
        Her number, as in the column ``owner`` of the trades.
    """

    def __init__(self, model: Model, population: OwnerPopulation, index: int) -> None:
        super().__init__(model)
        self.population = population
        self.index = index

    @property
    def strategy(self) -> str:
        """Name of the strategy that she follows."""
        return self.population.groups.strategy_of(self.index)

    @property
    def active(self) -> bool:
        """Whether she is still in the market."""
        return bool(self.population.active[self.index])

    @property
    def data_size(self) -> int:
        """Records that she holds."""
        return int(self.population.types.data_size[0, self.index])

    @property
    def privacy_spent(self) -> float:
        """Privacy loss of all rounds so far."""
        return float(self.population.accounts.spent[self.index])

    @property
    def earned(self) -> float:
        """Payments received so far."""
        return float(self.population.earned[self.index])

    @property
    def utility(self) -> float:
        """Payments less true costs so far."""
        return float(self.population.utility[self.index])
