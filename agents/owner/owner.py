"""A data owner as a Mesa agent: a window on the arrays of her population."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from mesa import Agent
from mesa.discrete_space import FixedAgent

if TYPE_CHECKING:
    from mesa import Model

    from agents.owner.population import OwnerPopulation


class DataOwner(FixedAgent):  # type: ignore[misc]
    """One data owner: her place in the arrays of her population.

    She has no ``step`` of her own. She decides in her strategy's methods, each called once for all who follow it:
    ``identities`` and ``bid`` by those methods of ``StrategyGroups`` in the phase *bid*; ``upload`` by
    ``StrategyGroups.upload`` in the phase *upload*; ``settle`` by ``StrategyGroups.side_payments`` and ``observe`` by
    ``StrategyGroups.observe`` in the phase *settle*.

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

    def step(self) -> None:
        """Do nothing, and say where an owner's behaviour lives."""
        warnings.warn(
            "DataOwner.step does nothing: FLMarket.step plays the round, and an owner's behaviour is a strategy, which "
            "acts for all who follow it (agents.owner.strategies.base)",
            stacklevel=2,
        )

    def remove(self) -> None:
        """Leave the market: she bids no more and keeps what she has earned."""
        self.population.leave(self.index)
        if self.cell is None:
            Agent.remove(self)
        else:
            super().remove()

    @property
    def strategy(self) -> str:
        """Name of the strategy that she follows."""
        return self.population.groups.strategy_of(self.index)

    @property
    def active(self) -> bool:
        """Whether she is still in the market: she has not left, and enough of her lifetime allowance is."""
        return bool(self.population.active[self.index])

    @property
    def last_gain(self) -> float | None:
        """Gain of her misreport in the last round; None if she told the truth or did not bid."""
        gain: float | None = self.model.last_gains.get(self.index)
        return gain

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
    def received(self) -> float:
        """Side payments received less those made so far."""
        return float(self.population.received[self.index])

    @property
    def utility(self) -> float:
        """Payments less true costs so far, side payments apart."""
        return float(self.population.utility[self.index])
