"""What a visitor chooses becomes a market, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios.app.choices import Choices, build, refusal


def test_who_does_not_lie_tells_the_truth():
    assert Choices(deviators={"scaled-valuation": 25}).shares == {"truthful": 0.75, "scaled-valuation": 0.25}
    assert Choices(deviators={"scaled-valuation": 100}).shares == {"scaled-valuation": 1.0}
    assert Choices(deviators={"scaled-valuation": 0}).shares == {"truthful": 1.0}


def test_every_choice_reaches_the_market():
    choices = Choices(
        auction="pay-as-bid",
        aggregation="variance",
        perturbation="laplace",
        task="synthetic",
        network="ring",
        owners=20,
        bidders=7,
        rounds=40,
        seed=3,
        budget_factor=(0.5, 0.5),
        privacy_budget=(1.0, 1.5),
        deviators={"random-misreport": 50},
        first_best=True,
    )
    model = build(choices).model
    names = ("auction", "aggregation", "perturbation", "task", "network", "owners", "bidders", "rounds")
    for name in (*names, "budget_factor", "privacy_budget", "first_best"):
        assert getattr(model.config, name) == getattr(choices, name), name
    assert model.seed == 3
    assert model.config.strategies == {"truthful": 0.5, "random-misreport": 0.5}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bidders": 61}, "bidders = 61 for each of buyers = 1 are more than owners = 60"),
        ({"deviators": {"scaled-valuation": 60, "random-misreport": 50}}, "the shares sum to 1.1; make them sum to 1"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_built(changed, said):
    assert said in str(refusal(replace(Choices(), **changed)))


def test_what_only_the_task_can_tell_is_refused_when_the_market_is_built():
    crowded = Choices(owners=2000)
    assert refusal(crowded) is None
    with pytest.raises(ValueError, match="task 'digits' has only 1437 records"):
        build(crowded)


def test_a_warning_is_kept_for_the_page_and_not_printed():
    built = build(Choices(privacy_budget=(0.5, 4.0)))
    assert len(built.warnings) == 1
    assert "was trained on a privacy_budget between 0.5 and 2" in built.warnings[0]
    assert build(Choices()).warnings == ()
