"""Tasks, auctions and strategies of one's own with the mistakes that come first, and results that were edited."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.messages import Outcome
from agents.owner.strategies.base import Strategy
from agents.tasks.base import stored_task
from market_sim import check_auction, load_results, run_market, verify
from tests.careless.cases import SMALL, Case

X, Y = torch.linspace(0, 1, 60, dtype=torch.float64).reshape(20, 3), torch.arange(20) % 2
NAN = X.clone()
NAN[3, 1] = torch.nan


def task(did: str, train: Any, test: Any = (X, Y), classes: int = 2) -> Case:
    return Case("task", did, lambda _: stored_task("mine", classes, train=train, test=test))


class Mine(Auction):
    """Buys nothing, unless a subclass makes a mistake."""

    name, memory = "mine", ()
    guarantees = Guarantees()

    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        return Outcome.nothing(*bids.shape)


class NoReturn(Mine):
    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        return None


class Divides(Mine):
    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        return 1 // 0


class Float32(Mine):
    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        nothing = Outcome.nothing(*bids.shape)
        return Outcome(privacy_loss=nothing.privacy_loss.float(), payment=nothing.payment, data_size=nothing.data_size)


class Negative(Mine):
    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        nothing = Outcome.nothing(*bids.shape)
        return Outcome(privacy_loss=nothing.privacy_loss, payment=nothing.payment - 1, data_size=nothing.data_size)


class SellsTooMuch(Mine):
    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        return Outcome(privacy_loss=2 * bids.privacy_budget, payment=0 * bids.privacy_budget, data_size=bids.data_size)


class NamedLikeAllIn(Mine):
    name = "all-in"


class NoName(Auction):
    guarantees = Guarantees()

    def allocate(self, bids: Any, budget: Any, generator: Any) -> Any:
        return Outcome.nothing(*bids.shape)


class Calm(Strategy):
    """The truth, unless a subclass makes a mistake."""

    name, memory = "calm", ()

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return types.truthful_bids()


class CalmNoReturn(Calm):
    name = "no-return"

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return None


class CalmFails(Calm):
    name = "fails"

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        if view.announcement.round == 1:
            raise KeyError("own mistake")
        return types.truthful_bids()


class CalmBoasts(Calm):
    name = "boasts"

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return types.truthful_bids().replace(data_size=types.data_size + 1)


class CalmOverstates(Calm):
    name = "overstates"

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return types.truthful_bids().replace(privacy_budget=types.privacy_budget * 2)


class CalmObserves(Calm):
    name = "observes"

    def observe(self, result: Any) -> None:
        raise RuntimeError("cannot look")


class CalmShort(Calm):
    name = "short"

    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return types.take(owners=torch.tensor([0])).truthful_bids()


class NamedLikeOurs(Calm):
    name = "hedge"


class Unnamed(Strategy):
    def bid(self, view: Any, types: Any, generator: Any) -> Any:
        return types.truthful_bids()


def auction(did: str, made: type[Auction]) -> Case:
    return Case("own auction", did, lambda _: run_market(**SMALL, auction=made()))


def strategy(did: str, made: Any) -> Case:
    return Case("own strategy", did, lambda _: run_market(**{**SMALL, "bidders": 8}, strategies={made: 1.0}))


def results(did: str, edit: Any) -> Case:
    """A slip with the results of a run that lies in ``run``."""

    def make(folder: Path) -> Any:
        run_market(**SMALL, seed=1, out=folder / "run")
        return edit(folder)

    return Case("results", did, make)


def saved(**change: Any) -> Any:
    """Saves the results elsewhere, with one table edited."""

    def edit(folder: Path) -> Any:
        whole = load_results(folder / "run")
        edited = {name: how(getattr(whole, name)) for name, how in change.items()}
        return dataclasses.replace(whole, **edited).save(folder / "copy")

    return edit


def _without_file(folder: Path) -> Any:
    (folder / "run" / "trades.parquet").unlink()
    return load_results(folder / "run")


def _edited_json(old: str, new: str) -> Any:
    def edit(folder: Path) -> Any:
        file = folder / "run" / "config.json"
        file.write_text(file.read_text().replace(old, new))
        return verify(folder / "run").shown().text().splitlines()[0]

    return edit


def _other_rounds(folder: Path) -> Any:
    return run_market(**{**SMALL, "rounds": 3}, seed=1, out=folder / "run")


def _foreign(folder: Path) -> Any:
    (folder / "run" / "notes.txt").write_text("mine")
    return run_market(**{**SMALL, "rounds": 2}, seed=1, out=folder / "run")


def _moved(folder: Path) -> Any:
    shutil.move(folder / "run" / "rounds.parquet", folder / "run" / "trades.parquet")
    return load_results(folder / "run")


CASES = [
    task("labels from 1", (X, Y + 1)),
    task("a label of -1 for unknown", (X, torch.where(torch.arange(20) == 5, -1, Y))),
    task("one-hot labels", (X, torch.eye(2)[Y])),
    task("labels 0.5", (X, Y + 0.5)),
    task("words for labels", (X, ["a"] * 20)),
    task("fewer labels than records", (X, Y[:10])),
    task("a NaN among the records", (NAN, Y)),
    task("no test records", (X, Y), (X[:0], Y[:0])),
    task("a test set with fewer features", (X, Y), (X[:, :2], Y)),
    task("one class", (X, Y * 0), (X, Y * 0), 1),
    Case("task", "a task of one's own that is not there", lambda _: run_market(**{**SMALL, "task": "mine:load"})),
    Case(
        "task", "a function that returns no task", lambda _: run_market(owners=8, bidders=4, rounds=1, task=lambda: 3)
    ),
    Case("task", "an option that it does not have", lambda _: run_market(**{**SMALL, "task_options": {"rows": 9}})),
    auction("it forgets to return", NoReturn),
    auction("it divides by 0", Divides),
    auction("float32", Float32),
    auction("a negative payment", Negative),
    auction("it sells twice what is offered", SellsTooMuch),
    auction("it has the name of ours", NamedLikeAllIn),
    auction("no name", NoName),
    Case("own auction", "`check_auction(Mine)` (the class)", lambda _: check_auction(Mine, profiles=1, misreports=1)),
    Case("own auction", '`check_auction("mine")`', lambda _: check_auction("mine", profiles=1, misreports=1)),
    strategy("it forgets to return", CalmNoReturn),
    strategy("it fails in round 1", CalmFails),
    strategy("it offers a record too many", CalmBoasts),
    strategy("it overstates the privacy budget", CalmOverstates),
    strategy("it fails when it observes", CalmObserves),
    strategy("it bids for one owner only", CalmShort),
    strategy("it has the name of ours", NamedLikeOurs),
    strategy("no name", Unnamed),
    strategy("an object in the place of the class", Calm(8)),
    strategy("a class that is none", dict),
    results("a column added to the trades", saved(trades=lambda table: table.assign(mine=1))),
    results("rows left out", saved(trades=lambda table: table.head(2))),
    results("a column left out", saved(trades=lambda table: table.drop(columns="payment"))),
    results("words for numbers", saved(rounds=lambda table: table.assign(budget="much"))),
    results("a file deleted", _without_file),
    results("one table in the place of another", _moved),
    results("a field of config.json renamed", _edited_json('"bidders"', '"bider"')),
    results("a value of config.json edited", _edited_json('"bidders": 4', '"bidders": 5')),
    results("config.json cut off", _edited_json('"config"', '"config')),
    results("another run into the same directory", _other_rounds),
    results("a run into a directory with a file of one's own", _foreign),
    Case("results", "`load_results` of nothing", lambda folder: load_results(folder / "runs")),
    Case("results", "`load_results` of an empty directory", lambda folder: load_results(folder)),
]
