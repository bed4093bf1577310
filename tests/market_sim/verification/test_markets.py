"""Markets of every kind are verified, and what cannot be had again is taken from the record and said to be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest
import torch

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.owner.strategies.truthful import Truthful
from agents.types import OwnerTypes
from agents.valuation import tabulated
from market_sim import FLMarket, load_results, run_market, verify
from market_sim.verification.not_recomputed import LEARNED

SMALL: dict[str, Any] = {
    "owners": 16,
    "bidders": 5,
    "rounds": 4,
    "task": "synthetic",
    "task_options": {"features": 2},
    "strategies": {"truthful": 0.5, "scaled-valuation": 0.5},
}
DECISIONS = {"reported_family", "reported_factor", "reported_privacy_budget", "reported_data_size", "transfer", "group"}


class Dearest(AllIn):
    """An auction of one's own."""

    name: ClassVar[str] = "dearest"


class Budgeted(Dearest):
    """One that is made with an argument."""

    def __init__(self, share: float = 1.0) -> None:
        super().__init__()
        self.share = share

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return super().allocate(bids, budget * self.share, generator)


class Schemer(Strategy):
    """Bids a table, under two names if she can, uploads with more noise, and gives what she earns to her partner."""

    name: ClassVar[str] = "schemer"

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        curve = tabulated(types.valuation, [0.5, 1.0, 2.0]).scaled(1 + view.draw(generator))
        return types.truthful_bids().replace(valuation=curve, privacy_budget=types.privacy_budget / 2)

    def identities(self, view: MarketView, types: OwnerTypes) -> torch.Tensor:
        third = types.data_size[0] // 3
        return torch.stack([third, third, types.data_size[0] - 2 * third])

    def groups(self, view: MarketView) -> torch.Tensor:
        return torch.zeros(len(view.member), dtype=torch.int64)

    def upload(self, view: MarketView, privacy_loss: torch.Tensor) -> torch.Tensor:
        return torch.where(view.member % 2 == 0, privacy_loss / 2, privacy_loss)

    def settle(self, result: RoundResult) -> torch.Tensor:
        paid = torch.zeros_like(result.utility)
        if len(paid) > 1:
            paid[0], paid[1] = -1.5, 1.5
        return paid


class Follower(Truthful):
    """Bids what the global model says."""

    name: ClassVar[str] = "follower"
    reads_model: ClassVar[bool] = True

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        by = 1 + view.announcement.parameters.abs().sum().expand(types.shape)
        return types.truthful_bids().replace(valuation=types.valuation.scaled(by))


def forget(run: Path, *names: str) -> None:
    """As if the class had been defined in a script."""
    manifest = json.loads((run / "config.json").read_text())
    for name in names:
        if name in manifest["own_strategies"]:
            manifest["own_strategies"][name]["class"] = None
        else:
            manifest["auction"]["construct"] = None
    (run / "config.json").write_text(json.dumps(manifest))


def change(run: Path, table: str, column: str, value: Any, row: int) -> None:
    results = load_results(run)
    frame = getattr(results, table)
    frame.loc[row, column] = value
    results.config["seconds"] = 0.0
    results.save(run)


