"""The model buyer: announces a budget, pays, and learns from what the broker hands her."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mesa import Agent

from agents.buyer.update import RULES, LearningState, update
from agents.checks import generator_of, number, one_of
from agents.messages import Aggregate, Announcement
from agents.tasks.base import Task
from agents.tasks.softmax import Score, initial_parameters, score

if TYPE_CHECKING:
    from mesa import Model


class ModelBuyer(Agent):  # type: ignore[misc]
    """Buys gradients for a global model that she tests on records of her own.

    Parameters
    ----------
    model : mesa.Model
    index : int
        Her number, as in the column ``buyer`` of the tables.
    task : Task
        What is learned; of its records she sees the test set only.
    update : {"plain", "precision"}
        How an aggregate moves the model.
    learning_rate : float
        Step per unit of gradient.
    budget_factor : pair of float
        Her budget policy: range of the uniform draw by which she multiplies the cost of everything on offer.
    """

    def __init__(
        self,
        model: Model,
        index: int,
        task: Task,
        *,
        update: str = "precision",
        learning_rate: float = 0.1,
        budget_factor: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        super().__init__(model)
        self.index = index
        self.task = task
        self.rule = one_of("update", update, RULES)
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        low = number("budget_factor[0]", budget_factor[0])
        self.budget_factor = low, number("budget_factor[1]", budget_factor[1], least=low)
        self.state = LearningState.start(initial_parameters(task))
        self.spent = 0.0
        self._score: tuple[LearningState, Score] | None = None

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
        return Announcement(budget=number("budget", budget), parameters=self.state.parameters, round=round)

    def pay(self, payment: float) -> None:
        """Book the payments of a round."""
        self.spent += number("payment", payment)

    def update(self, aggregate: Aggregate) -> None:
        """Move the global model by what the broker handed over; an invalid round leaves it as it is."""
        self.state = update(
            self.state, aggregate.gradient, aggregate.variance, rule=self.rule, learning_rate=self.learning_rate
        )

    def score(self) -> Score:
        """Test loss and accuracy of the current model."""
        if self._score is None or self._score[0] is not self.state:
            self._score = self.state, score(self.state.model, self.task)
        return self._score[1]
