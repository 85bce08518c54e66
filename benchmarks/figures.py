"""What was measured and what it has to reach. Pure: no clock, no process, no file."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import msgspec


class Unit(StrEnum):
    """How the numbers of a figure read."""

    MILLISECONDS = "ms"
    SECONDS = "s"
    MEGABYTES = "MB"


class Measure(StrEnum):
    """The number of a figure that a target holds down."""

    RATIO = "ratio of the medians"
    P50 = "p50"
    P99 = "p99"


@dataclass(frozen=True, slots=True)
class Target:
    """`measure` at most `limit`, in the figure's own unit (a ratio has none)."""

    measure: Measure
    limit: float


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one thing, with the floor's where there is one. All in `unit`."""

    name: str
    title: str
    unit: Unit
    ours: tuple[float, ...]
    floor: tuple[float, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the floor's, median by median; None without a floor."""
        if not self.ours or not self.floor:
            return None
        return statistics.median(self.ours) / statistics.median(self.floor)

    def of(self, measure: Measure) -> float | None:
        """The number that a target looks at; None when it was not measured."""
        match measure:
            case Measure.RATIO:
                return self.ratio
            case Measure.P50:
                return percentile(self.ours, 50)
            case Measure.P99:
                return percentile(self.ours, 99)
            case _:
                assert_never(measure)


@dataclass(frozen=True, slots=True)
class Missed:
    """One target that was not reached; `found` is None for a thing that was not measured."""

    name: str
    target: Target
    found: float | None


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """By nearest rank, so that it is a sample that was really seen; None without samples."""
    if not samples:
        return None
    rank = max(1, math.ceil(len(samples) * percent / 100))
    return sorted(samples)[rank - 1]


def missed(figure: Figure, targets: Sequence[Target]) -> list[Missed]:
    """The figure's targets that it does not reach. What was not measured is not reached."""
    found = [Missed(figure.name, target, figure.of(target.measure)) for target in targets]
    return [miss for miss in found if miss.found is None or miss.found > miss.target.limit]


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure as `build/bench.json` has it."""

    name: str
    title: str
    unit: str
    samples: int
    ours_p50: float | None
    ours_p99: float | None
    floor_p50: float | None = None
    floor_p99: float | None = None
    ratio: float | None = None
    targets: dict[str, float] = {}
    misses: list[str] = []
    note: str = ""


def written(figure: Figure, targets: Sequence[Target]) -> Written:
    """Rounded to what the measuring can tell."""
    return Written(
        name=figure.name,
        title=figure.title,
        unit=figure.unit.value,
        samples=len(figure.ours),
        ours_p50=_rounded(percentile(figure.ours, 50)),
        ours_p99=_rounded(percentile(figure.ours, 99)),
        floor_p50=_rounded(percentile(figure.floor, 50)),
        floor_p99=_rounded(percentile(figure.floor, 99)),
        ratio=_rounded(figure.ratio),
        targets={target.measure.value: target.limit for target in targets},
        misses=[miss.target.measure.value for miss in missed(figure, targets)],
        note=figure.note,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
