"""A perturbation of one's own: by name of its class, as a class, as an object, and what is refused."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from agents.perturbation.base import Perturbation
from agents.perturbation.checked import declared_variance, perturb
from agents.perturbation.gaussian import Gaussian
from agents.perturbation.laplace import Laplace
from agents.perturbation.registry import perturbation_of
from market_sim import MarketConfig, run_market
from market_sim.verification.verify import verify

SMALL = {"owners": 20, "bidders": 6, "rounds": 2}


class Wider(Laplace):
    """Laplace noise that is wider than it need be."""

    name: ClassVar[str] = "wider"

    def __init__(self, by: float = 2.0) -> None:
        self.by = by

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        return self.by**2 * super().variance(privacy_loss, dimension)

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        return super().perturb(gradient, privacy_loss / self.by, generator, radius)


OURS = f"{__name__}:Wider"


def test_class_object_and_name_are_the_same_market() -> None:
    text, kind, thing = (run_market(**SMALL, perturbation=given, seed=3) for given in (OURS, Wider, Wider()))
    assert text.rounds.equals(kind.rounds)
    assert kind.rounds.equals(thing.rounds)
    assert text.config["repeatable"] is True
    assert kind.config["repeatable"] is thing.config["repeatable"] is False
    assert text.config["config"]["perturbation"] == OURS
    assert thing.config["config"]["perturbation"] == "wider"
    noisier = run_market(**SMALL, perturbation=Wider(by=9.0), seed=3)
    assert noisier.rounds["error_bound"].gt(text.rounds["error_bound"]).all()
    assert noisier.config["perturbation"]["construct"] is None, "the argument is not recorded"


def test_a_run_with_it_is_verified_if_it_can_be_had_again(tmp_path) -> None:
    run_market(**SMALL, perturbation=OURS, out=tmp_path / "named")
    assert verify(tmp_path / "named").ok
    run_market(**SMALL, perturbation=Wider(by=9.0), out=tmp_path / "object")
    with pytest.raises(ValueError, match="put its class into a module that can be imported"):
        verify(tmp_path / "object")


def test_delta_of_the_market_reaches_gaussian_and_an_object_keeps_its_own() -> None:
    assert MarketConfig(perturbation="gaussian", delta=1e-4).mechanism.delta == 1e-4
    assert MarketConfig(perturbation=Gaussian(1e-9), delta=1e-4).mechanism.delta == 1e-9
    assert MarketConfig(perturbation="privunit", delta=1e-4).mechanism.delta == 0.0


class ClaimsTwice(Laplace):
    name: ClassVar[str] = "claims-twice"

    def claim(self, privacy_loss: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * privacy_loss, torch.zeros_like(privacy_loss)


class NeedsNothing(Laplace):
    name = None  # type: ignore[assignment]


def test_nobody_claims_more_than_her_owners_are_charged() -> None:
    with pytest.raises(ValueError, match=r"'claims-twice': claim gives epsilon .* claim more than 0 and no more"):
        run_market(**SMALL, perturbation=ClaimsTwice)


def test_a_class_without_a_name_is_told_so_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="NeedsNothing has no name; give it one"):
        perturbation_of(NeedsNothing)


class Unfinished(Perturbation):
    name: ClassVar[str] = "unfinished"


class SameName(Laplace):
    pass


class Shapeless(Laplace):
    name: ClassVar[str] = "shapeless"

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        return torch.zeros_like(privacy_loss)

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        return gradient[:, :1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Unfinished, "Unfinished is unfinished; give it a name, a variance and a perturb"),
        (SameName, "SameName is called 'laplace', as a perturbation of this project is"),
        (dict, "dict is no Perturbation"),
        ("nowhere:Noise", "module 'nowhere' cannot be imported"),
        (f"{__name__}:SMALL", "is no finished Perturbation"),
        ("laplac", "did you mean 'laplace'"),
        (7, "perturbation = 7"),
    ],
)
def test_what_is_no_perturbation_is_refused(given, says) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        perturbation_of(given)
    with pytest.raises((TypeError, ValueError), match=says):
        MarketConfig(perturbation=given)


def test_what_it_returns_is_checked() -> None:
    loss = torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="variance has to return a positive finite number"):
        declared_variance(Shapeless, loss, 3)
    with pytest.raises(ValueError, match=r"perturb has to return a finite tensor of shape \[2, 3\]"):
        perturb(Shapeless(), torch.zeros(2, 3), loss, torch.Generator())
