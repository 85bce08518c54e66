"""What a typed line or a click is answered with, before it is known how the answer travels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handlers.drafts import Draft
from handlers.views.blocks import Message


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Not an answer but a form: the draft to open it with."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class CheckFirst:
    """Azure must be read: say "checking" now, send the draft after the ack."""

    draft: Draft
    first: Message


@dataclass(frozen=True, slots=True)
class Checking:
    """Azure must be read for something else than a draft: `finish` after the ack."""

    first: Message
    finish: Callable[[], Awaitable[Message]]


Reply = Message | OpenForm | CheckFirst | Checking
