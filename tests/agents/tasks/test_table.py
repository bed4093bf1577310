"""Tables of one's own: two tiny made-up files in the format of real ones, and everything that is refused."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from agents.tasks.registry import data_files, load_task
from market_sim import MarketConfig, run_market

# Semicolons, quotes, a line of names: as UCI's bank marketing data.
BANK = """"age";"job";"marital";"balance";"y"
58;"management";"married";2143;"no"
44;"technician";"single";29;"no"
33;"entrepreneur";"married";2;"yes"
47;"blue-collar";"divorced";-1506;"no"
18;"unknown";"single";102127;"yes"
"""
BANK_TOML = """label = "y"
classes = ["no", "yes"]
owner = "marital"
test = 0.2
logarithm = ["balance"]
knowledge = "the bank's brochure"
[numeric]
age = [18, 98]
balance = [-10000, 110000]
[words]
job = ["management", "technician", "entrepreneur", "blue-collar"]
"""
# Commas with blanks, no names, missing values as question marks, another spelling and a remark in the test file: as
# UCI's adult data.
BEHIND = "13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, United-States"
ADULT = f"""39, State-gov, 77516, Bachelors, {BEHIND}, <=50K
50, Private, 83311, Masters, {BEHIND}, >50K
38, ?, 215646, HS-grad, {BEHIND}, <=50K
"""
ADULT_TEST = f"""|1x3 Cross validator
25, Private, 226802, HS-grad, {BEHIND}, <=50K.
44, Private, 160323, Masters, {BEHIND}, >50K.
"""
ADULT_OPTIONS: dict[str, Any] = {
    "columns": [
        "age",
        "workclass",
        "fnlwgt",
        "education",
        "education-num",
        "marital-status",
        "occupation",
        "relationship",
        "race",
        "sex",
        "capital-gain",
        "capital-loss",
        "hours-per-week",
        "native-country",
        "income",
    ],
    "label": "income",
    "classes": [["<=50K", "<=50K."], [">50K", ">50K."]],
    "numeric": {"age": [17, 90]},
    "words": {"workclass": ["Private", "State-gov"], "education": ["Bachelors", "HS-grad", "Masters"]},
    "missing": ["?"],
    "comment": "|",
    "test": "adult.test",
}


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    (tmp_path / "bank.csv").write_text(BANK)
    (tmp_path / "bank.toml").write_text(BANK_TOML)
    return tmp_path / "bank.csv"


@pytest.fixture
def adult(tmp_path: Path) -> Path:
    (tmp_path / "adult.data").write_text(ADULT)
    (tmp_path / "adult.test").write_text(ADULT_TEST)
    return tmp_path / "adult.data"


def quiet(data: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_task("table", data, **options)


def test_a_bank_described_beside_the_file(bank: Path) -> None:
    with pytest.warns(UserWarning, match=r"column 'job': 1 of 5 values are outside the vocabulary .*'unknown', line 6"):
        task = load_task("table", bank)
    assert (task.features, task.classes, task.names, task.train_size) == (2 + 4 + 1, 2, ("no", "yes"), 4)
    assert task.knowledge == "the bank's brochure"
    everything = torch.cat([task.train[0], task.test[0]])
    assert len(everything) == 5
    (eldest,) = (row for row in everything if abs(float(row[0]) - (2 * 40 / 80 - 1) / 3**0.5) < 1e-6)
    assert eldest[2:6].tolist() == pytest.approx([1 / 3**0.5, 0, 0, 0])
    assert float(eldest[6]) == pytest.approx(0.3)
    assert data_files("table", bank) == (bank, bank.with_suffix(".toml"))


def test_numbers_by_hand(tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("x,z,y\n0,0,a\n5,9,b\n10,99,a\n")
    options = {"label": "y", "classes": ["a", "b"], "numeric": {"x": [0, 10], "z": [0, 99]}, "logarithm": ["z"]}
    task = load_task("table", tmp_path / "two.csv", **options, test=0.34)
    rows = sorted(row[:2].tolist() for row in torch.cat([task.train[0], task.test[0]]))
    # log(1 + 9) / log(1 + 99) is a half; both columns are divided by the square root of two.
    assert rows == [pytest.approx([v / 2**0.5, v / 2**0.5]) for v in (-1.0, 0.0, 1.0)]


def test_an_adult_described_in_the_call(adult: Path) -> None:
    task = load_task("table", adult, **ADULT_OPTIONS)
    assert (task.train_size, len(task.test[1]), task.names) == (3, 2, ("<=50K", ">50K"))
    assert (task.train[1].tolist(), task.test[1].tolist()) == ([0, 1, 0], [0, 1])
    scale = 3**0.5
    expected = [2 * (38 - 17) / 73 - 1, 0, 0, 0, 1, 0]  # nothing known of the work, HS-grad
    assert (task.train[0][2, :6] * scale).tolist() == pytest.approx(expected, abs=1e-6)
    assert set(data_files("table", adult, **ADULT_OPTIONS)) == {adult, adult.with_name("adult.test")}


def test_changing_one_record_changes_no_other(bank: Path) -> None:
    before = quiet(bank)
    bank.write_text(BANK.replace('47;"blue-collar";"divorced";-1506', '97;"management";"divorced";109999'))
    after = quiet(bank)
    changed = (before.train[0] != after.train[0]).any(1).sum() + (before.test[0] != after.test[0]).any(1).sum()
    assert (int(changed), after.features) == (1, before.features)


def test_compressed_with_a_byte_order_mark_and_as_parquet_it_is_the_same(bank: Path, tmp_path: Path) -> None:
    plain = quiet(bank)
    (tmp_path / "zipped").mkdir()
    zipped = tmp_path / "zipped" / "bank.csv.gz"
    zipped.write_bytes(gzip.compress(b"\xef\xbb\xbf" + BANK.replace("\n", "\r\n").encode()))
    (tmp_path / "zipped" / "bank.toml").write_text("\ufeff" + BANK_TOML)
    parquet = tmp_path / "zipped" / "bank.parquet"
    pd.read_csv(bank, sep=";").to_parquet(parquet)
    for other in (zipped, parquet):
        found = quiet(other)
        assert torch.equal(found.train[0], plain.train[0])
        assert torch.equal(found.test[1], plain.test[1])


def test_a_market_whose_owners_hold_what_a_column_says(bank: Path) -> None:
    task = quiet(bank)
    market: dict[str, Any] = {"task": "table", "data": bank, "partition": "natural", "bidders": 1, "rounds": 2}
    holders = int(task.holder.max()) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = run_market(**market, owners=holders)
        with pytest.raises(ValueError, match=rf"have {holders} holders; pass owners={holders}"):
            run_market(**market, owners=holders - 1)
    sizes = task.holder.bincount().tolist()
    assert all(row.data_size == sizes[row.owner] for row in results.trades.itertuples())
    assert results.config["task"]["knowledge"] == "the bank's brochure"
    assert set(results.config["data_files"]) == {"bank.csv", "bank.toml"}


def test_options_of_a_table_come_back_from_json(adult: Path) -> None:
    import json

    config = MarketConfig(task="table", data=adult, task_options=ADULT_OPTIONS, owners=2, bidders=1, rounds=1)
    again = MarketConfig(**json.loads(json.dumps(config.as_json())))
    assert again.as_json() == config.as_json() == json.loads(json.dumps(config.as_json()))
    assert isinstance(hash(config), int)


NO_WORD = BANK
for word in ("management", "technician", "entrepreneur", "blue-collar"):
    NO_WORD = NO_WORD.replace(word, "x")
BROKEN = {
    "a line with a cell too few": (BANK.replace('"single";29', "29"), "line 3: 4 cells under 5 columns"),
    "a quote in the middle": (BANK.replace('"single";29', '"single;29'), "line 3: ';' expected after"),
    "an open quote": (BANK.replace('29;"no"', '29;"no'), "line 3: unexpected end of data"),
    "no number": (BANK.replace("44;", "forty;"), "line 3, column 'age': 'forty' is no number"),
    "infinite": (BANK.replace("44;", "inf;"), "line 3, column 'age': 'inf' is no number"),
    "not a number, not named missing": (BANK.replace("44;", "NaN;"), "line 3, column 'age': 'NaN' is no number"),
    "digits grouped": (BANK.replace("2143;", "2_143;"), "line 2, column 'balance': '2_143' is no number"),
    "an unknown label": (
        BANK.replace('2143;"no"', '2143;"maybe"'),
        "line 2, column 'y': 'maybe' is none of the classes",
    ),
    "no known word": (NO_WORD, "column 'job': 'x' is not one of the 4 words, nor is that of any line"),
    "no names": (BANK.partition("\n")[2], "column = 'y' is not known"),
    "names alone": (BANK.partition("\n")[0], "has no record below the names"),
    "empty": ("\n\n", "is empty"),
    "a name twice": (BANK.replace('"job"', '"age"'), "column 'age' stands there twice"),
    "bytes": ("\x00", "one column only"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_its_place(bank: Path, text: str, message: str) -> None:
    bank.write_text(text)
    with pytest.raises(ValueError, match=f"bank.csv.*{message}"):
        quiet(bank)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "yy"}, "column = 'yy' is not known; did you mean 'y'"),
        ({"classes": ["no"]}, "list the labels that there may be, two at least"),
        ({"classes": ["no", "no"]}, "classes name 'no' twice"),
        ({"numeric": {"age": [98, 18]}}, "numeric.age = .*: the highest value is to be over the lowest"),
        ({"numeric": {"age": 98}}, "pass the lowest and the highest value"),
        ({"numeric": {}, "words": {}, "logarithm": []}, "neither numeric nor words"),
        ({"words": {"job": []}}, "words.job = .*: list at least one text"),
        ({"words": {"y": ["no"]}}, "column 'y' has two uses"),
        ({"logarithm": ["job"]}, "logarithm = 'job' is not known"),
        ({"separator": "; "}, "pass one character"),
        ({"test": 0.0}, "test = 0.0"),
        ({"test": "other.csv"}, "other.csv' is no file"),
        ({"description": "other.toml"}, "other.toml is no file"),
        ({"labels": "y"}, "option of task 'table' = 'labels'"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(bank: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quiet(bank, **options)


def test_files_that_are_not_there_and_toml_that_is_none(bank: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs data: name a CSV or Parquet file"):
        load_task("table")
    with pytest.raises(ValueError, match=r"nowhere\.csv' is no file"):
        load_task("table", tmp_path / "nowhere.csv")
    bank.with_suffix(".toml").write_text("label = \n")
    with pytest.raises(ValueError, match=r"bank\.toml is no TOML file .*line 1"):
        load_task("table", bank)
    bank.with_suffix(".toml").write_text(BANK_TOML.replace("label", "lable"))
    with pytest.raises(ValueError, match="did you mean 'label'"):
        load_task("table", bank)
    (tmp_path / "no.parquet").write_text("no")
    bank.with_suffix(".toml").write_text(BANK_TOML)
    with pytest.raises(ValueError, match=r"no\.parquet cannot be read as Parquet"):
        load_task("table", tmp_path / "no.parquet", description="bank.toml")


PAGE = Path(__file__).parents[3] / "docs" / "tables.md"


@pytest.mark.parametrize(("name", "files"), [("bank", ("bank.csv",)), ("adult", ("adult.data", "adult.test"))])
def test_the_examples_of_the_page_are_read(name: str, files: tuple[str, ...], tmp_path: Path) -> None:
    page = PAGE.read_text()
    section = page[page.index(f"## UCI {name}") :]
    texts = re.findall(r"^```text\n(.*?)^```", section, flags=re.M | re.S)
    (toml,) = re.findall(rf"^```toml {name}\.toml\n(.*?)^```", section, flags=re.M | re.S)
    (tmp_path / f"{name}.toml").write_text(toml)
    for file, text in zip(files, texts, strict=False):
        (tmp_path / file).write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        task = load_task("table", tmp_path / files[0])
    assert (task.classes, task.train_size + len(task.test[1])) == (2, 3 if name == "bank" else 5)
