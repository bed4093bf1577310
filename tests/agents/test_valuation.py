"""Valuations: four families and tables, checked by hand, against one another and for any curve."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, Valuation, tabulated

LEVELS = torch.tensor([0.25, 0.5, 1.0, 1.7, 2.0], dtype=torch.float64)


def family(name: str, factor: float = 1.0) -> ParametricValuation:
    return ParametricValuation(family=[[FAMILIES.index(name)]], factor=[[factor]])


def at(valuation: Valuation, privacy_loss: float) -> float:
    return valuation.at(torch.tensor([[privacy_loss]], dtype=torch.float64)).item()


@st.composite
def parametric(draw: st.DrawFn, batch: int = 2, owners: int = 3) -> ParametricValuation:
    index = st.integers(0, len(FAMILIES) - 1)
    factor = st.floats(0, 10)
    cells = [[(draw(index), draw(factor)) for _ in range(owners)] for _ in range(batch)]
    return ParametricValuation(
        family=[[cell[0] for cell in row] for row in cells], factor=[[cell[1] for cell in row] for row in cells]
    )


@st.composite
def tables(draw: st.DrawFn, batch: int = 2, owners: int = 3) -> TabulatedValuation:
    step = st.floats(0.01, 2)
    levels = torch.tensor(draw(st.lists(step, min_size=1, max_size=6)), dtype=torch.float64).cumsum(0)
    rise = st.lists(st.floats(0, 5), min_size=len(levels), max_size=len(levels))
    cost = torch.tensor([[draw(rise) for _ in range(owners)] for _ in range(batch)], dtype=torch.float64)
    return TabulatedValuation(levels=levels, cost=cost.cumsum(-1))


@st.composite
def mixed(draw: st.DrawFn) -> MixedValuation:
    mask = [[draw(st.booleans()) for _ in range(3)] for _ in range(2)]
    return MixedValuation(mask=torch.tensor(mask), first=draw(parametric()), second=draw(tables()))


any_valuation = st.one_of(parametric(), tables(), mixed())


@pytest.mark.parametrize(
    ("name", "privacy_loss", "worth"),
    [
        ("linear", 1.0, 2.0),
        ("linear", 0.5, 1.0),
        ("quadratic", 1.0, 1.0),
        ("quadratic", 2.0, 4.0),
        ("square_root", 1.0, 2.0),
        ("square_root", 0.25, 1.0),
        ("exponential", 1.0, math.e - 1),
        ("exponential", 2.0, math.e**2 - 1),
    ],
)
def test_the_papers_families(name, privacy_loss, worth):
    assert at(family(name), privacy_loss) == pytest.approx(worth, rel=1e-15)
    assert at(family(name, 1.5), privacy_loss) == pytest.approx(1.5 * worth, rel=1e-15)


def test_a_table_is_piecewise_linear_through_nothing_and_ends_at_its_last_level():
    curve = TabulatedValuation(levels=[0.5, 1.0, 2.0], cost=[[[1.0, 2.0, 6.0]]])
    transcript = [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 1.5), (1.0, 2.0), (1.5, 4.0), (2.0, 6.0), (2.5, math.inf)]
    assert [at(curve, loss) for loss, _ in transcript] == [worth for _, worth in transcript]


def test_at_its_levels_a_table_gives_back_its_very_numbers():
    """Where 0.8 + (3.4 - 0.8) would be 3.3999999999999995."""
    assert at(TabulatedValuation(levels=[0.5, 1.0], cost=[[[0.8, 3.4]]]), 1.0) == 3.4


def test_nothing_costs_nothing():
    for name in FAMILIES:
        assert at(family(name, 1.5), 0.0) == 0.0


@given(any_valuation)
def test_a_level_is_worth_to_the_last_bit_the_same_alone_and_in_a_table(valuation):
    table = valuation.tabulate(LEVELS)
    assert table.shape == (2, 3, len(LEVELS))
    for k, level in enumerate(LEVELS):
        assert torch.equal(valuation.at(level.expand(2, 3)), table[..., k])
    assert torch.equal(valuation.at(LEVELS.expand(2, 3, -1)), table)


@given(parametric(batch=5, owners=13))
def test_a_curve_has_the_same_bits_wherever_it_stands_in_a_batch(valuation):
    loss = torch.linspace(0.1, 2.0, 65, dtype=torch.float64).reshape(5, 13)
    whole = valuation.at(loss)
    for row in range(5):
        for owner in range(13):
            alone = valuation.take(slice(row, row + 1), slice(owner, owner + 1))
            assert alone.at(loss[row : row + 1, owner : owner + 1]).item() == whole[row, owner].item()


@given(any_valuation)
def test_more_privacy_loss_never_costs_less(valuation):
    table = valuation.tabulate(torch.linspace(0, 3, 40, dtype=torch.float64))
    assert bool((table[..., 1:] >= table[..., :-1]).all())
    assert bool((table[..., 0] == 0).all())


@given(parametric())
def test_tabulated_on_a_grid_a_curve_keeps_its_values_there(valuation):
    assert torch.equal(tabulated(valuation, LEVELS).tabulate(LEVELS), valuation.tabulate(LEVELS))


@pytest.mark.parametrize(("name", "sign"), [("linear", 0), ("quadratic", 1), ("exponential", 1), ("square_root", -1)])
def test_between_the_levels_a_table_errs_to_the_side_its_curvature_says(name, sign):
    curve = family(name)
    table = tabulated(curve, LEVELS)
    for loss in (0.1, 0.3, 0.8, 1.3, 1.9):
        error = at(table, loss) - at(curve, loss)
        assert abs(error) < 1e-15 if sign == 0 else error * sign > 0


@given(any_valuation, st.floats(0, 4))
def test_scaling_multiplies_every_level(valuation, by):
    scaled = valuation.scaled(torch.full((2, 3), by, dtype=torch.float64))
    levels = LEVELS[:1]  # within every table drawn here or past its end
    expected = valuation.tabulate(levels) * by
    finite = expected.isfinite()
    torch.testing.assert_close(scaled.tabulate(levels)[finite], expected[finite])


@given(any_valuation, any_valuation, st.lists(st.booleans(), min_size=6, max_size=6))
def test_where_takes_each_owners_curve_from_the_right_side(first, second, flags):
    mask = torch.tensor(flags).reshape(2, 3)
    chosen = first.where(mask, second).tabulate(LEVELS)
    assert torch.equal(chosen, torch.where(mask[..., None], first.tabulate(LEVELS), second.tabulate(LEVELS)))


@given(any_valuation)
def test_take_commutes_with_evaluation(valuation):
    owners = torch.tensor([2, 0])
    assert torch.equal(valuation.take(slice(1, 2), owners).tabulate(LEVELS), valuation.tabulate(LEVELS)[1:2][:, owners])


def test_curves_of_one_kind_stay_of_that_kind():
    a, b = family("linear"), family("quadratic")
    table = tabulated(a, LEVELS)
    mask = torch.tensor([[True]])
    assert isinstance(a.where(mask, b), ParametricValuation)
    assert isinstance(table.where(mask, tabulated(b, LEVELS)), TabulatedValuation)
    assert isinstance(table.where(mask, tabulated(b, LEVELS[:2])), MixedValuation)
    assert isinstance(a.where(mask, table), MixedValuation)
    assert isinstance(a.where(mask, table).where(mask, b), MixedValuation)
    assert a.where(mask, table).scaled(torch.ones(1, 1, dtype=torch.float64)).shape == (1, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"family": [[4]], "factor": [[1.0]]}, r"family = 4: pass an index into FAMILIES, 0 to 3"),
        ({"family": [[-1]], "factor": [[1.0]]}, r"family\[0, 0\] = -1"),
        ({"family": [[0]], "factor": [[-1.0]]}, r"factor\[0, 0\] = -1\.0: every value must be 0 or more"),
        ({"family": [[0]], "factor": [[math.nan]]}, r"factor\[0, 0\] = nan: .*finite"),
        ({"family": [[0, 1]], "factor": [[1.0]]}, r"factor has shape \[1, 1\]; pass shape \[1, 2\]"),
        ({"family": [0], "factor": [1.0]}, r"family has shape \[1\]; pass shape \[any, any\]"),
    ],
)
def test_a_bad_parametric_valuation_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ParametricValuation(**fields)


@pytest.mark.parametrize(
    ("levels", "cost", "message"),
    [
        ([1.0, 2.0], [[[2.0, 1.0]]], r"cost\[0, 0\] falls from 2\.0 to 1\.0: a valuation may not fall"),
        ([1.0, 2.0], [[[-1.0, 1.0]]], r"cost\[0, 0, 0\] = -1\.0: every value must be 0 or more"),
        ([1.0, 2.0], [[[1.0, math.inf]]], r"cost\[0, 0, 1\] = inf: .*finite"),
        ([1.0, 2.0], [[[1.0]]], r"cost has shape \[1, 1, 1\]; pass shape \[any, any, 2\]"),
        ([2.0, 1.0], [[[1.0, 2.0]]], r"levels = \[2\.0, 1\.0\]: pass at least one level, positive and strictly incr"),
        ([1.0, 1.0], [[[1.0, 2.0]]], r"levels = \[1\.0, 1\.0\]: .*strictly increasing"),
        ([0.0, 1.0], [[[0.0, 2.0]]], r"levels = \[0\.0, 1\.0\]: .*positive"),
    ],
)
def test_a_bad_table_is_refused(levels, cost, message):
    with pytest.raises(ValueError, match=message):
        TabulatedValuation(levels=levels, cost=cost)


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="pass at least one level"):
        TabulatedValuation(levels=torch.zeros(0).double(), cost=torch.zeros(1, 1, 0).double())


def test_curves_of_different_shapes_do_not_mix():
    with pytest.raises(ValueError, match=r"mask and valuations have shapes .*; pass one shape \[B, n\] for all"):
        MixedValuation(mask=torch.ones(1, 2, dtype=torch.bool), first=family("linear"), second=family("linear"))


@pytest.mark.parametrize("kind", ["parametric", "tabulated", "mixed"])
@pytest.mark.parametrize(
    ("privacy_loss", "error", "words"),
    [
        ([[1.0]], TypeError, "privacy_loss is a list; pass a float64 tensor"),
        (torch.ones(1, 1), TypeError, r"privacy_loss has dtype torch\.float32; pass float64"),
        (torch.tensor([[-1.0]]).double(), ValueError, r"privacy_loss\[0, 0\] = -1\.0: .* 0 or more"),
        (torch.tensor([[math.nan]]).double(), ValueError, r"privacy_loss\[0, 0\] = nan"),
        (torch.ones(1, 2).double(), ValueError, r"privacy_loss has shape \[1, 2\]; pass \[1, 1\] or \[1, 1, K\]"),
        (torch.ones(1).double(), ValueError, r"privacy_loss has shape \[1\]"),
    ],
)
def test_what_is_no_privacy_loss_costs_nothing_but_an_error(kind, privacy_loss, error, words):
    curve = family("linear")
    table = tabulated(curve, LEVELS)
    mixed = MixedValuation(mask=torch.tensor([[True]]), first=curve, second=table)
    with pytest.raises(error, match=words):
        {"parametric": curve, "tabulated": table, "mixed": mixed}[kind].at(privacy_loss)


@pytest.mark.parametrize("kind", ["parametric", "tabulated"])
def test_what_are_no_levels_is_refused(kind):
    curve = family("linear") if kind == "parametric" else tabulated(family("linear"), LEVELS)
    with pytest.raises(TypeError, match="levels is a list; pass a float64 tensor"):
        curve.tabulate([1.0, 2.0])
    with pytest.raises(ValueError, match=r"levels has shape \[1, 1\]; pass \[K\]"):
        curve.tabulate(torch.ones(1, 1).double())
