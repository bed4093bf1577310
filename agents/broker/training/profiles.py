"""Markets of the prior as a training loop needs them: in public units, on one device, with one liar each on request."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.allocation_network import Reports, grid
from agents.misreports.encoded import PROHIBITIVE
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import ParametricValuation


@dataclass(frozen=True)
class Profiles:
    """True owners of a batch of markets, of the paper's families, in public units.

    Parameters
    ----------
    family : int64[B, n]
    factor : float32[B, n]
        In public money per record.
    cap, size : float32[B, n]
    budget : float32[B]
    """

    family: Tensor
    factor: Tensor
    cap: Tensor
    size: Tensor
    budget: Tensor

    @staticmethod
    def of(types: OwnerTypes, budget: Tensor, units: PublicUnits, device: str = "cpu") -> Profiles:
        """Profiles drawn from a prior, on ``device``."""
        valuation = types.valuation
        if not isinstance(valuation, ParametricValuation):
            raise TypeError(f"valuation is a {type(valuation).__name__}; train on a prior of the paper's families")
        return Profiles(
            family=valuation.family.to(device),
            factor=(valuation.factor / units.money_per_record).float().to(device),
            cap=types.privacy_budget.float().to(device),
            size=(types.data_size.double() / units.records).float().to(device),
            budget=(budget / units.money).float().to(device),
        )

    def value(self, loss: Tensor) -> Tensor:
        """True money per record ``[B, n, K]`` at ``loss[B, n, K]``; unlike a ``Valuation``, with a slope in it."""
        family = self.family[..., None]
        curve = torch.where(family == 0, 2 * loss, loss * loss)
        # The slope of a square root is infinite at 0, where nobody deals: bounded, so that no product is 0 times that.
        curve = torch.where(family == 2, 2 * loss.clamp(min=1e-12).sqrt(), curve)
        return self.factor[..., None] * torch.where(family == 3, torch.expm1(loss), curve)

    def cost_of_everything(self) -> Tensor:
        """Cost ``[B, n]`` of all an owner has at her own privacy budget."""
        return self.size * self.value(self.cap[..., None])[..., 0]

    def truthful(self, levels: int) -> Reports:
        """What they say when they tell the truth, at the levels k/M of their privacy budgets."""
        return Reports(
            value=self.value(grid(self.cap, levels)[..., 1:]), cap=self.cap, size=self.size, budget=self.budget
        )

    def take(self, rows: Tensor) -> Profiles:
        """Some of the markets."""
        return Profiles(self.family[rows], self.factor[rows], self.cap[rows], self.size[rows], self.budget[rows])

    def with_deviators(self, levels: int, owner: Tensor, misreports: Tensor) -> tuple[Reports, Tensor]:
        """What they say when in every market one owner lies, and what selling truly costs her.

        Parameters
        ----------
        levels : int
        owner : int64[B]
        misreports : float64[B, 5]
            See ``agents.misreports.encoded``.

        Returns
        -------
        (Reports [B, n], float64[B, M + 1])
        """
        # The deviator alone, as markets of one owner: all of [batch, 1].
        mine = owner[:, None]
        family, factor = self.family.gather(1, mine), self.factor.gather(1, mine)
        me = Profiles(family, factor, self.cap.gather(1, mine), self.size.gather(1, mine), self.budget)
        log_scale, tilt, log_cap, log_size, reach = misreports[:, None].unbind(-1)
        cap, size = me.cap * log_cap.exp(), me.size * log_size.exp()
        place = torch.arange(1, levels + 1, dtype=cap.dtype, device=cap.device) / levels
        true_value = me.value(grid(cap, levels)[..., 1:])
        tilted = place.log() * tilt[..., None]  # [batch, 1, level]
        # A reported curve may not fall.
        value = (true_value * (log_scale[..., None] + tilted).exp()).cummax(dim=-1).values
        value = torch.where(place <= reach[..., None].clamp(min=1 / levels), value, PROHIBITIVE * value)
        truth = self.truthful(levels)
        reports = Reports(
            value=truth.value.scatter(1, mine[..., None].expand(-1, -1, levels), value),
            cap=truth.cap.scatter(1, mine, cap),
            size=truth.size.scatter(1, mine, size),
            budget=self.budget,
        )
        cost = torch.nn.functional.pad(true_value * size[..., None], (1, 0))
        return reports, cost[:, 0]
