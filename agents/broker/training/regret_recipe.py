"""Settings of a training against regret, and what its steps show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.broker.training.base import TrainingStep
from agents.checks import number, one_of, seed_number, whole

OBJECTIVES = ("error bound", "privacy")


@dataclass(frozen=True)
class RegretRecipe:
    """Settings of one training run.

    Parameters
    ----------
    steps, batch : int
        Adam steps, and fresh markets in each.
    owners, levels, width : int
        Most owners of a market, privacy losses on sale besides nothing, and units of a hidden layer.
    objective : {"error bound", "privacy"}
        What is minimised: E[log ERR] + 0.3 E[ERR] of expected purchases, or, as in the paper for lotteries, minus the
        size-weighted expected privacy loss. Against the latter these multipliers are so heavy that nobody sells.
    learning_rate : float
        Of Adam; decays to a hundredth along a cosine.
    candidates : int
        Misreports every liar tries without gradient, a third of them ones that paid before.
    climbs : int
        Steps uphill from the best of these.
    climb_size : float
        Length of such a step.
    by_sign : bool
        Whether it follows the sign of the slope, in ranges of the misreport's numbers, or the slope itself.
    regret, rationality : float
        First values of the multipliers.
    weight_of_cost, weight_of_money : float
        Weights, in the violation, of a gain in the liar's own cost of everything and in equal parts of the budget.
    regret_target : float
        Violation up to which a multiplier of regret does not grow.
    rho : float
        First penalty on squared violations, and its rise per epoch.
    multipliers_every, epoch : int
        Steps between two updates of the multipliers, and between two of rho.
    entropy_weight : float
        Weight of the penalty ``M / (M + 1) - |z - 1 / (M + 1)|^2`` on allocations z that are not deterministic.
    averaging : float
        Decay, per step, of the running mean of the weights that becomes the trained network; 0 keeps the last ones.
    warm_up : float
        Share of the steps over which the multipliers come in.
    seed : int
    """

    steps: int = 1500
    batch: int = 512
    owners: int = 10
    levels: int = 8
    width: int = 100
    objective: str = "error bound"
    learning_rate: float = 5e-4
    candidates: int = 9
    climbs: int = 1
    climb_size: float = 0.03
    by_sign: bool = True
    regret: float = 8.0
    rationality: float = 5.0
    weight_of_cost: float = 0.25
    weight_of_money: float = 3.0
    regret_target: float = 0.0
    rho: float = 0.6
    multipliers_every: int = 10
    epoch: int = 2000
    entropy_weight: float = 0.0
    averaging: float = 0.995
    warm_up: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "owners", "levels", "width", "multipliers_every", "epoch"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("candidates", "climbs"):
            whole(name, getattr(self, name))
        if not self.candidates + self.climbs:
            raise ValueError("candidates = climbs = 0: without any search there is no regret to train against")
        one_of("objective", self.objective, OBJECTIVES)
        for name in ("learning_rate", "climb_size"):
            number(name, getattr(self, name), above=0)
        for name in (
            "regret",
            "rationality",
            "weight_of_cost",
            "weight_of_money",
            "regret_target",
            "rho",
            "entropy_weight",
        ):
            number(name, getattr(self, name))
        number("averaging", self.averaging, maximum=1 - 1e-9)
        number("warm_up", self.warm_up, maximum=1)
        seed_number("seed", self.seed)


PAPER_SEARCH: dict[str, Any] = {"candidates": 0, "climbs": 100, "climb_size": 0.1, "by_sign": False}
"""The paper's inner search, as fields of a ``RegretRecipe``: a hundred steps of a tenth of the slope."""


@dataclass(frozen=True)
class RegretStep(TrainingStep):
    """What a training step shows; its loss is the Lagrangian.

    Parameters
    ----------
    found_regret : float
        Mean gain of the deviators who would have sold truthfully, over what that sale costs them.
    refusals : float
        Share of owners whose allocation was refused, because they were to be paid less than they say it costs them.
    """

    found_regret: float
    refusals: float
