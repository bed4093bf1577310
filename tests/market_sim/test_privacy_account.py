"""The privacy account of a run: plain sum and tight total in the trades, and which of them holds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from agents.composition import total_privacy_loss
from agents.messages import Bids
from agents.owner.strategies.base import MarketView
from agents.owner.strategies.registry import strategy_classes
from agents.owner.strategies.truthful import Truthful
from agents.perturbation.laplace import Laplace
from agents.types import OwnerTypes
from analysis.findings import findings
from analysis.privacy_account import NO_NOISE, privacy_sentences
from analysis.summary import privacy_spent
from market_sim import run_market
from market_sim.verification.verify import verify

SMALL: dict[str, Any] = {"owners": 12, "bidders": 8, "rounds": 6, "task": "synthetic", "seed": 1}


class Follower(Truthful):
    """Bids more the longer the model is."""

    name: ClassVar[str] = "model-follower"
    reads_model: ClassVar[bool] = True

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        by = 1 + view.announcement.parameters.norm().expand(types.shape)
        return types.truthful_bids().replace(valuation=types.valuation.scaled(by))


class Peeping(Follower):
    """Does not say that it reads the model."""

    name: ClassVar[str] = "peeping"
    reads_model: ClassVar[bool] = False


def said(results: Any) -> str:
    trades = results.trades.assign(seed=0)
    return " ".join(privacy_sentences(privacy_spent(trades), results.config["privacy_account"]))


def test_every_trade_has_the_tight_total_of_all_uploads_so_far() -> None:
    results = run_market(**SMALL, strategies={"truthful": 0.5, "identity-splitting": 0.5})
    for _, mine in results.trades.groupby("owner"):
        alone = mine[mine["identities"] == 1]
        if len(alone) < len(mine):
            continue  # the uploads of several names are not in the trades one by one
        for rows in range(1, len(mine) + 1):
            losses = mine["privacy_loss"].iloc[:rows].to_numpy()
            assert mine["privacy_total"].iloc[rows - 1] == total_privacy_loss(losses, 1e-6)
    assert (results.trades["privacy_total"] <= results.trades["privacy_spent"] * (1 + 1e-12)).all()
    assert (results.trades["delta_spent"] == 0).all()


def test_names_of_one_owner_are_composed_upload_by_upload() -> None:
    results = run_market(**SMALL, strategies={"identity-splitting": 1.0})
    for owner, mine in results.trades.groupby("owner"):
        theirs = results.identities[results.identities["owner"] == owner]["privacy_loss"].to_numpy()
        rest = mine[mine["identities"] == 1]["privacy_loss"].to_numpy()
        last = mine["privacy_total"].iloc[-1]
        assert last == pytest.approx(total_privacy_loss(np.concatenate([theirs, rest]), 1e-6), rel=1e-2)


class Reckless(Laplace):
    """Claims a delta as large as the market's for every upload."""

    name: ClassVar[str] = "reckless"
    delta: float = 1e-6


def test_where_deltas_add_up_to_more_than_that_of_the_market_the_total_is_said_to_be_infinite() -> None:
    results = run_market(**SMALL, perturbation=Reckless, strategies={"truthful": 1.0})
    assert np.isinf(results.trades["privacy_total"]).any()
    assert "It is infinite where an owner's uploads claim deltas that add up to more." in said(results)


def test_gaussian_composes_as_gaussian_and_its_deltas_add_up() -> None:
    results = run_market(**SMALL, perturbation="gaussian", delta=1e-5)
    sold = results.trades[results.trades["privacy_loss"] > 0]
    count = sold.groupby("owner")["round"].count()
    last = results.trades.groupby("owner").last()
    assert last["delta_spent"][count.index].to_numpy() == pytest.approx(1e-5 * count.to_numpy())
    assert (last["privacy_total"] < last["privacy_spent"] * (1 + 1e-6)).all()
    assert "deltas that add up to at most" in said(results)
    assert results.config["perturbation"]["claim"].startswith(
        "(epsilon, delta)-differential privacy with delta = 1e-05"
    )


def test_the_tight_total_holds_where_nobody_sees_the_model() -> None:
    results = run_market(**SMALL)
    assert results.config["privacy_account"]["holds"] == "total"
    assert "no loss depends on an upload: the tight total holds." in said(results)


def test_only_the_sum_holds_where_somebody_bids_by_the_model(tmp_path) -> None:
    results = run_market(**SMALL, strategies={"truthful": 0.5, Follower: 0.5}, out=tmp_path / "run")
    assert results.config["privacy_account"]["holds"] == "sum"
    assert "model-follower may bid by the global model, which the uploads made: only the plain sum holds." in said(
        results
    )
    assert verify(tmp_path / "run", replay=True).ok


def test_who_does_not_declare_to_read_the_model_is_not_shown_it() -> None:
    with pytest.raises(AttributeError, match="declare reads_model = True"):
        run_market(**SMALL, strategies={Peeping: 1.0})


def test_no_strategy_of_the_house_reads_the_model() -> None:
    assert not [name for name, kind in strategy_classes().items() if kind.reads_model]


def test_without_noise_nothing_is_promised() -> None:
    results = run_market(**SMALL, perturbation="none")
    assert results.config["privacy_account"]["holds"] == "none"
    assert (results.trades["privacy_total"] == np.inf).all()
    assert said(results) == NO_NOISE


def test_findings_hold_both() -> None:
    results = run_market(**SMALL)
    tables = {name: getattr(results, name).assign(seed=0) for name in ("rounds", "trades", "groups", "identities")}
    found = findings(tables, results.config["auction"]["guarantees"]).privacy
    assert 0 < found["total_median"] <= found["median"] * (1 + 1e-12)
    assert found["delta_largest"] == 0.0
