"""Second best with known families: what a budget buys where owners must be left the rents of private cost factors.

The first best knows every cost. Here everything about an owner is known but her valuation factor: family, privacy
budget and data size. Her cost of a sale is then factor times a known quantity q, and a single-parameter rule that is
truthful and individually rational pays, in expectation over a factor drawn from U[low, high] independently of all
that the rule knows, at least E[(2 factor - low) q]: the virtual cost (Myerson, "Optimal auction design", 1981; for
budgets, Ensthaler and Giebe, "Bayesian optimal knapsack procurement", 2014). An auction that has to elicit families,
privacy budgets or data sizes as well cannot do better than one that knows them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agents.broker.first_best import FirstBest, first_best
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def virtual_types(types: OwnerTypes, prior: OwnerPrior) -> OwnerTypes:
    """The same owners with every valuation factor replaced by its virtual cost 2 * factor - low under the prior.

    Raises
    ------
    ValueError
        If the owners are not of the prior's kind: no families and factors, or factors outside its range.
    """
    low, high = prior.factor
    valuation = types.valuation
    if not isinstance(valuation, ParametricValuation):
        raise ValueError(f"types have a {type(valuation).__name__}: pass owners drawn from the prior")
    if valuation.factor.numel() and not low <= float(valuation.factor.min()) <= float(valuation.factor.max()) <= high:
        raise ValueError(f"types have factors outside the prior's, {low:g} to {high:g}: pass owners drawn from it")
    return replace(types, valuation=replace(valuation, factor=2 * valuation.factor - low))


def second_best(types: OwnerTypes, budget: Any, prior: OwnerPrior, **search: Any) -> FirstBest:
    """Search for the least error bound whose *virtual* costs stay within the budget in every profile.

    An estimate of the best that a truthful auction can do, not a bound on it. Payments equal virtual costs only in
    expectation over the factors: an auction may have virtual costs beyond the budget in one profile and below it in
    another, which is forbidden here, while its payments must keep the budget in every profile, which is not asked here.
    Budgets tied to types tell something about factors, which are then not uniform given the budget. And the search is
    local, as the first best's. ``analysis.second_best_bound`` proves a bound, a little lower.

    Parameters
    ----------
    types : OwnerTypes [B, n]
        Drawn from ``prior``.
    budget : float64[B]
    prior : OwnerPrior
    **search
        Further arguments of ``agents.broker.first_best.first_best``.
    """
    return first_best(virtual_types(types, prior), budget, **search)
