"""What goes wrong is said without files and tracebacks."""

from __future__ import annotations

import pytest

from scenarios.app.offers import NotOfferedError
from scenarios.app.problems import in_words


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotOfferedError("Owners: choose one"), "Owners: choose one."),
        (ValueError("bidders = 9 are more than owners = 8"), "bidders = 9 are more than owners = 8."),
        (ArithmeticError("the aggregate is not finite."), "the aggregate is not finite."),
    ],
)
def test_what_concerns_the_visitor_is_said(capsys, error, said):
    assert in_words(error) == said
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory", "/home/me/secret.txt"),
        ValueError("/home/me/secret.txt, line 1: 'a secret'"),
        ValueError(r"C:\me\secret.txt"),
        TypeError('File "model.py", line 3'),
        KeyError("secret"),
        RuntimeError("secret"),
        ValueError(""),
    ],
)
def test_what_does_not_is_printed_under_a_number(capsys, error):
    said = in_words(error)
    number = said.rpartition("number ")[2].rstrip(".")
    assert said == f"Something went wrong on the server; its output says what, under the number {number}."
    assert f"Problem {number}:" in capsys.readouterr().err
