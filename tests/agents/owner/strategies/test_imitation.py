"""Imitation: what is published, who reads it, and whom one copies."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
import torch

from agents.misreports.scalar import MISREPORTS, Misreport
from agents.network import OwnerNetwork
from agents.owner.notice_board import NoticeBoard
from agents.owner.strategies.base import Neighbours
from agents.owner.strategies.fermi_imitation import FermiImitation
from agents.owner.strategies.imitate_richest import ImitateRichest
from agents.owner.strategies.imitation import random_neighbour
from agents.owner.strategies.replicator_imitation import ReplicatorImitation
from agents.prior import OwnerPrior

KINDS = [ImitateRichest, FermiImitation, ReplicatorImitation]


def read(payoff: list[list[float]], misreport: list[list[int]], own: list[float]) -> Neighbours:
    return Neighbours(
        torch.tensor(payoff, dtype=torch.float64), torch.tensor(misreport), torch.tensor(own, dtype=torch.float64)
    )


class TestNoticeBoard:
    """Owner 1 knows 0 and 2; costs are whatever the prior says."""

    board: NoticeBoard
    types = OwnerPrior(records=300, owners=3).population(torch.Generator().manual_seed(0))
    cost = types.cost_at_own_budget()[0]

    def publish(self, board: NoticeBoard, arms: list[int], gains: list[float]) -> None:
        utility = torch.tensor(gains).double() * self.cost
        board.publish(torch.arange(3), self.types, MISREPORTS[torch.tensor(arms)].tell(self.types), utility)

    def test_payoffs_are_means_since_the_lie_was_first_told(self) -> None:
        board = NoticeBoard(OwnerNetwork(nx.path_graph(3)))
        assert board.payoff.isnan().all()
        self.publish(board, [0, 3, 5], [1.0, 2.0, 3.0])
        self.publish(board, [0, 3, 0], [2.0, 4.0, -1.0])
        assert board.misreport.tolist() == [0, 3, 0]
        assert board.payoff.tolist() == pytest.approx([1.5, 3.0, -1.0])

    def test_acquaintances_alone_read_them(self) -> None:
        board = NoticeBoard(OwnerNetwork(nx.path_graph(3)))
        self.publish(board, [0, 3, 5], [1.0, 2.0, 3.0])
        seen = board.seen_by(torch.tensor([1, 2]))
        assert seen.misreport.tolist() == [[0, 5], [3, -1]]
        assert seen.payoff[0].tolist() == pytest.approx([1.0, 3.0])
        assert seen.payoff[1, 0] == pytest.approx(2.0)
        assert seen.payoff[1, 1].isnan()
        assert seen.own.tolist() == pytest.approx([2.0, 3.0])

    def test_who_told_no_pure_lie_is_not_to_be_copied(self) -> None:
        board = NoticeBoard(OwnerNetwork(nx.path_graph(3)))
        odd = Misreport.of((1.17, 1.0, 1.0)).tell(self.types)
        board.publish(torch.arange(3), self.types, odd, torch.ones(3).double())
        assert board.seen_by(torch.tensor([1])).misreport.tolist() == [[-1, -1]]


class TestWhomToCopy:
    def test_the_richest_if_richer_than_oneself(self) -> None:
        seen = read(
            [[1.0, 3.0, float("nan")], [1.0, 3.0, 9.0], [1.0, 0.5, 0.0]],
            [[1, 2, 3], [4, 5, -1], [6, 7, 1]],
            [2.0, float("nan"), 2.0],
        )
        half = torch.full((3,), 0.5).double()
        assert ImitateRichest(3).misreport_to_copy(seen, half, half).tolist() == [2, 5, -1]

    def test_one_met_at_random_among_those_to_be_copied(self) -> None:
        seen = read([[1.0, 2.0, 3.0]] * 4, [[1, -1, 3]] * 3 + [[-1, -1, -1]], [0.0] * 4)
        payoff, misreport = random_neighbour(seen, torch.tensor([0.0, 0.49, 0.51, 0.5]).double())
        assert misreport.tolist() == [1, 1, 3, -1]
        assert payoff[:3].tolist() == [1.0, 1.0, 3.0]
        assert payoff[3].isnan()

    def test_fermi_copies_by_a_logistic_curve(self) -> None:
        seen = read([[0.1], [0.0], [-0.1]], [[2]] * 3, [0.0] * 3)
        strategy, whom = FermiImitation(3, noise=0.1), torch.zeros(3).double()
        chance = [1 / (1 + 2.718281828459045**-1), 0.5, 1 / (1 + 2.718281828459045)]
        for hair, expected in ((-1e-9, [2, 2, 2]), (1e-9, [-1, -1, -1])):
            assert (
                strategy.misreport_to_copy(seen, torch.tensor(chance, dtype=torch.float64) + hair, whom).tolist()
                == expected
            )

    def test_the_replicator_copies_in_proportion_to_the_difference(self) -> None:
        seen = read([[0.5], [0.5], [-0.5]], [[2]] * 3, [0.0] * 3)
        draws = torch.tensor([0.24, 0.26, 0.0]).double()
        assert ReplicatorImitation(3, span=2.0).misreport_to_copy(seen, draws, torch.zeros(3).double()).tolist() == [
            2,
            -1,
            -1,
        ]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryImitator:
    def test_some_begin_with_the_truth_and_the_others_with_any_lie(self, play: Any, kind: Any) -> None:
        game = play(kind, costs=(4.0,) * 2000, truth=0.7, graph=nx.empty_graph(2000))
        bids = game.bid()
        misreports = MISREPORTS.recognise(game.types, bids)
        share = misreports.bincount(minlength=len(MISREPORTS)) / 2000
        assert share[0] == pytest.approx(0.7, abs=0.04)
        assert share[1:].tolist() == pytest.approx([0.3 / 7] * 7, abs=0.02)

    def test_without_acquaintances_everybody_stays_as_she_is(self, play: Any, kind: Any) -> None:
        game = play(kind, costs=(4.0,) * 20, graph=nx.empty_graph(20))
        first = game.bid()
        board = NoticeBoard(game.public.network)
        again = game.bid(neighbours=board.seen_by(torch.arange(20)))
        assert torch.equal(first.valuation.factor, again.valuation.factor)

    def test_the_best_paid_lie_takes_over(self, play: Any, kind: Any) -> None:
        # All know all; at a cost of 4 and a budget of 10 asking twice as much is best.
        game = play(kind, costs=(4.0,) * 40)
        board = NoticeBoard(game.public.network)
        everybody = torch.arange(40)
        for _ in range(60):
            bids = game.bid(neighbours=board.seen_by(everybody))
            board.publish(everybody, game.types, bids, game.result(bids).utility)
        assert (board.misreport == 4).sum() >= 36

    def test_mutants_come_up_again(self, play: Any, kind: Any) -> None:
        game = play(kind, costs=(4.0,) * 2000, truth=1.0, mutation=0.5, graph=nx.empty_graph(2000))
        misreports = MISREPORTS.recognise(game.types, game.bid())
        assert (misreports != 0).double().mean() == pytest.approx(0.5 * 7 / 8, abs=0.04)


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [(FermiImitation, "noise", 0.0), (ReplicatorImitation, "span", 0.0), (ImitateRichest, "truth", 1.5)],
)
def test_options_that_make_no_sense_are_refused(kind: Any, option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} = "):
        kind(3, **{option: value})
