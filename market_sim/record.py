"""The record of one buyer's round, and whose bid was a misreport."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.owner.identities import Identities
from agents.surplus import pays
from agents.types import OwnerTypes
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation


@dataclass(frozen=True, eq=False)
class GroupsTogether:
    """Owners who acted together, beside the same owners telling the truth, one group at a time.

    Parameters
    ----------
    group : int64[n]
        Number of each bidder's group, from 0; -1 for whoever acts alone.
    strategies : list of str
        What each of the G groups follows.
    truthful_utility, truthful_payment : float64[G]
        Sums over the members.
    """

    group: Tensor
    strategies: list[str]
    truthful_utility: Tensor
    truthful_payment: Tensor

    def total(self, values: Tensor) -> Tensor:
        """Sums ``[G]`` over the members of each group of values ``[1, n]``."""
        inside = self.group >= 0
        return torch.zeros(len(self.strategies), dtype=values.dtype).index_add(0, self.group[inside], values[0, inside])


@dataclass(frozen=True)
class EverybodyTruthful:
    """What would have come of a round had all its bidders told the truth; ``honest`` are those who did tell it."""

    error_bound: float
    spent: float
    sellers: int
    owner_surplus: float
    honest_surplus: float


@dataclass(frozen=True, eq=False)
class RowsOfBids:
    """The ``r`` rows in which the bidders appeared: what each held, said and sold.

    Parameters
    ----------
    identities : Identities
    bids : Bids [1, r]
    outcome : Outcome [1, r]
    """

    identities: Identities
    bids: Bids
    outcome: Outcome


@dataclass(frozen=True)
class RoundRecord:
    """Everything that happened to one buyer in one round; ``n`` bidders, a batch of one.

    Parameters
    ----------
    round, buyer : int
    auction, aggregation : str
        Names of the rules.
    budget : float
        As announced.
    owners : int64[n]
        The bidders.
    strategies : list of str
        What each of them follows.
    types : OwnerTypes [1, n]
        Who they really are, privacy budgets within their allowances.
    bids : Bids [1, n]
        As they reached the broker: verified fields are true. Of those with several identities, their first one's curve
        and the privacy budgets and records of all, added up.
    untruthful : bool[1, n]
        Whose bid differs from her type, and who appears under several names.
    outcome : Outcome [1, n]
    utility, truthful_utility : float64[1, n]
        Payment less true cost, side payments apart, and what it would have been had she alone told the truth under one
        name.
    privacy_spent : float64[n]
        Of all rounds and uploads, this round included; less than was sold where more noise was added than sold.
    delta_spent : float64[n]
        Sum of the deltas of the same uploads; 0 for pure ones.
    privacy_total : float64[n]
        Their tight total at the market's delta, for losses that do not depend on the uploads; infinite without noise.
    unusable_records : int64[n]
        How many of the records used had no finite gradient and added nothing.
    sellers : int
        Uploads received.
    error_bound : float
        With true data sizes; infinite in an invalid round.
    error_bound_first_best : float or None
        None unless asked for.
    worst_bound : float
        Error bound of the poorest purchase, from which the buyer counts the drop.
    value_of_accuracy : float
        Money that a drop of the error bound by 1 is worth to her.
    test_accuracy, test_loss : float
        Of the global model after the round.
    macro_f1, balanced_accuracy : float or None
        Likewise.
    confusion : tuple of tuple of int
        Test records by class and by the class named.
    transfer : float64[1, n], optional
        Side payments received less those made.
    cost, reported_cost : float64[1, n], optional
        Of what each bidder sold under all her identities; by default they follow from the outcome.
    truthful_payment : float64[1, n], optional
        What she would have been paid had she alone told the truth; by default what she was paid.
    counterfactual : list of str or None, optional
        How it was found what the truth would have brought each bidder: ``rerun``, ``shared``, or ``none`` where it was
        not tried and is NaN; None of those who told it. By default every deviator's was rerun.
    stands_for : float64[n], optional
        How many of the round's deviators each one that was tried stands for; by default 1.
    groups : GroupsTogether, optional
        Who acted together, and what that brought; by default everybody acted alone.
    everybody : EverybodyTruthful, optional
        What would have come of the round had all told the truth; by default what did come of it.
    rows : RowsOfBids, optional
        The round's bids as the broker got them; by default one row per bidder.
    """

    round: int
    buyer: int
    auction: str
    aggregation: str
    budget: float
    owners: Tensor
    strategies: list[str]
    types: OwnerTypes
    bids: Bids
    untruthful: Tensor
    outcome: Outcome
    utility: Tensor
    truthful_utility: Tensor
    privacy_spent: Tensor
    delta_spent: Tensor
    privacy_total: Tensor
    unusable_records: Tensor
    sellers: int
    error_bound: float
    error_bound_first_best: float | None
    worst_bound: float
    value_of_accuracy: float
    test_accuracy: float
    test_loss: float
    macro_f1: float | None = None
    balanced_accuracy: float | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    transfer: Tensor | None = None
    cost: Tensor | None = None
    reported_cost: Tensor | None = None
    truthful_payment: Tensor | None = None
    counterfactual: list[str | None] | None = None
    stands_for: Tensor | None = None
    groups: GroupsTogether | None = None
    everybody: EverybodyTruthful | None = None
    rows: RowsOfBids | None = None

    @property
    def misreport_gain(self) -> Tensor:
        """Utility less what the truth would have brought ``[1, n]``; exactly 0 where both are equal, be it infinite."""
        same = self.utility == self.truthful_utility
        return torch.where(same, 0.0, self.utility - self.truthful_utility)

    @property
    def misreport_paid(self) -> Tensor:
        """Whether the gain is more than rounding can make ``bool[1, n]``; see ``agents.surplus.pays``."""
        return pays(self.misreport_gain, self.payment_for_truth, self.outcome.payment, self.own_sale_cost)

    @property
    def tried(self) -> Tensor:
        """Deviators of whom it is known what the truth would have brought them ``bool[1, n]``."""
        return self.untruthful & ~self.truthful_utility.isnan()

    @property
    def payment_for_truth(self) -> Tensor:
        """What each bidder would have been paid had she alone told the truth ``[1, n]``."""
        return self.outcome.payment if self.truthful_payment is None else self.truthful_payment

    @property
    def own_sale_cost(self) -> Tensor:
        """True cost ``[1, n]`` of what each bidder sold under all her identities."""
        return self.types.cost(self.outcome) if self.cost is None else self.cost


def untruthful(types: OwnerTypes, bids: Bids) -> Tensor:
    """Whose bid differs from her type, ``bool[1, n]``.

    Valuations are compared by family and factor, others as curves up to her own privacy budget: at ``COMPARED_AT``
    equal steps, at the levels of every table among them, and half-way between any two of all these.
    """
    misreports = (bids.privacy_budget != types.privacy_budget) | (bids.data_size != types.data_size)
    reported, true = bids.valuation, types.valuation
    if reported is true:
        return misreports
    if isinstance(reported, ParametricValuation) and isinstance(true, ParametricValuation):
        return misreports | (reported.family != true.family) | (reported.factor != true.factor)
    share = torch.arange(1, COMPARED_AT + 1, dtype=torch.float64) / COMPARED_AT
    own = types.privacy_budget[..., None]  # [1, n, 1]
    tables = torch.minimum(torch.cat([_levels(reported), _levels(true)]).expand(*types.shape, -1), own)
    points = torch.cat([torch.zeros_like(own), own * share, tables], dim=-1).sort(-1).values  # [1, n, level]
    grid = torch.cat([points, (points[..., 1:] + points[..., :-1]) / 2], dim=-1)
    return misreports | (reported.at(grid) != true.at(grid)).any(-1)


COMPARED_AT = 16
"""Equal steps up to the own privacy budget at which two curves are compared."""


def _levels(valuation: Valuation) -> Tensor:
    """Levels ``[K]`` of all tables that a valuation is made of."""
    if isinstance(valuation, MixedValuation):
        return torch.cat([_levels(valuation.first), _levels(valuation.second)])
    return valuation.levels if isinstance(valuation, TabulatedValuation) else torch.zeros(0, dtype=torch.float64)
