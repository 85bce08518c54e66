"""Resource Manager's token buckets: what is left of them, told in every answer's headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["reads", "writes", "deletes"]

#: Size and refill per second of each subscription's bucket (Resource Manager since 2024).
SIZES: dict[Kind, tuple[int, int]] = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
#: All principals together have this many times one principal's.
GLOBAL_FACTOR = 15


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_at: float


class Buckets:
    """One per subscription and kind; time is the caller's, in seconds."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, Kind], _Bucket] = {}

    def take(self, subscription_id: str, kind: Kind, at: float) -> int | None:
        """Take one; what is left, None when there was none to take."""
        size, refill = SIZES[kind]
        bucket = self._buckets.setdefault((subscription_id, kind), _Bucket(size, at))
        bucket.left = min(size, bucket.left + (at - bucket.filled_at) * refill)
        bucket.filled_at = at
        if bucket.left < 1:
            return None
        bucket.left -= 1
        return int(bucket.left)


def kind_of(method: str) -> Kind:
    """How Resource Manager counts a method."""
    return "reads" if method in ("GET", "HEAD") else "deletes" if method == "DELETE" else "writes"
