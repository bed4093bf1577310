"""Training the sequential menu for the full error bound: the same owners and the same training, another bound."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.broker.auctions.sequential_menu_full import SequentialMenuFull
from agents.broker.training.differentiable_bound import bound_of_purchases
from agents.broker.training.sequential_menu import MenuRecipe, MenuTraining
from agents.checks import whole


@dataclass(frozen=True)
class FullMenuRecipe(MenuRecipe):
    """Settings of one training run; those of ``MenuRecipe`` and one more.

    Parameters
    ----------
    coordinates : int
        Coordinates of a gradient, whose noise counts; 650 are those of softmax regression on digits.
    """

    steps: int = 400
    temperature: tuple[float, float] = (0.02, 0.0002)
    learning_rate: float = 0.01
    coordinates: int = SequentialMenuFull.coordinates

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("coordinates", self.coordinates, minimum=1)


class FullMenuTraining(MenuTraining):
    """Adam on the full error bound of truthful play, counted per coordinate.

    Parameters
    ----------
    prior : OwnerPrior
    recipe : FullMenuRecipe
    device : str
    """

    _recipe: FullMenuRecipe

    def bound(self, precision: Tensor, share: Tensor) -> Tensor:
        """The bound ``[B]`` divided by the number of coordinates, so that losses keep their size."""
        return bound_of_purchases(precision / self._recipe.coordinates, share) / self._recipe.coordinates
