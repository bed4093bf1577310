"""What a market's tables say: what lying brought, alone and together, what was learned, what privacy was spent.

The functions take the tables of one or several runs, several told apart by a column ``seed``. Intervals come from a
bootstrap over clusters: bids of one round share its budget, order and menu, so rounds are drawn anew, never bids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from agents.surplus import ROUNDING, pays
from analysis.intervals import CLUSTER, Interval, clustered_mean
from analysis.tilting import heavy_tail
from market_sim.counterfactual import NOT_TRIED

GROUPS_SUMMARY = [
    "strategy", "groups", "members", "paid", "utility", "truthful_utility", "gain", "ratio", "gain_mean", "gain_low",
    "gain_high", "best",
]  # fmt: skip
"""Columns of ``groups_summary``."""


def stacked(frames: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several runs in one, with their seed in a first column ``seed``."""
    return pd.concat([frame.assign(seed=seed) for seed, frame in frames.items()], ignore_index=True)


def cost_at_own_budget(trades: pd.DataFrame) -> pd.Series:
    """True cost of selling every record at the own privacy budget, of which gains are shares; missing where it is 0."""
    return trades["own_cost"].where(trades["own_cost"] > 0)


def misreport_gains(trades: pd.DataFrame) -> pd.Series:
    """What every lie gained or lost; 0 where that is no more than rounding, missing where nobody lied."""
    gain, *money = (_tensor(trades[name]) for name in ("misreport_gain", "truthful_payment", "payment", "cost"))
    real = pays(gain, *money) | pays(-gain, *money)
    return trades["misreport_gain"].where(real.numpy() | trades["misreport_gain"].isna(), 0.0)


def stands_for(trades: pd.DataFrame) -> pd.Series:
    """How many lies of its round each lie that was tried stands for."""
    if "stands_for" not in trades:
        return pd.Series(1.0, index=trades.index)
    return trades["stands_for"].astype(float).fillna(1.0)


def not_tried(trades: pd.DataFrame) -> pd.Series:
    """Which bids were lies whose truth was not tried, because there were too many in their round."""
    if "counterfactual" not in trades:
        return pd.Series(False, index=trades.index)
    return trades["counterfactual"] == NOT_TRIED


def tried_sentence(trades: pd.DataFrame) -> str:
    """How many of the lies were tried, and what follows for the figures; empty if all were."""
    left_out, tried = int(not_tried(trades).sum()), int(trades["misreport_gain"].notna().sum())
    if not left_out:
        return ""
    return (
        f"{tried:,} of {tried + left_out:,} lies were tried, drawn at random in every round: means are those of all "
        "lies, within their intervals; largest gains are at least these."
    )


def group_aware_gains(trades: pd.DataFrame, groups: pd.DataFrame | None = None) -> pd.Series:
    """What every lie gained or lost; of owners who act together, their group's gain shared equally among them.

    A member's own gain says little: she may lose so that another gains more.

    Parameters
    ----------
    trades, groups : DataFrame
        Tables of one or several runs, with ``seed`` if there are several; without ``groups`` everybody acts alone.

    Returns
    -------
    Series
        Money, by the index of ``trades``; missing where nobody lied.
    """
    alone = misreport_gains(trades)
    if groups is None or not len(groups):
        return alone
    keys = [name for name in ("cell", "seed", "round", "buyer", "group") if name in trades.columns and name in groups]
    together = groups[groups["members"] > 1]
    losses = without_rounding(together["gain"], together["utility"], together["truthful_utility"]).clip(upper=0.0)
    each = together["gain"].where(together["paid"], losses) / together["members"]
    shares = together[keys].assign(each=each)
    joined = trades[keys].merge(shares, on=keys, how="left", validate="many_to_one")["each"].set_axis(trades.index)
    return alone.where(joined.isna() | alone.isna(), joined)


def _tensor(values: pd.Series) -> torch.Tensor:
    return torch.from_numpy(values.to_numpy(dtype=float, copy=True))


def without_rounding(money: pd.Series, *stakes: pd.Series) -> pd.Series:
    """Amounts of money, 0 where they are no more than rounding of the ``stakes`` that they are a difference of."""
    sizes = np.abs(np.stack([each.to_numpy(dtype=float) for each in stakes]))  # [stakes, rows]
    bound = ROUNDING * np.where(np.isfinite(sizes), sizes, 0.0).max(axis=0)
    return money.where(money.abs() > bound, 0.0)


