"""How well a model does on the buyer's test set: more than the share it names correctly."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.models.base import Model
from agents.tasks.base import Task


@dataclass(frozen=True)
class Score:
    """What a test says of a model.

    Parameters
    ----------
    loss : float
        Mean cross-entropy (natural logarithm).
    accuracy : float
        Share of the records named correctly.
    confusion : tuple of tuple of int, [C][C]
        Test records by their class and by the class that they are named; ties go to the lower class.
    """

    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...] = ()

    @property
    def recall(self) -> tuple[float | None, ...]:
        """Share of every class named correctly; None for a class without test record."""
        return tuple(row[own] / sum(row) if sum(row) else None for own, row in enumerate(self.confusion))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that the test set has: who names the commonest alone gets 1 / their number."""
        known = [share for share in self.recall if share is not None]
        return sum(known) / len(known) if known else float("nan")

    @property
    def macro_f1(self) -> float:
        """Mean over classes of 2 TP / (2 TP + FP + FN), of all that a test record has or is named."""
        counts = [(row[own], sum(row), sum(r[own] for r in self.confusion)) for own, row in enumerate(self.confusion)]
        known = [2 * right / (there + named) for right, there, named in counts if there + named]
        return sum(known) / len(known) if known else float("nan")


def score(model: Model, parameters: Tensor, task: Task) -> Score:
    """Test a model; ties go to the lower class.

    Parameters
    ----------
    model : Model
    parameters : float[p]
    task : Task
    """
    features, labels = task.test
    scores = model.scores(parameters, features)  # [C, t]
    of_label = scores.gather(0, labels[None])[0]
    named = scores.max(dim=0).indices
    classes = task.classes
    confusion = (labels * classes + named).bincount(minlength=classes**2).view(classes, classes)
    return Score(
        loss=float((scores.logsumexp(dim=0) - of_label).double().mean()),
        accuracy=float((named == labels).double().mean()),
        confusion=tuple(map(tuple, confusion.tolist())),
    )
