"""The phrases that every view shares: what is asked, from where, how long, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from approvals.events import Length, Target, Terms, Until, Window
from approvals.ports import port_label
from approvals.request import Request
from approvals.window import length_text
from handlers.locale import Locale
from handlers.views import blocks, change_what, safe

#: Half-width columns of a code block on a phone (390 px); longer names get a line of their own.
BOX_COLUMNS = 38


def thing(terms: Terms, target: Target, locale: Locale) -> str:
    """`port 22 on web-01`, `web-01のポート22`. Plain: escape it for mrkdwn."""
    return _thing("thing", terms.ports, safe.one_line(target.name), locale)


def thing_start(terms: Terms, target: Target, locale: Locale) -> str:
    """The same at the start of a sentence: `Port 22 on web-01`."""
    return _thing("thing_start", terms.ports, safe.one_line(target.name), locale)


def thing_code(terms: Terms, target: Target, locale: Locale) -> str:
    """The same inside a sentence in mrkdwn, the name as code."""
    return _thing("thing_code", terms.ports, safe.code(target.name), locale)


def thing_code_start(terms: Terms, target: Target, locale: Locale) -> str:
    """The same at the start of a sentence in mrkdwn."""
    return _thing("thing_code_start", terms.ports, safe.code(target.name), locale)


def what(request: Request, locale: Locale) -> str:
    """What is asked for, inside a sentence: a port of a VM, or a change. Plain."""
    if request.change is not None:
        return change_what.what_of(request.change, locale)
    return thing(request.terms, request.target, locale)


def what_start(request: Request, locale: Locale) -> str:
    """The same at the start of a sentence."""
    if request.change is not None:
        return change_what.what_of(request.change, locale)
    return thing_start(request.terms, request.target, locale)


def what_code(request: Request, locale: Locale) -> str:
    """The same inside a sentence in mrkdwn, a VM's name as code."""
    if request.change is not None:
        return safe.escape_mrkdwn(change_what.what_of(request.change, locale))
    return thing_code(request.terms, request.target, locale)


def _thing(family: str, numbers: tuple[int, ...], vm: str, locale: Locale) -> str:
    match numbers:
        case (only,):
            return locale.text(f"{family}.one_port", port=only, vm=vm)
        case (first, second):
            return locale.text(f"{family}.two_ports", first=first, second=second, vm=vm)
        case _:
            return locale.text(f"{family}.many_ports", n=len(numbers), vm=vm)


def typed_length(length: timedelta, locale: Locale) -> str:
    """As the reader would type it: `1h30m`, `1時間30分`."""
    return locale.duration(length) if locale.language == "ja" else length_text(length)


def window(asked: Window, locale: Locale) -> str:
    """`for 2 hours`, `until 2026-11-25 18:00 JST`; plain."""
    match asked:
        case Length():
            return locale.text("window.length", duration=locale.duration(asked.duration))
        case Until():
            return locale.text("window.until", when=locale.plain_when(asked.at))


def window_token(asked: Window, locale: Locale) -> str:
    """The same for mrkdwn, where an instant is a token."""
    match asked:
        case Length():
            return locale.text("window.length", duration=locale.duration(asked.duration))
        case Until():
            return locale.text("window.until", when=locale.when(asked.at))


def window_noun(asked: Window, locale: Locale) -> str:
    """`2 hours`, `until 2026-11-25 18:00 JST`: in a list or as a choice."""
    match asked:
        case Length():
            return locale.duration(asked.duration)
        case Until():
            return locale.text("window.until", when=locale.plain_when(asked.at))


def whole(request: Request, locale: Locale, terms: Terms | None = None) -> str:
    """`port 22 on web-01 for 2 hours`; plain."""
    if request.change is not None:
        return what(request, locale)
    terms = terms or request.terms
    said = thing(terms, request.target, locale)
    return locale.text("whole", thing=said, window=window(terms.window, locale))


def whole_start(request: Request, locale: Locale) -> str:
    """`Port 22 on web-01 for 2 hours` for mrkdwn."""
    said = safe.escape_mrkdwn(what_start(request, locale))
    if request.change is not None:
        return said
    return locale.text("whole", thing=said, window=window_token(request.terms.window, locale))


def ports(numbers: Iterable[int], locale: Locale) -> str:
    """`22 (SSH), 8080`."""
    return locale.text("list.comma").join(port(number, locale) for number in numbers)


