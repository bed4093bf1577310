"""Dealing records out: none lost, none shared."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.prior import OwnerPrior
from agents.tasks.base import stored_task
from agents.tasks.partition import (
    PARTITIONS,
    label_skewed_partition,
    natural_partition,
    partition,
    partition_of,
    sharded_partition,
)
from agents.tasks.registry import load_task


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


LABELS = torch.arange(4).repeat_interleave(torch.tensor([400, 300, 200, 100]))


def held(deal, labels):
    """Records of every class ``[owners, classes]`` that every owner holds."""
    owners = len(deal.sizes)
    rows, owner = deal.rows(torch.arange(owners))
    return torch.zeros(owners, int(labels.max()) + 1).index_put_(
        (owner, labels[rows]), torch.ones(len(rows)), accumulate=True
    )


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=20).filter(any),
    classes=st.integers(1, 8),
    seed=st.integers(0, 2**31),
)
def test_by_label_too_every_record_has_exactly_one_owner(sizes, classes, seed):
    labels = torch.randint(classes, (sum(sizes),), generator=generator(seed))
    deal = label_skewed_partition(torch.tensor(sizes), labels, generator(seed))
    rows, owner = deal.rows(torch.arange(len(sizes)))
    assert sorted(rows.tolist()) == list(range(sum(sizes)))
    assert owner.bincount(minlength=len(sizes)).tolist() == sizes


def test_one_owner_has_everything_and_one_class_leaves_no_choice():
    assert held(label_skewed_partition([1000], LABELS, generator()), LABELS).tolist() == [[400, 300, 200, 100]]
    labels = torch.zeros(6, dtype=torch.int64)
    assert label_skewed_partition([1, 2, 3], labels, generator()).sizes.tolist() == [1, 2, 3]


def test_owners_of_a_label_skewed_deal_prefer_some_labels():
    sizes = torch.full((100,), 10)
    skewed = held(label_skewed_partition(sizes, LABELS, generator()), LABELS)
    even = held(partition(sizes, 1000, generator()), LABELS)
    assert (skewed.amax(-1) / 10).mean() > 0.62
    assert (even.amax(-1) / 10).mean() < 0.55


def test_proportions_of_labels_are_dirichlet():
    # Two classes as large as each other: concentration 1/2 each, so that a share is Beta(1/2, 1/2), the arcsine law.
    # Whoever is served last takes what is left, so that the law is not exact: among forty owners one or two.
    labels = torch.arange(2).repeat_interleave(2000)
    deal = label_skewed_partition(torch.full((40,), 100), labels, generator(1))
    assert stats.kstest(held(deal, labels)[:, 0].numpy() / 100, stats.beta(0.5, 0.5).cdf).pvalue > 0.01


def test_the_deal_by_label_repeats_with_its_stream_and_moves_with_another():
    first, again, other = (label_skewed_partition([300, 700], LABELS, generator(seed)).order for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_record_of_a_class_is_as_likely_to_go_to_an_owner():
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    mine = torch.cat(
        [label_skewed_partition([3, 3], labels, generator(seed)).rows(torch.tensor([0]))[0] for seed in range(900)]
    )
    for rows in (mine[mine < 3], mine[mine >= 3] - 3):
        assert stats.chisquare(rows.bincount(minlength=3).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_a_task_is_dealt_out_either_way(name):
    task = load_task(name)
    labels = task.labels()
    assert torch.equal(labels[:50], task.records(torch.arange(50))[1])
    sizes = OwnerPrior(records=task.train_size, owners=30).population(generator()).data_size[0]
    for how in set(PARTITIONS) - {"natural"}:
        assert torch.equal(partition_of(task, sizes, how, generator()).sizes, sizes)
    with pytest.raises(ValueError, match="did you mean 'label-skew'"):
        partition_of(task, sizes, "label-skewed", generator())


def test_labels_and_sizes_must_fit():
    with pytest.raises(ValueError, match="sizes sum to 5 but the task has 1000 records"):
        label_skewed_partition([2, 3], LABELS, generator())


def test_label_skew_is_a_dirichlet_deal_of_one_half():
    task = load_task("digits")
    sizes = OwnerPrior(records=task.train_size, owners=30).population(generator()).data_size[0]
    skewed = partition_of(task, sizes, "label-skew", generator())
    assert torch.equal(skewed.order, partition_of(task, sizes, "dirichlet", generator(), {"alpha": 0.5}).order)


@pytest.mark.parametrize(("alpha", "low", "high"), [(1e-3, 0.85, 1.0), (0.5, 0.55, 0.8), (1e4, 0.4, 0.45)])
def test_the_smaller_alpha_the_fewer_classes_an_owner_has(alpha, low, high):
    deal = label_skewed_partition(torch.full((10,), 100), LABELS, generator(), alpha=alpha)
    assert low <= float((held(deal, LABELS).amax(-1) / 100).mean()) <= high


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=20).filter(any),
    labels=st.integers(1, 8),
    classes=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_in_shards_too_every_record_has_exactly_one_owner(sizes, labels, classes, seed):
    labels = torch.randint(labels, (sum(sizes),), generator=generator(seed))
    deal = sharded_partition(torch.tensor(sizes), labels, generator(seed), classes=classes)
    rows, owner = deal.rows(torch.arange(len(sizes)))
    assert sorted(rows.tolist()) == list(range(sum(sizes)))
    assert owner.bincount(minlength=len(sizes)).tolist() == sizes


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_shards_hold_one_class_each_but_at_the_ends_of_classes(classes):
    deal = sharded_partition(torch.full((50,), 20), LABELS, generator(), classes=classes)
    there = (held(deal, LABELS) > 0).sum(-1)  # classes of every owner
    # Four classes have three ends, each inside at most one shard.
    assert int((there - classes).clamp(min=0).sum()) <= 3
    assert float(there.double().mean()) > 0.7 * classes


def test_four_owners_of_one_class_each_by_hand():
    labels = torch.tensor([0, 1, 2, 3] * 5)
    deal = sharded_partition([5, 5, 5, 5], labels, generator(), classes=1)
    assert sorted(tuple(row) for row in (held(deal, labels) > 0).long().tolist()) == [
        (0, 0, 0, 1),
        (0, 0, 1, 0),
        (0, 1, 0, 0),
        (1, 0, 0, 0),
    ]


def test_records_stay_where_the_data_say_they_are():
    task = stored_task("wards", 2, ([[1.0]] * 5, [0, 1, 0, 1, 0]), ([[1.0]], [0]), holder=[1, 0, 1, 1, 2])
    deal = partition_of(task, torch.tensor([1, 3, 1]), "natural", generator())
    assert [deal.rows(torch.tensor([owner]))[0].tolist() for owner in range(3)] == [[1], [0, 2, 3], [4]]
    with pytest.raises(ValueError, match="owners hold what the data say"):
        natural_partition([2, 2, 1], task.holder)
    with pytest.raises(ValueError, match=r"owners = 2: .* have 3 holders; pass owners=3"):
        partition_of(task, torch.tensor([2, 3]), "natural", generator())
    with pytest.raises(ValueError, match="does not say who holds which record"):
        partition_of(load_task("digits"), torch.tensor([1437]), "natural", generator())


@pytest.mark.parametrize(
    ("how", "options", "says"),
    [
        ("dirichlet", {"alpha": 0.0}, r"alpha = 0\.0"),
        ("dirichlet", {"alfa": 1.0}, "did you mean 'alpha'"),
        ("shards", {"classes": 0}, "classes = 0"),
        ("iid", {"alpha": 1.0}, "option of partition 'iid'"),
    ],
)
def test_options_of_a_deal_are_checked(how, options, says):
    with pytest.raises(ValueError, match=says):
        partition_of(load_task("digits"), torch.tensor([1437]), how, generator(), options)
