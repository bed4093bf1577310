"""The loader of the official NSL-KDD files, on a handful of made-up lines in their format."""

import gzip
import os
from pathlib import Path

import pytest
import torch

from agents.tasks.nsl_kdd import ATTACKS, CLASSES
from agents.tasks.registry import load_task


def line(duration=0.0, protocol="tcp", service="http", flag="SF", sent=0.0, attack="normal"):
    """Write one connection with three features of its own; all the others are 0."""
    return ",".join([f"{duration:g}", protocol, service, flag, f"{sent:g}", *["0"] * 36, attack, "21"])


TRAIN = [
    line(duration=10, sent=100),
    line(duration=30, protocol="udp", service="dns", sent=300, attack="neptune"),
    line(duration=20, sent=100, flag="REJ", attack="satan"),
]
TEST = [
    line(duration=10, sent=100, attack="apache2"),
    line(duration=50, service="gopher", sent=0, attack="httptunnel"),
]


def write(directory, train=TRAIN, test=TEST, training_file="KDDTrain+.txt"):
    (directory / training_file).write_text("\n".join(train) + "\n")
    (directory / "KDDTest+.txt").write_text("\n".join(test) + "\n")
    return directory


def test_features_are_scaled_and_one_hot_as_the_training_file_says(tmp_path):
    task = load_task("nsl-kdd", write(tmp_path))
    features, labels = task.records(torch.tensor([0, 1, 2]))
    # 38 numbers, 2 protocols (tcp, udp), 2 services (dns, http), 2 flags (REJ, SF), the constant
    assert task.features == 38 + 2 + 2 + 2 + 1
    assert features[:, 0].tolist() == [0.0, 1.0, 0.5]
    assert features[:, 1].tolist() == [0.0, 1.0, 0.0]
    assert features[:, 38:].tolist() == [
        [1, 0, 0, 1, 0, 1, 1],
        [0, 1, 1, 0, 0, 1, 1],
        [1, 0, 0, 1, 1, 0, 1],
    ]
    assert [CLASSES[label] for label in labels] == ["normal", "dos", "probe"]


def test_the_test_file_changes_nothing_about_the_scaling(tmp_path):
    features, labels = load_task("nsl-kdd", write(tmp_path)).test
    assert features[:, 0].tolist() == [0.0, 2.0]
    assert features[:, 1].tolist() == [0.0, -0.5]
    assert features[1, 38:].tolist() == [1, 0, 0, 0, 0, 1, 1]
    assert [CLASSES[label] for label in labels] == ["dos", "u2r"]


def test_a_feature_that_never_changes_stays_zero(tmp_path):
    task = load_task("nsl-kdd", write(tmp_path))
    assert not task.records(torch.arange(3))[0][:, 2:38].any()


def test_gzipped_and_windows_line_ends_are_the_same(tmp_path):
    plain = load_task("nsl-kdd", write(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    (other / "KDDTrain+.txt.gz").write_bytes(gzip.compress("\n".join(TRAIN).encode()))
    (other / "KDDTest+.txt.gz").write_bytes(gzip.compress(("\r\n".join(TEST) + "\r\n").encode()))
    zipped = load_task("nsl-kdd", other)
    for one, two in zip((*plain.train, *plain.test), (*zipped.train, *zipped.test), strict=True):
        assert torch.equal(one, two)


def test_the_full_training_file_goes_before_the_twenty_percent_unless_said(tmp_path):
    write(tmp_path)
    write(tmp_path, train=TRAIN[:2], training_file="KDDTrain+_20Percent.txt")
    assert load_task("nsl-kdd", tmp_path).train_size == 3
    assert load_task("nsl-kdd", tmp_path, training="20-percent").train_size == 2
    with pytest.raises(ValueError, match="did you mean '20-percent'"):
        load_task("nsl-kdd", tmp_path, training="20percent")


def test_the_environment_names_the_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("FL_MARKET_DATA", str(write(tmp_path)))
    assert load_task("nsl-kdd").train_size == 3


def test_every_attack_has_a_class():
    assert len(ATTACKS) == 40
    assert {attack for attack, label in ATTACKS.items() if CLASSES[label] == "normal"} == {"normal"}


def test_no_directory_named(monkeypatch):
    monkeypatch.delenv("FL_MARKET_DATA", raising=False)
    with pytest.raises(ValueError, match=r"FL_MARKET_DATA.*https://.*Canadian Institute for Cybersecurity"):
        load_task("nsl-kdd")


def test_missing_directory_and_foreign_directory(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere' is no directory.*KDDTrain\+\.txt.*Canadian Institute"):
        load_task("nsl-kdd", tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"lacks KDDTrain\+\.txt or .* and KDDTest\+\.txt .*Canadian Institute"):
        load_task("nsl-kdd", tmp_path)
    write(tmp_path)
    (tmp_path / "KDDTest+.txt").unlink()
    with pytest.raises(ValueError, match=r"lacks KDDTest\+\.txt "):
        load_task("nsl-kdd", tmp_path)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (line().rsplit(",", 1)[0], "line 2: 42 comma-separated fields instead of 43"),
        (line() + ",1", "line 2: 44 comma-separated fields"),
        ("", "line 2: 1 comma-separated fields"),
        (line().replace("0,tcp", "x7,tcp"), "line 2: field 1 is 'x7', not a number"),
        (line().replace("0,tcp", ",tcp"), "line 2: field 1 is '', not a number"),
        (line().replace("0,tcp", "nan,tcp"), "line 2: field 1 is .*nan.*, not a number"),
        (line(attack="teardorp"), "line 2: attack 'teardorp' is in no known family"),
        ('"' + line(), "line 2: field 1 is '\"0', not a number"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path, bad, says):
    with pytest.raises(ValueError, match=says):
        load_task("nsl-kdd", write(tmp_path, train=[TRAIN[0], bad, *TRAIN[1:]]))


def test_damaged_and_empty_files(tmp_path):
    write(tmp_path, train=[])
    with pytest.raises(ValueError, match=r"KDDTrain\+\.txt is empty"):
        load_task("nsl-kdd", tmp_path)
    (tmp_path / "KDDTrain+.txt").rename(tmp_path / "KDDTrain+.txt.gz")
    (tmp_path / "KDDTrain+.txt.gz").write_bytes(gzip.compress("\n".join(TRAIN).encode())[:-9])
    with pytest.raises(ValueError, match=r"KDDTrain\+\.txt\.gz is damaged"):
        load_task("nsl-kdd", tmp_path)


@pytest.mark.skipif(not os.environ.get("FL_MARKET_DATA"), reason="FL_MARKET_DATA names no directory")
def test_the_official_test_file_has_the_published_class_counts():
    task = load_task("nsl-kdd", Path(os.environ["FL_MARKET_DATA"]))
    assert task.test[1].bincount().tolist() == [9711, 7458, 2421, 2754, 200]
