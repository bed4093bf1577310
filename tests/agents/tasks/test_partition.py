"""Dealing records out: none lost, none shared."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.prior import OwnerPrior
from agents.tasks.partition import partition


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=20).filter(any), shuffle=st.booleans())
def test_every_record_has_exactly_one_owner(sizes, shuffle):
    deal = partition(torch.tensor(sizes), sum(sizes), generator(), shuffle=shuffle)
    rows, owner = deal.rows(torch.arange(len(sizes)))
    assert sorted(rows.tolist()) == list(range(sum(sizes)))
    assert owner.bincount(minlength=len(sizes)).tolist() == sizes
    assert deal.sizes.tolist() == sizes


@given(sizes=st.lists(st.integers(0, 9), min_size=3, max_size=8).filter(any), data=st.data())
def test_asking_for_several_owners_is_asking_for_each(sizes, data):
    deal = partition(torch.tensor(sizes), sum(sizes), generator())
    owners = data.draw(st.permutations(range(len(sizes))))[:3]
    rows, bidder = deal.rows(torch.tensor(owners))
    for place, owner in enumerate(owners):
        assert torch.equal(rows[bidder == place], deal.rows(torch.tensor([owner]))[0])
    assert bidder.tolist() == sorted(bidder.tolist())


def test_unshuffled_records_are_dealt_in_order():
    deal = partition(torch.tensor([2, 0, 3]), 5, generator(), shuffle=False)
    assert deal.order is None
    rows, owner = deal.rows(torch.tensor([2, 0]))
    assert (rows.tolist(), owner.tolist()) == ([2, 3, 4, 0, 1], [0, 0, 0, 1, 1])


def test_the_deal_is_uniform():
    first_owner_of_record = torch.stack(
        [partition(torch.tensor([2, 2, 2]), 6, generator(seed)).rows(torch.tensor([0]))[0] for seed in range(900)]
    )
    assert stats.chisquare(first_owner_of_record.flatten().bincount(minlength=6).numpy()).pvalue > 1e-3


def test_the_papers_population_fits_its_training_file():
    sizes = OwnerPrior().population(generator()).data_size[0]
    deal = partition(sizes, 125_973, generator())
    assert torch.equal(deal.sizes, sizes)


def test_sizes_that_do_not_sum_to_the_task_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"sizes sum to 5 but the task has 6 records: .*OwnerPrior\(records=6"):
        partition(torch.tensor([2, 3]), 6, generator())


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="round them down"):
        partition(torch.tensor([0.5, 5.5]), 6, generator())
    with pytest.raises(ValueError, match=r"sizes\[0\] = -1"):
        partition(torch.tensor([-1, 7]), 6, generator())
    with pytest.raises(TypeError, match=r"torch\.Generator"):
        partition(torch.tensor([6]), 6, 0)
    with pytest.raises(ValueError, match="there are owners 0 to 0"):
        partition(torch.tensor([6]), 6, generator()).rows(torch.tensor([1]))
