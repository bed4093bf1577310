"""Data sizes by rank and by class: what is drawn, and that a sample of a population is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.data_sizes import SIZES, shares
from agents.prior import OwnerPrior
from market_sim import run_market


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(sizes: str, batch: int, population: int, keep: int, *, exponent: float = 1.0, classes: int = 10, seed=0):
    return shares(sizes, batch, population, keep, generator(seed), exponent=exponent, classes=classes)


def test_zipf_sizes_of_four_owners_by_hand():
    # 1 : 1/2 : 1/3 : 1/4 = 12 : 6 : 4 : 3, of 25 records; a fifth owner would have 12/5.
    prior = OwnerPrior(records=29, owners=4, floor=1, sizes="zipf")
    assert sorted(prior.population(generator()).data_size[0].tolist()) == [1 + 3, 1 + 4, 1 + 6, 1 + 12]


def test_zipf_ranks_are_dealt_at_random_and_never_twice():
    share = drawn("zipf", 3000, 5, 3)
    ranks = (drawn("zipf", 1, 5, 5).amax() / share).round().long()
    assert set(ranks.flatten().tolist()) == {1, 2, 3, 4, 5}
    assert all(len(set(row)) == 3 for row in ranks.tolist())
    for place in range(3):
        assert stats.chisquare(ranks[:, place].bincount(minlength=6)[1:].numpy()).pvalue > 1e-3


def test_the_exponent_of_zipf_sizes_goes_from_equal_to_one_giant():
    assert drawn("zipf", 1, 8, 8, exponent=0.0).flatten().tolist() == [1 / 8] * 8
    assert float(drawn("zipf", 1, 8, 8, exponent=10.0).amax()) > 0.99


@pytest.mark.parametrize("classes", [1, 10])
def test_a_dirichlet_share_of_one_class_is_a_beta_variable(classes):
    # One owner of n: a Beta(1/2, (n - 1)/2) share of every class, the mean over independent classes.
    share = drawn("dirichlet", 20_000, 40, 1, classes=classes).flatten().numpy()
    assert share.mean() == pytest.approx(1 / 40, rel=0.05)
    assert share.var() == pytest.approx(stats.beta(0.5, 19.5).var() / classes, rel=0.08)
    if classes == 1:
        assert stats.kstest(share, stats.beta(0.5, 19.5).cdf).pvalue > 1e-3


def test_a_sample_of_a_dirichlet_population_is_part_of_the_whole():
    # Keeping six of six and looking at two, or keeping two of six: the same distribution, drawn in another way.
    whole = drawn("dirichlet", 4000, 6, 6, seed=1)
    assert torch.allclose(whole.sum(-1), torch.ones(4000, dtype=torch.float64))
    few = drawn("dirichlet", 4000, 6, 2, seed=2)
    for statistic in (
        lambda share: share[:, 0],
        lambda share: share[:, :2].sum(-1),
        lambda share: share.T[0] * share.T[1],
    ):
        assert stats.ks_2samp(statistic(whole).numpy(), statistic(few).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("sizes", SIZES)
def test_sampled_bidders_have_the_mean_size(sizes):
    types, _ = OwnerPrior(sizes=sizes).sample(2000, 10, generator(3))
    mean = types.data_size.double().mean(-1)
    error = float(mean.std()) / np.sqrt(len(mean))
    assert abs(float(mean.mean()) - 125.473) < 4 * error + 0.6  # half a record is lost to rounding down


@given(
    sizes=st.sampled_from(SIZES),
    seed=st.integers(0, 2**31),
    owners=st.integers(1, 40),
    more=st.integers(0, 5000),
    exponent=st.floats(0, 10),
    classes=st.integers(1, 30),
)
def test_a_population_holds_exactly_its_records_and_nobody_less_than_the_floor(
    sizes, seed, owners, more, exponent, classes
):
    prior = OwnerPrior(records=owners + more, owners=owners, sizes=sizes, exponent=exponent, classes=classes)
    size = prior.population(generator(seed)).data_size
    assert int(size.sum()) == owners + more
    assert int(size.min()) >= prior.floor
    bidders, _ = prior.sample(3, owners, generator(seed))
    assert int(bidders.data_size.min()) >= prior.floor
    assert int(bidders.data_size.sum(-1).max()) <= owners + more


@pytest.mark.parametrize("sizes", ["zipf", "dirichlet"])
def test_a_market_takes_them(sizes):
    results = run_market(sizes=sizes, partition="label-skew", rounds=2, owners=20, bidders=5, seed=1)
    assert results.rounds["error_bound"].notna().all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"exponent": -1.0}, r"exponent = -1\.0: pass a number between 0 and 10"),
        ({"exponent": float("nan")}, "exponent = nan"),
        ({"classes": 0}, "classes = 0: pass a whole number between 1"),
        ({"sizes": "zip"}, "sizes = 'zip' is not known; did you mean 'zipf'"),
    ],
)
def test_a_bad_prior_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        OwnerPrior(**fields)
