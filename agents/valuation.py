"""What a privacy loss costs its owner, per record: the paper's four families and tabulated curves.

A valuation is a batch of nondecreasing curves v(privacy loss), v(0) = 0, in money per record. Costs are linear in
records: ``records * valuation.at(privacy_loss)``. Source: FL-Market, section V-A (families and factors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from agents.checks import count_array, real_array

FAMILIES: tuple[str, ...] = ("linear", "quadratic", "square_root", "exponential")
_STEEPEST = 1e300


@runtime_checkable
class Valuation(Protocol):
    """A batch ``[B, n]`` of curves from privacy loss to money per record."""

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        ...

    def at(self, privacy_loss: Tensor) -> Tensor:
        """Money per record at ``privacy_loss``, of shape ``[B, n]`` or ``[B, n, K]`` (float64)."""
        ...

    def tabulate(self, levels: Tensor) -> Tensor:
        """Money per record ``[B, n, K]`` at the common privacy losses ``levels[K]``."""
        ...

    def take(self, rows: Any, owners: Any) -> Valuation:
        """The curves at ``[rows][:, owners]`` (slices or index tensors)."""
        ...

    def scaled(self, by: Tensor) -> Valuation:
        """Every curve times ``by[B, n]``."""
        ...

    def where(self, mask: Tensor, other: Valuation) -> Valuation:
        """These curves where ``mask[B, n]`` holds, those of ``other`` elsewhere."""
        ...


@dataclass(frozen=True)
class ParametricValuation:
    """The paper's families times a factor per owner.

    linear 2e, quadratic e^2, square_root 2 sqrt(e), exponential exp(e) - 1, with e the privacy loss.

    Parameters
    ----------
    family : int64[B, n]
        Index into ``FAMILIES``.
    factor : float64[B, n]
        Finite and nonnegative.
    """

    family: Tensor
    factor: Tensor

    def __post_init__(self) -> None:
        family = count_array("family", self.family, shape=(None, None))
        if family.numel() and int(family.max()) >= len(FAMILIES):
            raise ValueError(f"family = {int(family.max())}: pass an index into FAMILIES, 0 to {len(FAMILIES) - 1}")
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "factor", real_array("factor", self.factor, shape=tuple(family.shape)))

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.family.shape[0], self.family.shape[1]

    def at(self, privacy_loss: Tensor) -> Tensor:
        """Money per record at ``privacy_loss``, of shape ``[B, n]`` or ``[B, n, K]``."""
        _require_losses("privacy_loss", privacy_loss, self.shape)
        family, factor = self.family, self.factor
        if privacy_loss.ndim == 3:
            family, factor = family[..., None], factor[..., None]
        linear, quadratic, square_root, exponential = _curves(privacy_loss.contiguous())
        curve = torch.where(family == 0, linear, quadratic)
        curve = torch.where(family == 2, square_root, curve)
        return factor * torch.where(family == 3, exponential, curve)

    def tabulate(self, levels: Tensor) -> Tensor:
        """Money per record ``[B, n, K]`` at ``levels[K]``."""
        _require_levels(levels)
        return self.factor[..., None] * torch.stack(_curves(levels))[self.family]

    def take(self, rows: Any, owners: Any) -> ParametricValuation:
        """The curves at ``[rows][:, owners]``."""
        return ParametricValuation(family=self.family[rows][:, owners], factor=self.factor[rows][:, owners])

    def scaled(self, by: Tensor) -> ParametricValuation:
        """Every curve times ``by[B, n]``."""
        return ParametricValuation(family=self.family, factor=self.factor * by)

    def where(self, mask: Tensor, other: Valuation) -> Valuation:
        """These curves where ``mask`` holds, those of ``other`` elsewhere."""
        if not isinstance(other, ParametricValuation):
            return MixedValuation(mask=mask, first=self, second=other)
        return ParametricValuation(
            family=torch.where(mask, self.family, other.family), factor=torch.where(mask, self.factor, other.factor)
        )


def _require_losses(name: str, value: Any, shape: tuple[int, int]) -> None:
    """Refuse what is no array of privacy losses of these owners; cheap, for it runs in every inner loop."""
    _require_nonnegative(name, value)
    if value.ndim not in (2, 3) or value.shape[:2] != shape:
        raise ValueError(
            f"{name} has shape {list(value.shape)}; pass [{shape[0]}, {shape[1]}] or [{shape[0]}, {shape[1]}, K]"
        )


def _require_levels(value: Any) -> None:
    _require_nonnegative("levels", value)
    if value.ndim != 1:
        raise ValueError(f"levels has shape {list(value.shape)}; pass [K], the same levels for everybody")


def _require_nonnegative(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is a {type(value).__name__}; pass a float64 tensor, e.g. torch.tensor({name}).double()"
        )
    if value.dtype != torch.float64:
        raise TypeError(f"{name} has dtype {value.dtype}; pass float64 (e.g. {name}.double())")
    # One pass where all is well; nan is not at least 0 either.
    if value.numel() and not value.amin().item() >= 0:
        place = (~(value >= 0)).nonzero()[0].tolist()
        raise ValueError(f"{name}{place} = {value[tuple(place)].item()!r}: every value must be a number of 0 or more")


def _curves(loss: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The families at factor 1, in the order of ``FAMILIES``."""
    # numpy's expm1 gives an element the same bits wherever it stands in an array; torch's may not, and the
    # cost an owner is charged must be, to the last bit, the one her choice was made with.
    with np.errstate(over="ignore"):
        exponential = torch.from_numpy(np.expm1(loss.numpy()))
    # Bounded, so that a factor of 0 makes even the steepest curve cost nothing.
    quadratic, exponential = (curve.clamp(max=_STEEPEST) for curve in (loss * loss, exponential))
    return (2 * loss).clamp(max=_STEEPEST), quadratic, 2 * loss.sqrt(), exponential


