"""Who did something past Sekisho, by Azure's activity log; or why nobody can be named."""

from __future__ import annotations

from defender.activity import Caller
from feeds.callers import Act, Answer
from handlers.locale import Locale
from handlers.views import safe

#: What an address or a name may take of a line.
NAME_MAX = 120


def caller_line(answer: Answer, locale: Locale, *, tokens: bool) -> str:
    """The sentence for the message itself; "" while nobody is named."""
    if answer.state not in ("found", "earlier") or not answer.acts:
        return ""
    said = locale.text("list.sentences").join(
        _act(act, locale, tokens=tokens) for act in answer.acts
    )
    return said if answer.state == "found" else locale.text("callers.earlier", said=said)


def why_nobody(answer: Answer, locale: Locale) -> str:
    """The small print where nobody is named; where somebody is, who says so."""
    return locale.text(f"callers.small_{answer.state}")


def _act(act: Act, locale: Locale, *, tokens: bool) -> str:
    return locale.text(
        f"callers.did.{act.deed}",
        who=_who(act.caller, locale),
        when=locale.when(act.at) if tokens else locale.plain_when(act.at),
        thing=safe.escape_mrkdwn(act.thing, NAME_MAX),
    )


def _who(caller: Caller, locale: Locale) -> str:
    return locale.text(f"callers.who.{caller.kind}", name=safe.escape_mrkdwn(caller.name, NAME_MAX))
