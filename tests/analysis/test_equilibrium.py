"""Where the replicator dynamics lead: by hand in games of two strategies, and in auctions whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior
from analysis.empirical_game import pure_strategies
from analysis.equilibrium import basin_of, equilibrium, regret_of, replicator
from analysis.plots.equilibrium import equilibrium_figure, study_figure


def linear(matrix):
    """Payoffs of a matrix game, in one profile: row r of ``matrix`` is what playing r brings against each column."""
    table = torch.tensor(matrix).double()
    return lambda mixture: (mixture @ table.T)[:, None]


def start(*shares):
    return torch.tensor([list(shares)]).double()


def test_one_step_by_hand():
    """Payoffs 3 and 1 from equal shares: the better one's odds grow to e."""
    path = replicator(linear([[3.0, 3.0], [1.0, 1.0]]), start(0.5, 0.5), steps=1, step=1.0)
    assert path[1, 0, 0].item() == pytest.approx(math.e / (1 + math.e))


def test_what_is_dominated_dies_and_what_is_not_there_never_comes():
    path = replicator(linear([[3.0, 3.0], [1.0, 1.0]]), torch.cat([start(0.01, 0.99), start(0.0, 1.0)]), steps=60)
    assert path[-1, 0, 0] > 0.95
    assert torch.equal(path[-1, 1], start(0.0, 1.0)[0])
    assert path.sum(-1) == pytest.approx(torch.ones(61, 2).double())


def test_two_conventions_split_the_simplex():
    """Coordination at 2 against 1: the first wins from shares over 1/3."""
    starts = torch.cat([start(0.30, 0.70), start(0.37, 0.63), start(0.9, 0.1)])
    last = replicator(linear([[2.0, 0.0], [0.0, 1.0]]), starts, steps=100)[-1]
    assert (last[:, 0] > 0.5).tolist() == [False, True, True]
    found = basin_of(last)
    assert (found["basin"], found["starts"]) == (2 / 3, 3)
    assert found["basin_low"] < 2 / 3 < found["basin_high"] < 1


def test_hawks_and_doves_mix():
    """Value 2, cost 4: half of them hawks, and then nobody can gain."""
    game = linear([[-1.0, 2.0], [0.0, 1.0]])
    last = replicator(game, start(0.9, 0.1), steps=400)[-1]
    assert last[0, 0].item() == pytest.approx(0.5, abs=0.05)
    regret = regret_of(game(start(0.5, 0.5))[0].numpy(), [0.5, 0.5], ("hawk", "dove"), np.ones((1, 1)))
    assert regret["regret"] == 0.0


def test_regret_by_hand():
    """Two profiles: the lie brings 1 and 3 more than the truth, which half of the owners tell."""
    payoffs = np.array([[5.0, 6.0], [0.0, 3.0]])
    found = regret_of(payoffs, [0.5, 0.5], ("truthful", "misreport"), np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]))
    assert (found["regret"], found["best_reply"]) == (1.0, "misreport")
    # Over the mixture it brings 0.5 and 1.5: Student's interval of two values, without what no best reply can lose.
    assert found["regret_low"] == 0
    assert found["regret_high"] == pytest.approx(1 + 12.7062 * 0.5, abs=1e-3)


def two(*names):
    return {name: pure_strategies()[name] for name in ("truthful", *names)}


def small(name, **fields):
    given = {"owners": 5, "profiles": 12, "starts": 4, "steps": 40, "seed": 3, **fields}
    return equilibrium(load_auction(name), OwnerPrior(), **given)


def test_truth_has_no_regret_at_all_in_a_truthful_auction_and_is_what_remains():
    found = small("sequential-menu")
    for key in ("truth_regret", "truth_regret_low", "truth_regret_high"):
        assert found.regret[key] == 0.0
    assert found.regret["truth_best_reply"] == "truthful"
    assert (found.basin["basin"], found.basin["starts"]) == (1.0, 4)
    assert found.mixture["share"].iloc[0] > 0.95
    assert (found.matrix["gain"] <= 0).all()
    assert (found.matrix["gain_high"] <= 0).all()


def test_truth_dies_where_everybody_is_paid_what_she_asks():
    found = small("pay-as-bid", strategies=two("valuation x 1.5"))
    assert found.basin["basin"] == 0.0
    assert found.mixture.set_index("strategy")["share"]["valuation x 1.5"] > 0.95
    assert found.regret["truth_regret_low"] > 0
    assert found.regret["truth_best_reply"] == "valuation x 1.5"
    truth = found.matrix[found.matrix["strategy"] == "truthful"]
    assert truth["payoff"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    assert (found.matrix["low"] <= found.matrix["payoff"]).all()
    assert (found.matrix["payoff"] <= found.matrix["high"]).all()


def test_one_seed_one_game():
    first, second, other = (
        small("posted-price", strategies=two("valuation x 2"), steps=5, seed=seed) for seed in (3, 3, 4)
    )
    assert first.figures() == second.figures()
    assert first.paths.equals(second.paths)
    assert not first.paths.equals(other.paths)


def test_means_lie_inside_their_intervals():
    found = small("all-in", strategies=two("half the records"), steps=3)
    gains = found.matrix["gain"]
    assert ((found.matrix["gain_low"] <= gains) & (gains <= found.matrix["gain_high"])).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"profiles": 1}, "profiles = 1"),
        ({"starts": -1}, "starts = -1"),
        ({"steps": 0}, "steps = 0"),
        ({"step": 0.0}, "step = 0.0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_input_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        small("pay-as-bid", **fields)


def test_without_random_starts_nothing_is_known_of_the_basin():
    found = small("pay-as-bid", starts=0, steps=2)
    assert math.isnan(found.basin["basin"])
    assert (found.basin["basin_low"], found.basin["basin_high"]) == (0.0, 1.0)


def test_the_figure_shows_every_gain_and_every_path():
    found = small("pay-as-bid", strategies=two("valuation x 1.5", "valuation x 2"), steps=6)
    gains, paths = equilibrium_figure(found.matrix, found.paths, name="pay-as-bid").axes[:2]
    assert [text.get_text() for text in gains.get_xticklabels()] == list(found.strategies)
    written = {text.get_text() for text in gains.texts}
    assert len(gains.texts) == 9
    assert "0" in written
    assert len(paths.lines) == 5
    truth = found.paths[(found.paths["strategy"] == "truthful") & (found.paths["start"] == 0)]["share"]
    np.testing.assert_allclose(paths.lines[-1].get_ydata(), truth)


def test_the_studys_figure_has_a_row_per_auction_and_a_line_per_game():
    found = small("pay-as-bid", strategies=two("valuation x 1.5"), steps=6)
    truthful = found.matrix[(found.matrix["against"] == "truthful") & (found.matrix["strategy"] != "truthful")]
    gains = truthful.rename(columns={"strategy": "misreport"}).assign(auction="pay-as-bid")
    heat, paths = study_figure(gains, {"pay-as-bid": found.paths}).axes[:2]
    assert [text.get_text() for text in heat.get_yticklabels()] == ["pay-as-bid"]
    assert [line.get_label() for line in paths.lines] == ["pay-as-bid"]
