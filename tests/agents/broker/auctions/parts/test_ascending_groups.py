"""Who is asked when by the ascending menu: groups, turns, blocks and the classes of sizes, on small markets."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.parts import ascending_groups
from agents.broker.auctions.parts.ascending_groups import SizeClasses, in_groups, most_turns, second_group_size
from agents.checks import MAX_RECORDS


def test_the_last_fifth_is_the_second_group_and_of_one_or_two_owners_nobody():
    counts = torch.arange(14)
    assert second_group_size(counts).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert most_turns(10) == 8
    assert (most_turns(32), most_turns(5000)) == (26, 34)


def test_owners_are_asked_in_ascending_order_ties_by_index_and_the_absent_not_at_all():
    # Owner 2 is absent: of the five others the last, owner 5, is the second group.
    first, second = in_groups(torch.tensor([[7, 3, 0, 7, 1, 9]]))
    assert first.owner.flatten().tolist() == [4, 1, 0, 3]
    assert first.size.flatten().tolist() == [1, 3, 7, 7]
    assert first.waiting.tolist() == [[4, 3, 2, 1]]
    assert second.owner.flatten().tolist() == [5]


def test_the_last_turns_of_all_markets_stand_in_the_last_column():
    first, _ = in_groups(torch.tensor([[5, 2, 3], [4, 0, 0]]))
    # Three owners are two and one; the other market has one turn, and a vacant place (owner 3) in front.
    assert first.owner[..., 0].tolist() == [[1, 0], [3, 0]]
    assert first.waiting.tolist() == [[2, 1], [1, 1]]


def test_blocks_are_filled_from_the_largest_owner_down(monkeypatch):
    monkeypatch.setattr(ascending_groups, "MAX_ALONE", 4)
    monkeypatch.setattr(ascending_groups, "LARGEST_ALONE", 0)
    first, second = in_groups(torch.tensor([[60, 10, 50, 20, 40, 30, 70]]))  # blocks of two; six and one
    assert first.size.tolist() == [[[10, 20], [30, 40], [50, 60]]]
    assert first.waiting.tolist() == [[6, 4, 2]]
    assert second.size.tolist() == [[[0, 70]]]
    first, second = in_groups(torch.tensor([[50, 10, 30, 20, 40, 70]]))  # five and one
    assert first.size.tolist() == [[[0, 10], [20, 30], [40, 50]]]
    assert first.waiting.tolist() == [[5, 4, 2]]
    assert second.owner.tolist() == [[[6, 5]]]  # 6 is nobody


def test_the_largest_owners_of_a_group_have_turns_of_their_own(monkeypatch):
    monkeypatch.setattr(ascending_groups, "MAX_ALONE", 4)
    first, second = in_groups(torch.tensor([[60, 10, 50, 20, 40, 30, 70]]), alone=3)  # blocks of two; six and one
    assert first.size.tolist() == [[[0, 10], [20, 30], [0, 40], [0, 50], [0, 60]]]
    assert first.waiting.tolist() == [[6, 5, 3, 2, 1]]
    assert second.size.tolist() == [[[0, 70]]]


def test_classes_have_whole_edges_and_a_largest_size():
    classes = SizeClasses.in_records(torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64), mean_size=11.0)
    assert classes.edges.tolist() == [0, 6, 22]
    assert classes.of(torch.tensor([1, 5, 6, 21, 22, 10**9])).tolist() == [0, 0, 1, 1, 2, 2]
    assert classes.most_records().tolist() == [5, 21, MAX_RECORDS]


@pytest.mark.parametrize(
    ("sizes", "lowest", "actual"),
    [([7, 30, 1, 9], 1, 2), ([30, 30, 1, 9], 2, 2), ([1, 2, 3, 9], 0, 0), ([40], 0, 2), ([40, 9], 1, 2)],
)
def test_the_message_says_the_classes_of_the_two_largest(sizes, lowest, actual):
    classes = SizeClasses(torch.tensor([0, 5, 20]))
    first, _ = in_groups(torch.tensor([sizes]))
    z2, z1 = first.message(classes)
    assert (int(z2), int(z1)) == (lowest, actual)


def test_an_owner_alone_in_her_group_could_be_of_any_lower_class():
    classes = SizeClasses(torch.tensor([0, 5, 20]))
    _, second = in_groups(torch.tensor([[1, 2, 40]]))
    z2, z1 = second.message(classes)
    assert (int(z2), int(z1)) == (0, 2)
