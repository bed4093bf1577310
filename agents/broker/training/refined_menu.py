"""Training a sequential menu twice: from scratch, then once more from the weights that the first run ended with.

The second run is a warm restart (Loshchilov and Hutter, "SGDR", 2017): its rate begins lower and falls along a cosine
of its own, its temperature stays where the first run's choices had begun to be hard, and it weighs E[ERR] more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from agents.broker.training.base import Trained, TrainingStep
from agents.broker.training.sequential_menu import MenuRecipe, MenuTraining
from agents.checks import number, whole
from agents.prior import OwnerPrior


@dataclass(frozen=True)
class RefinedRecipe(MenuRecipe):
    """Settings of both runs; those of ``MenuRecipe`` are the first one's, and the second one's unless named here.

    Parameters
    ----------
    steps : int
        Adam steps of both runs together.
    more_steps : int
        Those of the second run; half of all at most.
    more_learning_rate : float
        Of Adam at its beginning.
    more_temperature : (float, float)
        Its first and last temperature.
    more_weight_of_mean : float
        Its weight of E[ERR] beside E[log ERR].
    """

    steps: int = 4400
    more_steps: int = 800
    more_learning_rate: float = 2e-3
    more_temperature: tuple[float, float] = (0.005, 0.005)
    more_weight_of_mean: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("steps", self.steps, minimum=2)
        whole("more_steps", self.more_steps, minimum=1)
        number("more_learning_rate", self.more_learning_rate, above=0)
        number("more_weight_of_mean", self.more_weight_of_mean)
        for place, temperature in enumerate(self.more_temperature):
            number(f"more_temperature[{place}]", temperature, above=0)

    def runs(self) -> tuple[MenuRecipe, MenuRecipe]:
        """The recipes of the two runs; the second draws markets of its own."""
        first = {field.name: getattr(self, field.name) for field in fields(MenuRecipe)}
        more_steps = min(self.more_steps, self.steps // 2)
        more = ("learning_rate", "temperature", "weight_of_mean")
        second = {**first, **{name: getattr(self, f"more_{name}") for name in more}, "seed": self.seed + 1}
        return MenuRecipe(**{**first, "steps": self.steps - more_steps}), MenuRecipe(**{**second, "steps": more_steps})


class RefinedTraining:
    """Two trainings of one network, one after the other.

    Parameters
    ----------
    prior : OwnerPrior
    recipe : RefinedRecipe
    sizes_known : bool
        Whether data sizes are verified.
    device : str
    """

    def __init__(
        self, prior: OwnerPrior, recipe: RefinedRecipe, *, sizes_known: bool = False, device: str = "cpu"
    ) -> None:
        first, second = recipe.runs()
        self._first = MenuTraining(prior, first, sizes_known=sizes_known, device=device)
        self._second = MenuTraining(prior, second, sizes_known=sizes_known, device=device)
        self.identity: Mapping[str, Any] = {**self._first.identity, "recipe": asdict(recipe)}
        self.steps, self.done = recipe.steps, 0

    def step(self) -> TrainingStep:
        """Make the next step."""
        if self.done == self._first.steps:
            for weights in (self._second.network, self._second.learner):
                weights.load_state_dict(self._first.network.state_dict())
        made = (self._first if self.done < self._first.steps else self._second).step()
        self.done += 1
        return TrainingStep(number=self.done - 1, loss=made.loss, error_bound=made.error_bound)

    def trained(self) -> Trained:
        """The network so far."""
        return (self._first if self.done <= self._first.steps else self._second).trained()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {"done": self.done, "first": self._first.state_dict(), "second": self._second.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        self._first.load_state_dict(state["first"])
        self._second.load_state_dict(state["second"])
        self.done = int(state["done"])
