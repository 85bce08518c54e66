"""`/alerts route web-01 high`: which rule would catch it, why, and what then happens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feeds.routing import DEFAULT, Condition, Escalation, Matched, Mentions, Passed, Routed
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Block, Message

_CODE = re.compile(r"`[^`\n]+`")

#: Rules that were passed by, and patterns of a condition, that are told.
PASSED_MAX = 8
WANTED_MAX = 5
VALUE_MAX = 80
#: What a line names none of, so that a rule may fail on it alone.
UNASKED = frozenset({Condition.PRODUCTS, Condition.ALERT_TYPES, Condition.TACTICS})


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAsked:
    """The question and what the rules say. `is_held`: quiet hours would keep it back now."""

    machine: str
    severity: str
    routed: Routed
    is_known: bool = True
    is_held: bool = False
    group_names: Mapping[str, str]
    names: Mapping[str, str]
    #: names of subscriptions by their id
    subscriptions: Mapping[str, str] = field(default_factory=dict)


def route_answer(asked: RouteAsked, locale: Locale) -> Message:
    """Where it goes, by which rule; then who is called; then the rules before it."""
    routed = asked.routed
    channel = f"<#{routed.channel}>"
    severity = safe.escape_mrkdwn(say.severity_word(asked.severity, locale), 60)
    headline = locale.text(
        "alerts.route.headline",
        severity=severity,
        machine=safe.code(asked.machine, 120),
        channel=channel,
    )
    text = locale.text(
        "alerts.route.text",
        severity=severity,
        machine=safe.escape_mrkdwn(asked.machine, 80),
        channel=channel,
    )
    passed, small = _passed(asked, locale), _small(asked, locale)
    return blocks.message(
        text,
        blocks.section(*spaced([headline, *_why(asked, locale)], locale)),
        _then(asked, locale),
        blocks.context(*spaced(passed, locale)) if passed else None,
        blocks.context(*spaced(small, locale)) if small else None,
    )


def spaced(lines: Sequence[str], locale: Locale) -> list[str]:
    """In Japanese blanks stand around code: without them Slack does not see the marks."""
    if locale.language != "ja":
        return list(lines)
    return [_CODE.sub(_apart, line) for line in lines]


def _apart(code: re.Match[str]) -> str:
    before, after = code.string[: code.start()][-1:], code.string[code.end() :][:1]
    left = " " if before and before not in " *" else ""
    right = " " if after and after not in " *" else ""
    return f"{left}{code[0]}{right}"


def _why(asked: RouteAsked, locale: Locale) -> list[str]:
    """The rule and the conditions that it has."""
    routed = asked.routed
    if routed.route_name == DEFAULT:
        return [locale.text("alerts.route.default")]
    route = safe.code(routed.route_name, 80)
    caught = locale.text("alerts.route.caught", route=route, line=routed.why.line)
    met = [_met(matched, asked, locale) for matched in routed.why.matched]
    if not met:
        return [caught, locale.text("alert_route.for_all")]
    return [caught, locale.text("alerts.route.matched", what=_listed(met, locale))]


def _then(asked: RouteAsked, locale: Locale) -> Block | None:
    """Held back, or who is called, and what happens while nobody takes it."""
    routed = asked.routed
    if routed.is_low:
        return blocks.section(locale.text("alerts.route.low"))
    if asked.is_held:
        return blocks.section(locale.text("alerts.route.held"))
    lines = []
    if routed.mentions:
        who = locale.join(_called(routed.mentions, asked, locale))
        lines.append(locale.text("alerts.route.mentions", who=who))
    if routed.escalation is not None:
        lines += _escalation(routed.escalation, asked, locale)
    return blocks.section(*lines) if lines else None


def _called(mentions: Mentions, asked: RouteAsked, locale: Locale) -> list[str]:
    """As plain names: this answer calls nobody."""
    groups = [_group(group, asked, locale) for group in mentions.groups]
    return groups + [say.name(person, asked.names, locale) for person in mentions.people]


def _group(group: str, asked: RouteAsked, locale: Locale) -> str:
    name = asked.group_names.get(group) or group
    return locale.text("alert_route.group", name=safe.escape_mrkdwn(name, 60))


def _escalation(steps: Escalation, asked: RouteAsked, locale: Locale) -> list[str]:
    """Each step that there is, with its time from the alert's arrival."""
    said = []
    if steps.remind_after is not None:
        after = locale.duration(steps.remind_after)
        said.append(locale.text("alert_route.remind", after=after))
    if steps.group and steps.group_after is not None:
        after, who = locale.duration(steps.group_after), _group(steps.group, asked, locale)
        said.append(locale.text("alert_route.call", after=after, who=who))
    if steps.person and steps.person_after is not None:
        after = locale.duration(steps.person_after)
        who = say.name(steps.person, asked.names, locale)
        said.append(locale.text("alert_route.direct", after=after, who=who))
    if not said:
        return []
    return [locale.text("alert_route.untaken", steps=locale.text("list.comma").join(said))]


