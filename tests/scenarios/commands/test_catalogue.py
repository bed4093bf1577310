"""A scenario is found because it asks a question and can be run."""

from __future__ import annotations

import pytest

from scenarios.commands.catalogue import load_scenario, scenario_questions


def test_modules_that_ask_and_run_are_scenarios(quiet_scenario):
    questions = scenario_questions()
    assert questions[quiet_scenario] == "What happens when nothing happens?"
    assert "learning-liars" in questions, "a run that is made by study() counts too"
    assert "helper" not in questions
    assert "no-question" not in questions
    assert "cli" not in questions


def test_a_scenario_is_loaded_by_its_name(quiet_scenario, tmp_path):
    answer = load_scenario(quiet_scenario)(seed=1, out=tmp_path, progress=False)
    assert answer.figures["seed"] == 1


def test_an_unknown_scenario_is_refused(quiet_scenario):
    with pytest.raises(ValueError, match="did you mean 'quiet-market'"):
        load_scenario("quietmarket")
