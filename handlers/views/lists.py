"""Pages of requests and of VMs, as `/jit mine`, `active`, `pending`, `history` and `list` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from approvals.events import State
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Block, Element, Message, Option
from handlers.views.details import state_line

ListKind = Literal["mine", "pending", "active", "history"]

#: Rows of three facts each; eight stay short on a phone.
PAGE_SIZE = 8


@dataclass(frozen=True, slots=True)
class Page:
    """One page of `total` rows; `number` counts from 1. `about` is what a history is of, `ports`
    how many are open where rows are sessions, of which one may have several."""

    number: int
    total: int
    about: str = ""
    ports: int = 0

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def left(self) -> int:
        return max(0, self.total - self.number * PAGE_SIZE)


@dataclass(frozen=True, slots=True)
class VmRow:
    """A VM that the reader may ask for. `key` is short: no ARM id."""

    key: str
    name: str
    resource_group: str
    subscription_name: str
    ports: tuple[int, ...]


def list_page(
    kind: ListKind, items: Sequence[Request], page: Page, locale: Locale, *, now: datetime
) -> Message:
    """A headline, a row per request, one menu for all of them."""
    headline = _headline(f"list.{kind}", page, locale)
    if not items:
        return blocks.message(headline, blocks.section(f"*{headline}*"))
    shown = items[:PAGE_SIZE]
    rows = [_row(kind, request, locale, now) for request in shown]
    first = words.what(shown[0], locale)
    return blocks.message(
        locale.text(
            "list.text",
            headline=headline,
            first=safe.escape_mrkdwn(first),
            state=state_line(shown[0], locale, tokens=False),
        ),
        blocks.section(f"*{headline}*", _span(kind, len(shown), page, locale)),
        *rows,
        blocks.actions(_menu(shown, locale), _next(kind, page, locale)),
    )


def vm_page(rows: Sequence[VmRow], page: Page, locale: Locale) -> Message:
    """`/jit list`: the VMs that the reader may ask for."""
    headline = _headline("list.vms", page, locale)
    if not rows:
        if page.about:
            typed = locale.text("typed.code", typed=safe.code(page.about, 80))
            none = locale.text("edge.no_vm_named", typed=typed)
            return blocks.message(none, blocks.section(none))
        return blocks.message(headline, blocks.section(f"*{headline}*", locale.text("list.no_vms")))
    shown = rows[:PAGE_SIZE]
    names = locale.text("list.comma").join(safe.escape_mrkdwn(row.name, 60) for row in shown)
    lines = [
        locale.text(
            "list.vm_row",
            vm=safe.code(row.name),
            group=safe.escape_mrkdwn(row.resource_group, 90),
            subscription=safe.escape_mrkdwn(row.subscription_name, 64),
            ports=words.ports(row.ports[:6], locale) or safe.EMPTY,
        )
        for row in shown
    ]
    return blocks.message(
        locale.text("sentence", headline=headline, rest=names),
        blocks.section(f"*{headline}*", _span("vms", len(shown), page, locale)),
        *[blocks.section(line) for line in lines],
        blocks.actions(
            blocks.button(locale.text("button.ask"), "jit_form", "new", style="primary"),
            _next("list", page, locale),
        ),
    )


def _headline(key: str, page: Page, locale: Locale) -> str:
    about = safe.one_line(page.about)
    if page.total == 0:
        return locale.text(f"{key}.none", about=_about(about))
    return locale.plural(f"{key}.count", page.ports or page.total, about=_about(about))


def _about(about: str) -> str:
    """A person's mention as it is, a VM's name escaped."""
    is_mention = about.startswith("<@") and about.endswith(">") and about[2:-1].isalnum()
    return about if is_mention else safe.escape_mrkdwn(about or safe.EMPTY, 80)


def _span(kind: str, shown: int, page: Page, locale: Locale) -> str:
    if page.total <= PAGE_SIZE:
        return ""
    last = page.first + shown - 1
    order = locale.text("list.soonest") if kind == "active" else ""
    return locale.text("list.span", first=page.first, last=last, total=page.total, order=order)


def _row(kind: ListKind, request: Request, locale: Locale, now: datetime) -> Block:
    if kind == "active" and request.state in (State.ACTIVE, State.CLOSING):
        return _active_row(request, locale, now)
    return blocks.section(
        f"*{words.whole_start(request, locale)}*",
        locale.text("list.row", state=state_line(request, locale), id=request.id),
    )


def _active_row(request: Request, locale: Locale, now: datetime) -> Block:
    closes = words.ends_at(request)
    numbers = ",".join(map(str, request.terms.ports))
    name = safe.escape_mrkdwn(request.target.name, 80)
    return blocks.section(
        locale.text(
            "list.active_row",
            vm=f"{name}:{numbers}",
            when=locale.when(closes),
            left=words.left(max(closes - now, timedelta()), locale),
            who=locale.person(request.requester),
            source=safe.escape_mrkdwn(request.terms.source),
            people=words.approvers(request, locale),
        )
    )


def _menu(shown: Sequence[Request], locale: Locale) -> Element:
    offered = [Option(str(request.id), _option(request, locale)) for request in shown]
    element = blocks.choices("static_select", "jit_active_pick", offered, ())
    element["placeholder"] = blocks.plain_text(locale.text("list.pick"), blocks.PLACEHOLDER_MAX)
    return element


def _option(request: Request, locale: Locale) -> str:
    if request.change is not None:
        return locale.text("change.option", thing=words.what(request, locale), id=request.id)
    return locale.text(
        "list.option",
        vm=safe.one_line(request.target.name),
        ports=",".join(map(str, request.terms.ports)),
        id=request.id,
    )


def _next(kind: str, page: Page, locale: Locale) -> Element | None:
    """`active.2.web-01`: kind, page, and what it is of."""
    if not page.left:
        return None
    count = min(page.left, PAGE_SIZE)
    value = f"{kind}.{page.number + 1}.{safe.echo(page.about, 200)}"
    return blocks.button(locale.text("list.next", n=count), "jit_list_page", value)
