"""The inner search finds the misreport that pays, with a slope and without."""

from __future__ import annotations

import pytest
import torch

from agents.misreports.encoded import (
    FIELDS,
    HIGH,
    LOW,
    BestEncoded,
    best_encoded,
    clamp_encoded,
    climb_encoded,
    draw_encoded,
    encoded_truth,
)


def test_nobody_overstates_and_everybody_lies_about_something(generator):
    misreports = draw_encoded(50, 40, generator)
    assert misreports.shape == (50, 40, len(FIELDS))
    assert torch.equal(misreports, clamp_encoded(misreports))
    assert bool((misreports[..., 2:4] <= 0).all())
    assert float((misreports == encoded_truth(50, 40)).all(-1).double().mean()) < 0.01


def test_the_reach_of_a_misreport_ends_at_the_truth_and_at_a_hundredth():
    wild = torch.tensor([[9.0, 9.0, 9.0, 9.0, 9.0], [-9.0, -9.0, -9.0, -9.0, -9.0]], dtype=torch.float64)
    assert clamp_encoded(wild).tolist() == [pytest.approx(HIGH), pytest.approx(LOW)]


def test_the_best_candidate_is_kept_and_the_truth_where_none_pays():
    candidates = encoded_truth(3, 2).clone()
    candidates[:, :, 0] = torch.tensor([[1.0, 0.1], [2.0, 0.2], [3.0, 0.3]])
    worth = torch.tensor([[0.0, 1.0], [5.0, 2.0], [1.0, 3.0]], dtype=torch.float64)

    best = best_encoded(lambda misreports: worth, candidates, truthful=torch.tensor([4.0, 4.0], dtype=torch.float64))

    assert best.misreports[:, 0].tolist() == [2.0, 0.0]
    assert best.utility.tolist() == [5.0, 4.0]


@pytest.mark.parametrize(("by_sign", "size", "steps"), [(True, 0.02, 40), (False, 0.1, 100)])
def test_a_climb_ends_near_the_top(by_sign, size, steps):
    def worth(misreports):
        return -((misreports[..., 0] - 1.5).square() + (misreports[..., 2] + 0.5).square())

    start = encoded_truth(1)
    best = climb_encoded(worth, BestEncoded(start, worth(start)), steps=steps, size=size, by_sign=by_sign)

    assert best.misreports[0, 0].item() == pytest.approx(1.5, abs=0.2)
    assert best.misreports[0, 2].item() == pytest.approx(-0.5, abs=0.1)
    assert float(best.utility) > float(worth(start))


def test_a_climb_never_ends_below_its_start_and_stays_where_there_is_no_slope():
    start = BestEncoded(encoded_truth(4), torch.full((4,), 7.0, dtype=torch.float64))
    flat = climb_encoded(
        lambda misreports: torch.zeros(misreports.shape[:2], dtype=torch.float64), start, steps=3, size=0.1
    )
    assert torch.equal(flat.misreports, start.misreports)
    down = climb_encoded(lambda misreports: -misreports.square().sum(-1) - 100, start, steps=3, size=0.1)
    assert torch.equal(down.utility, start.utility)