def port(number: int, locale: Locale) -> str:
    """`22 (SSH)`, `22（SSH）`."""
    name = port_label(number).removeprefix(str(number)).strip(" ()")
    return locale.text("port.named", port=number, name=name) if name else str(number)


def source(request: Request, locale: Locale) -> str:
    """`203.0.113.7 (office)`: a named network of the rule; plain."""
    if not request.source_label:
        return request.terms.source
    name = safe.one_line(request.source_label)
    return locale.text("source.named", source=request.terms.source, name=name)


def group(group_id: str, names: Mapping[str, str]) -> str:
    """The group's name for mrkdwn; its id where Slack has not told the name."""
    return safe.escape_mrkdwn(names.get(group_id) or group_id)


def deciders(request: Request, names: Mapping[str, str], locale: Locale) -> str:
    """Who may decide, by name without mentioning a group again (mrkdwn)."""
    groups = [group(each, names) for each in request.rule.groups]
    people = [locale.person(person) for person in request.rule.people]
    return locale.join(groups + people) or safe.EMPTY


def terms_box(request: Request, locale: Locale) -> blocks.Block:
    """The box of a decision card: what will be done, in our words alone."""
    return blocks.box("\n".join(_box_lines(request, locale)))


def _box_lines(request: Request, locale: Locale) -> list[str]:
    if request.change is not None:
        return change_what.box_lines(request.change, locale)
    name = safe.one_line(request.target.name) or safe.EMPTY
    place = safe.one_line(request.target.resource_group) or safe.EMPTY
    fits = len(name) + len(place) + 9 <= BOX_COLUMNS
    return [
        locale.text("box.vm" if fits else "box.vm_long", name=name, group=place),
        locale.text("box.ports", ports=ports(request.terms.ports, locale)),
        locale.text("box.source", source=source(request, locale)),
        *_box_window(request, locale),
    ]


def _box_window(request: Request, locale: Locale) -> list[str]:
    lines = [_box_time(request, locale)]
    if request.terms != request.asked:
        asked = locale.text(
            "box.asked",
            ports=ports(request.asked.ports, locale),
            window=window_noun(request.asked.window, locale),
        )
        lines.append(asked)
    return lines


def _box_time(request: Request, locale: Locale) -> str:
    match request.terms.window:
        case Length() as span:
            length = locale.duration(span.duration)
            key = "box.longer" if request.extends else "box.length"
            return locale.text(key, duration=length, id=request.extends or "")
        case Until() as limit:
            return locale.text("box.until", when=locale.plain_when(limit.at))


def reference(request: Request) -> str:
    """What a button carries: the number and the version of the terms (O3)."""
    return f"{request.id}.{request.terms_version}"


def number(request: Request, locale: Locale) -> str:
    return locale.text("request_number", id=request.id)


def approvers(request: Request, locale: Locale) -> str:
    """Who approved, as mentions."""
    return locale.people(tuple(approval.approver for approval in request.approvals))


def left(until: timedelta, locale: Locale) -> str:
    """Rounded up to a minute: a warning ten minutes before the end takes a moment to arrive."""
    minutes = -(-max(until, timedelta()) // timedelta(minutes=1))
    return locale.short_duration(timedelta(minutes=minutes))


def headline(key: str, request: Request, locale: Locale) -> str:
    """One phone line: the outcome and the thing (mrkdwn, without the bold)."""
    return locale.inflected(
        key,
        1 if request.change is not None else len(request.terms.ports),
        thing=safe.escape_mrkdwn(what(request, locale)),
        start=safe.escape_mrkdwn(what_start(request, locale)),
    )


def ends_at(request: Request) -> datetime:
    """When an open port closes by itself."""
    return request.opening.ends_at if request.opening else request.attempts[-1].ends_at


def unchanged(request: Request, locale: Locale) -> str:
    """What a request that came to nothing leaves behind: a closed port, or the session it wanted
    to extend, as it was."""
    if request.change is not None:
        return locale.text("change.unchanged")
    if request.extends:
        return locale.text("unchanged.extension", id=request.extends)
    return locale.text("unchanged.closed")


def clause(text: str, limit: int = 300) -> str:
    """People's words inside a sentence of ours in a fallback: without their own full stop."""
    return safe.escape_mrkdwn(text.strip().rstrip(".。") or safe.EMPTY, limit)
