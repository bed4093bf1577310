"""Owners from a CSV file, and files with mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from agents.owners_file import own_columns, read_owners
from agents.valuation import ParametricValuation, TabulatedValuation

HEAD = "family,factor,privacy_budget,data_size\n"
CURVES = "cost@1,cost@0.5,privacy_budget,data_size\n"


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "owners.csv"
        path.write_text(text)
        return path

    return write


def test_owners_with_a_family_and_a_factor(file: Callable[[str], Path]) -> None:
    types = read_owners(file(f"{HEAD}linear, 1.5, 1.0, 30\nsquare-root,0.5,2.0,7\n\n"))
    assert isinstance(types.valuation, ParametricValuation)
    assert types.valuation.family.tolist() == [[0, 2]]
    assert types.valuation.factor.tolist() == [[1.5, 0.5]]
    assert types.privacy_budget.tolist() == [[1.0, 2.0]]
    assert types.data_size.tolist() == [[30, 7]]


def test_owners_with_curves_whose_columns_stand_in_any_order(file: Callable[[str], Path]) -> None:
    types = read_owners(file(f"{CURVES}3,1,1.0,30\n2,2,0.5,7\n"))
    assert isinstance(types.valuation, TabulatedValuation)
    assert types.valuation.levels.tolist() == [0.5, 1.0]
    assert types.valuation.cost.tolist() == [[[1.0, 3.0], [2.0, 2.0]]]


def test_both_kinds_in_one_file_with_numbers(file: Callable[[str], Path]) -> None:
    text = f"owner,family,factor,{CURVES}0,quadratic,2,,,1.5,10\n1,,,3,1,1.0,5\n"
    types = read_owners(file(text))
    at = torch.tensor([[1.0, 0.75]]).double()
    assert types.valuation.at(at).tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}linear,1,1,30\nlinear,abc,1,30\n", r"line 3, column 'factor': 'abc' is no number between 0"),
        (f"{HEAD}linear,-1,1,30\n", "line 2, column 'factor': '-1'"),
        (f"{HEAD}linear,nan,1,30\n", "line 2, column 'factor': 'nan'"),
        (f"{HEAD}linear,1,0,30\n", "line 2, column 'privacy_budget': '0'"),
        (f"{HEAD}linear,1,101,30\n", "line 2, column 'privacy_budget': '101' is no number between 1e-06 and 100"),
        (f"{HEAD}linear,1,1,2.5\n", "line 2, column 'data_size': '2.5' is no whole number of records"),
        (f"{HEAD}linear,1,1,0\n", "line 2, column 'data_size': '0'"),
        (f"{HEAD}linear,1,1\n", "line 2, column 'data_size': ''"),
        (f"{HEAD}cubic,1,1,30\n", "line 2, column 'family': 'cubic' is no family; write one out of linear"),
        (f"{HEAD}linear,1,5,2,100\n", "line 2: 5 cells under 4 columns; write decimal points, not commas"),
        (f"{HEAD},1,1,30\n", "line 2, column 'family': '' is no family"),
        (f"{CURVES}1,2,1,30\n", "line 2, column 'cost@1': 1 is less than 2; a cost may not fall"),
        (f"{CURVES},2,1,30\n", "line 2, column 'cost@1': ''"),
        (f"{CURVES}3,2,1.5,30\n", "line 2, column 'privacy_budget': '1.5' is no number between 1e-06 and 1"),
        (f"family,factor,{CURVES}linear,1,3,2,1,30\n", "line 2, column 'cost@0.5': the line also names a family"),
        (f"owner,{HEAD}1,linear,1,1,30\n", "line 2, column 'owner': '1' stands in the line of owner 0"),
        ("family,factor,budget,data_size\nlinear,1,1,3\n", "line 1, column = 'budget' is not known; did you mean"),
        (f"{HEAD}linear,1,1,{'9' * 5000}\n", r"line 2, column 'data_size': '9{40}'... \(5000 characters\) is no whole"),
        (f"{HEAD}{'x' * 140_000},1,1,3\n", "line 2 has 140006 characters; is the file damaged"),
        (f"{HEAD}linear,1\u2028,1,30\n", r"line 2, character 9: '\\u2028' is no printable character"),
        (HEAD.replace(",", ";"), "line 1: its cells are separated by semicolons; save it with commas"),
        (HEAD.replace(",", "\t"), "line 1: its cells are separated by tabs"),
        (f",{HEAD}0,linear,1,1,30\n", "line 1: the first column has no name, like an index of pandas"),
        ("family,factor,data_size\nlinear,1,3\n", "line 1: column 'privacy_budget' is missing"),
        ("family,family,factor,privacy_budget,data_size\n", "line 1, column 'family': the column stands there twice"),
        ("cost@x,privacy_budget,data_size\n", "line 1, column 'cost@x': write each privacy loss once"),
        (HEAD, "has no owners"),
    ],
)
def test_a_mistake_names_the_line_and_the_column(file: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"owners\.csv.*{message}"):
        read_owners(file(text))


def test_whole_numbers_may_be_written_with_a_point(file: Callable[[str], Path]) -> None:
    assert read_owners(file(f"{HEAD}linear,1,1,30.0\n")).data_size.tolist() == [[30]]


def test_a_byte_order_mark_is_no_part_of_the_first_column(file: Callable[[str], Path]) -> None:
    assert read_owners(file(f"\ufeff{HEAD}linear,1,1,30\n")).data_size.tolist() == [[30]]


def test_rows_of_a_table_are_read_like_lines(file: Callable[[str], Path]) -> None:
    rows = [{"family": "linear", "factor": 0.1 + 0.2, "privacy_budget": 1, "data_size": 30.0}]
    assert read_owners(rows).valuation.factor.tolist() == [[0.1 + 0.2]]
    rows += [{"family": None, "factor": float("nan"), "cost@1": 2, "privacy_budget": 1, "data_size": 5}]
    assert read_owners(rows).data_size.tolist() == [[30, 5]]
    with pytest.raises(ValueError, match="population, line 3, column 'data_size': '0' is no whole number"):
        read_owners([rows[0], {**rows[1], "data_size": 0}])


def test_empty_cells_at_the_end_of_a_line_are_nothing(file: Callable[[str], Path]) -> None:
    assert read_owners(file(f"{HEAD}linear,1,1,30,,\n,,,,\n")).data_size.tolist() == [[30]]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_bytes(HEAD.encode("utf-16"))
    with pytest.raises(ValueError, match=r"owners\.csv is no UTF-8 text \(byte 0\); save it as UTF-8"):
        read_owners(path)


def test_columns_of_ones_own_are_kept_as_what_they_are(file: Callable[[str], Path]) -> None:
    head = "owner,region,age,share,code,member,note," + HEAD
    path = file(f"{head}0,north,31,0.5,007,True,,linear,1,1,30\n1,south,,2,010,False,,linear,1,1,7\n")
    assert own_columns(path) == {
        "region": ["north", "south"],
        "age": [31, None],
        "share": [0.5, 2.0],
        "code": ["007", "010"],
        "member": [True, False],
        "note": [None, None],
    }
    assert read_owners(path).data_size.tolist() == [[30, 7]]


@pytest.mark.parametrize(
    ("name", "meant"), [("facotr", "factor"), ("Owner", "owner"), ("famliy", "family"), ("", "owner")]
)
def test_a_slip_of_a_known_name_is_no_column_of_ones_own(file: Callable[[str], Path], name: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"line 1, column = '{name}' is not known"):
        own_columns(file(f"cost@1,{name},privacy_budget,data_size\n1,1,1,30\n"))


def test_a_missing_file_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no file; pass a CSV file of owners"):
        read_owners(tmp_path / "nobody.csv")
