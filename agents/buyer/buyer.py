"""The model buyer: announces a budget, pays, and learns from what the broker hands her."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from mesa import Agent

from agents.buyer.score import Score, score
from agents.buyer.update import RULES, LearningState, update
from agents.checks import generator_of, number, one_of
from agents.messages import Aggregate, Announcement
from agents.models.base import Model
from agents.models.softmax import softmax_regression
from agents.tasks.base import Task

if TYPE_CHECKING:
    import mesa


MIN_WALLET_SHARE = 1e-3
"""A buyer leaves the market when less than this share of her wallet is left."""


class ModelBuyer(Agent):  # type: ignore[misc]
    """Buys gradients for a global model that she tests on records of her own.

    Parameters
    ----------
    model : mesa.Model
    index : int
        Her number, as in the column ``buyer`` of the tables.
    task : Task
        What is learned; of its records she sees the test set only.
    learned : Model, optional
        The family of models that she chooses from; by default softmax regression.
    update : str
        One of ``agents.buyer.update.RULES``: how an aggregate moves the model.
    learning_rate : float
        Step per unit of gradient.
    budget_factor : pair of float
        Her budget policy: range of the uniform draw by which she multiplies the cost of everything on offer.
    wallet : float, optional
        Money for all rounds together; no budget is larger than what is left of it. Without, there is no limit.
    """

    def __init__(
        self,
        model: mesa.Model,
        index: int,
        task: Task,
        *,
        learned: Model | None = None,
        update: str = "precision",
        learning_rate: float = 0.1,
        budget_factor: tuple[float, float] = (0.1, 2.0),
        wallet: float | None = None,
    ) -> None:
        super().__init__(model)
        self.index = index
        self.task = task
        self.learned = learned or softmax_regression(task)
        self.rule = one_of("update", update, RULES)
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        low = number("budget_factor[0]", budget_factor[0])
        self.budget_factor = low, number("budget_factor[1]", budget_factor[1], minimum=low)
        self.state = LearningState.start(self.learned.initial)
        self.wallet = math.inf if wallet is None else number("wallet", wallet, above=0.0)
        self.wallet_left = self.wallet
        self.spent = 0.0
        self._left = False
        self._score: tuple[LearningState, Score] | None = None

    @property
    def active(self) -> bool:
        """Whether she is still in the market: she has not left, and her wallet is not empty."""
        return not self._left and self.wallet_left >= MIN_WALLET_SHARE * self.wallet

    def remove(self) -> None:
        """Leave the market: she keeps her model and announces no more budgets."""
        self._left = True
        super().remove()

    def announce(self, cost_of_everything: float, round: int, generator: torch.Generator) -> Announcement:
        """Make the round public: her budget, fixed before anybody bids, and the current parameters.

        Parameters
        ----------
        cost_of_everything : float
            What all that the round's bidders have would cost; its mean under the prior if budgets are independent.
        round : int
            Number of the round.
        generator : torch.Generator
            Draws the budget factor.

        Returns
        -------
        Announcement
        """
        low, high = self.budget_factor
        draw = float(torch.rand(1, generator=generator_of("generator", generator), dtype=torch.float64))
        budget = (low + (high - low) * draw) * number("cost_of_everything", cost_of_everything)
        budget = min(budget, self.wallet_left)
        return Announcement(budget=number("budget", budget), parameters=self.state.parameters, round=round)

    def pay(self, payment: float) -> None:
        """Book the payments of a round.

        Raises
        ------
        ValueError
            If they are more than her wallet holds.
        """
        payment = number("payment", payment)
        if payment > self.wallet_left:
            raise ValueError(
                f"payment = {payment!r} is more than the {self.wallet_left!r} left in the wallet of buyer "
                f"{self.index}: "
                "the auction pays out more than its budget; run check_auction on it"
            )
        self.wallet_left -= payment
        self.spent += payment

    def update(self, aggregate: Aggregate) -> None:
        """Move the global model by what the broker handed over; an invalid round leaves it as it is."""
        self.state = update(
            self.state, aggregate.gradient, aggregate.variance, rule=self.rule, learning_rate=self.learning_rate
        )

    def score(self) -> Score:
        """Test loss and accuracy of the current model."""
        if self._score is None or self._score[0] is not self.state:
            self._score = self.state, score(self.learned, self.state.model, self.task)
        return self._score[1]
