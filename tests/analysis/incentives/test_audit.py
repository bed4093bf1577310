from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from agents.broker.auctions.base import FIELDS, Auction, Guarantees
from agents.broker.auctions.m_regretnet import MRegretNet
from agents.broker.auctions.parts.allocation_network import AllocationNetwork
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import auction_classes
from agents.files import plain
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, ParametricValuation
from analysis.incentives import campaign
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.registry import attacker_classes
from analysis.incentives.audit import audit
from analysis.incentives.case import Case
from analysis.incentives.chunk import allotted
from analysis.incentives.query_ledger import Attack
from analysis.incentives.results import AuditReport
from analysis.incentives.settings import AuditSettings
from analysis.incentives.threat_model import ThreatModel
from market_sim import FLMarket, MarketConfig, run_market
from tests.agents.broker.checking.cheats import OnlyWithAGenerator

SMALL: dict[str, Any] = {"profiles": 4, "owners": 4, "queries": 24, "finalists": 3, "chunk": 2, "controls": False}


class Crashing(Attacker):
    """Tells one lie and falls over."""

    name = "crashing"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        attack.query(attack.truth)
        raise RuntimeError("out of ideas")


class Overstating(Attacker):
    """Claims records that nobody has."""

    name = "overstating"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        attack.query(attack.truth.replace(data_size=attack.truth.data_size + 1))


class OwnRule(Auction):
    """A user's own: the first who is there sells all she has at half her privacy budget for what she says it costs."""

    name = "own-rule"
    guarantees = Guarantees(truthful_in=frozenset({"valuation"}))

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        first = torch.zeros_like(bids.data_size)
        first[:, 0] = bids.data_size[:, 0]
        loss = torch.where(first > 0, bids.privacy_budget / 2, 0.0)
        return Outcome(privacy_loss=loss, payment=bids.cost(loss, first).clamp(max=1e6), data_size=first)


def audited(auction: Auction | str, prior: OwnerPrior | None = None, **fields: Any) -> AuditReport:
    """The audit with its settings among the other arguments; without the checks, which have tests of their own."""
    fields = {"checks": False, **fields}
    names = AuditSettings.__dataclass_fields__
    settings = AuditSettings(**{name: value for name, value in fields.items() if name in names})
    return audit(auction, prior, settings, **{name: value for name, value in fields.items() if name not in names})


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_an_exact_mechanism_is_found_to_be_one() -> None:
    report = audited("sequential-menu", **SMALL)
    found = report.threats["everything"]
    assert report.ok
    assert found.claimed
    assert found.statistics["money"]["max"] == 0
    assert found.contradicted == 0
    assert found.late_growth == 0
    assert report.structure["holds"].all()
    assert set(report.structure["check"]) == {
        "outcome is choice from list",
        "own list ignores own bid",
        "truthful owners lose nothing",
        "sum of payments within budget",
    }


@pytest.mark.parametrize("auction", ["pay-as-bid", "fixed-share", "leaky-menu", "all-in"])
def test_what_is_known_to_pay_is_caught(auction: str) -> None:
    report = audited(auction, **SMALL | {"profiles": 12, "queries": 40, "chunk": 12})
    assert not report.ok
    found = report.threats["everything"]
    assert found.pays
    assert not found.exactly_0
    assert found.owners["paid"].sum() <= (found.owners["gain"] > 0).sum()
    assert found.statistics["gaining"]["over_0.01"]["mean"] > 0
    if auction == "leaky-menu":
        structure = report.structure.set_index("check")
        assert not structure.loc["own list ignores own bid", "holds"]


def test_every_claim_of_a_shipped_mechanism_is_kept_but_for_the_controls() -> None:
    for name, kind in auction_classes().items():
        claimed = kind.guarantees.truthful_in - kind.guarantees.verified
        if not claimed or kind.planted or kind.refuted:
            continue
        chosen = {field.replace("_", "-"): ThreatModel(frozenset({field})) for field in claimed}
        report = audited(name, threats=chosen, **SMALL | {"profiles": 2, "queries": 10, "finalists": 1})
        assert report.ok, name
        assert all(found.statistics["money"]["max"] == 0 for found in report.threats.values()), name


