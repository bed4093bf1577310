"""Checkpoints of learned auctions: tensors in safetensors, everything else in a JSON card beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from agents.broker.auctions.parts.ascending_network import USUAL_MARKETS
from agents.files import plain, to_json, write_file
from agents.units import PublicUnits

if TYPE_CHECKING:
    from agents.prior import OwnerPrior

SHIPPED = Path(__file__).parent / "checkpoints"
ModelT = TypeVar("ModelT")

RANGES = {
    "privacy_budget": "a privacy_budget",
    "factor": "a factor",
    "budget_factor": "a budget over the cost of all owners have (budget_factor)",
}
"""Ranges of a prior within which an auction has learned, in words."""
KINDS = {"sizes": "data sizes", "budgets": "budgets"}
"""Distributions of a prior by name, in words."""


_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _CardFile(BaseModel):
    """What the JSON of a card holds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    auction: str
    sha256: _Sha256
    units: dict[str, float]
    prior: dict[str, Any] = {}
    architecture: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    versions: dict[str, str | None] = {}
    figures: dict[str, Any] = {}
    card_sha256: _Sha256 | None = None


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint is, how it was made and what it achieved.

    Parameters
    ----------
    auction : str
        Name of the auction it belongs to.
    sha256 : str
        Of the tensor file; a checkpoint that does not match is refused.
    units : PublicUnits
        Public units it was trained in, used unless the caller's prior brings her own.
    prior, architecture, recipe, versions, figures : dict
        The training distribution, network sizes, training settings (with the seed), library versions, and the
        figures measured at the end of training.
    card_sha256 : str, optional
        Of everything else in the card; one that does not match is refused. Cards of older versions have none.
    intact : bool
        Whether it matches.
    """

    auction: str
    sha256: str
    units: PublicUnits
    prior: dict[str, Any] = field(default_factory=dict)
    architecture: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    card_sha256: str | None = None
    intact: bool = True

    @staticmethod
    def load(checkpoint: Path) -> ModelCard:
        """Read the card of a checkpoint, beside it.

        Raises
        ------
        ValueError
            If it is missing or not a card.
        """
        if not checkpoint.is_file():
            raise ValueError(f"checkpoint {checkpoint} does not exist: check the path, or train one")
        path = checkpoint.with_suffix(".json")
        if not path.is_file():
            raise ValueError(f"checkpoint {checkpoint} has no card: {path.name} must lie beside it")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            _CardFile.model_validate(content)
            card = ModelCard(**{**content, "units": PublicUnits(**content["units"])})
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise ValueError(
                f"card {path} cannot be read (field {where!r}: {fault['msg']}); restore it or train again"
            ) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"card {path} cannot be read ({error}); train the checkpoint again") from None
        return replace(card, intact=card.card_sha256 in (None, hash_of_card(content)))

    def outside_training(self, prior: OwnerPrior, bidders: int | None = None) -> dict[str, str]:
        """In what a market is unlike those of the training: a clause by what differs; empty if in nothing.

        Parameters
        ----------
        prior : OwnerPrior
            Of the market's owners and budgets.
        bidders : int, optional
            Of a round.
        """
        clauses = {
            name: f"was trained on {words} between {minimum:g} and {maximum:g}, this market's lies between {low:g} and "
            f"{high:g}"
            for name, words in RANGES.items()
            if name in self.prior
            for (low, high), (minimum, maximum) in [(getattr(prior, name), self.prior[name])]
            if low < minimum or high > maximum
        }
        for name, words in KINDS.items() if not self._in_every_regime() else ():
            trained, here = self.prior.get(name), prior.described(name)
            if trained is not None and trained != here:
                clauses[name] = f"was trained on {trained} {words}, this market's are {here}"
        trained_with = self._bidders_trained()
        if bidders is not None and trained_with and not any(few <= bidders <= many for few, many in trained_with):
            numbers = " or ".join(f"{few}" if few == many else f"{few} to {many}" for few, many in trained_with)
            clauses["bidders"] = f"was trained with {numbers} bidders a round, this market has {bidders}"
        return clauses

    def _bidders_trained(self) -> list[tuple[int, int]]:
        """Ranges of the numbers of bidders of the training's profiles; none if that is not known."""
        usual, others = self.recipe.get("owners"), self.recipe.get("other_owners")
        if usual is None:
            return []
        if "most_owners" in self.recipe:  # One network each for small, usual and large markets.
            few, many = USUAL_MARKETS
            return [(1, max(few - 1, self.recipe["neighbours"][1])), (many + 1, self.recipe["most_owners"])]
        return [(min(usual, *others), max(usual, *others)) if others else (usual, usual)]

    def _in_every_regime(self) -> bool:
        """Whether some of the training's profiles are of other kinds of sizes and budgets than the prior's."""
        return bool(self.recipe.get("share_of_regimes", 0))


