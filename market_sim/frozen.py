"""Mappings that cannot be written into, for fields of a frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def frozen(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A mapping that cannot be written into, nor any mapping within it."""
    return MappingProxyType(
        {key: frozen(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}
    )


def to_plain(value: Any) -> Any:
    """Plain dictionaries in the place of frozen ones, which JSON and pickle can hold."""
    if isinstance(value, Mapping):
        return {key: to_plain(inner) for key, inner in value.items()}
    return tuple(to_plain(inner) for inner in value) if isinstance(value, tuple) else value


def hashable(value: Any) -> Any:
    """Mappings as sets of pairs, so that what holds them can be hashed."""
    if isinstance(value, Mapping):
        return frozenset((key, hashable(inner)) for key, inner in value.items())
    return tuple(hashable(inner) for inner in value) if isinstance(value, tuple) else value


def listed(value: Any) -> Any:
    """Lists in the place of tuples, however deep, as JSON gives them back."""
    if isinstance(value, dict):
        return {key: listed(inner) for key, inner in value.items()}
    return [listed(inner) for inner in value] if isinstance(value, tuple | list) else value
