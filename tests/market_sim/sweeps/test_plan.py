"""What a sweep plays: grid, zipped lists, excluded cells, and names that say what is in a cell."""

from __future__ import annotations

import pytest

from market_sim.sweeps.plan import SweepPlan, cell_name, read_plan, runs_of

FILE = """
seeds = 3
[fields]
rounds = 4
strategies = { truthful = 0.5, scaled-valuation = 0.5 }
[grid]
auction = ["all-in", "sequential-menu"]
budget_factor = [0.1, 1.0]
[[zip]]
owners = [20, 60]
bidders = [10, 30]
[[exclude]]
auction = "all-in"
budget_factor = [0.1]
"""


def test_a_file_says_what_is_varied_together_and_left_out(tmp_path):
    (tmp_path / "plan.toml").write_text(FILE)
    plan = read_plan(tmp_path / "plan.toml")
    cells = plan.cells()
    assert list(cells) == [
        "auction=all-in,budget_factor=1,owners=20,bidders=10",
        "auction=all-in,budget_factor=1,owners=60,bidders=30",
        "auction=sequential-menu,budget_factor=0.1,owners=20,bidders=10",
        "auction=sequential-menu,budget_factor=0.1,owners=60,bidders=30",
        "auction=sequential-menu,budget_factor=1,owners=20,bidders=10",
        "auction=sequential-menu,budget_factor=1,owners=60,bidders=30",
    ]
    market = plan.configs()["auction=all-in,budget_factor=1,owners=60,bidders=30"]
    assert (market.owners, market.bidders, market.rounds) == (60, 30, 4)
    assert plan.varied == ["auction", "budget_factor", "owners", "bidders"]


def test_every_seed_comes_to_all_cells_before_the_next():
    keys = [key for key, _, _ in runs_of(SweepPlan(grid={"auction": ["a", "b"]}).cells(), [0, 1])]
    assert keys == ["auction=a,seed=0", "auction=b,seed=0", "auction=a,seed=1", "auction=b,seed=1"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "market"),
        ({"budget_factor": [0.1, 2]}, "budget_factor=[0.1;2]"),
        ({"strategies": {"truthful": 0.5, "hedge": 0.5}}, "strategies=truthful:0.5+hedge:0.5"),
        ({"first_best": True, "wallet": None, "data": "a/b"}, "first_best=true,wallet=null,data=a/b"),
    ],
)
def test_names_of_cells(values, name):
    assert cell_name(values) == name


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"grid": {"auctoin": ["all-in"]}}, "did you mean 'auction'"),
        ({"grid": {"auction": "all-in"}}, "pass the list of the values"),
        ({"grid": {"owners": [1]}, "fields": {"owners": 3}}, "'owners' is set twice"),
        ({"zipped": [{"owners": [1, 2], "bidders": [1]}]}, "differ in length"),
        ({"seeds": 0}, "seeds = 0"),
        ({"grid": {"owners": [20]}, "exclude": [{"bidders": 3}]}, "excluded cell"),
    ],
)
def test_what_cannot_be_played_is_refused(plan, said):
    with pytest.raises((TypeError, ValueError), match=said):
        SweepPlan(**plan)


def test_a_bad_cell_is_named():
    plan = SweepPlan(grid={"owners": [60, 5]})
    with pytest.raises(ValueError, match="cell owners=5: bidders = 30"):
        plan.configs()
    with pytest.raises(ValueError, match="comes twice"):
        SweepPlan(grid={"owners": [60, 60]}).cells()
    with pytest.raises(ValueError, match="every cell is excluded"):
        SweepPlan(grid={"owners": [60]}, exclude=[{"owners": 60}]).cells()
