"""Training a sequential menu three times: from scratch, then twice more from the weights that the last run ended with.

Each later run is a warm restart (Loshchilov and Hutter, "SGDR", 2017): its rate begins lower and falls along a cosine
of its own, its temperature stays where the first run's choices had begun to be hard, and it weighs E[ERR] more. The
last one has larger batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from agents.broker.training.base import Trained, TrainingStep
from agents.broker.training.sequential_menu import MenuRecipe, MenuTraining
from agents.checks import number, whole
from agents.prior import OwnerPrior

LATER_SEEDS = (1, 7)
"""What is added to the seed in each later run, so that it draws markets of its own."""
RUNS = 1 + len(LATER_SEEDS)


@dataclass(frozen=True)
class RefinedRecipe(MenuRecipe):
    """Settings of all runs; those of ``MenuRecipe`` are the first one's, and the others' unless named here.

    Parameters
    ----------
    steps : int
        Adam steps of all runs together.
    more_steps, last_steps : int
        Those of the second and of the last run; a third of all at most.
    more_learning_rate, last_learning_rate : float
        Of Adam at their beginning.
    more_temperature : (float, float)
        First and last temperature of both.
    more_weight_of_mean : float
        Weight of E[ERR] beside E[log ERR] in both.
    last_batch : int
        Owners per step of the last run, divided by ``owners``.
    last_averaging : float
        Its decay of the running mean of the weights.
    """

    steps: int = 9600
    batch: int = 640
    width: int = 192
    tiers: int = 3
    averaging: float = 0.997
    more_steps: int = 3000
    more_learning_rate: float = 2e-3
    more_temperature: tuple[float, float] = (0.005, 0.005)
    more_weight_of_mean: float = 4.0
    last_steps: int = 2000
    last_learning_rate: float = 1.5e-3
    last_batch: int = 1280
    last_averaging: float = 0.998

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("steps", self.steps, minimum=RUNS)
        for name in ("more_steps", "last_steps", "last_batch"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("more_learning_rate", "last_learning_rate"):
            number(name, getattr(self, name), above=0)
        number("more_weight_of_mean", self.more_weight_of_mean)
        number("last_averaging", self.last_averaging, maximum=1 - 1e-9)
        for place, temperature in enumerate(self.more_temperature):
            number(f"more_temperature[{place}]", temperature, above=0)

    def runs(self) -> tuple[MenuRecipe, MenuRecipe, MenuRecipe]:
        """The recipes of the runs."""
        first = MenuRecipe(**{field.name: getattr(self, field.name) for field in fields(MenuRecipe)})
        more, last = (min(steps, self.steps // RUNS) for steps in (self.more_steps, self.last_steps))
        second = replace(
            first,
            steps=more,
            learning_rate=self.more_learning_rate,
            temperature=self.more_temperature,
            weight_of_mean=self.more_weight_of_mean,
            seed=self.seed + LATER_SEEDS[0],
        )
        third = replace(
            second,
            steps=last,
            learning_rate=self.last_learning_rate,
            batch=self.last_batch,
            averaging=self.last_averaging,
            seed=self.seed + LATER_SEEDS[1],
        )
        return replace(first, steps=self.steps - more - last), second, third


class RefinedTraining:
    """Several trainings of one network, one after the other.

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
        self._runs = [MenuTraining(prior, run, sizes_known=sizes_known, device=device) for run in recipe.runs()]
        self.identity: Mapping[str, Any] = {**self._runs[0].identity, "recipe": asdict(recipe)}
        self.steps, self.done = recipe.steps, 0

    def step(self) -> TrainingStep:
        """Make the next step."""
        run = next(run for run, training in enumerate(self._runs) if training.done < training.steps)
        training = self._runs[run]
        if run and not training.done:
            for weights in (training.network, training.learner):
                weights.load_state_dict(self._runs[run - 1].network.state_dict())
        made = training.step()
        self.done += 1
        return TrainingStep(number=self.done - 1, loss=made.loss, error_bound=made.error_bound)

    def trained(self) -> Trained:
        """The network so far."""
        return next((training for training in reversed(self._runs) if training.done), self._runs[0]).trained()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {"done": self.done, "runs": [training.state_dict() for training in self._runs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        for training, saved in zip(self._runs, state["runs"], strict=True):
            training.load_state_dict(saved)
        self.done = int(state["done"])
