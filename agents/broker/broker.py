"""The broker: runs the auction, weighs and adds up the uploads; a function of messages and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import torch
from mesa import Agent
from torch import Tensor

from agents.broker.aggregation import AGGREGATIONS, upload_weights
from agents.broker.auctions.base import Auction
from agents.checks import one_of
from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload
from agents.upload_terms import UploadTerms

if TYPE_CHECKING:
    from mesa import Model


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

    def remove(self) -> NoReturn:
        """Refused: without its broker there is no market."""
        raise ValueError("a market cannot do without its broker; make a new one instead")

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
        try:
            outcome = self.auction.run(bids, budget, generator)
        except Exception as error:
            error.add_note(f"auction {self.auction.name!r}, round {announcement.round}")
            raise
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
        return upload_weights(self.aggregation, self.terms, outcome, bids.data_size, variance)

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
