"""The public terms of uploads."""

from __future__ import annotations

import pytest
import torch

from agents.upload_terms import UploadTerms


@pytest.mark.parametrize(("perturbation", "order"), [("laplace", 1), ("privunit", 2), ("none", 2)])
def test_the_perturbation_says_in_which_norm_is_clipped(perturbation: str, order: int) -> None:
    assert UploadTerms(perturbation=perturbation, dimension=2).norm_order == order


@pytest.mark.parametrize(("error_bound", "coordinates"), [("coordinate", 1), ("full", 3)])
def test_the_bound_counts_one_coordinate_or_all(error_bound: str, coordinates: int) -> None:
    # Laplace noise of a gradient of L1 norm 2 at privacy loss 4: 8 * 2^2 / 4^2 = 2 a coordinate.
    terms = UploadTerms(perturbation="laplace", dimension=3, clip_norm=2.0, error_bound=error_bound)
    loss = torch.tensor([4.0, 0.0]).double()
    assert terms.variance(loss).tolist() == [2.0, torch.inf]
    assert terms.counted_variance(loss).tolist() == [2.0 * coordinates, torch.inf]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("perturbation", "laplac", "did you mean 'laplace'"),
        ("noise_source", "dice", "noise_source = 'dice' is not known"),
        ("clip", "both", "clip = 'both' is not known"),
        ("error_bound", "all", "error_bound = 'all' is not known"),
        ("dimension", 0, "dimension = 0"),
        ("clip_norm", -1.0, r"clip_norm = -1\.0"),
    ],
)
def test_terms_that_make_no_sense_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UploadTerms(**{"perturbation": "laplace", "dimension": 2, field: value})  # type: ignore[arg-type]