@pytest.mark.parametrize(
    "fields",
    [
        {"auction": "sequential-menu", "buyers": 2, "wallet": (2e3, 1e9)},
        {"auction": "m-regretnet", "lifetime_allowance": 1.5, "rounds": 8},
        {"auction": "regretnet", "strategies": {"truthful": 0.5, "extra-noise": 0.5}},
        {"strategies": {"identity-splitting": 0.5, "truthful": 0.5}, "strategy_options": {}},
        {"strategies": {"collusion-ring": 0.5, "truthful": 0.5}, "network": "ring", "auction": "pay-as-bid"},
        {"strategies": {"hedge": 0.3, "exp3": 0.3, "q-learning": 0.4}, "auction": "pay-as-bid", "rounds": 8},
        {"strategies": {"fermi-imitation": 0.5, "best-response": 0.5}, "network": "small-world"},
        {"perturbation": "laplace", "noise_source": "opendp"},
        {"auction": Dearest(), "strategies": {Schemer: 0.5, "truthful": 0.5}},
        {"first_best": True, "sizes": "zipf", "budgets": "independent", "error_bound": "full"},
    ],
)
def test_what_the_market_wrote_down_is_what_comes_of_it(fields: dict[str, Any], tmp_path: Path) -> None:
    if fields.get("noise_source") == "opendp":
        pytest.importorskip("opendp")
    run_market(**{**SMALL, **fields}, seed=5, out=tmp_path / "run")
    found = verify(tmp_path / "run")
    assert (found.problem, found.disagreements) == (None, ())
    left = found.of_kind("not verified")
    assert {table: tuple(left[table]) for table in left if table != "config.json"} == LEARNED
    trades = pq.read_table(tmp_path / "run" / "trades.parquet")
    change(tmp_path / "run", "trades", "utility", trades["utility"][3].as_py() + 1, 3)
    (disagreement,) = verify(tmp_path / "run").disagreements
    assert (disagreement.table, disagreement.column, disagreement.row) == ("trades", "utility", 3)


def test_noise_that_cannot_be_seeded_leaves_only_the_learning_out(tmp_path: Path) -> None:
    pytest.importorskip("opendp")
    run_market(**SMALL, perturbation="laplace", noise_source="opendp", out=tmp_path / "run")
    found = verify(tmp_path / "run", replay=True)
    assert found.ok
    assert "noise from 'opendp' cannot be seeded" in found.not_verified()
    assert not found.of_kind("replayed")


def test_of_an_interrupted_run_the_completed_rounds_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = FLMarket._play_round

    def interrupted(model: FLMarket, *given: Any) -> Any:
        if model.round == 2:
            raise KeyboardInterrupt
        return play(model, *given)

    with monkeypatch.context() as patch:
        patch.setattr(FLMarket, "_play_round", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_market(**SMALL, out=tmp_path / "run")
    found = verify(tmp_path / "run")
    assert (found.ok, found.rounds) == (True, 2)
    assert found.notes == ("The run was interrupted after 2 of 4 rounds.",)


class TestStrategyOfAScript:
    """Its decisions are taken from the tables, and all that follows from them is recomputed."""

    FIELDS: ClassVar[dict[str, Any]] = {**SMALL, "strategies": {Schemer: 0.5, "scaled-valuation": 0.5}, "buyers": 2}

    @pytest.fixture
    def run(self, tmp_path: Path) -> Path:
        run_market(**self.FIELDS, auction="pay-as-bid", lifetime_allowance=4.0, out=tmp_path / "run")
        assert load_results(tmp_path / "run").config["own_strategies"]["schemer"]["class"].endswith(":Schemer")
        forget(tmp_path / "run", "schemer")
        return tmp_path / "run"

    def test_is_said_not_to_be_verified(self, run: Path) -> None:
        found = verify(run)
        assert (found.problem, found.disagreements) == (None, ())
        of = {(column.table, column.column): column for column in found.columns}
        trades = load_results(run).trades
        theirs = int((trades["strategy"] == "schemer").sum())
        for name in DECISIONS:
            assert (of["trades", name].rows, of["trades", name].not_verified) == (len(trades) - theirs, theirs)
            assert "strategy 'schemer' was defined in a script" in of["trades", name].reason
        for name in ("utility", "payment", "privacy_loss", "misreport_gain", "cost", "budget", "owner", "factor"):
            table = "rounds" if name == "budget" else "trades"
            assert of[table, name].not_verified == 0, name
        assert of["groups", "gain"].agree == of["groups", "gain"].rows > 0
        assert of["identities", "payment"].agree == of["identities", "payment"].rows > 0

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("trades", "payment"),
            ("trades", "misreport_gain"),
            ("groups", "gain"),
            ("identities", "payment"),
            ("rounds", "spent"),
            ("rounds", "truthful_spent"),
            ("trades", "factor"),
        ],
    )
    def test_what_follows_from_it_cannot_be_edited(self, run: Path, table: str, column: str) -> None:
        frame = getattr(load_results(run), table)
        row = int(frame.index[frame[column].notna()][-1])
        change(run, table, column, frame[column][row] + 1, row)
        (disagreement,) = verify(run).disagreements
        assert (disagreement.table, disagreement.column, disagreement.row) == (table, column, row)

    def test_its_bids_cannot_be_edited_unless_nothing_follows(self, run: Path) -> None:
        identities = load_results(run).identities
        change(run, "identities", "reported_privacy_budget", identities["reported_privacy_budget"][0] / 2, 0)
        assert "privacy_loss" in {disagreement.column for disagreement in verify(run).disagreements}

    def test_an_impossible_bid_is_a_disagreement(self, run: Path) -> None:
        change(run, "identities", "reported_data_size", 10**6, 0)
        found = verify(run)
        assert not found.ok
        assert found.problem is not None
        assert found.problem.startswith("round 0 cannot be played: strategy 'schemer', owner")

    def test_a_replay_needs_it(self, run: Path) -> None:
        found = verify(run, replay=True)
        assert found.ok
        assert "test_loss" in found.of_kind("not verified")["rounds"]


