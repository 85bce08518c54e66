"""What probes and metrics are told (see `bot.health_door`): names, never a secret or a person's.

Red is not the same as not ready: with a frozen audit log or an archived channel the bot must go on
answering, or nobody could close a port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

#: A part says what is wrong in a few words, "" when nothing is.
Check = Callable[[], str]


class Colour(IntEnum):
    """The metric `sekisho_health`."""

    GREEN = 0
    AMBER = 1
    RED = 2


@dataclass(slots=True)
class Health:
    """What the parts say of themselves, by how much it hurts."""

    #: useless: the process should be started anew (`/live`).
    fatal: dict[str, Check] = field(default_factory=dict)
    #: can't answer Slack now (`/ready`).
    blocking: dict[str, Check] = field(default_factory=dict)
    #: works, but somebody must act: red.
    checks: dict[str, Check] = field(default_factory=dict)
    #: may become worse: amber.
    warnings: dict[str, Check] = field(default_factory=dict)
    metrics: dict[str, Callable[[], float]] = field(default_factory=dict)
    is_ready: bool = False

    def problems(self) -> Mapping[str, str]:
        return _found(self.warnings | self.checks | self.blocking | self.fatal)

    def dead(self) -> Mapping[str, str]:
        return _found(self.fatal)

    def can_serve(self) -> bool:
        return self.is_ready and not _found(self.blocking | self.fatal)

    def colour(self) -> Colour:
        if not self.is_ready or _found(self.checks | self.blocking | self.fatal):
            return Colour.RED
        return Colour.AMBER if _found(self.warnings) else Colour.GREEN


def _found(checks: Mapping[str, Check]) -> dict[str, str]:
    said = {name: check() for name, check in checks.items()}
    return {name: problem for name, problem in said.items() if problem}
