"""Notices about the choices: refused, not yet played, or played with a warning."""

from __future__ import annotations

import solara

from scenarios.app.choices import BuiltMarket, Choices, refusal

LAST_MARKET_SHOWN = "The page still shows the last market that could be played."


@solara.component
def Notice(
    built: solara.Reactive[BuiltMarket], choices: solara.Reactive[Choices], refused: solara.Reactive[str | None]
) -> None:
    """Show what is wrong, changed or warned of, if anything is."""
    against = refusal(choices.value)
    if refused.value is not None:
        solara.Error(f"{_sentence(refused.value)} {LAST_MARKET_SHOWN}", dense=True)
    elif against is not None:
        solara.Warning(f"These choices do not go together: {_sentence(against)} {LAST_MARKET_SHOWN}", dense=True)
    elif choices.value != built.value.choices:
        solara.Info("You have changed the market: press Reset to play it.", dense=True)
    for warning in dict.fromkeys([*built.value.warnings, *built.value.model.outside_training]):
        solara.Warning(warning, dense=True)


def _sentence(message: str) -> str:
    return f"{message.rstrip('.')}."
