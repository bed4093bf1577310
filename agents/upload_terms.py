"""What everybody knows about uploads before any is sent; owners and broker share one object."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.checks import number, one_of, whole
from agents.perturbation.base import Perturbation
from agents.perturbation.checked import declared_variance
from agents.perturbation.registry import PerturbationChoice, perturbation_of

CLIPS: tuple[str, ...] = ("direction", "owner", "record")
"""What bounds a gradient before noise is added.

``direction``: the owner's mean is scaled to exactly L, up or down, so that all of the signal that L allows is sent; a
mean of zero has no direction and stays zero. It learns best. ``owner``: the owner's mean is scaled down to L where it
is longer (the paper's way). ``record``: every record's gradient is scaled down to L, then averaged. Gradients of many
records cancel, so that the mean is short beside the same noise: the error bound is a true one, and the model is poor.
What the error bound means under each: ``UploadTerms.error_bound_meaning``.
"""

ERROR_BOUNDS: tuple[str, ...] = ("coordinate", "full")
"""``coordinate``: noise of one coordinate, as in the paper; ``full``: of all of them, a bound on the squared norm."""


@dataclass(frozen=True)
class UploadTerms:
    """How gradients are clipped and perturbed, and how their noise is counted.

    Parameters
    ----------
    perturbation : str, type or Perturbation
        How uploads are perturbed; ``mechanism`` is the object that is meant.
    noise_source : str
        Where the noise comes from (``agents.perturbation.base.NOISE_SOURCES``).
    dimension : int
        Coordinates p of a gradient.
    clip : {"record", "owner", "direction"}
        What is clipped: every record's gradient, each owner's mean, or that mean to exactly L
        (``CLIPS``). See ``error_bound_meaning``.
    clip_norm : float
        Radius L to which gradients are clipped.
    error_bound : {"coordinate", "full"}
        Whether the noise of one coordinate or of all p enters the error bound.
    """

    perturbation: PerturbationChoice
    dimension: int
    noise_source: str = "generator"
    clip: str = "record"
    clip_norm: float = 1.0
    error_bound: str = "coordinate"

    def __post_init__(self) -> None:
        object.__setattr__(self, "perturbation", perturbation_of(self.perturbation))
        self.mechanism.check_source(self.noise_source)
        whole("dimension", self.dimension, minimum=1)
        one_of("clip", self.clip, CLIPS)
        number("clip_norm", self.clip_norm, above=0.0)
        one_of("error_bound", self.error_bound, ERROR_BOUNDS)

    @property
    def mechanism(self) -> Perturbation:
        """The perturbation, as an object."""
        return perturbation_of(self.perturbation)

    @property
    def partial_sales_count(self) -> bool:
        """Whether the error bound may count the records of who sold only a part of hers.

        The clipped mean of a part says nothing certain about the clipped mean of the whole, however large the part.
        With every record clipped it does, and the bound is tight.
        """
        return self.clip == "record"

    @property
    def error_bound_meaning(self) -> str:
        """What the error bound bounds, in a sentence: the distance to what, and whether for certain."""
        target = {
            "record": "the mean of all records' clipped gradients: a true bound",
            "owner": "the mean of the owners' clipped means, by data size: a true bound for that mean, a proxy for the "
            "gradient of the loss; who sells a part counts as missing",
            "direction": "the mean of the owners' directions, by data size: a true bound for that mean, a proxy for "
            "the gradient of the loss, whose length it does not know; who sells a part counts as missing",
        }[self.clip]
        if self.error_bound == "full":
            return f"squared distance to {target}"
        spread = "of every coordinate" if self.mechanism.every_coordinate else "of the average coordinate"
        return f"squared error {spread}, against {target}"

    @property
    def norm_order(self) -> int:
        """Order of the norm, 1 or 2, in which gradients are clipped."""
        return self.mechanism.norm

    @property
    def coordinates(self) -> int:
        """How many coordinates' noise enters the error bound."""
        return self.dimension if self.error_bound == "full" else 1

    def variance(self, privacy_loss: Tensor) -> Tensor:
        """Declared noise variance of one coordinate, of the shape of ``privacy_loss``; infinite where it is 0."""
        return declared_variance(self.mechanism, privacy_loss, self.dimension, self.clip_norm)

    def counted_variance(self, privacy_loss: Tensor) -> Tensor:
        """The part of an upload's noise that the error bound counts, of the shape of ``privacy_loss``."""
        return self.coordinates * self.variance(privacy_loss)