def test_claims_are_audited_apart_from_what_is_not_claimed() -> None:
    report = audited("posted-price", **SMALL)
    assert list(report.threats) == ["claimed", "everything"]
    assert report.ok
    assert not report.threats["claimed"].pays
    assert report.threats["claimed"].exactly_0
    assert report.threats["everything"].pays
    assert not report.threats["everything"].claimed


def test_who_claims_everything_may_be_asked_about_her_claims() -> None:
    report = audited("sequential-menu", threats=["claimed"], **SMALL | {"profiles": 2, "queries": 3})
    assert report.threats["claimed"].fields == tuple(sorted(FIELDS))
    with pytest.raises(ValueError, match="threats = 'claimed' is not known"):
        audited("fair-query", threats=["claimed"], **SMALL)


def test_all_queries_are_spent_and_counted() -> None:
    owners = audited("pay-as-bid", **SMALL).threats["everything"].owners
    assert set(owners["queries"]) == {24}
    assert len(owners) == 16
    assert (owners["data_size_ratio"] <= 1).all()


def test_what_one_attacker_leaves_over_goes_to_the_next() -> None:
    # The lattice has seven parts of the privacy budget to offer and no more.
    report = audited("fair-query", threats=["privacy-budget"], **SMALL | {"queries": 60})
    found = report.threats["privacy-budget"]
    assert set(found.owners["queries"]) == {60}
    assert found.attackers.set_index("attacker").loc["lattice", "queries"] == 7


def test_a_rule_of_ones_own_needs_only_to_be_an_auction() -> None:
    # Who is first is paid what she says, so saying more pays her, and nobody else can gain.
    report = audited(OwnRule(), OwnerPrior(records=2000, owners=20), **SMALL)
    owners = report.threats["claimed"].owners
    assert not report.ok
    assert (owners.loc[owners["owner"] == 0, "gain"] > 0).all()
    assert (owners.loc[owners["owner"] != 0, "gain"] == 0).all()


def test_an_attacker_that_fails_is_named_and_the_others_go_on() -> None:
    report = audited(PayAsBid(), attackers=["lattice", Crashing(), Overstating()], **SMALL)
    table = report.threats["everything"].attackers.set_index("attacker")
    assert table.loc["crashing", "note"] == "stopped in 2 of 2 chunks: RuntimeError: out of ideas"
    assert "data_size over the true one" in table.loc["overstating", "note"]
    assert table.loc["lattice", "found"] > 0
    assert len(report.failures) == 2
    assert "crashing" in json.dumps(report.figures())


def test_an_auction_that_fails_on_the_truth_is_refused_by_name() -> None:
    class Broken(OwnRule):
        name = "broken"

        def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
            raise ZeroDivisionError("k = n")

    with pytest.raises(ValueError, match=r"auction 'broken' fails on truthful bids \(ZeroDivisionError: k = n\)"):
        audited(Broken(), **SMALL)


def test_an_interrupted_audit_goes_on_with_the_same_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = audited("fair-query", **SMALL)
    done = []
    work = campaign._do

    def interrupted(stage: str, *rest: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(stage)
        return work(stage, *rest)

    monkeypatch.setattr(campaign, "_do", interrupted)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on from there"):
        audited("fair-query", out=tmp_path / "audit", **SMALL)
    assert done == ["first", "first", "second"]
    chunks = tmp_path / "audit" / "chunks"
    assert sorted(path.name for path in chunks.iterdir()) == ["everything-first", "everything-second"]
    # What was cut off is made again.
    (part,) = (chunks / "everything-first" / "parts").iterdir()
    part.write_bytes(part.read_bytes()[:-1])
    again: list[str] = []
    monkeypatch.setattr(campaign, "_do", lambda stage, *rest: (again.append(stage), work(stage, *rest))[1])
    resumed = audited("fair-query", out=tmp_path / "audit", **SMALL)
    assert again == ["first", "second"]
    same(resumed.threats["everything"].owners, undisturbed.threats["everything"].owners)
    same(resumed.threats["everything"].curves, undisturbed.threats["everything"].curves)
    assert resumed.figures() == undisturbed.figures()
    assert sorted(path.name for path in (tmp_path / "audit").iterdir()) == [
        "audit.json",
        "curves-everything.parquet",
        "owners-everything.parquet",
        "settings.json",
    ]


def test_a_directory_with_another_audit_is_left_alone(tmp_path: Path) -> None:
    audited("fair-query", out=tmp_path / "audit", **SMALL)
    before = (tmp_path / "audit" / "audit.json").read_text()
    with pytest.raises(FileExistsError, match=r"other settings \(seed\)|other settings \(fingerprint, seed\)"):
        audited("fair-query", out=tmp_path / "audit", seed=1, **SMALL)
    assert (tmp_path / "audit" / "audit.json").read_text() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"holds something else \(thesis.tex\)"):
        audited("fair-query", out=tmp_path / "mine", **SMALL)


