"""Every refusal names the argument, the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.checks import MAX_SEED, count_array, generator_of, number, one_of, real_array, seed_number, whole


def says(error: pytest.ExceptionInfo[BaseException], *words: str) -> None:
    message = str(error.value)
    for word in words:
        assert word in message, f"{word!r} is missing from {message!r}"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1.0, -0.5]], ("budget[0, 1]", "-0.5", "0 or more")),
        ([[float("nan"), 1.0]], ("budget[0, 0]", "nan", "finite")),
        ([[1.0, float("inf")]], ("budget[0, 1]", "inf", "finite")),
        ([[1.0, -float("inf")]], ("budget[0, 1]", "-inf", "finite")),
        ([1.0, 2.0], ("budget has shape [2]", "pass shape [1, 2]")),
        ([[1.0, 2.0, 3.0]], ("budget has shape [1, 3]", "pass shape [1, 2]")),
    ],
)
def test_a_bad_real_value_is_refused_at_its_place(value, words):
    with pytest.raises(ValueError, match="budget") as error:
        real_array("budget", value, shape=(1, 2))
    says(error, *words)


@pytest.mark.parametrize("value", [torch.ones(2), torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool)])
def test_an_array_of_another_dtype_is_refused_and_not_converted(value):
    with pytest.raises(TypeError, match=r"budget has dtype torch\..*; pass float64 \(e\.g\. budget\.double\(\)\)"):
        real_array("budget", value)


@pytest.mark.parametrize("value", [np.ones(2, np.float32), np.ones(2, np.int64)])
def test_an_array_of_numpy_is_told_what_numpy_can(value):
    with pytest.raises(
        TypeError, match=r"budget has dtype torch\..*; pass float64 \(e\.g\. budget\.astype\(np\.float64\)"
    ):
        real_array("budget", value)
    with pytest.raises(TypeError, match=r"torch\.int32; pass int64 \(e\.g\. data_size\.astype\(np\.int64\)\)"):
        count_array("data_size", np.ones(2, np.int32))


def test_a_numpy_array_is_copied_so_that_what_was_checked_stays_checked():
    mine = np.array([[1.0, 2.0]])
    taken = real_array("budget", mine)
    mine[0, 0] = -9.0
    assert taken.tolist() == [[1.0, 2.0]]


def test_reversed_and_foreign_arrays_are_read():
    assert real_array("budget", np.array([1.0, 2.0])[::-1]).tolist() == [2.0, 1.0]
    assert count_array("data_size", np.array([1, 2], dtype=">i8")).tolist() == [1, 2]


def test_a_number_too_large_for_any_array_is_refused_in_our_own_words():
    with pytest.raises(TypeError, match=r"data_size = \[1000+\] cannot be read as an array of numbers .*below 2\*\*63"):
        count_array("data_size", [10**25])


@pytest.mark.parametrize("value", [None, "ten", object(), [[1.0], [2.0, 3.0]]])
def test_what_is_no_array_is_refused(value):
    with pytest.raises(TypeError, match="budget"):
        real_array("budget", value)


def test_python_numbers_become_float64_exactly():
    assert real_array("budget", [0.1, 2]).tolist() == [0.1, 2.0]
    assert real_array("budget", [1, 2]).dtype == torch.float64
    assert real_array("budget", np.array([0.1])).item() == 0.1


def test_any_length_fits_where_the_shape_says_none():
    assert real_array("budget", [[1.0], [2.0]], shape=(None, 1)).shape == (2, 1)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ([3, -1], ValueError, ("data_size[1]", "-1", "0 means absent")),
        ([3.5, 1.0], ValueError, ("data_size[0]", "3.5", "round them down")),
        ([float("nan")], ValueError, ("data_size[0]", "nan", "finite whole number")),
        ([float("inf")], ValueError, ("data_size[0]", "inf", "finite whole number")),
        ([10**13], ValueError, ("data_size[0]", "10000000000000", "at most 1e+12")),
        ([3.0], TypeError, ("data_size has dtype torch.float64", "torch.tensor(data_size).long()")),
        (torch.ones(1, dtype=torch.int32), TypeError, ("torch.int32", "data_size.long()")),
        (torch.ones(1, dtype=torch.bool), TypeError, ("torch.bool", "int64")),
        ([10**30], TypeError, ("data_size", "pass")),
    ],
)
def test_a_bad_count_is_refused(value, kind, words):
    with pytest.raises(kind) as error:
        count_array("data_size", value)
    says(error, *words)


def test_the_largest_count_is_taken():
    assert count_array("data_size", [0, 10**12]).tolist() == [0, 10**12]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"value": "1"}, TypeError, ("clip_norm = '1'", "pass an int or a float")),
        ({"value": True}, TypeError, ("clip_norm = True", "not a number")),
        ({"value": -1}, ValueError, ("clip_norm = -1", "between 0 and infinity")),
        ({"value": float("nan")}, ValueError, ("clip_norm = nan",)),
        ({"value": float("inf")}, ValueError, ("clip_norm = inf", "infinity excluded")),
        ({"value": 3, "maximum": 2.0}, ValueError, ("clip_norm = 3", "between 0 and 2")),
        ({"value": 0, "above": 0.0}, ValueError, ("clip_norm = 0", "over 0")),
        ({"value": 2, "above": 0.0, "maximum": 1.0}, ValueError, ("clip_norm = 2", "over 0 and at most 1")),
        ({"value": float("inf"), "above": 0.0}, ValueError, ("clip_norm = inf", "finite")),
    ],
)
def test_a_bad_number_is_refused(arguments, kind, words):
    with pytest.raises(kind) as error:
        number("clip_norm", **arguments)
    says(error, *words)


@given(st.floats(min_value=0, max_value=1e300))
def test_a_good_number_comes_back_unchanged(value):
    assert number("rate", value) == value
    assert number("rate", np.float64(value)) == value


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (2.0, TypeError, ("owners = 2.0", "pass an int")),
        (True, TypeError, ("owners = True", "pass an int")),
        (0, ValueError, ("owners = 0", "between 1 and")),
        (-3, ValueError, ("owners = -3", "between 1 and")),
    ],
)
def test_a_bad_whole_number_is_refused(value, kind, words):
    with pytest.raises(kind) as error:
        whole("owners", value, minimum=1)
    says(error, *words)


def test_a_seed_has_one_limit_everywhere():
    assert seed_number("seed", MAX_SEED) == 2**63 - 1
    with pytest.raises(
        ValueError, match="seed = 9223372036854775808: pass a whole number between 0 and 92233720368547758"
    ):
        seed_number("seed", MAX_SEED + 1)
    with pytest.raises(TypeError, match=r"seed = 1\.0 is not a whole number"):
        seed_number("seed", 1.0)


def test_a_numpy_integer_is_a_whole_number():
    assert whole("owners", np.int64(3)) == 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("privunitt", ("perturbation = 'privunitt'", "did you mean 'privunit'?", "known: laplace, none, privunit")),
        ("qqqqqqq", ("perturbation = 'qqqqqqq'", "known: laplace")),
        (7, ("perturbation = 7", "known: laplace")),
        (None, ("perturbation = None", "known: laplace")),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(value, words):
    with pytest.raises(ValueError, match="is not known") as error:
        one_of("perturbation", value, ("privunit", "laplace", "none"))
    says(error, *words)


def test_only_a_torch_generator_gives_randomness(generator):
    assert generator_of("generator", generator) is generator
    with pytest.raises(TypeError, match=r"generator = None: pass a torch\.Generator"):
        generator_of("generator", None)
