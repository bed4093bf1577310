"""RegretNet: the paper's adaptation of the multi-item auction of Dutting et al. (2019), a lottery of all or nothing.

Source: FL-Market, section V-B; it is M-RegretNet with one level, the owner's whole privacy budget.
"""

from __future__ import annotations

from typing import ClassVar

from agents.broker.auctions.m_regretnet import MRegretNet


class RegretNet(MRegretNet):
    """Every owner draws whether she sells all her data at her whole privacy budget, or nothing."""

    name: ClassVar[str] = "regretnet"