def test_the_number_of_processes_changes_no_figure() -> None:
    one, two = (audited("fair-query", jobs=jobs, **SMALL) for jobs in (1, 2))
    same(one.threats["everything"].owners, two.threats["everything"].owners)
    assert one.figures() == two.figures()


@pytest.mark.parametrize("name", ["fair-query", "leaky-menu", "sequential-menu"])
def test_the_market_and_the_audit_agree_on_the_gain_of_a_lie(name: str) -> None:
    strategies = {"truthful": 0.9, "random-misreport": 0.1}
    config = MarketConfig(auction=name, owners=10, bidders=10, rounds=2, strategies=strategies)
    results, auction = run_market(config, seed=3), FLMarket(config, seed=3).broker.auction
    for number, rows in results.trades.groupby("round"):
        table = rows.reset_index(drop=True)
        types, misreports = _types(table, ""), _types(table, "reported_").truthful_bids()
        budget = column(results.rounds[results.rounds["round"] == number], "budget")[0]
        attack = Attack(Case(auction, types, budget, ThreatModel(), rerun=name == "leaky-menu"))
        attack.begin("the market's liar", 1)
        gain = attack.query(misreports)[0]
        recorded = table["misreport_gain"].dropna()
        assert len(recorded) == 1
        assert gain[recorded.index[0]].item() == pytest.approx(recorded.item(), abs=1e-9)


def column(table: pd.DataFrame, name: str) -> torch.Tensor:
    return torch.tensor([table[name].tolist()], dtype=torch.float64)


def _types(table: pd.DataFrame, said: str) -> OwnerTypes:
    family = torch.tensor([[FAMILIES.index(name) for name in table[f"{said}family"]]])
    return OwnerTypes(
        valuation=ParametricValuation(family=family, factor=column(table, f"{said}factor")),
        privacy_budget=column(table, f"{said}privacy_budget"),
        data_size=column(table, f"{said}data_size").long(),
    )


def test_a_budget_of_queries_is_dealt_out_to_the_last() -> None:
    attackers = [kind() for kind in attacker_classes().values()]
    for queries in (1, 7, 60, 300):
        plan = allotted(attackers, queries)
        assert sum(plan.values()) == queries
        assert min(plan.values()) >= 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"profiles": 0}, "profiles = 0: pass a whole number"),
        ({"queries": 2.5}, "queries = 2.5 is not a whole number"),
        ({"jobs": 0}, "jobs = 0"),
        ({"finalists": -1}, "finalists = -1"),
        ({"threats": []}, "threats is empty"),
        ({"threats": ["everythin"]}, "did you mean 'everything'"),
        ({"threats": "everything"}, "threats = 'everything': pass a list of names out of"),
        ({"threats": {"mine": "all"}}, r"threats\['mine'\] = 'all': pass a ThreatModel"),
        ({"threats": {"a/b": ThreatModel()}}, "use letters"),
        ({"attackers": ["latice"]}, "did you mean 'lattice'"),
        ({"attackers": []}, "attackers is empty"),
        ({"attackers": "lattice"}, "attackers = 'lattice': pass a list of names"),
        ({"attackers": ["lattice", "lattice"]}, "every name may stand there once"),
        ({"prior": 3}, "prior = 3: pass an OwnerPrior"),
        ({"seed": -1}, "seed = -1"),
        ({"out": ""}, "out = '' is empty"),
    ],
)
def test_bad_arguments_are_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        audited("fair-query", **SMALL | fields)
    with pytest.raises(TypeError, match="pass an Auction instance"):
        audited(OwnRule)  # type: ignore[arg-type]


