"""Comparing shapes: which fields an object has and of which kind each is."""

from __future__ import annotations

from typing import Any

#: Objects whose keys are data: any key is right.
OPEN = frozenset({"extendedProperties", "entities", "supportingEvidence", "location"})


def shape_of(value: Any) -> Any:
    """Kinds in place of values; of a list, the kind of its first item."""
    if isinstance(value, dict):
        return {key: "open" if key in OPEN else shape_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return "number" if type(value) in (int, float) else type(value).__name__


def unlike(ours: Any, published: Any, place: str = "") -> list[str]:
    """Where ours has a field that the published one lacks, or one of another kind."""
    if isinstance(ours, dict) and isinstance(published, dict):
        found = []
        for key, inner in ours.items():
            at = f"{place}.{key}"
            if key.startswith("$"):
                continue  # references of the exporter, which the examples leave out
            found += unlike(inner, published[key], at) if key in published else [f"{at} is new"]
        return found
    if isinstance(ours, list) and isinstance(published, list):
        return unlike(ours[0], published[0], f"{place}[]") if ours and published else []
    if "NoneType" in (ours, published) or ours == published:
        return []
    return [f"{place} is {ours}, not {published}"]
