"""What an auction claims and what became of it, on bids small enough to check by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.promises import (
    ASSUMED,
    BROKEN,
    CLAIMED,
    KEPT,
    NOT_CLAIMED,
    NOT_TRIED,
    PLANTED,
    REFUTED,
    changed_fields,
    promises,
    promises_sentence,
)

EVERYTHING = {
    "truthful_in": ["data_size", "privacy_budget", "valuation"],
    "individually_rational": True,
    "budget_feasible": True,
    "verified": [],
    "planted": False,
    "refuted": False,
}
LIE = "no lie under one name pays"
OUTSIDE = {
    "nobody gains under several names": (NOT_CLAIMED, NOT_TRIED, 0, 0, 0.0),
    "no group gains together": (NOT_CLAIMED, NOT_TRIED, 0, 0, 0.0),
}
ROUNDS = pd.DataFrame({"budget": [10.0, 10.0], "spent": [9.0, 10.0], "bidders": [2, 2]})


def trades(**columns) -> pd.DataFrame:
    """Owner 0 tells the truth, 1 doubles her valuation, 2 halves her privacy budget, 3 her data."""
    table = pd.DataFrame(
        {
            "truthful": [True, False, False, False],
            "identities": 1,
            "family": "linear",
            "factor": 1.0,
            "reported_family": "linear",
            "reported_factor": [1.0, 2.0, 1.0, 1.0],
            "privacy_budget": 2.0,
            "reported_privacy_budget": [2.0, 2.0, 1.0, 2.0],
            "data_size": 10,
            "reported_data_size": [10, 10, 10, 5],
            "privacy_loss": 1.0,
            "records": 5,
            "utility": 1.0,
            "misreport_gain": [None, -1.0, -1.0, 0.0],
            "misreport_paid": [None, False, False, False],
        }
    ).astype({"misreport_gain": float})
    return table.assign(**columns)


def by_promise(table: pd.DataFrame) -> dict[str, tuple]:
    return {row.promise: (row.claim, row.here, row.cases, row.broken, row.worst) for row in table.itertuples()}


def test_every_claim_is_kept():
    found = promises(EVERYTHING, ROUNDS, trades())
    assert by_promise(found) == {
        LIE: (CLAIMED, KEPT, 3, 0, 0.0),
        "no truthful bidder loses": (CLAIMED, KEPT, 1, 0, 0.0),
        "the budget is kept": (CLAIMED, KEPT, 2, 0, 0.0),
        "nobody sells more privacy than she offered": (CLAIMED, KEPT, 4, 0, 0.0),
        "nobody sells more records than she offered": (CLAIMED, KEPT, 4, 0, 0.0),
        **OUTSIDE,
    }
    assert promises_sentence(found) == "No claim of the auction was broken here."


def test_what_a_claim_rests_on_is_a_row_and_no_claim():
    resting = {**EVERYTHING, "cannot_overstate": ["data_size"]}
    found = promises(resting, ROUNDS, trades())
    assert list(found["promise"])[:2] == [LIE, "nobody reports more records than she has"]
    assert by_promise(found)["nobody reports more records than she has"] == (ASSUMED, KEPT, 4, 0, 0.0)
    overstated = promises(resting, ROUNDS, trades(reported_data_size=[10, 10, 13, 5]))
    assert by_promise(overstated)["nobody reports more records than she has"] == (ASSUMED, BROKEN, 4, 1, 3.0)
    assert promises_sentence(overstated) == "No claim of the auction was broken here."


def test_every_claim_is_broken():
    table = trades(
        misreport_gain=[None, 3.0, 4.0, 1e-13],
        misreport_paid=[None, True, True, False],
        utility=[-2.0, 1.0, 1.0, 1.0],
        privacy_loss=[2.5, 1.0, 1.5, 1.0],
        records=[11, 5, 5, 8],
    )
    found = promises(EVERYTHING, ROUNDS.assign(spent=[9.0, 10.0 + 2**-40]), table)
    assert by_promise(found) == {
        LIE: (CLAIMED, BROKEN, 3, 2, 4.0),
        "no truthful bidder loses": (CLAIMED, BROKEN, 1, 1, 2.0),
        "the budget is kept": (CLAIMED, BROKEN, 2, 1, 2**-40),
        "nobody sells more privacy than she offered": (CLAIMED, BROKEN, 4, 2, 0.5),
        "nobody sells more records than she offered": (CLAIMED, BROKEN, 4, 2, 3.0),
        **OUTSIDE,
    }
    assert promises_sentence(found).startswith(
        f"Claims broken here: {LIE} (broken in 2 of 3 cases, by 4 at most); no truthful bidder loses (broken in "
    )


def test_where_nobody_lied_the_claim_was_not_tried():
    honest = trades().head(1)
    found = promises(EVERYTHING, ROUNDS, honest)
    assert by_promise(found)[LIE] == (CLAIMED, NOT_TRIED, 0, 0, 0.0)
    assert promises_sentence(found) == "No claim of the auction was broken here. Not tried: no lie under one name pays."
    liars = promises(EVERYTHING, ROUNDS, trades().tail(3))
    assert by_promise(liars)["no truthful bidder loses"] == (CLAIMED, NOT_TRIED, 0, 0, 0.0)
    nothing = promises(EVERYTHING, ROUNDS.head(0), trades().head(0))
    assert set(nothing["here"]) == {NOT_TRIED}
    assert promises_sentence(nothing) == "No claim of the auction was tried here."


@pytest.mark.parametrize(("planted", "refuted", "claim"), [(True, False, PLANTED), (False, True, REFUTED)])
def test_claims_that_are_known_to_be_false_are_named_so(planted, refuted, claim):
    found = promises({**EVERYTHING, "planted": planted, "refuted": refuted}, ROUNDS, trades())
    assert by_promise(found)[LIE][:2] == (claim, KEPT)


def test_lies_outside_the_claim_are_no_case_of_it():
    """Claimed for valuations: of three liars one has lied about hers alone. Under several names nothing is claimed."""
    claims = {**EVERYTHING, "truthful_in": ["valuation"]}
    gains = {"misreport_gain": [None, 1.0, 2.0, 3.0], "misreport_paid": [None, True, True, True]}
    found = by_promise(promises(claims, ROUNDS, trades(**gains)))
    assert found["no lie about valuation under one name pays"] == (CLAIMED, BROKEN, 1, 1, 1.0)
    split = by_promise(promises(claims, ROUNDS, trades(**gains, identities=[1, 2, 1, 1])))
    assert split["no lie about valuation under one name pays"] == (CLAIMED, NOT_TRIED, 0, 0, 0.0)


def test_what_is_not_claimed_is_counted_all_the_same():
    claims = {**EVERYTHING, "truthful_in": [], "individually_rational": False, "budget_feasible": False}
    table = trades(misreport_gain=[None, 1.0, 2.0, 3.0], misreport_paid=[None, True, True, True])
    found = promises(claims, ROUNDS, table)
    assert by_promise(found)[LIE] == (NOT_CLAIMED, BROKEN, 3, 3, 3.0)
    assert promises_sentence(found) == "No claim of the auction was broken here.", "it never claimed that no lie pays"


def test_owners_under_several_names_are_judged_name_by_name():
    """Her second name offered 2 and sold 2; of all her names only the first one's offer of 1 stands in the trades."""
    table = trades(
        identities=[1, 2, 1, 1], privacy_loss=[1.0, 2.0, 1.0, 1.0], reported_privacy_budget=[2.0, 1.0, 1.0, 2.0]
    )
    names = pd.DataFrame(
        {
            "privacy_loss": [1.0, 2.0],
            "reported_privacy_budget": [1.0, 2.0],
            "records": [2, 4],
            "reported_data_size": [5, 3],
        }
    )
    found = by_promise(promises(EVERYTHING, ROUNDS, table, names))
    assert found["nobody sells more privacy than she offered"] == (CLAIMED, KEPT, 5, 0, 0.0)
    assert found["nobody sells more records than she offered"] == (CLAIMED, BROKEN, 5, 1, 1.0)
    assert by_promise(promises(EVERYTHING, ROUNDS, table))["nobody sells more privacy than she offered"][2] == 3


