"""What docs/own_study.md tells a researcher to bring works when she brings it, and likely mistakes are told apart."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from agents.broker.auctions.base import FIELDS, Auction, Guarantees, MenuAuction
from agents.messages import Bids, Outcome
from agents.owner.strategies.base import Strategy
from agents.prior import OwnerPrior
from analysis.incentives.audit import audit
from analysis.incentives.settings import AuditSettings
from market_sim import MarketConfig, check_auction, run_market
from market_sim.results import load_results
from scenarios.commands.cli import app

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "own_study.md").read_text()
BLOCKS = re.findall(r"^```python ?(\S*)\n(.*?)^```", PAGE, flags=re.M | re.S)
COMMANDS = re.findall(r"^market-sim (.*)$", PAGE, flags=re.M)
SMALL = {"owners": 12, "bidders": 4, "rounds": 1, "clip": "owner", "clip_norm": 0.1}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The researcher's directory, her files in it."""
    folder = tmp_path_factory.mktemp("my-study")
    for table in (DOCS / "own_study").iterdir():
        shutil.copy(table, folder)
    for file, code in BLOCKS:
        if file:
            (folder / file).write_text(code)
    return folder


@pytest.fixture
def there(study, monkeypatch):
    """Work in that directory."""
    monkeypatch.chdir(study)
    monkeypatch.syspath_prepend(str(study))
    yield study
    for file, _ in BLOCKS:
        sys.modules.pop(Path(file).stem, None)


def test_the_study_runs_as_it_stands(there, capsys):
    names = {"__name__": "study"}
    for file, code in BLOCKS:
        if not file:
            exec(compile(code, "docs/own_study.md", "exec"), names)
    said = capsys.readouterr().out
    assert "30 owners hold 1046 records" in said
    assert "whole-room: REFUTED" in said
    for page in ("other-half/report.html", "comparison.html", "audit/gains-everything.png", "audit/audit.json"):
        assert (there / "runs" / page).is_file(), page
    trades = load_results("runs/other-half").trades
    assert set(trades["strategy"]) == {"truthful", "haggling", "imitate-richest"}
    assert trades["family"].isna().any()
    assert trades["own_cost"].notna().all()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run_as_typed(command, there):
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code == 0, result.output


def test_every_file_is_shown_and_every_table_is_read(study):
    assert {file for file, _ in BLOCKS if file} == {"other_half.py", "haggling.py"}
    head = (study / "owners.csv").read_text().splitlines()[:4]
    assert "\n".join(head) in PAGE
    assert len(COMMANDS) == 4


class Bare(Auction):
    """Sells nothing; every mistake below is one method of it."""

    name = "bare"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return Outcome.nothing(*bids.shape)


class Misshapen(Bare):
    name = "misshapen"

    def allocate(self, bids, budget, generator):
        return Outcome.nothing(bids.shape[0], 1)


class Tuple(Bare):
    name = "tuple"

    def allocate(self, bids, budget, generator):
        return bids.privacy_budget, budget


class Lopsided(MenuAuction):
    name = "lopsided"
    guarantees = Guarantees(truthful_in=FIELDS)

    def price_list(self, bids, budget):
        from agents.broker.auctions.base import Menu

        nothing = torch.zeros(1, 1, 2, dtype=torch.float64)
        return Menu(privacy_loss=nothing, price=nothing, records=nothing.long())


class NotANumber(Bare):
    name = "not-a-number"

    def allocate(self, bids, budget, generator):
        nothing = Outcome.nothing(*bids.shape)
        payment = nothing.payment.clone()
        payment[:, 2] = torch.nan
        return Outcome(privacy_loss=nothing.privacy_loss, payment=payment, data_size=nothing.data_size)


class Welfare(Bare):
    """Everybody on the list is paid a little, also who offers nothing."""

    name = "welfare"
    guarantees = Guarantees(truthful_in=FIELDS)

    def allocate(self, bids, budget, generator):
        nothing = Outcome.nothing(*bids.shape)
        share = (budget / 2 / bids.shape[1])[:, None].expand(bids.shape)
        there = torch.where(bids.present, 0.0, share)
        return Outcome(privacy_loss=nothing.privacy_loss, payment=there, data_size=nothing.data_size)


class Undeclared(Auction):
    name = "undeclared"

    def allocate(self, bids, budget, generator):
        return Outcome.nothing(*bids.shape)


class Nameless(Auction):
    guarantees = Guarantees()

    def allocate(self, bids, budget, generator):
        return Outcome.nothing(*bids.shape)


@pytest.mark.parametrize(
    ("auction", "said"),
    [
        (Misshapen(), r"auction 'misshapen' returned an outcome of shape \[\d+, 1\] for bids of shape \[\d+, \d+\]"),
        (Tuple(), "auction 'tuple' returned a tuple; return an Outcome"),
        (Lopsided(), r"auction 'lopsided' returned an array of price lists of shape \[1, 1, 2\] for bids of shape"),
        (NotANumber(), r"payment\[0, 2\] = nan: every value must be a finite number"),
    ],
)
def test_an_outcome_that_is_none_is_refused_everywhere_by_name(auction, said):
    with pytest.raises((TypeError, ValueError), match=said):
        run_market(**SMALL, auction=auction)
    with pytest.raises(ValueError, match=rf"auction '{auction.name}' fails on truthful bids .*{said}"):
        audit(auction, OwnerPrior(), AuditSettings(profiles=2, owners=4, queries=4, checks=False, controls=False))
    table = check_auction(auction, profiles=2, misreports=2).table.set_index("check")
    assert not table.loc["runs", "holds"]
    assert re.search(said.replace(r"[0, 2\]", r"[0, \d\]"), table.loc["runs", "where"])


def test_paying_who_is_not_there_is_found_by_check_and_audit():
    report = check_auction(Welfare(), profiles=2, misreports=2)
    assert not report.ok
    assert not report.table.set_index("check").loc["absent owners ignored", "holds"]
    found = audit(
        Welfare(),
        OwnerPrior(),
        AuditSettings(profiles=2, owners=3, queries=8, finalists=0, checks=False, controls=False),
    )
    assert not found.ok
    assert set(found.threats["everything"].owners["found_by"]) == {"staying away"}


def test_an_auction_declares_its_name_and_guarantees():
    with pytest.raises(TypeError, match=r"auction Undeclared has no guarantees: write guarantees = Guarantees\("):
        Undeclared()
    with pytest.raises(TypeError, match='auction Nameless has no name: write name = "my-auction" into the class'):
        Nameless()


class Boasting(Strategy):
    """Offers a record more than she has."""

    name = "boasting"

    def bid(self, view, types, generator):
        return types.truthful_bids().replace(data_size=types.data_size + 1)


def test_a_strategy_that_bids_more_than_there_is_is_named_with_owner_and_round():
    said = r"strategy 'boasting', owner \d+, round 0: data_size\[0, 0\] = (\d+) is above the true \d+: bid no more"
    with pytest.raises(ValueError, match=said):
        run_market(**SMALL, strategies={Boasting: 1.0})


def test_a_class_is_no_auction_and_an_object_no_strategy():
    with pytest.raises(TypeError, match=r"auction = Bare is a class; pass an instance, Bare\(\)"):
        MarketConfig(auction=Bare)
    with pytest.raises(TypeError, match="strategies: pass the class Boasting"):
        MarketConfig(strategies={Boasting(3): 1.0})
