"""Did lying pay? Alone, together, not at all, or not known: markets of a few bids, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.headline import NO, NOT_KNOWN, ONLY_TOGETHER, YES, headline
from analysis.summary import groups_summary


def trades(*paid: bool | None) -> pd.DataFrame:
    """A bid each: truthful (None), or a lie that paid or did not."""
    gain = [float("nan") if each is None else 1.0 if each else -1.0 for each in paid]
    return pd.DataFrame({"misreport_gain": gain, "misreport_paid": list(paid)})


def groups(*rows: tuple[int, int, float, float], strategy: str = "collusion-ring", seed: int = 0) -> pd.DataFrame:
    """Round, members, utility and truthful utility of each group."""
    frame = pd.DataFrame(rows, columns=["round", "members", "utility", "truthful_utility"])
    gain = frame["utility"] - frame["truthful_utility"]
    return frame.assign(seed=seed, buyer=0, strategy=strategy, gain=gain, paid=gain > 1e-9, transfers=0.0)


ALONE = groups()


def test_a_ring_that_gains_together_where_no_lie_pays_alone():
    """It earned 17 where the truth would have brought 10, in two rounds with one ring each."""
    found = headline(trades(False, False, None), groups((0, 3, 12.0, 6.0), (1, 2, 5.0, 4.0)))
    assert found.verdict == ONLY_TOGETHER
    assert str(found) == (
        "Only together: alone no lie paid (0 of 2); "
        "the ring together earned 70 % more than the truth would have brought it."
    )


def test_several_rings_in_one_round_are_rings():
    found = headline(trades(False, False), groups((0, 3, 12.0, 6.0), (0, 2, 5.0, 4.0)))
    assert found.sentence.endswith("the rings together earned 70 % more than the truth would have brought them")


def test_a_group_that_gains_in_no_round_leaves_the_answer_no():
    found = headline(trades(False, None), groups((0, 2, 8.0, 10.0)))
    assert str(found) == (
        "No: alone no lie paid (0 of 1); the ring together earned 20 % less than the truth would have brought it."
    )
    assert headline(trades(False), groups((0, 2, 10.0, 10.0))).sentence.endswith(
        "the ring together earned what the truth would have brought it"
    )


def test_a_ring_that_gains_at_times_and_loses_more():
    found = headline(trades(False), groups((0, 2, 6.0, 4.0), (1, 2, 2.0, 6.0)))
    assert str(found) == (
        "Only together: alone no lie paid (0 of 1); the ring together gained in 1 of 2 cases, but in sum earned 20 % "
        "less than the truth would have brought it."
    )


def test_where_the_truth_would_have_brought_nothing_there_is_no_share_of_it():
    found = headline(trades(False), groups((0, 2, 3.0, 0.0), strategy="friends"))
    assert found.verdict == ONLY_TOGETHER
    assert found.sentence.endswith("the group of friends together earned 3 more than the truth would have brought it")


def test_lies_that_pay_alone():
    found = headline(trades(True, False, False, None), ALONE)
    assert (found.verdict, found.misreports, found.paid) == (YES, 3, 1)
    assert found.sentence == "1 of 3 lies earned more than the truth would have in the same round"
    assert headline(trades(False, False), ALONE).sentence.startswith("not one of 2 lies earned more than the truth")
    assert str(headline(trades(False), ALONE)) == (
        f"{NO}: the only lie earned no more than the truth would have in the same round."
    )


def test_an_owner_under_several_names_is_alone():
    """Her gain is among the lies already; nothing is said of acting together."""
    found = headline(trades(True), groups((0, 1, 12.0, 6.0), strategy="identity-splitting"))
    assert str(found) == "Yes: the only lie earned more than the truth would have in the same round."


def test_where_nobody_lied_nothing_is_known():
    assert str(headline(trades(None, None), ALONE)) == "Not known yet: nobody lied."
    assert headline(trades(), ALONE).verdict == NOT_KNOWN


def test_groups_are_summed_up_by_strategy():
    both = pd.concat([groups((0, 3, 12.0, 6.0), (1, 2, 5.0, 4.0)), groups((0, 1, 2.0, 4.0), strategy="splitting")])
    ring, split = groups_summary(both).to_dict("records")
    assert (ring["strategy"], ring["groups"], ring["members"], ring["paid"]) == ("collusion-ring", 2, 2.5, 2)
    assert (ring["utility"], ring["truthful_utility"], ring["gain"], ring["best"]) == (17.0, 10.0, 7.0, 6.0)
    assert (ring["ratio"], ring["gain_mean"]) == (0.7, 3.5)
    # Two rounds: 12.706 standard errors of 2.5 either way.
    assert (ring["gain_low"], ring["gain_high"]) == pytest.approx((3.5 - 2.5 * 12.7062, 3.5 + 2.5 * 12.7062), abs=1e-3)
    assert (split["paid"], split["ratio"], split["best"]) == (0, -0.5, -2.0)
    assert groups_summary(groups()).empty


def test_rounding_is_no_gain_of_a_group():
    for utility, gain in ((1e6 + 1e-7, 0.0), (1e6 - 1e-7, 0.0), (1e6 - 1.0, -1.0)):
        table = groups((0, 2, utility, 1e6)).assign(paid=False)
        assert groups_summary(table)["gain"].tolist() == [gain]