def test_several_names_and_groups_are_outside_every_claim():
    """Of two owners under several names one gained 3, of two rings one gained 5; a group of one is no ring."""
    gains = {"misreport_gain": [None, 3.0, -1.0, 0.0], "misreport_paid": [None, True, False, False]}
    groups = pd.DataFrame({"members": [2, 3, 1], "gain": [5.0, -1.0, 9.0], "paid": [True, False, True]})
    table = promises(EVERYTHING, ROUNDS, trades(**gains, identities=[1, 2, 3, 1]), groups=groups)
    found = by_promise(table)
    assert found[LIE] == (CLAIMED, KEPT, 1, 0, 0.0)
    assert found["nobody gains under several names"] == (NOT_CLAIMED, BROKEN, 2, 1, 3.0)
    assert found["no group gains together"] == (NOT_CLAIMED, BROKEN, 2, 1, 5.0)
    assert promises_sentence(table) == "No claim of the auction was broken here."


def test_changed_fields_are_those_that_differ():
    assert changed_fields(trades()).to_numpy().tolist() == [
        [False, False, False],
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    # Curves that are no family: who changed nothing else has changed the curve.
    tabulated = changed_fields(trades(family=None, reported_family=None, factor=float("nan"), reported_factor=1.0))
    assert tabulated["valuation"].tolist() == [False, True, False, False]