def groups_summary(groups: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """What acting together brought, per strategy: every group beside the same group telling the truth.

    Parameters
    ----------
    groups : DataFrame
        ``Results.groups`` of the runs, with ``seed`` if there are several.

    Returns
    -------
    DataFrame
        One row per strategy whose owners acted together: ``strategy, groups`` (how many acted, every round counted
        anew), ``members`` (mean), ``paid`` (how many gained more than rounding), ``utility, truthful_utility, gain``
        (sums of money, transfers included), ``ratio`` (gain per truthful utility; missing where that is not
        positive), ``gain_mean, gain_low, gain_high`` (money per group and its interval, a bootstrap of rounds),
        ``best`` (the largest gain of a group).
    """
    rows = []
    for strategy, theirs in groups.assign(seed=groups.get("seed", 0)).groupby("strategy", sort=True):
        losses = without_rounding(theirs["gain"], theirs["utility"], theirs["truthful_utility"]).clip(upper=0.0)
        theirs = theirs[theirs["gain"].notna()]
        if not len(theirs):
            continue
        gains = theirs["gain"].where(theirs["paid"].astype(bool), losses.reindex(theirs.index))
        mean = clustered_mean(gains, theirs.groupby(CLUSTER).ngroup(), draws=draws, seed=seed)
        gain, truth = float(gains.sum()), float(theirs["truthful_utility"].sum())
        rows.append(
            {
                "strategy": strategy,
                "groups": len(theirs),
                "members": float(theirs["members"].mean()),
                "paid": int(theirs["paid"].sum()),
                "utility": float(theirs["utility"].sum()),
                "truthful_utility": truth,
                "gain": gain,
                "ratio": gain / truth if truth > 0 else np.nan,
                "gain_mean": mean.mean,
                "gain_low": mean.low,
                "gain_high": mean.high,
                "best": float(gains.max()),
            }
        )
    return pd.DataFrame(rows, columns=GROUPS_SUMMARY)


def gains_by_strategy(trades: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """What lying brought, per strategy: gain over the same owner's truth in the same round.

    Parameters
    ----------
    trades : DataFrame
        Trades of the runs, with ``seed``.

    Returns
    -------
    DataFrame
        One row per strategy that lied: ``misreports`` (those that were tried), ``told`` (all of them), ``paid`` (how
        many gained more than rounding),
        ``gain``, ``gain_low``, ``gain_high`` (mean money per lie and its interval), ``relative``, ``relative_low``,
        ``relative_high`` (the same, every gain divided by its owner's cost at her own budget and size, without those
        who have none),
        ``best`` (the largest gain found), ``utility``, ``truthful_utility`` (means over the lies), ``heavy_tail``
        (whether no interval of these means can be trusted).
    """
    misreports = trades[trades["misreport_gain"].notna()]
    misreports = misreports.assign(misreport_gain=misreport_gains(misreports), stands_for=stands_for(misreports))
    left_out = trades.loc[not_tried(trades), "strategy"].value_counts()
    rows = []
    for strategy, group in misreports.groupby("strategy", sort=True):
        cluster = group.groupby(CLUSTER).ngroup()
        gain = clustered_mean(group["misreport_gain"], cluster, draws=draws, seed=seed, weights=group["stands_for"])
        relative = (group["misreport_gain"] / cost_at_own_budget(group)).dropna()
        share = Interval(np.nan, np.nan, np.nan)
        if len(relative):
            weights = group["stands_for"][relative.index]
            share = clustered_mean(relative, cluster[relative.index], draws=draws, seed=seed, weights=weights)
        rows.append(
            {
                "strategy": strategy,
                "misreports": len(group),
                "told": len(group) + int(left_out.get(strategy, 0)),
                "paid": int(group["misreport_paid"].astype(bool).sum()),
                "gain": gain.mean,
                "gain_low": gain.low,
                "gain_high": gain.high,
                "relative": share.mean,
                "relative_low": share.low,
                "relative_high": share.high,
                "best": float(group["misreport_gain"].max()),
                "utility": float(without_rounding(group["utility"], group["payment"]).mean()),
                "truthful_utility": float(
                    without_rounding(group["truthful_utility"], group["truthful_payment"]).mean()
                ),
                "heavy_tail": _heavy_tail(group["misreport_gain"], cluster) or _heavy_tail(relative, cluster),
            }
        )
    return pd.DataFrame(rows)


def _heavy_tail(gains: pd.Series, cluster: pd.Series) -> bool:
    totals = gains.groupby(cluster).sum().to_numpy(dtype=float)
    return heavy_tail(totals) or heavy_tail(-totals)


def tails_too_heavy(gains: Sequence[Mapping[str, Any]]) -> str:
    """Name the rows of ``gains_by_strategy`` whose intervals cannot be trusted; empty if there are none."""
    names = ", ".join(str(row["strategy"]) for row in gains if row["heavy_tail"])
    return f"Tail of the gains too heavy for the interval, the mean may be further off: {names}." if names else ""


def final_accuracy(rounds: pd.DataFrame) -> pd.Series:
    """Test accuracy after the last round, per seed."""
    last = rounds.sort_values("round").groupby("seed").tail(1)
    return last.set_index("seed")["test_accuracy"].sort_index()


def privacy_spent(trades: pd.DataFrame) -> dict[str, Any]:
    """Privacy loss per owner of one run: the plain sum over rounds and the tight total, median and largest.

    Owners who never sold have spent nothing and are counted apart, not averaged in. ``delta_largest`` belongs to the
    plain sums; the totals hold at the delta of the market, and where no loss depends on an upload
    (``market_sim.privacy_account``). Sums are of what was sold, totals of what was sent: who added more noise than she
    sold has the smaller total.
    """
    spent = trades.groupby(["seed", "owner"])["privacy_loss"].sum()
    sold = spent[spent > 0]
    last = (
        trades.sort_values("round", kind="stable").groupby(["seed", "owner"])[["privacy_total", "delta_spent"]].last()
    )
    total = last.loc[sold.index, "privacy_total"]
    return {
        "owners": len(spent),
        "sold": len(sold),
        "median": float(sold.median()) if len(sold) else 0.0,
        "largest": float(sold.max()) if len(sold) else 0.0,
        "largest_in_a_round": float(trades["privacy_loss"].max()) if len(trades) else 0.0,
        "total_median": float(total.median()) if len(sold) else 0.0,
        "total_largest": float(total.max()) if len(sold) else 0.0,
        "delta_largest": float(last["delta_spent"].max()) if len(last) else 0.0,
    }


def accuracy_by_round(rounds: pd.DataFrame, quantiles: Sequence[float] = (0.0, 1.0)) -> pd.DataFrame:
    """Test accuracy against the number of rounds played: mean over the seeds and two quantiles (the extremes)."""
    by_round = rounds.groupby("round")["test_accuracy"]
    low, high = quantiles
    return pd.DataFrame({"mean": by_round.mean(), "low": by_round.quantile(low), "high": by_round.quantile(high)})
