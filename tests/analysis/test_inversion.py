"""Gradient inversion: clean uploads of one record come back, noisy ones do not, and chance is where it is said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agents.models.registry import load_model
from analysis.inversion import (
    NO_NOISE,
    InversionSettings,
    inversion_table,
    invert,
    pixel_task,
    psnr,
    reconstructed,
    uploads_of,
)
from scenarios.what_the_broker_sees import attack

FEW = InversionSettings(models=("softmax",), records=(1, 16), losses=(0.5, NO_NOISE), images=40)


@pytest.mark.parametrize(("model", "least"), [("softmax", 100.0), ("mlp", 30.0)])
def test_the_record_of_a_clean_upload_comes_back_to_the_last_grey_level(model, least):
    settings = InversionSettings(models=(model,), records=(1,), losses=(NO_NOISE,), images=10)
    (one,) = invert(settings)
    assert bool(one.recognised.all())
    assert float(psnr(one.true, one.found).min()) > least
    assert torch.allclose(one.true, one.found, atol=1e-2)


def test_noise_hides_what_the_clean_upload_shows():
    table = inversion_table(invert(FEW)).set_index(["records", "loss"])
    hidden, bare = table.loc[1, 0.5], table.loc[1, NO_NOISE]
    assert hidden["recognised_low"] <= hidden["chance"] == 0.01
    assert bare["recognised"] == 1.0
    assert table.loc[16, NO_NOISE]["recognised"] < 1.0, "a mean of sixteen images is a blend"
    assert table.loc[16, NO_NOISE]["chance"] == pytest.approx(16 / 115)


def test_uploads_are_those_of_the_market():
    task, rows = pixel_task(), torch.tensor([[3], [77]])
    model = load_model("softmax", task, torch.Generator().manual_seed(0))
    clean = uploads_of(task, model, rows, NO_NOISE, FEW)
    assert clean.norm(dim=1).tolist() == pytest.approx([1.0, 1.0])
    features, labels = task.records(rows[:, 0])
    by_hand = features.double()[:, :, None] * (0.1 - torch.eye(10).double()[labels])[:, None, :]
    by_hand = by_hand.flatten(1) / by_hand.flatten(1).norm(dim=1, keepdim=True)
    assert torch.allclose(clean, by_hand, atol=1e-6)
    noisy = uploads_of(task, model, rows, 2.0, FEW)
    assert noisy.norm(dim=1).min() > 10


def test_an_image_has_no_negative_ink_and_length_one():
    task = pixel_task()
    model = load_model("softmax", task, torch.Generator())
    found = reconstructed(model, torch.randn(5, model.dimension, generator=torch.Generator().manual_seed(0)).double())
    assert bool((found >= 0).all())
    assert found.norm(dim=1).tolist() == pytest.approx([1.0] * 5)


def test_psnr_of_a_hand_worked_image():
    true, found = torch.zeros(1, 64).double(), torch.zeros(1, 64).double()
    true[0, 0] = 1.0
    found[0, 0] = 0.9
    assert float(psnr(true, found)) == pytest.approx(10 * math.log10(64 / 0.01))


def test_the_scenario_answers_with_pictures_side_by_side(tmp_path):
    answer = attack(FEW, out=tmp_path / "seen", progress=False)
    assert {file.name for file in (tmp_path / "seen").iterdir()} == {
        "images.png", "inversion.csv", "rates.png", "scenario.json",
    }  # fmt: skip
    assert "Under softmax, images of owners are recognised" in answer.summary[0]
    assert "100 % without noise" in answer.summary[0]
    assert len(answer.figures["inversion"]) == 4


def test_the_same_seed_sees_the_same():
    once, again = (inversion_table(invert(FEW)) for _ in range(2))
    assert once.equals(again)
    assert np.isfinite(once["psnr"]).all()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"records": (0,)}, "records = 0"),
        ({"losses": (0.0,)}, "losses = 0.0"),
        ({"images": 1}, "images = 1"),
        ({"perturbation": "laplac"}, "did you mean 'laplace'"),
    ],
)
def test_bad_input_is_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        InversionSettings(**fields)
