"""What a perturbation is: a norm, a declared variance, a sampler and the privacy that it claims, in one object.

The mechanism is public knowledge: owners draw with it, the broker weighs uploads by the variance that it declares for
the privacy loss that was bought, never by anything in the upload. Only the gradient and the noise drawn are private,
and these never leave ``agents.owner``.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import one_of

NOISE_SOURCES: tuple[str, ...] = ("generator", "opendp")
"""``generator``: fast floating-point draws, for simulation; ``opendp``: OpenDP's exact sampler, where one is offered.

PrivUnit, the default, and ``l2-sphere`` have no exact sampler: their privacy loss holds in real numbers, not to the
last bit of a float."""


class Perturbation(ABC):
    """A mechanism that makes an upload locally differentially private; one object serves owners and broker.

    A subclass sets ``name`` and implements ``variance`` and ``perturb``; one file with one class is all it takes. The
    upload is unbiased, and its privacy loss holds for *any* two gradients within the radius.

    Attributes
    ----------
    name : str
    norm : int
        Order of the norm, 1 or 2, in which gradients are clipped to the radius.
    private : bool
        Whether uploads are private at all.
    delta : float
        Probability with which the privacy loss of an upload may be exceeded; 0 for pure differential privacy.
    fewest_coordinates : int
        Fewest coordinates of a gradient.
    every_coordinate : bool
        Whether the declared variance holds for every coordinate, or only for the average one.
    sources : tuple of str
        Which of ``NOISE_SOURCES`` it can draw from.
    """

    name: ClassVar[str]
    norm: ClassVar[int] = 2
    private: ClassVar[bool] = True
    fewest_coordinates: ClassVar[int] = 1
    every_coordinate: ClassVar[bool] = True
    sources: ClassVar[tuple[str, ...]] = ("generator",)
    delta: float = 0.0

    @abstractmethod
    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """Second moment of the noise of one coordinate at radius 1, for positive ``privacy_loss`` of any shape."""

    @abstractmethod
    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Draw one upload per gradient.

        How much is drawn from ``generator`` may depend on the shape of ``gradient`` alone, so that runs stay paired.

        Parameters
        ----------
        gradient : float64[m, p]
            Norms at most ``radius``.
        privacy_loss : float64[m]
            Positive.
        generator : torch.Generator
        radius : float

        Returns
        -------
        float64[m, p]
        """

    def perturb_exactly(self, gradient: Tensor, privacy_loss: Tensor, radius: float) -> Tensor:
        """Do the same with OpenDP's exact sampler, for those with "opendp" among their ``sources``."""
        raise NotImplementedError(f"perturbation {self.name!r} has no exact sampler")

    def claim(self, privacy_loss: Tensor) -> tuple[Tensor, Tensor]:
        """What an upload of this privacy loss claims: epsilon and delta, each of the shape of ``privacy_loss``.

        Epsilon is at most the privacy loss: owners sell, and are charged, no more than that.
        """
        return privacy_loss, torch.full_like(privacy_loss, self.delta)

    def gaussian_shift(self, privacy_loss: Tensor) -> Tensor | None:
        """Distance of the farthest two gradients in standard deviations, if the noise is Gaussian; otherwise None.

        Gaussian noise composes by these numbers, and the total is then less than what ``claim`` gives.
        """
        return None

    @property
    def privacy(self) -> str:
        """What the privacy loss of an upload means, in a few words."""
        if not self.private:
            return "no privacy at all"
        if self.delta:
            return f"(epsilon, delta)-differential privacy with delta = {self.delta:g} for every upload"
        return "pure epsilon-differential privacy"

    def check_source(self, noise_source: str) -> str:
        """Return ``noise_source`` if this perturbation can draw from it on this machine; otherwise say why not."""
        one_of("noise_source", noise_source, NOISE_SOURCES)
        if noise_source not in self.sources:
            raise ValueError(
                f"noise_source = {noise_source!r} is not offered by perturbation {self.name!r}; "
                "pass noise_source='generator', or one of the perturbations that offer it: laplace, gaussian"
            )
        if noise_source == "opendp" and importlib.util.find_spec("opendp") is None:
            raise ValueError("noise_source = 'opendp': opendp is not installed; install the extra exact-noise")
        return noise_source
