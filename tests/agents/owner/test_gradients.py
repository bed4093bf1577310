"""Batched local gradients against hand-worked numbers and a loop of autograd over single records."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.owner.gradients import local_gradients
from agents.owner.records import draw_records
from agents.tasks.base import stored_task
from agents.tasks.partition import partition
from agents.tasks.registry import load_task

pytestmark = pytest.mark.filterwarnings("ignore:records are about")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


TASK = load_task("synthetic", features=4, classes=3, records=200)
PARAMETERS = torch.randn(TASK.dimension, generator=generator(), dtype=torch.float64)
ROWS = torch.randperm(200, generator=generator())[:30]
BIDDER = torch.tensor([0] * 1 + [1] * 12 + [3] * 17)


def clipped(gradient, clip_norm, order):
    return gradient * min(1.0, clip_norm / float(gradient.norm(p=order)))


def by_autograd(clip, clip_norm, order):
    """One record after the other, in float64, by differentiating the loss."""
    features, labels = TASK.records(ROWS)
    gradients = []
    for x, y in zip(features.double(), labels, strict=True):
        parameters = PARAMETERS.clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy((x @ parameters.view(TASK.features, -1))[None], y[None])
        gradients.append(torch.autograd.grad(loss, parameters)[0])
    mean = torch.zeros(4, TASK.dimension, dtype=torch.float64)
    for bidder in BIDDER.unique():
        own = [gradient for gradient, of in zip(gradients, BIDDER, strict=True) if of == bidder]
        if clip == "record":
            own = [clipped(gradient, clip_norm, order) for gradient in own]
        mean[bidder] = torch.stack(own).mean(dim=0)
        if clip == "owner":
            mean[bidder] = clipped(mean[bidder], clip_norm, order)
        if clip == "direction":
            mean[bidder] *= clip_norm / float(mean[bidder].norm(p=order))
    return mean


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("clip_norm", [0.05, 2.0, 1e6])
@pytest.mark.parametrize("clip", ["record", "owner", "direction"])
def test_agrees_with_autograd_record_by_record(clip, clip_norm, order):
    found = local_gradients(
        TASK, PARAMETERS, ROWS, BIDDER, 4, clip=clip, clip_norm=clip_norm, norm_order=order
    ).gradient
    expected = by_autograd(clip, clip_norm, order)
    assert torch.allclose(found.double(), expected, rtol=1e-4, atol=1e-6)
    assert bool((found.norm(p=order, dim=1) <= clip_norm * (1 + 1e-5)).all())
    assert found[2].tolist() == [0.0] * TASK.dimension


def test_all_at_once_is_one_by_one():
    together = local_gradients(TASK, PARAMETERS, ROWS, BIDDER, 4).gradient
    for bidder in (0, 1, 3):
        own = ROWS[torch.eq(BIDDER, bidder)]
        alone = local_gradients(TASK, PARAMETERS, own, torch.zeros(len(own), dtype=torch.int64), 1).gradient
        assert torch.allclose(together[bidder], alone[0], rtol=1e-5, atol=1e-7)


def test_two_records_by_hand():
    # Features (3, 1) with label 0 and (-1, 1) with label 1; knowing nothing, every probability is one half.
    train = (torch.tensor([[3.0], [-1.0]]), torch.tensor([0, 1]))
    task = stored_task("tiny", 2, train, train, constant=1.0)
    rows, bidder, zero = torch.tensor([0, 1]), torch.tensor([0, 1]), torch.zeros(4)
    unclipped = local_gradients(task, zero, rows, bidder, 2, clip_norm=100.0).gradient
    assert unclipped.tolist() == [[-1.5, 1.5, -0.5, 0.5], [-0.5, 0.5, 0.5, -0.5]]
    # L1 norms are (3 + 1) * 1 = 4 and (1 + 1) * 1 = 2.
    by_record = local_gradients(task, zero, rows, bidder, 2, clip_norm=1.0, norm_order=1).gradient
    assert by_record.tolist() == [[-0.375, 0.375, -0.125, 0.125], [-0.25, 0.25, 0.25, -0.25]]
    # As one owner's records: the mean of the clipped, and the mean (-1, 1, 0, 0) shortened or lengthened.
    expected = {
        ("record", 1.0): [-0.3125, 0.3125, 0.0625, -0.0625],
        ("owner", 1.0): [-0.5, 0.5, 0.0, 0.0],
        ("owner", 8.0): [-1.0, 1.0, 0.0, 0.0],
        ("direction", 1.0): [-0.5, 0.5, 0.0, 0.0],
        ("direction", 8.0): [-4.0, 4.0, 0.0, 0.0],
    }
    for (clip, clip_norm), gradient in expected.items():
        one_owner = {"clip": clip, "clip_norm": clip_norm, "norm_order": 1}
        found = local_gradients(task, zero, rows, torch.tensor([0, 0]), 1, **one_owner)
        assert found.gradient.tolist() == [gradient], (clip, clip_norm)


@pytest.mark.parametrize("clip", ["record", "owner", "direction"])
def test_opposite_records_cancel_and_have_no_direction(clip):
    train = (torch.tensor([[1.0], [1.0]]), torch.tensor([0, 1]))
    task = stored_task("tiny", 2, train, train)
    found = local_gradients(task, torch.zeros(4), torch.arange(2), torch.zeros(2, dtype=torch.int64), 1, clip=clip)
    assert found.gradient.tolist() == [[0.0] * 4]
    assert found.unusable.tolist() == [0]


@pytest.mark.parametrize("scale", [1e-18, 1.0, 1e14])
def test_a_direction_does_not_depend_on_how_large_the_features_are(scale):
    features = torch.tensor([[3.0, 4.0], [1.0, 2.0]], dtype=torch.float64) * scale
    task = stored_task("scaled", 2, (features, [0, 0]), (features, [0, 0]), constant=0.0)
    one_owner = torch.zeros(2, dtype=torch.int64)
    found = local_gradients(task, torch.zeros(6), torch.arange(2), one_owner, 1, clip="direction").gradient
    # The mean is -(2, 3) for class 0 and (2, 3) for class 1, times half the scale.
    expected = torch.tensor([[-2.0, 2.0, -3.0, 3.0, 0.0, 0.0]]) / 26**0.5
    assert torch.allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("clip", ["record", "owner", "direction"])
def test_a_record_without_finite_gradient_adds_nothing_and_is_counted(clip):
    """Features within the limits, under a model that makes their scores overflow."""
    features = torch.tensor([[1e15, 1e15], [0.5, 0.25], [0.0, 1e15]])
    task = stored_task("huge", 2, (features, [0, 1, 0]), (features, [0, 1, 0]), constant=0.0)
    model = torch.tensor([1e30, -1e30, -1e30, 1e30, 0.0, 0.0], dtype=torch.float64)
    rows, bidder = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])
    found = local_gradients(task, model, rows, bidder, 2, clip=clip)
    assert found.unusable.tolist() == [1, 1]
    assert bool(torch.isfinite(found.gradient).all())
    assert found.gradient[1].tolist() == [0.0] * 6
    alone = local_gradients(task, model, rows[1:2], bidder[1:2], 1, clip=clip)
    share = 1.0 if clip == "direction" else 0.5
    assert torch.allclose(found.gradient[0], share * alone.gradient[0])
    assert float(found.gradient[0].norm()) > 0


def test_nobody_sold_anything():
    nothing = torch.zeros(0, dtype=torch.int64)
    assert local_gradients(TASK, PARAMETERS, nothing, nothing, 2).gradient.tolist() == [[0.0] * TASK.dimension] * 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"clip": "records"}, "did you mean 'record'"),
        ({"clip_norm": 0.0}, "clip_norm = 0.0"),
        ({"norm_order": 3}, "norm_order = 3"),
        ({"bidders": 3}, "numbers from 0 to 2 in ascending order"),
        ({"bidder_of_row": BIDDER.flip(0)}, "in ascending order"),
        ({"bidder_of_row": BIDDER[:-1]}, r"pass shape \[30\]"),
    ],
)
def test_bad_input_is_refused(change, says):
    arguments = {"rows": ROWS, "bidder_of_row": BIDDER, "bidders": 4, **change}
    with pytest.raises(ValueError, match=says):
        local_gradients(TASK, PARAMETERS, **arguments)


@given(data=st.data(), sizes=st.lists(st.integers(1, 12), min_size=4, max_size=8))
def test_as_many_records_are_drawn_as_were_bought_and_all_are_hers(data, sizes):
    deal = partition(torch.tensor(sizes), sum(sizes), generator())
    owners = torch.tensor(data.draw(st.permutations(range(len(sizes))))[:3])
    counts = torch.tensor([data.draw(st.integers(0, sizes[owner])) for owner in owners])
    rows, bidder = draw_records(deal, owners, counts, generator())
    assert bidder.bincount(minlength=3).tolist() == counts.tolist()
    assert bidder.tolist() == sorted(bidder.tolist())
    assert len(set(rows.tolist())) == len(rows)
    for place in range(3):
        hers = deal.rows(owners[place : place + 1])[0].tolist()
        assert set(rows[bidder == place].tolist()) <= set(hers)


def test_every_record_is_as_likely_to_be_drawn():
    deal = partition(torch.tensor([5, 7]), 12, generator(), shuffle=False)
    owners, counts = torch.tensor([1, 0]), torch.tensor([3, 5])
    drawn = [draw_records(deal, owners, counts, generator(seed))[0] for seed in range(700)]
    times = torch.stack(drawn).flatten().bincount(minlength=12)
    assert times[:5].tolist() == [700] * 5
    assert stats.chisquare(times[5:].numpy()).pvalue > 1e-3


def test_draws_do_not_depend_on_what_the_others_sell():
    deal = partition(torch.tensor([8, 8, 8]), 24, generator())
    owners, streams = torch.arange(3), [generator(1), generator(1)]
    rows, bidder = draw_records(deal, owners, torch.tensor([3, 8, 4]), streams[0])
    other, other_bidder = draw_records(deal, owners, torch.tensor([3, 0, 7]), streams[1])
    assert torch.equal(rows[bidder == 0], other[other_bidder == 0])
    assert set(rows[bidder == 2].tolist()) < set(other[other_bidder == 2].tolist())
    assert torch.equal(streams[0].get_state(), streams[1].get_state())


def test_more_records_than_she_has_are_refused():
    deal = partition(torch.tensor([2, 3]), 5, generator())
    with pytest.raises(ValueError, match=r"counts\[1\] = 3: owner 0 has 2 records"):
        draw_records(deal, torch.tensor([1, 0]), torch.tensor([3, 3]), generator())
    with pytest.raises(ValueError, match="round them down"):
        draw_records(deal, torch.tensor([1, 0]), torch.tensor([0.5, 1.0]), generator())
