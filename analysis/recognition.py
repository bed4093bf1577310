"""Which classes the final models recognise: what an accuracy hides where some classes are rare."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.formatting import accuracy

FEW = 3
"""Classes that a sentence names."""


@dataclass(frozen=True)
class Recognition:
    """What the final models of all runs and buyers together name the test records.

    Parameters
    ----------
    classes : DataFrame
        ``label, records, named, right, recall, precision``, one row per class: test records of it and records named
        so, added up over runs and buyers; missing where there is none.
    matrix : DataFrame
        Records, a row per class and a column per class named.
    """

    classes: pd.DataFrame
    matrix: pd.DataFrame

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that the test set has."""
        return float(self.classes["recall"].mean())

    @property
    def never(self) -> list[str]:
        """Classes of which not one test record is recognised."""
        found = self.classes
        return list(found.loc[(found["records"] > 0) & (found["right"] == 0), "label"])

    @property
    def sentence(self) -> str:
        """What a reader should know beside the accuracy."""
        known = self.classes.dropna(subset="recall")
        if not len(known):
            return "No model was tested."
        text = f"Mean recall of the classes (balanced accuracy) {accuracy(self.balanced_accuracy)}"
        if self.never:
            return f"{text}; never recognised: {', '.join(self.never)}."
        least = known.nsmallest(min(FEW, len(known)), "recall")
        named = ", ".join(f"{row['label']} {accuracy(row['recall'])}" for row in least.to_dict("records"))
        return f"{text}; least recognised: {named}."


def recognition(confusion: pd.DataFrame) -> Recognition:
    """Add up confusion matrices.

    Parameters
    ----------
    confusion : DataFrame
        Columns ``label, named, records`` of one or several runs of the same task.
    """
    names = list(dict.fromkeys(confusion["label"]))
    counts = confusion.groupby(["label", "named"])["records"].sum()
    matrix = counts.unstack("named").reindex(index=names, columns=names).fillna(0).astype("int64")
    right = pd.Series({name: matrix.loc[name, name] for name in names}, dtype="int64").reindex(names)
    there, named = matrix.sum(axis=1), matrix.sum(axis=0)
    classes = pd.DataFrame(
        {
            "label": names,
            "records": there.to_numpy(),
            "named": named.to_numpy(),
            "right": right.to_numpy(),
            "recall": (right / there.where(there > 0)).to_numpy(dtype=float),
            "precision": (right / named.where(named > 0)).to_numpy(dtype=float),
        }
    )
    return Recognition(classes, matrix)