@dataclass(frozen=True)
class TabulatedValuation:
    """Curves given at common privacy losses, piecewise linear through (0, 0).

    Beyond the last level a loss is not for sale: its cost is infinite.

    Parameters
    ----------
    levels : float64[K]
        Positive and strictly increasing.
    cost : float64[B, n, K]
        Money per record, nonnegative and nondecreasing in the level.
    """

    levels: Tensor
    cost: Tensor

    def __post_init__(self) -> None:
        levels = real_array("levels", self.levels, shape=(None,))
        if len(levels) == 0 or float(levels[0]) <= 0 or bool((levels.diff() <= 0).any()):
            raise ValueError(f"levels = {levels.tolist()}: pass at least one level, positive and strictly increasing")
        cost = real_array("cost", self.cost, shape=(None, None, len(levels)))
        if bool((cost.diff(dim=-1) < 0).any()):
            batch, owner, level = (int(i) for i in (cost.diff(dim=-1) < 0).nonzero()[0])
            raise ValueError(
                f"cost[{batch}, {owner}] falls from {cost[batch, owner, level].item()!r} to "
                f"{cost[batch, owner, level + 1].item()!r}: a valuation may not fall as privacy loss grows"
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "cost", cost)

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.cost.shape[0], self.cost.shape[1]

    def at(self, privacy_loss: Tensor) -> Tensor:
        """Money per record at ``privacy_loss``, of shape ``[B, n]`` or ``[B, n, K]``."""
        _require_losses("privacy_loss", privacy_loss, self.shape)
        loss = privacy_loss if privacy_loss.ndim == 3 else privacy_loss[..., None]
        loss = loss.contiguous()
        zero = self.cost.new_zeros(1)
        levels = torch.cat([zero, self.levels])
        cost = torch.cat([zero.expand(*self.shape, 1), self.cost], dim=-1)
        upper = torch.searchsorted(levels, loss).clamp(1, len(levels) - 1)
        low, high = cost.gather(-1, upper - 1), cost.gather(-1, upper)
        share = (loss - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        value = torch.where(loss == levels[upper], high, low + (high - low) * share)
        value = torch.where(loss > levels[-1], torch.inf, value)
        return value if privacy_loss.ndim == 3 else value[..., 0]

    def tabulate(self, levels: Tensor) -> Tensor:
        """Money per record ``[B, n, K]`` at ``levels[K]``."""
        _require_levels(levels)
        return self.at(levels.expand(*self.shape, len(levels)))

    def take(self, rows: Any, owners: Any) -> TabulatedValuation:
        """The curves at ``[rows][:, owners]``."""
        return TabulatedValuation(levels=self.levels, cost=self.cost[rows][:, owners])

    def scaled(self, by: Tensor) -> TabulatedValuation:
        """Every curve times ``by[B, n]``."""
        return TabulatedValuation(levels=self.levels, cost=self.cost * by[..., None])

    def where(self, mask: Tensor, other: Valuation) -> Valuation:
        """These curves where ``mask`` holds, those of ``other`` elsewhere."""
        if not isinstance(other, TabulatedValuation) or not torch.equal(self.levels, other.levels):
            return MixedValuation(mask=mask, first=self, second=other)
        return TabulatedValuation(levels=self.levels, cost=torch.where(mask[..., None], self.cost, other.cost))


@dataclass(frozen=True)
class MixedValuation:
    """Curves of two kinds in one batch: ``first`` where ``mask[B, n]`` holds, ``second`` elsewhere.

    Mixing keeps every curve exact; tabulating the parametric ones on a common grid would not.
    """

    mask: Tensor
    first: Valuation
    second: Valuation

    def __post_init__(self) -> None:
        shapes = {tuple(self.mask.shape), self.first.shape, self.second.shape}
        if len(shapes) != 1:
            raise ValueError(f"mask and valuations have shapes {sorted(shapes)}; pass one shape [B, n] for all")

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.first.shape

    def at(self, privacy_loss: Tensor) -> Tensor:
        """Money per record at ``privacy_loss``, of shape ``[B, n]`` or ``[B, n, K]``."""
        _require_losses("privacy_loss", privacy_loss, self.shape)
        mask = self.mask if privacy_loss.ndim == 2 else self.mask[..., None]
        return torch.where(mask, self.first.at(privacy_loss), self.second.at(privacy_loss))

    def tabulate(self, levels: Tensor) -> Tensor:
        """Money per record ``[B, n, K]`` at ``levels[K]``."""
        return torch.where(self.mask[..., None], self.first.tabulate(levels), self.second.tabulate(levels))

    def take(self, rows: Any, owners: Any) -> MixedValuation:
        """The curves at ``[rows][:, owners]``."""
        return MixedValuation(
            mask=self.mask[rows][:, owners], first=self.first.take(rows, owners), second=self.second.take(rows, owners)
        )

    def scaled(self, by: Tensor) -> MixedValuation:
        """Every curve times ``by[B, n]``."""
        return MixedValuation(mask=self.mask, first=self.first.scaled(by), second=self.second.scaled(by))

    def where(self, mask: Tensor, other: Valuation) -> MixedValuation:
        """These curves where ``mask`` holds, those of ``other`` elsewhere."""
        if not isinstance(other, MixedValuation):
            return MixedValuation(mask=mask, first=self, second=other)
        # Kind by kind, so that mixing mixtures again and again does not nest them ever deeper.
        return MixedValuation(
            mask=torch.where(mask, self.mask, other.mask),
            first=self.first.where(mask, other.first),
            second=self.second.where(mask, other.second),
        )


def tabulated(valuation: Valuation, levels: Sequence[float] | Tensor) -> TabulatedValuation:
    """Any valuation as a table on ``levels`` (money per record, piecewise linear in between)."""
    grid = real_array("levels", levels, shape=(None,))
    return TabulatedValuation(levels=grid, cost=valuation.tabulate(grid))
