"""What a line of the director's panel is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

#: Something is broken for as long as it is on; something happens once; the estate lives.
SwitchKind = Literal["fault", "event", "life"]


@dataclass(frozen=True, slots=True)
class Switch:
    """One line of the panel."""

    name: str
    label_en: str
    label_ja: str
    turn: Callable[[bool], Awaitable[None]]
    #: It happens once and is over: it never shows as on.
    is_moment: bool = False
    kind: SwitchKind = "fault"


class NotNow(Exception):
    """What was wished for can't happen as things are; the words are shown on the page."""

    def __init__(self, en: str, ja: str) -> None:
        super().__init__(en)
        self.ja = ja
