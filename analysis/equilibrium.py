"""Does truth survive where everybody may choose how to lie? Replicator dynamics on a mechanism's empirical game.

Shares of strategies that earn more than the average grow; where they come to rest, how much a single owner could still
gain there, and from how many beginnings truth is what remains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.checks import number, seed_number, whole
from analysis.empirical_game import EmpiricalGame, Play
from analysis.intervals import ratio_ends, resamples

STEP = 2.0
"""By how much, in the first step, the log share of the best strategy grows over that of the worst still played."""
PLAYED = 0.01
"""Share from which on a strategy counts as still played."""
AT_REST = 0.95
"""Share from which on a population counts as having ended at a strategy."""


@dataclass(frozen=True)
class Equilibrium:
    """What the game of a mechanism comes to.

    Parameters
    ----------
    strategies : tuple of str
        The first is the one whose basin is measured, as a rule the truth.
    matrix : DataFrame
        ``strategy, against, payoff, low, high, gain, gain_low, gain_high``: payoff of one owner who plays ``strategy``
        while all others play ``against``, over her cost of all she has, and what it is more than the first strategy's.
    paths : DataFrame
        ``start, step, strategy, share``; start 0 is the uniform mixture.
    mixture : DataFrame
        ``strategy, share``: where the path from the uniform mixture ends.
    regret : dict
        ``regret``, ``regret_low``, ``regret_high`` of that mixture on fresh profiles, ``best_reply``; and the same
        with ``truth_`` before it of the profile in which all play the first strategy.
    basin : dict
        ``basin``, ``basin_low``, ``basin_high``: share of random starts that end at the first strategy, with its
        exact 95 % interval (Clopper and Pearson); ``starts``.
    """

    strategies: tuple[str, ...]
    matrix: pd.DataFrame
    paths: pd.DataFrame
    mixture: pd.DataFrame
    regret: dict[str, Any]
    basin: dict[str, Any]

    def figures(self) -> dict[str, Any]:
        """Return everything but the paths, as plain numbers and names."""
        return {
            "strategies": list(self.strategies),
            "matrix": self.matrix.to_dict("records"),
            "mixture": self.mixture.to_dict("records"),
            **self.regret,
            **self.basin,
        }


def equilibrium(
    auction: Auction,
    prior: Any,
    *,
    strategies: Mapping[str, Play] | None = None,
    owners: int = 10,
    profiles: int = 100,
    starts: int = 20,
    steps: int = 80,
    step: float = STEP,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Equilibrium:
    """Play the empirical game of an auction: payoffs, replicator dynamics, regret where they end, basin of truth.

    Parameters
    ----------
    auction : Auction
        Any; a menu auction is asked for one price list where that was tested to answer for every bid.
    prior : OwnerPrior
        Or anything with ``sample(batch, owners, generator) -> (OwnerTypes, budget)``.
    strategies : mapping of str to callable, optional
        By default the truth and scalar misreports of every field that the auction has not verified.
    owners, profiles : int
        Bidders of a profile, and profiles drawn; as many fresh ones measure the regret.
    starts : int
        Random starting mixtures, uniform on the simplex, besides the uniform mixture.
    steps : int
        Steps of the dynamics.
    step : float
        See ``replicator``.
    seed : int
    progress : callable
        Called after every step.

    Returns
    -------
    Equilibrium

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the remedy.
    """
    whole("owners", owners, minimum=1)
    whole("profiles", profiles, minimum=2)
    generator = torch.Generator().manual_seed(seed_number("seed", seed))
    played, fresh = (
        EmpiricalGame.of(auction, prior, owners=owners, profiles=profiles, generator=generator, strategies=strategies)
        for _ in range(2)
    )
    count = len(played.names)
    beginnings = torch.cat([torch.full((1, count), 1 / count, dtype=torch.float64), _simplex(starts, count, generator)])
    paths = replicator(played.payoffs, beginnings, steps=steps, step=step, progress=progress)
    final = paths[-1, 0]
    truth = torch.eye(count, dtype=torch.float64)[:1]
    weights = resamples(profiles, seed)
    payoffs = fresh.payoffs(torch.cat([final[None], truth])).numpy()
    return Equilibrium(
        strategies=played.names,
        matrix=payoff_matrix(played, weights),
        paths=_paths_table(paths, played.names),
        mixture=pd.DataFrame({"strategy": played.names, "share": final.numpy()}),
        regret={
            **regret_of(payoffs[0], final.numpy(), played.names, weights),
            **{f"truth_{key}": value for key, value in regret_of(payoffs[1], truth[0], played.names, weights).items()},
        },
        basin=basin_of(paths[-1, 1:]),
    )


def replicator(
    payoffs: Callable[[Tensor], Tensor],
    beginnings: Tensor,
    *,
    steps: int,
    step: float = STEP,
    progress: Callable[[], None] = lambda: None,
) -> Tensor:
    """Shares ``float64[steps + 1, M, S]`` from each of the mixtures ``beginnings[M, S]``.

    In discrete time: in step t, x_s becomes proportional to x_s exp(step / sqrt(t) (u_s(x) - max u) / w), with w what
    the best strategy earns more than the worst of which a share of ``PLAYED`` is left. Such a factor, one for all
    strategies, only rescales the time of the replicator equation, whose orbits these are but for the length of the
    steps; so that small advantages are decided too, and shares stay within the simplex whatever the sign of payoffs.

    Source: Taylor and Jonker, "Evolutionarily stable strategies and game dynamics", 1978; the discretisation, Hofbauer
    and Sigmund, "Evolutionary game dynamics", 2003, and Freund and Schapire, 1997 (Hedge).

    Parameters
    ----------
    payoffs : callable
        Mixtures ``[M, S]`` to payoffs ``[M, P, S]``; their mean over P counts.
    """
    whole("steps", steps, minimum=1)
    number("step", step, above=0.0)
    shares, path = beginnings, [beginnings]
    for time in range(1, steps + 1):
        payoff = payoffs(shares).mean(1)  # [M, S]
        highest = payoff.amax(-1, keepdim=True)
        # Strategies that hardly anybody plays do not set the pace: the worst of them may be arbitrarily bad.
        spread = highest - torch.where(shares >= PLAYED, payoff, torch.inf).amin(-1, keepdim=True)
        speed = step / math.sqrt(time) / torch.where((spread > 0) & torch.isfinite(spread), spread, 1.0)
        grown = shares * torch.exp(speed * (payoff - highest))  # exponents of at most 0: nothing overflows
        shares = grown / grown.sum(-1, keepdim=True)
        path.append(shares)
        progress()
    return torch.stack(path)


def payoff_matrix(game: EmpiricalGame, weights: np.ndarray) -> pd.DataFrame:
    """Payoffs against populations that all play one strategy, with intervals over profiles drawn anew by ``weights``.

    ``weights[draws, P]`` says how often each profile is drawn in each bootstrap sample.
    """
    names, ones = game.names, np.ones(weights.shape[1])
    pure = game.payoffs(torch.eye(len(names), dtype=torch.float64)).numpy()
    rows = []
    for against, table in zip(names, pure, strict=True):
        for index, name in enumerate(names):
            payoff, gain = table[:, index], table[:, index] - table[:, 0]
            rows.append(
                {
                    "strategy": name,
                    "against": against,
                    "payoff": float(payoff.mean()),
                    **ratio_ends("", payoff, ones, weights),
                    "gain": float(gain.mean()),
                    **ratio_ends("gain_", gain, ones, weights),
                }
            )
    return pd.DataFrame(rows)


def regret_of(payoffs: np.ndarray, mixture: Any, names: tuple[str, ...], weights: np.ndarray) -> dict[str, Any]:
    """What the best strategy gains over ``mixture[S]`` given payoffs ``[P, S]`` against it, with a 95 % interval.

    Gains are taken over the first strategy in every profile before they are averaged, so that the regret of a truth
    that no lie beats is 0 exactly. The largest gain is at least the largest low end of all strategies' intervals, and
    at most the largest high end, whichever of them is the best; and it is not negative.
    """
    gain = payoffs - payoffs[:, :1]
    shares = np.asarray(mixture, dtype=float)
    mean = gain.mean(0)
    over = (gain - gain @ shares[:, None]).T  # [S, P]
    each = [ratio_ends("", value, np.ones(len(value)), weights) for value in over]
    regret = float(mean.max() - mean @ shares)
    return {
        "regret": regret,
        "regret_low": max(0.0, *(ends["low"] for ends in each)),
        "regret_high": max(0.0, *(ends["high"] for ends in each)),
        "best_reply": names[int(mean.argmax())],
    }


def basin_of(last: Tensor) -> dict[str, Any]:
    """Share of the paths whose ``last[M, S]`` mixture has ended at the first strategy."""
    starts = len(last)
    if not starts:
        return {"basin": float("nan"), "basin_low": 0.0, "basin_high": 1.0, "starts": 0}
    arrived = int((last[:, 0] >= AT_REST).sum())
    ci = binomtest(arrived, starts).proportion_ci()
    return {"basin": arrived / starts, "basin_low": float(ci.low), "basin_high": float(ci.high), "starts": starts}


def _simplex(starts: int, count: int, generator: torch.Generator) -> Tensor:
    """Mixtures ``[starts, count]``, uniform on the simplex: exponentials over their sum."""
    whole("starts", starts)
    drawn = -torch.log1p(-torch.rand(starts, count, generator=generator, dtype=torch.float64))
    return drawn / drawn.sum(-1, keepdim=True)


def _paths_table(paths: Tensor, names: tuple[str, ...]) -> pd.DataFrame:
    steps, starts, count = paths.shape
    step, start, index = np.meshgrid(*map(np.arange, (steps, starts, count)), indexing="ij")
    return pd.DataFrame(
        {
            "start": start.ravel(),
            "step": step.ravel(),
            "strategy": np.array(names)[index.ravel()],
            "share": paths.numpy().ravel(),
        }
    )
