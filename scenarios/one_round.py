"""What happens in one round of the market?

Twelve rounds of a small market are played; the last one is drawn, a picture a phase. ``make gallery`` draws those of
``docs/how_it_works.md`` so.
"""

from __future__ import annotations

from pathlib import Path

import torch

from agents.broker.aggregation import upload_weights
from agents.broker.error_bound import bought_share
from agents.messages import Outcome
from analysis.plots.phases import PlayedRound, phase_figures
from analysis.plots.style import save
from market_sim import FLMarket, MarketConfig
from market_sim.results import Results
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

DURATION = "some seconds"

MARKET = MarketConfig(
    owners=24,
    bidders=12,
    rounds=12,
    strategies={"truthful": 0.5, "scaled-valuation": 0.25, "random-misreport": 0.25},
)


def run(*, seed: int = 1, out: Path = Path("runs/one-round-seed1"), progress: bool = True) -> Answer:
    """Play, and draw the last round into ``out``: a PNG file a phase.

    Parameters
    ----------
    seed : int
        Of everything random.
    out : Path
        Directory to write.
    progress : bool
        Whether to show a progress bar.
    """
    with (
        scenario_directory(out, {"scenario": "one-round", "seed": seed}) as folder,
        torch_threads(1),
        bar(progress, "playing", MARKET.rounds) as advance,
    ):
        model = FLMarket(MARKET, seed=seed)
        for number in range(MARKET.rounds):
            model.step()
            advance(f"round {number + 1}")
        played = last_round(model)
        figures = phase_figures(played)
        for place, (name, figure) in enumerate(figures.items(), start=1):
            save(figure, folder / f"{place}-{name}.png")
    row, trades = played.rounds.iloc[-1], played.trades
    lies = trades["misreport_gain"].dropna()
    summary = (
        f"Announce: the buyer can spend {row['budget']:.4g}.",
        f"Bid: {len(trades)} owners say what they want, {len(lies)} of them not the truth.",
        f"Auction: {row['sellers']} sell, for {row['spent']:.4g} in all.",
        f"Upload: with noise of {played.sold['noise'].min():.3g} to {played.sold['noise'].max():.3g} a coordinate.",
        f"Aggregate: the error bound is {row['error_bound']:.3g}.",
        f"Update: the model is right in {row['test_accuracy']:.1%} of the test records.",
        f"Settle: {int((lies > 0).sum())} of the {len(lies)} lies earned more than the truth would have.",
        f"Pictures: {out}",
    )
    figures_of_it = {"round": {name: getattr(value, "item", lambda v=value: v)() for name, value in row.items()}}
    return Answer(figures={**figures_of_it, "pictures": list(figures)}, summary=summary)


def last_round(model: FLMarket) -> PlayedRound:
    """The last round of a market with what is not in its tables: noise, weights and shares."""
    results = Results.of(model.tables(), {})
    rounds = results.rounds[results.rounds["buyer"] == 0]
    trades = results.trades
    trades = trades[(trades["round"] == rounds["round"].iloc[-1]) & (trades["buyer"] == 0)].reset_index(drop=True)
    sold = (trades["privacy_loss"], trades["payment"], trades["records"])
    outcome = Outcome(*(torch.tensor(column.to_numpy())[None] for column in sold))
    size = torch.tensor(trades["reported_data_size"].to_numpy())[None]
    variance = model.terms.variance(outcome.privacy_loss)
    weight = upload_weights(model.broker.aggregation, model.terms, outcome, size, variance)
    share = bought_share(outcome, size)
    added = {"noise": variance[0].sqrt().numpy(), "weight": weight[0].numpy(), "share": share[0].numpy()}
    return PlayedRound(rounds, trades.assign(**added))
