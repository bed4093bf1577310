"""The accounts of many owners at once against those of one owner after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.composition import composed, total_privacy_loss
from agents.equal_losses import equal_composition, equal_total
from agents.owner import composed_account
from agents.owner.composed_account import ComposedAccount
from agents.perturbation.registry import perturbation_of
from agents.saved_state import load_state, save_state

DELTA = 1e-6


def account(owners: int, perturbation: str = "privunit") -> ComposedAccount:
    return ComposedAccount(perturbation_of(perturbation), DELTA, owners)


def charged(rounds: list[list[float]]) -> ComposedAccount:
    """An account after rounds of one loss per owner, 0 for none."""
    made = account(len(rounds[0]))
    for losses in rounds:
        made.charge(torch.arange(len(losses)), torch.tensor(losses, dtype=torch.float64))
    return made


def totals(made: ComposedAccount, owners: int) -> list[float]:
    return made.total(torch.arange(owners)).tolist()


@pytest.mark.parametrize(
    ("loss", "count"), [(1.0, 1), (0.1, 10), (0.01, 1000), (1.0, 150), (2.0, 300), (20.0, 5), (0.5, 5000)]
)
@pytest.mark.parametrize("delta", [1e-12, 1e-6, 1e-2])
def test_equal_losses_in_closed_form_are_those_of_the_composition(loss, count, delta):
    found = float(equal_total(np.array([loss]), np.array([count]), delta)[0])
    assert min(found, loss * count) == pytest.approx(total_privacy_loss([loss] * count, delta), rel=1e-6)
    made = equal_composition(loss, count)
    assert made.total(delta) == pytest.approx(min(found, loss * count), rel=1e-6)
    assert math.fsum(made.mass) + made.beyond == pytest.approx(1, abs=1e-9)


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.3]) | st.floats(0.01, 2), min_size=4, max_size=4),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_everybody_has_the_total_of_her_own_losses(rounds):
    found = totals(charged(rounds), 4)
    for owner in range(4):
        alone = composed([losses[owner] for losses in rounds]).total(DELTA)
        # The order of the losses decides the grid, and whoever shares a history has the grid of who had it first.
        assert found[owner] == pytest.approx(alone, rel=5e-3, abs=1e-4)


def test_whoever_sold_the_same_in_another_order_shares_a_composition():
    made = charged([[0.5, 1.0, 0.5, 2.0], [1.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert len(made.state()["place"]) == 1
    first, second, equal, single = totals(made, 4)
    assert first == second
    assert equal == pytest.approx(1.0, rel=1e-5)
    assert single == pytest.approx(2.0, rel=1e-5)


def test_a_history_that_nobody_has_any_more_is_forgotten():
    made = charged([[0.5], [1.0], [0.7], [0.3]])
    assert len(made.state()["place"]) == 1


def test_an_owner_of_several_names_has_several_uploads():
    made = account(2)
    made.charge(torch.tensor([1, 0, 1, 1]), torch.tensor([0.5, 0.0, 0.5, 1.0], dtype=torch.float64))
    assert totals(made, 2) == [0.0, pytest.approx(total_privacy_loss([0.5, 0.5, 1.0], DELTA), rel=1e-6)]


def test_gaussian_uploads_and_noiseless_ones():
    made = account(2, "gaussian")
    for _ in range(3):
        made.charge(torch.tensor([0, 1]), torch.tensor([1.0, 0.0], dtype=torch.float64))
    mechanism = made.mechanism
    loss = torch.full((3,), 1.0, dtype=torch.float64)
    one = composed(loss.numpy(), delta=float(mechanism.claim(loss)[1][0]), shift=mechanism.gaussian_shift(loss).numpy())
    assert totals(made, 2) == [pytest.approx(one.total(DELTA), rel=1e-9), 0.0]
    assert made.delta_spent(torch.tensor([0, 1])).tolist() == pytest.approx([one.delta, 0.0])
    assert totals(account(1, "none"), 1) == [math.inf]


def test_with_too_many_histories_the_grids_are_coarser_and_no_total_less(monkeypatch):
    rounds = np.random.default_rng(0).uniform(0.2, 2, (30, 40)).tolist()
    fine = totals(charged(rounds), 40)
    monkeypatch.setattr(composed_account, "CELLS_IN_ALL", 1)
    made = charged(rounds)
    assert int(made.state()["place"][:, 1].max()) <= composed_account.FEWEST_CELLS
    for one, other in zip(totals(made, 40), fine, strict=True):
        assert other * (1 - 1e-9) <= one <= 1.015 * other


def test_it_goes_on_from_its_state(tmp_path):
    rounds = np.random.default_rng(1).choice([0.0, 0.5, 1.0, 1.37], (6, 30)).tolist()
    made = charged(rounds[:4])
    save_state(tmp_path / "state", made.state())
    again = account(30)
    again.load_state(load_state(tmp_path / "state"))
    for one in (made, again):
        for losses in rounds[4:]:
            one.charge(torch.arange(30), torch.tensor(losses, dtype=torch.float64))
    assert totals(again, 30) == totals(made, 30)
    left, right = made.state(), again.state()
    assert all(torch.equal(left[name], right[name]) for name in ("place", "numbers", "mass", "key"))