def test_of_an_auction_that_cannot_be_had_again_the_outcome_is_taken_from_the_record(tmp_path: Path) -> None:
    run_market(**SMALL, auction=Budgeted(0.5), out=tmp_path / "run")
    assert load_results(tmp_path / "run").config["auction"]["construct"] is None
    found = verify(tmp_path / "run")
    assert (found.problem, found.disagreements) == (None, ())
    unverified = found.of_kind("not verified")
    assert {"payment", "truthful_utility", "misreport_gain"} <= set(unverified["trades"])
    assert not {"utility", "reported_factor", "cost", "truthful", "owner"} & set(unverified["trades"])
    assert "spent" not in unverified["rounds"]
    payment = load_results(tmp_path / "run").trades["payment"]
    change(tmp_path / "run", "trades", "payment", payment[2] + 1, 2)
    columns = {disagreement.column for disagreement in verify(tmp_path / "run").disagreements}
    assert {"utility", "spent", "owner_surplus"} <= columns


def test_who_reasons_with_an_unknown_rule_is_taken_from_the_record_too(tmp_path: Path) -> None:
    run_market(**{**SMALL, "strategies": {"best-response": 1.0}}, auction=Budgeted(0.5), out=tmp_path / "run")
    found = verify(tmp_path / "run")
    assert (found.problem, found.disagreements) == (None, ())
    assert "reported_factor" in found.of_kind("not verified")["trades"]


def test_who_reads_the_global_model_is_verified_by_a_replay_only(tmp_path: Path) -> None:
    run_market(**{**SMALL, "strategies": {Follower: 0.5, "truthful": 0.5}}, out=tmp_path / "run")
    found = verify(tmp_path / "run")
    assert found.ok
    assert "a strategy reads the global model, which only a replay learns" in found.not_verified()
    replayed = verify(tmp_path / "run", replay=True)
    assert replayed.ok
    assert set(replayed.of_kind("not verified")) == {"config.json"}


def test_an_auction_that_was_made_without_arguments_is_made_again(tmp_path: Path) -> None:
    results = run_market(**SMALL, auction=Dearest(), out=tmp_path / "run")
    assert results.config["auction"]["construct"].endswith(":Dearest")
    utility = results.trades["utility"][0]
    assert verify(tmp_path / "run").ok
    change(tmp_path / "run", "trades", "utility", math.nextafter(utility, math.inf), 0)
    assert not verify(tmp_path / "run").ok


def test_an_auction_that_was_passed_as_its_name_gives_it_is_found_by_its_name(tmp_path: Path) -> None:
    menu = load_auction("sequential-menu", prior=FLMarket(**SMALL, seed=0).prior)
    results = run_market(**SMALL, auction=menu, out=tmp_path / "run")
    assert results.config["auction"]["construct"] == "sequential-menu"
    assert verify(tmp_path / "run").ok