def test_verified_fields_are_taken_out_of_threat_models_of_ones_own() -> None:
    report = audited("sequential-menu-verified", threats={"mine": ThreatModel(FIELDS)}, **SMALL)
    assert report.threats["mine"].fields == ("privacy_budget", "valuation")


def test_splitting_and_collusion_are_reported_apart() -> None:
    report = audited("sequential-menu", threats=["splitting", "collusion"], **SMALL | {"queries": 8, "chunk": 4})
    assert list(report.threats) == ["splitting", "collusion"]
    assert report.ok
    for found in report.threats.values():
        assert not found.claimed
        assert found.pays
        assert found.interim == {}


def test_a_lottery_is_audited_in_expectation() -> None:
    prior = OwnerPrior()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lottery = MRegretNet(prior.units, network=AllocationNetwork(4, 3, 8))
    one, other = (audited(lottery, prior, **SMALL) for _ in range(2))
    found = one.threats["everything"]
    assert found.pays
    assert found.contradicted == 0
    assert found.statistics["budget"]["lying_markets_overspent"] == 0
    assert one.figures() == other.figures()


def test_an_auction_for_a_fixed_number_of_bidders_cannot_be_split_and_the_report_says_so() -> None:
    class ForFour(PayAsBid):
        name = "for-four"

        def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
            if bids.shape[1] != 4:
                raise ValueError(f"{bids.shape[1]} bidders: this rule is for 4")
            return super().allocate(bids, budget, generator)

    report = audited(ForFour(), threats=["splitting", "collusion"], **SMALL | {"queries": 8})
    assert report.failures == [
        "splitting: pairs of lies: stopped in 2 of 2 chunks: ValueError: 5 bidders: this rule is for 4"
    ]
    assert report.threats["splitting"].statistics["owners"] == 0
    assert report.threats["collusion"].pays
    assert "NaN" not in json.dumps(plain(report.figures()))


def test_numbers_of_bidders_take_turns_chunk_by_chunk() -> None:
    settings = AuditSettings(profiles=6, owners=(3, 5), queries=20, finalists=2, chunk=2, checks=False, controls=False)
    found = audit("pay-as-bid", settings=settings, attackers=["random search", "cma-es"]).threats["everything"]
    assert found.owners.groupby("profile").size().tolist() == [3, 3, 5, 5, 3, 3]
    assert (found.owners["queries"] == 20).all()
    assert found.owners.groupby("profile")["gain"].max().min() > 0


def test_a_network_for_ten_is_audited_with_ten_at_most() -> None:
    settings = AuditSettings(profiles=4, owners=(3, 30), queries=4, finalists=0, chunk=2, checks=False, controls=False)
    found = audit("dm-regretnet", settings=settings, attackers=["random search"]).threats["everything"]
    assert found.owners.groupby("profile").size().tolist() == [3, 3, 10, 10]


@pytest.mark.parametrize(
    ("owners", "message"), [((), "owners is empty"), ((10, 0), r"owners\[1\] = 0"), (0, "owners = 0")]
)
def test_numbers_of_bidders_that_are_none_are_refused(owners: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AuditSettings(owners=owners)


def test_an_auction_that_is_honest_only_without_a_generator_is_refuted_by_the_checks() -> None:
    few = {"profiles": 3, "owners": 4, "queries": 6, "finalists": 0, "controls": False}
    report = audited(OnlyWithAGenerator(), checks=True, attackers=["random search"], **few)
    assert not report.ok
    assert "same with and without generator" in report.refuted
    assert report.figures()["checks"]
    # The attackers call it without one and find nothing.
    assert not any(found.pays for found in report.threats.values())
