"""The broker: runs the auction, weighs and adds up the uploads; a function of messages and of nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from mesa import Agent
from torch import Tensor

from agents import noise
from agents.broker.aggregation import AGGREGATIONS, certain_share, error_bound
from agents.broker.auctions.base import Auction
from agents.checks import number, one_of, whole
from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload

if TYPE_CHECKING:
    from mesa import Model

ERROR_BOUNDS: tuple[str, ...] = ("coordinate", "full")
"""``coordinate``: noise of one coordinate, as in the paper; ``full``: of all of them, a bound on the squared norm."""


@dataclass(frozen=True)
class UploadTerms:
    """What everybody knows about uploads before any is sent, and what bound on the aggregate's error follows.

    Parameters
    ----------
    perturbation : str
        One of ``agents.noise.NAMES``.
    dimension : int
        Coordinates p of a gradient.
    clip : {"record", "owner"}
        With "owner" (the mean is clipped, not every record) a part of a data set says nothing certain about the
        whole, and all that its owner has counts as missing from the bound.
    clip_norm : float
        Radius L to which gradients are clipped.
    error_bound : {"coordinate", "full"}
        Whether the noise of one coordinate or of all p enters the bound.
    """

    perturbation: str
    dimension: int
    clip: str = "record"
    clip_norm: float = 1.0
    error_bound: str = "coordinate"

    def __post_init__(self) -> None:
        one_of("perturbation", self.perturbation, noise.NAMES)
        whole("dimension", self.dimension, minimum=1)
        one_of("clip", self.clip, noise.CLIPS)
        number("clip_norm", self.clip_norm, above=0.0)
        one_of("error_bound", self.error_bound, ERROR_BOUNDS)

    def variance(self, privacy_loss: Tensor) -> Tensor:
        """Declared noise variance of one coordinate, of the shape of ``privacy_loss``; infinite where it is 0."""
        return noise.variance(self.perturbation, privacy_loss, self.dimension, self.clip_norm)

    @property
    def coordinates(self) -> int:
        """How many coordinates' noise enters the error bound."""
        return self.dimension if self.error_bound == "full" else 1

    def share(self, outcome: Outcome, data_size: Tensor) -> Tensor:
        """Records bought over the records of all bidders ``float64[B, n]``, those of which the bound may be certain."""
        if self.clip == "owner":
            return certain_share(outcome.data_size, data_size, data_size.sum(-1))
        return bought_share(outcome, data_size)

    def bound(self, weights: Tensor, variance: Tensor, outcome: Outcome, data_size: Tensor) -> Tensor:
        """Error bound ``[B]`` of an aggregate whose bidders hold ``data_size[B, n]``; infinite without seller.

        ``variance[B, n]`` is that of one coordinate, as ``variance`` declares it.
        """
        share = self.share(outcome, data_size)
        return error_bound(weights, self.coordinates * variance, share, bias_scale=self.clip_norm)

    def worst_bound(self, privacy_loss: float) -> float:
        """Error bound of the poorest purchase: one seller without data to speak of, at ``privacy_loss``."""
        variance = float(self.variance(torch.tensor(privacy_loss, dtype=torch.float64)))
        return self.coordinates * variance + (2 * self.clip_norm) ** 2


def bought_share(outcome: Outcome, data_size: Tensor) -> Tensor:
    """Records bought over the records of all bidders ``float64[B, n]``."""
    return outcome.data_size.double() / data_size.sum(-1, keepdim=True).clamp(min=1)


class Broker(Agent):  # type: ignore[misc]
    """Trusted with nobody's data: sees bids, runs the auction, weighs uploads by the noise it bought.

    Parameters
    ----------
    model : mesa.Model
    auction : Auction
        The rule.
    aggregation : str
        One of ``AGGREGATIONS``.
    terms : UploadTerms
        Public terms of the uploads.
    """

    def __init__(self, model: Model, auction: Auction, aggregation: str, terms: UploadTerms) -> None:
        super().__init__(model)
        self.auction = auction
        self.aggregation = one_of("aggregation", aggregation, AGGREGATIONS)
        self.terms = terms

    def trade(self, announcement: Announcement, bids: Bids, generator: torch.Generator) -> Outcome:
        """Run the auction.

        Parameters
        ----------
        announcement : Announcement
        bids : Bids [1, n]
        generator : torch.Generator
            Only lotteries draw from it.

        Returns
        -------
        Outcome [1, n]
            What everybody sells for how much.

        Raises
        ------
        ValueError
            If the rule sells more than a bidder offered.
        """
        budget = torch.tensor([announcement.budget], dtype=torch.float64)
        outcome = self.auction.run(bids, budget, generator)
        excess = (outcome.privacy_loss > bids.privacy_budget) | (outcome.data_size > bids.data_size)
        if bool(excess.any()):
            bidder = int(excess[0].nonzero()[0])
            raise ValueError(
                f"auction {self.auction.name!r} sells privacy loss {outcome.privacy_loss[0, bidder].item()!r} on "
                f"{int(outcome.data_size[0, bidder])} records of bidder {bidder}, who offered "
                f"{bids.privacy_budget[0, bidder].item()!r} on {int(bids.data_size[0, bidder])}, in round "
                f"{announcement.round}: run check_auction on it"
            )
        return outcome

    def weigh(self, bids: Bids, outcome: Outcome, variance: Tensor) -> Tensor:
        """Weights of the uploads, from declared noise and reported data sizes.

        Parameters
        ----------
        bids : Bids [1, n]
        outcome : Outcome [1, n]
        variance : float64[1, n]
            As ``UploadTerms.variance`` declares it for the privacy loss that was sold.

        Returns
        -------
        float64[1, n]
            0 for whoever sold nothing.
        """
        optimal = self.aggregation == "optimal"
        share = self.terms.share(outcome, bids.data_size) if optimal else bought_share(outcome, bids.data_size)
        weigh = AGGREGATIONS[self.aggregation]
        return weigh(self.terms.coordinates * variance, share, bias_scale=self.terms.clip_norm)

    def aggregate(self, weights: Tensor, variance: Tensor, upload: Upload) -> Aggregate:
        """Add up the uploads and declare the noise of the sum.

        Parameters
        ----------
        weights, variance : float64[1, n]
        upload : Upload

        Returns
        -------
        Aggregate
            Zero with infinite variance if nobody sent anything.
        """
        weight = weights[0, upload.bidder]
        left = float((weight * weight * variance[0, upload.bidder]).sum()) if len(weight) else float("inf")
        return Aggregate(gradient=weight @ upload.gradient.double(), variance=left, sellers=len(weight))
