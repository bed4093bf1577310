"""What a model is to the market: a function from parameters and records to class scores, known to everybody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Model(ABC):
    """A family of classifiers, one for every vector of parameters.

    Parameters
    ----------
    name : str
        As known to ``load_model``.
    classes : int
        C.
    initial : float64[p]
        Parameters of the first announcement.
    """

    name: str
    classes: int
    initial: Tensor

    @property
    def dimension(self) -> int:
        """Coordinates p of the parameters, and so of a gradient."""
        return len(self.initial)

    @abstractmethod
    def scores(self, parameters: Tensor, features: Tensor) -> Tensor:
        """Class scores, class first.

        Parameters
        ----------
        parameters : float[p]
        features : float32[r, F]
            As ``Task.records`` gives them.

        Returns
        -------
        float32[C, r]
            Logarithms of the classes' probabilities, up to a constant for every record.
        """
