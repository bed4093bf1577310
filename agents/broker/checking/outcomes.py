"""What every outcome must keep: nobody loses, the budget, privacy budgets and data sizes, all to the last bit."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Guarantees
from agents.broker.checking.results import CLAIMED, CONTRACT, NOT_CLAIMED, CheckResult
from agents.messages import Bids, Outcome
from agents.surplus import surplus


class KeptByOutcomes:
    """Individual rationality, the budget and the caps, booked for every outcome that comes along.

    Bids are taken for the truth of somebody: lies are other owners' truth.
    """

    def __init__(self, claims: Guarantees) -> None:
        self.rational = CheckResult("individually rational", _claim(claims.individually_rational))
        self.feasible = CheckResult("budget feasible", _claim(claims.budget_feasible))
        self.loss = CheckResult("privacy loss within bid", CONTRACT)
        self.records = CheckResult("records within bid", CONTRACT)

    def book(self, label: str, bids: Bids, budget: Tensor, outcome: Outcome) -> None:
        """Note the worst of an outcome."""
        utility = surplus(outcome.payment, outcome.data_size, bids.valuation.at(outcome.privacy_loss))
        for result, value in (
            (self.rational, -utility),
            (self.feasible, (largest_total(outcome.payment) - budget)[:, None]),
            (self.loss, outcome.privacy_loss - bids.privacy_budget),
            (self.records, (outcome.data_size - bids.data_size).double()),
        ):
            worst, place = largest(value)
            result.add(worst, worst <= 0, f"{label}, {place}", value.numel())

    def results(self) -> list[CheckResult]:
        """The rows: of rationality the lowest utility, failures rarer than one in a third of the cases not seen."""
        self.rational.worst = -self.rational.worst
        for result in (self.rational, self.feasible):
            if result.tried and not result.refuted:
                result.excludes = f"failures in {3 / result.tried:.1g} of all cases and more"
        return [self.rational, self.feasible, self.loss, self.records]


def _claim(claimed: bool) -> str:
    return CLAIMED if claimed else NOT_CLAIMED


def largest_total(payment: Tensor) -> Tensor:
    """The largest of the sums ``[B]`` that three orders of adding up the payments give."""
    rising = payment.sort(dim=-1).values
    sums = [payment.sum(dim=-1), rising.cumsum(dim=-1)[:, -1], rising.flip(-1).cumsum(dim=-1)[:, -1]]
    return torch.stack(sums).amax(dim=0)


def largest(value: Tensor) -> tuple[float, str]:
    """The largest entry ``[B, n]`` and its place; anything that is not a number counts as infinite."""
    value = value.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    row, owner = divmod(int(value.argmax()), value.shape[1])
    return float(value[row, owner]), f"profile {row}" + (f", owner {owner}" if value.shape[1] > 1 else "")
