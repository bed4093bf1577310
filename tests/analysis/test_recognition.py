"""What the final models recognise, on counts that a person can add up."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.recognition import recognition


def confusion(counts: dict[tuple[str, str], int], seed: int = 0) -> pd.DataFrame:
    names = list(dict.fromkeys(label for label, _ in counts))
    rows = [(0, 0, label, named, counts.get((label, named), 0), seed) for label in names for named in names]
    return pd.DataFrame(rows, columns=["round", "buyer", "label", "named", "records", "seed"])


def test_two_runs_by_hand() -> None:
    first = confusion(
        {("normal", "normal"): 8, ("normal", "u2r"): 0, ("dos", "normal"): 2, ("dos", "dos"): 2, ("u2r", "dos"): 1}
    )
    second = confusion({("normal", "normal"): 6, ("normal", "dos"): 2, ("dos", "dos"): 4, ("u2r", "normal"): 1}, seed=1)
    found = recognition(pd.concat([first, second]))
    rows = found.classes.set_index("label")
    assert rows.loc["normal"].tolist() == [16, 17, 14, 14 / 16, 14 / 17]
    assert rows.loc["dos"].tolist() == [8, 9, 6, 6 / 8, 6 / 9]
    assert rows.loc["u2r", ["records", "named", "right", "recall"]].tolist() == [2, 0, 0, 0.0]
    assert pd.isna(rows.loc["u2r", "precision"])
    assert found.matrix.loc["dos"].tolist() == [2, 6, 0]
    assert found.never == ["u2r"]
    assert found.balanced_accuracy == pytest.approx((14 / 16 + 6 / 8 + 0) / 3)
    assert found.sentence == "Mean recall of the classes (balanced accuracy) 0.54; never recognised: u2r."


def test_where_every_class_is_recognised_the_least_are_named() -> None:
    found = recognition(confusion({("a", "a"): 3, ("a", "b"): 1, ("b", "b"): 2}))
    assert found.sentence.endswith("least recognised: a 0.75, b 1.00.")


def test_without_a_model_nothing_is_said_of_it() -> None:
    assert recognition(confusion({("a", "a"): 0, ("b", "b"): 0})).sentence == "No model was tested."
    assert recognition(confusion({})).sentence == "No model was tested."
