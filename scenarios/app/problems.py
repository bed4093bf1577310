"""What goes wrong, in words of the page: no file of the server's and no traceback, which go to its output instead."""

from __future__ import annotations

import re
import secrets
import sys
import traceback

from scenarios.app.offers import NotOfferedError

NOT_FOR_VISITORS = re.compile(r"[\\/]\S+[\\/]|\.py\b|Traceback|Errno")
"""What looks like a place on the server."""


def in_words(error: BaseException) -> str:
    """Return a sentence for the visitor; what she need not see is printed, under a number that the sentence names."""
    said = str(error).strip()
    if isinstance(error, NotOfferedError):
        return f"{said}."
    if isinstance(error, ValueError | TypeError | ArithmeticError) and said and not NOT_FOR_VISITORS.search(said):
        return said if said.endswith((".", "!", "?")) else f"{said}."
    number = secrets.token_hex(3)
    sys.stderr.write(f"Problem {number}:\n")
    traceback.print_exception(error)
    return f"Something went wrong on the server; its output says what, under the number {number}."
