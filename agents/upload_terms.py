"""What everybody knows about uploads before any is sent; owners and broker share one object."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents import noise
from agents.checks import number, one_of, whole

ERROR_BOUNDS: tuple[str, ...] = ("coordinate", "full")
"""``coordinate``: noise of one coordinate, as in the paper; ``full``: of all of them, a bound on the squared norm."""


@dataclass(frozen=True)
class UploadTerms:
    """How gradients are clipped and perturbed, and how their noise is counted.

    Parameters
    ----------
    perturbation, noise_source : str
        How uploads are perturbed, and where the noise comes from (``agents.noise``).
    dimension : int
        Coordinates p of a gradient.
    clip : {"record", "owner"}
        What is clipped: every record's gradient, or each owner's mean. With "owner" a part of a data set says nothing
        certain about the whole, and all that its owner has counts as missing from the error bound.
    clip_norm : float
        Radius L to which gradients are clipped.
    error_bound : {"coordinate", "full"}
        Whether the noise of one coordinate or of all p enters the error bound.
    """

    perturbation: str
    dimension: int
    noise_source: str = "generator"
    clip: str = "record"
    clip_norm: float = 1.0
    error_bound: str = "coordinate"

    def __post_init__(self) -> None:
        noise.check_noise_source(self.perturbation, self.noise_source)
        whole("dimension", self.dimension, minimum=1)
        one_of("clip", self.clip, noise.CLIPS)
        number("clip_norm", self.clip_norm, above=0.0)
        one_of("error_bound", self.error_bound, ERROR_BOUNDS)

    @property
    def norm_order(self) -> int:
        """Order of the norm, 1 or 2, in which gradients are clipped."""
        return noise.norm_order(self.perturbation)

    @property
    def coordinates(self) -> int:
        """How many coordinates' noise enters the error bound."""
        return self.dimension if self.error_bound == "full" else 1

    def variance(self, privacy_loss: Tensor) -> Tensor:
        """Declared noise variance of one coordinate, of the shape of ``privacy_loss``; infinite where it is 0."""
        return noise.variance(self.perturbation, privacy_loss, self.dimension, self.clip_norm)

    def counted_variance(self, privacy_loss: Tensor) -> Tensor:
        """The part of an upload's noise that the error bound counts, of the shape of ``privacy_loss``."""
        return self.coordinates * self.variance(privacy_loss)
