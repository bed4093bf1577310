"""The loader of the official NSL-KDD files, on a handful of made-up lines in their format."""

import gzip
import math
import os
from pathlib import Path

import pytest
import torch

from agents.tasks import nsl_kdd
from agents.tasks.nsl_kdd import ATTACKS, CLASSES
from agents.tasks.nsl_kdd_columns import FLAGS, PROTOCOLS, SERVICES
from agents.tasks.registry import load_task


def line(duration=0.0, protocol="tcp", service="http", flag="SF", sent=0.0, attack="normal"):
    """Write one connection with three features of its own; all the others are 0."""
    return ",".join([f"{duration:g}", protocol, service, flag, f"{sent:g}", *["0"] * 36, attack, "21"])


TRAIN = [
    line(duration=10, sent=100),
    line(duration=30, protocol="udp", service="domain", sent=300, attack="neptune"),
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


def table(tmp_path, lines):
    path = tmp_path / "KDDTrain+.txt"
    path.write_text("\n".join(lines))
    return path, nsl_kdd._read(path)


def test_a_line_is_encoded_by_what_is_publicly_known_of_its_columns(tmp_path):
    lines = [line(duration=10, sent=2**32), line(protocol="udp", service="domain_u", sent=99, flag="S0")]
    found = nsl_kdd.encoded(*table(tmp_path, lines))
    # 38 numbers, 3 protocols, 70 services, 11 flags
    assert found.shape == (2, 122)
    assert found[:, 0].tolist() == [pytest.approx(math.log(11) / math.log(100_001)), 0.0]
    assert found[:, 1].tolist() == [1.0, pytest.approx(math.log(100) / math.log(2**32 + 1))]
    assert not found[:, 2:38].any()
    words = [*PROTOCOLS, *SERVICES, *FLAGS]
    assert [[words[place] for place in row.nonzero()[0]] for row in found[:, 38:]] == [
        ["tcp", "http", "SF"],
        ["udp", "domain_u", "S0"],
    ]


def test_vocabularies_have_the_documented_sizes():
    assert (len(PROTOCOLS), len(set(SERVICES)), len(FLAGS)) == (3, 70, 11)


def test_more_than_the_documented_range_is_its_end(tmp_path):
    found = nsl_kdd.encoded(*table(tmp_path, [line(duration=1e9), line(duration=1e5)]))
    assert found[:, 0].tolist() == [1.0, 1.0]


def test_a_task_has_300_random_features_and_the_constant(tmp_path):
    task = load_task("nsl-kdd", write(tmp_path))
    features, labels = task.records(torch.tensor([0, 1, 2]))
    assert task.features == 301
    assert torch.allclose(features[:, :-1].norm(dim=1), torch.tensor(1.0))
    assert features[:, -1].tolist() == pytest.approx([0.1] * 3)
    assert [CLASSES[label] for label in labels] == ["normal", "dos", "probe"]
    assert [CLASSES[label] for label in task.test[1]] == ["dos", "u2r"]


@pytest.mark.parametrize(
    "another",
    [line(duration=99_999, sent=4e9), line(service="whois"), line(protocol="icmp", flag="OTH", attack="smurf")],
)
def test_no_record_changes_what_becomes_of_another(tmp_path, another):
    """Owners hold one record each here: whatever one of them has, the others' features and the model stay."""
    before = load_task("nsl-kdd", write(tmp_path))
    after = load_task("nsl-kdd", write(tmp_path, train=[TRAIN[0], another, TRAIN[2]]))
    assert (after.features, after.classes, after.dimension) == (before.features, before.classes, before.dimension)
    rows = torch.tensor([0, 2])
    for one, two in zip((*before.records(rows), *before.test), (*after.records(rows), *after.test), strict=True):
        assert torch.equal(one, two)


def test_a_word_outside_the_vocabulary_is_counted_and_read_as_none(tmp_path):
    lines = [*TRAIN, line(service="dns"), line(service="quic")]
    with pytest.warns(UserWarning, match=r"KDDTrain\+.txt: 2 of 5 lines have a service outside .* 'dns', line 4"):
        task = load_task("nsl-kdd", write(tmp_path, train=lines))
    assert torch.equal(*task.records(torch.tensor([3, 4]))[0])


@pytest.mark.parametrize("spelled", ['"tcp"', "TCP", "tcp ", ""])
@pytest.mark.parametrize("file", ["train", "test"])
def test_a_file_without_a_known_word_is_refused(tmp_path, spelled, file):
    with pytest.raises(ValueError, match=rf"line 1: protocol '{spelled}' is not one of the 3, nor is that of any line"):
        load_task("nsl-kdd", write(tmp_path, **{file: [line(protocol=spelled)] * 3}))


def test_a_byte_order_mark_is_no_part_of_the_first_number(tmp_path):
    plain = load_task("nsl-kdd", write(tmp_path))
    for name in ("KDDTrain+.txt", "KDDTest+.txt"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (tmp_path / name).read_bytes())
    assert torch.equal(load_task("nsl-kdd", tmp_path).train[0], plain.train[0])


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
    assert task.test[1].bincount().tolist() == [9711, 7458, 2421, 2754, 200]  # and no word was unknown
