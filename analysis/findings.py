"""All that is said about one market, computed once: terminal, report and app print it and compute nothing anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.headline import Headline, headline
from analysis.key_figures import key_figures
from analysis.paired import LearningSurvives, WhoPays, learning_survives, who_pays
from analysis.promises import promises
from analysis.summary import gains_by_strategy, groups_summary, privacy_spent, tried_sentence


@dataclass(frozen=True)
class Findings:
    """What became of a market.

    Parameters
    ----------
    headline : Headline
        Did lying pay?
    lying, groups : DataFrame
        What it brought, per strategy: ``gains_by_strategy`` and ``groups_summary``.
    payers : WhoPays
    learning : LearningSurvives
    promises : DataFrame
    numbers : DataFrame
        ``key_figures``.
    privacy : dict
        ``privacy_spent``.
    tried : str
        ``tried_sentence``: empty if all lies were.
    """

    headline: Headline
    lying: pd.DataFrame
    groups: pd.DataFrame
    payers: WhoPays
    learning: LearningSurvives
    promises: pd.DataFrame
    numbers: pd.DataFrame
    privacy: dict[str, Any]
    tried: str = ""

    def number(self, quantity: str) -> dict[str, Any]:
        """One row of ``numbers``."""
        row: dict[str, Any] = self.numbers.set_index("quantity").loc[quantity].to_dict()
        return row


def findings(
    tables: Mapping[str, pd.DataFrame],
    guarantees: Mapping[str, Any],
    *,
    paired_rounds: pd.DataFrame | None = None,
) -> Findings:
    """Return what is to be said about one market.

    Parameters
    ----------
    tables : mapping
        ``rounds, trades, groups, identities`` of one or several runs, each with ``seed`` (``summary.stacked``).
    guarantees : mapping
        ``config["auction"]["guarantees"]`` of the runs.
    paired_rounds : DataFrame, optional
        Rounds of the same seeds with everybody telling the truth, with ``seed``.
    """
    rounds, trades, groups = tables["rounds"], tables["trades"], tables["groups"]
    return Findings(
        headline=headline(trades, groups),
        lying=gains_by_strategy(trades),
        groups=groups_summary(groups),
        payers=who_pays(rounds),
        learning=learning_survives(rounds, paired_rounds),
        promises=promises(guarantees, rounds, trades, tables["identities"], groups),
        numbers=key_figures(rounds, trades),
        privacy=privacy_spent(trades),
        tried=tried_sentence(trades),
    )