def _passed(asked: RouteAsked, locale: Locale) -> list[str]:
    """The rules that stand before it, each with the first condition on which it failed."""
    all_passed = asked.routed.why.passed
    lines = [_passed_line(passed, asked, locale) for passed in all_passed[:PASSED_MAX]]
    left = len(all_passed) - PASSED_MAX
    if left > 0:
        lines.append(locale.plural("alert_route.passed_left", left))
    return lines


def _passed_line(passed: Passed, asked: RouteAsked, locale: Locale) -> str:
    return locale.text(
        "alerts.route.passed",
        route=safe.code(passed.route_name, 80),
        line=passed.line,
        what=_failed(passed.failed, asked, locale),
    )


def _failed(failed: Matched, asked: RouteAsked, locale: Locale) -> str:
    comma = locale.text("list.comma")
    wanted = [safe.code(_spoken(failed, one, asked, locale), VALUE_MAX) for one in failed.wanted]
    left = len(wanted) - WANTED_MAX
    more = [locale.text("alert.and_more", n=left)] if left > 0 else []
    return locale.text(
        "alerts.route.condition",
        name=locale.text(f"alerts.condition.{failed.condition.value}"),
        found=_found(failed, asked, locale),
        wanted=comma.join([*wanted[:WANTED_MAX], *more]),
    )


def _met(matched: Matched, asked: RouteAsked, locale: Locale) -> str:
    name = locale.text(f"alerts.condition.{matched.condition.value}")
    return locale.text("alerts.route.met", name=name, found=_found(matched, asked, locale))


def _found(matched: Matched, asked: RouteAsked, locale: Locale) -> str:
    if not matched.found:
        return locale.text("alerts.route.nothing")
    return safe.code(_spoken(matched, matched.found, asked, locale), VALUE_MAX)


def _spoken(matched: Matched, value: str, asked: RouteAsked, locale: Locale) -> str:
    """Severities in the reader's words, subscriptions by name, all else as it is written."""
    if matched.condition is Condition.SUBSCRIPTIONS:
        return asked.subscriptions.get(value.casefold(), value)
    if matched.condition is Condition.SEVERITIES and value != "unknown":
        return say.severity_word(value, locale)
    if matched.condition is Condition.EDR:
        return locale.text("alert_route.yes" if value == "true" else "alert_route.no")
    return value


def _small(asked: RouteAsked, locale: Locale) -> list[str]:
    """What was not known when this was answered."""
    lines = [] if asked.is_known else [locale.text("alerts.route.unknown_machine")]
    if any(passed.failed.condition in UNASKED for passed in asked.routed.why.passed):
        lines.append(locale.text("alert_route.unasked"))
    if any(passed.failed.condition is Condition.EDR for passed in asked.routed.why.passed):
        lines.append(locale.text("alert_route.try_edr"))
    return lines


def _listed(parts: list[str], locale: Locale) -> str:
    return locale.text("list.comma").join(parts)