def save_checkpoint(path: Path, tensors: dict[str, Tensor], **card: Any) -> ModelCard:
    """Write tensors and card, each in one atomic step, and return the card."""
    # What the tensors mean is hashed with them: a card cannot pass them off as another auction's.
    # One entry only: the format writes several in any order, and the same training would hash differently.
    meaning = {"meaning": _as_text(card["auction"], card["units"])}
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata=meaning)
    made = ModelCard(sha256=hashlib.sha256(content).hexdigest(), **card)
    write_file(path, content)
    write_file(path.with_suffix(".json"), to_json(sealed(asdict(made))))
    return ModelCard.load(path)


def sealed(card: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a card with the hash of all of it."""
    content = {key: value for key, value in plain(card).items() if key not in ("card_sha256", "intact")}
    return {**content, "card_sha256": hash_of_card(content)}


def hash_of_card(card: Mapping[str, Any]) -> str:
    """Hash of the content of a card, but for the hash that it holds."""
    content = {key: value for key, value in card.items() if key != "card_sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_checkpoint(path: Path, auction: str) -> tuple[dict[str, Tensor], ModelCard]:
    """Read a checkpoint of ``auction``, checking hash and card.

    Raises
    ------
    ValueError
        If a file is missing, damaged, or belongs to another auction; the message says which.
    """
    if not path.is_file():
        raise ValueError(f"checkpoint {path} does not exist; make it with: market-sim train {auction} --out {path}")
    card = ModelCard.load(path)
    if card.auction != auction:
        raise ValueError(f"checkpoint {path} is of auction {card.auction!r}, not {auction!r}: load it by its path")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise ValueError(
            f"checkpoint {path} has sha256 {found[:12]}..., its card says {card.sha256[:12]}...: "
            "the file is damaged or not the card's; restore both or train again"
        )
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(f"checkpoint {path} is not a safetensors file ({error}); train it again") from None
    meaning = _meaning(content)
    if meaning != _as_text(auction, card.units):
        raise ValueError(f"checkpoint {path} was made for {meaning}, its card says otherwise: restore the card")
    if not card.intact:
        raise ValueError(f"card {path.with_suffix('.json')} is not as it was written: restore it or train again")
    return tensors, card


def open_checkpoint(
    auction: str, path: Path | None, build: Callable[[dict[str, Tensor]], ModelT], holds: str
) -> tuple[ModelT, ModelCard]:
    """What a checkpoint of ``auction`` holds, built, and its card.

    Parameters
    ----------
    auction : str
    path : Path or None
        None for the checkpoint that is shipped.
    build : callable
        From tensors to what they make up.
    holds : str
        What that is, in words.

    Raises
    ------
    ValueError
        As ``load_checkpoint``, or if the tensors make up nothing of the kind or are not finite.
    """
    path = path or SHIPPED / f"{auction}.safetensors"
    tensors, card = load_checkpoint(path, auction)
    try:
        for name, tensor in tensors.items():
            if not bool(tensor.isfinite().all()):
                raise ValueError(f"{name} holds a number that is not finite")
        return build(tensors), card
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ValueError(f"checkpoint {path} does not hold {holds} ({error}); train it again") from None


def _as_text(auction: str, units: PublicUnits) -> str:
    return json.dumps({"auction": auction, **asdict(units)}, sort_keys=True)


def _meaning(content: bytes) -> str:
    """What a safetensors file says of itself, in the JSON behind the eight bytes of its length."""
    length = int.from_bytes(content[:8], "little")
    return str(json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("meaning"))
