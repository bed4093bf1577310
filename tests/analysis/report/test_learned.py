"""What a report says of the model that was learned, and of what it was learned from."""

from __future__ import annotations

from html import unescape

import pytest
import torch

from agents.tasks.base import stored_task
from analysis.report.runs import markets_of
from analysis.report.single import NOT_PUBLIC, market_report
from market_sim import run_market
from market_sim.results import Results

FEATURES = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
RECORDS = (FEATURES, (FEATURES[:, 0] > 0).long() + (FEATURES[:, 0] > 2).long())


@pytest.fixture(scope="module")
def fitted() -> Results:
    """A market whose task says that its features were fitted to the records."""
    task = stored_task(
        "wards", 3, RECORDS, RECORDS, public=False, knowledge="means of all wards", class_names=("low", "high", "rare")
    )
    with pytest.warns(UserWarning, match="public=False"):
        return run_market(task=task, owners=6, bidders=3, rounds=4, seed=1, model="mlp", model_options={"hidden": 2})


def test_the_report_says_what_is_public_and_what_is_not(fitted) -> None:
    html = unescape(market_report(markets_of({"one": fitted})[0]))
    assert NOT_PUBLIC in html
    assert "Features were made with: means of all wards." in html
    assert "Model: mlp, 17 parameters." in html  # 3 x 2 + 2 + 2 x 3 + 3
    assert fitted.config["task"] == {
        "public": False,
        "knowledge": "means of all wards",
        "classes": ["low", "high", "rare"],
    }
    assert fitted.config["repeatable"] is False


def test_classes_and_confusion_are_those_of_the_final_model(fitted, read) -> None:
    report = read(market_report(markets_of({"one": fitted})[0]))
    matrix = fitted.confusion.pivot(index="label", columns="named", values="records")
    shown = {row["label"]: row for row in report.rows("classes")}
    assert set(shown) == {"low", "high", "rare"}
    right = sum(matrix.loc[name, name] for name in shown)
    assert right / 60 == pytest.approx(fitted.rounds["test_accuracy"].iloc[-1])
    for name, row in shown.items():
        assert row["records"] == matrix.loc[name].sum()
        assert row["recall"] == pytest.approx(matrix.loc[name, name] / matrix.loc[name].sum())
    recalls = [row["recall"] for row in shown.values()]
    assert sum(recalls) / 3 == pytest.approx(fitted.rounds["balanced_accuracy"].iloc[-1])
    for row in report.rows("confusion"):
        assert [row[name] for name in shown] == [matrix.loc[row["class"], name] for name in shown]
