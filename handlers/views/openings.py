"""What others did in Azure past Sekisho: a port opened, a JIT policy edited or taken away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.events import Length, Target, Terms
from feeds.callers import LOOKING, Answer
from feeds.openings import ForeignOpening, PolicyChange, PortChange, PortSeen
from handlers.locale import Locale
from handlers.views import blocks, reason, safe, words
from handlers.views.blocks import Block, Message
from handlers.views.callers import caller_line, why_nobody

#: Ports whose change is spelled out; the rest is counted.
PORTS_SHOWN = 8
#: Allowed sources of a port that are spelled out.
SOURCES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """When the difference was seen, and when it was not there yet (None: never looked before)."""

    at: datetime
    before: datetime | None


def foreign_opening(
    opening: ForeignOpening,
    target: Target,
    seen_at: datetime,
    link: str,
    locale: Locale,
    answer: Answer = LOOKING,
) -> Message:
    """Who, from where, until when, and that nobody approved it.

    `answer` counts where Azure's own record of it names nobody.
    """
    is_named = bool(opening.requestor.strip())
    terms = Terms(opening.ports, opening.source, Length(0))
    title = locale.text(
        "openings.found.headline", thing=safe.escape_mrkdwn(words.thing(terms, target, locale))
    )
    rest = [_found_line(opening, seen_at, locale, answer, tokens=True)]
    if opening.claims is not None:
        rest.append(locale.text("openings.found.claims", id=opening.claims))
    said = _found_line(opening, seen_at, locale, answer, tokens=False)
    return blocks.message(
        locale.text("sentence", headline=title, rest=said),
        blocks.section(f":warning: *{title}*", *rest),
        reason.quoted(opening.justification, locale) if opening.justification.strip() else None,
        _way(link, locale),
        blocks.context(
            *(() if is_named else (why_nobody(answer, locale),)), _place(target, locale)
        ),
    )


def _found_line(
    opening: ForeignOpening, seen_at: datetime, locale: Locale, answer: Answer, *, tokens: bool
) -> str:
    show = locale.when if tokens else locale.plain_when
    until = show(opening.ends_at) if opening.ends_at else locale.text("openings.no_end")
    by_log = "" if opening.requestor.strip() else caller_line(answer, locale, tokens=tokens)
    key = "by" if opening.requestor.strip() else "by_log" if by_log else "by_nobody"
    return locale.text(
        f"openings.found.{key}",
        said=by_log,
        who=safe.escape_mrkdwn(opening.requestor, 120),
        when=show(opening.starts_at or seen_at),
        source=safe.escape_mrkdwn(opening.source, 200),
        until=until,
    )


def policy_changed(
    change: PolicyChange,
    target: Target,
    seen: Seen,
    link: str,
    locale: Locale,
    answer: Answer = LOOKING,
) -> Message:
    """What is different now, since when at the earliest, and by whom as far as Azure says."""
    title = locale.text(f"openings.{change.kind}.headline", vm=safe.escape_mrkdwn(target.name, 120))
    lines = [safe.escape_mrkdwn(each, 300) for each in _ports(change, locale)]
    policies = change.after.policies if change.after else change.before.policies
    names = locale.text("list.comma").join(
        safe.code(policy.rpartition("/")[2]) for policy, _ in policies[:3]
    )
    bullets = "\n".join(f"• {line}" for line in lines)
    return blocks.message(
        locale.text("list.sentences").join(
            filter(
                None,
                (
                    locale.text("openings.title_text", headline=title),
                    caller_line(answer, locale, tokens=False),
                    _changed_line(seen, locale, tokens=False),
                    locale.text("list.comma").join(lines),
                ),
            )
        ),
        blocks.section(
            f":warning: *{title}*",
            caller_line(answer, locale, tokens=True),
            _changed_line(seen, locale, tokens=True),
            bullets,
        ),
        _way(link, locale),
        blocks.context(
            locale.text("openings.policy", names=names),
            why_nobody(answer, locale),
            _place(target, locale),
        ),
    )


def _changed_line(seen: Seen, locale: Locale, *, tokens: bool) -> str:
    show = locale.when if tokens else locale.plain_when
    if seen.before is None:
        return locale.text("openings.seen", when=show(seen.at))
    return locale.text("openings.seen_between", before=show(seen.before), when=show(seen.at))


def _ports(change: PolicyChange, locale: Locale) -> list[str]:
    """Plain lines, one a port."""
    found = change.ports
    lines = [_port(each, locale) for each in found[:PORTS_SHOWN]]
    if len(found) > PORTS_SHOWN:
        lines.append(locale.plural("openings.more_ports", len(found) - PORTS_SHOWN))
    return lines or [locale.text("openings.moved")]


def _port(change: PortChange, locale: Locale) -> str:
    match change.before, change.after:
        case None, PortSeen() as after:
            return locale.text("openings.port_new", port=change.number, now=_rule(after, locale))
        case PortSeen() as before, None:
            return locale.text("openings.port_gone", port=change.number, was=_rule(before, locale))
        case PortSeen() as before, PortSeen() as after:
            return locale.text(
                "openings.port_changed",
                port=change.number,
                was=_rule(before, locale),
                now=_rule(after, locale),
            )
        case _:
            return str(change.number)


def _rule(port: PortSeen, locale: Locale) -> str:
    """`from any, up to 3 hours`; plain."""
    sources = [
        locale.text("openings.any") if source in ("*", "0.0.0.0/0") else safe.one_line(source)
        for source in port.sources[:SOURCES_SHOWN]
    ]
    if len(port.sources) > SOURCES_SHOWN:
        sources.append(locale.text("openings.and_more", n=len(port.sources) - SOURCES_SHOWN))
    return locale.text(
        "openings.rule",
        source=locale.text("list.comma").join(sources) or safe.EMPTY,
        longest=locale.duration(timedelta(seconds=port.longest_seconds)),
    )


def _place(target: Target, locale: Locale) -> str:
    return locale.text(
        "openings.place",
        group=safe.escape_mrkdwn(target.resource_group or safe.EMPTY, 120),
        subscription=safe.escape_mrkdwn(
            target.subscription_name or target.subscription_id or safe.EMPTY, 120
        ),
    )


def _way(link: str, locale: Locale) -> Block | None:
    if not reason.is_web_address(link):
        return None
    label = locale.text("openings.open_azure")
    return blocks.actions(blocks.button(label, "open_portal", "openings", url=link))
