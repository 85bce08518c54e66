"""The story of an alert: a form with what happened in order, the processes, what to do.

Works from what the alert carries; sessions, file changes and what people did are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from defender.alert import Alert, Entity
from defender.file_change_decode import FileChange
from defender.xdr_decode import XdrAlert
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_timeline import Moment, moments
from handlers.views.alert_tree import process_tree
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Element, View
from handlers.views.reason import is_web_address

EVIDENCE_MAX = 12
STEPS_MAX = 12
STEP_MAX = 500
RELATED_MAX = 5
#: Facts of an entity that are worth a word, and what they are called everywhere.
_FACTS = {"sha256": "SHA-256", "sha1": "SHA-1", "pid": "PID", "country": "", "account": ""}
_VALUE = "\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryFacts:
    """`related`: other alerts of the machine within a day; `of_incident` are among all known."""

    view: AlertView
    related: tuple[Alert, ...] = ()
    of_incident: tuple[Alert, ...] = ()
    changes: tuple[FileChange, ...] = ()
    xdr: XdrAlert | None = None
    has_changes: bool = False


def story(facts: StoryFacts, locale: Locale) -> View:
    """The whole of it, for one reader."""
    view, alert = facts.view, facts.view.alert
    steps, left = moments(view, facts.changes, facts.related, locale)
    tree = process_tree(alert.entities)
    owner = view.case.owner
    return blocks.modal(
        "alert.story",
        locale.text("alert.story.title"),
        blocks.header(say.headline(alert, locale)),
        blocks.section(
            locale.text(
                "alert.story.place",
                machine=safe.code(say.machine(alert)),
                when=say.when(view.at, locale),
                owner=say.name(owner, view.names, locale)
                if owner
                else locale.text("alert.story.no_owner"),
            )
        ),
        *_part("alert.story.order", _timeline(steps, left, view.at, locale), locale),
        *_part("alert.story.tree", blocks.box(tree) if tree else None, locale),
        *_part("alert.story.evidence", _evidence(alert, locale), locale),
        *_part("alert.story.todo", _todo(alert), locale),
        *_part("alert.story.related", _related(facts, locale), locale),
        *_part("alert.story.xdr", _in_xdr(facts.xdr, locale), locale),
        _buttons(facts, locale),
        blocks.context(locale.text("alert.story.small", sources=_sources(facts, locale))),
        metadata=say.reference(alert.key),
        close=locale.text("alert.story.close"),
    )


def _part(title: str, block: Block | None, locale: Locale) -> list[Block]:
    return [blocks.section(locale.text(title)), block] if block is not None else []


# --- parts --------------------------------------------------------------------------------------


def _timeline(
    steps: Sequence[Moment], left: int, near: datetime | None, locale: Locale
) -> Block | None:
    if not steps:
        return None
    items = [_moment(step, near, locale) for step in steps]
    if left:
        items.append([blocks.run(locale.text("alert.story.more_steps", n=left))])
    return blocks.rich_text(_list("bullet", items))


def _moment(step: Moment, near: datetime | None, locale: Locale) -> list[Element]:
    """The time alone on the alert's own day; other days are named."""
    there = step.at.astimezone(locale.tz)
    is_same_day = near is not None and near.astimezone(locale.tz).date() == there.date()
    fallback = locale.plain_when(step.at)
    date: Element = {
        "type": "date",
        "timestamp": int(step.at.timestamp()),
        "format": "{time}" if is_same_day else "{date_short_pretty} {time}",
        "fallback": fallback.partition(" ")[2] if is_same_day else fallback,
    }
    space = "\u3000" if locale.language == "ja" else "  "
    runs = [date, blocks.run(space + safe.plain(step.said, 300), bold=step.is_bold)]
    return [*runs, _code(step.code)] if step.code else runs


def _evidence(alert: Alert, locale: Locale) -> Block | None:
    told = [entity for entity in alert.entities if entity.kind != "process" and entity.name]
    items = [_entity(entity, locale) for entity in told[:EVIDENCE_MAX]]
    left = max(0, len(told) - EVIDENCE_MAX) + alert.entities_left
    if left:
        items.append([blocks.run(locale.text("alert.story.evidence_left", n=left))])
    return blocks.rich_text(_list("bullet", items)) if items else None


def _entity(entity: Entity, locale: Locale) -> list[Element]:
    """The kind in words, the name as code, what else is known of it."""
    kind = entity.kind.replace("-", "_")
    key = f"alert.entity.{kind}"
    if key in locale.catalogue and kind not in ("parent", "command", "other"):
        label = locale.text(key, value=_VALUE)
    else:
        kind = safe.cut(safe.one_line(entity.kind or safe.EMPTY), 40)
        label = locale.text("alert.entity.other", kind=kind, value=_VALUE)
    before, _, behind = label.partition(_VALUE)
    runs = [blocks.run(before), _code(safe.cut(safe.one_line(entity.name), 200))]
    runs += [blocks.run(behind)] if behind else []
    for name, spoken in _FACTS.items():
        value = safe.one_line(entity.facts.get(name, ""))
        if value:
            value = f"{value[:4]}…{value[-4:]}" if len(value) > 30 else value
            named = locale.text("alert.story.fact", name=spoken, value=value)
            runs.append(blocks.run(named if spoken else locale.text("list.comma") + value))
    return runs


def _todo(alert: Alert) -> Block | None:
    items = [[blocks.run(safe.plain(step, STEP_MAX))] for step in alert.remediation if step.strip()]
    return blocks.rich_text(_list("ordered", items[:STEPS_MAX])) if items else None


def _related(facts: StoryFacts, locale: Locale) -> Block | None:
    alert = facts.view.alert
    items: list[list[Element]] = []
    if facts.of_incident:
        n = len(facts.of_incident)
        incident = safe.cut(safe.one_line(alert.incident_id), 40)
        title = locale.plural("alert.story.of_incident", n, incident=incident)
        items.append([blocks.run(title), *_ids(facts.of_incident, locale)])
    if facts.related:
        title = locale.plural("alert.story.of_machine", len(facts.related))
        items.append([blocks.run(title), *_ids(facts.related, locale)])
    if facts.changes:
        n, machine = len(facts.changes), say.machine(alert)
        items.append([blocks.run(locale.plural("alert.story.file_changes", n, machine=machine))])
    return blocks.rich_text(_list("bullet", items)) if items else None


def _in_xdr(xdr: XdrAlert | None, locale: Locale) -> Block | None:
    """Who has it there, as what it is classified, the last words."""
    if xdr is None:
        return None
    facts = [xdr.status, xdr.owner, xdr.classification, xdr.determination]
    shown = [safe.cut(safe.one_line(fact), 80) for fact in facts if fact.strip()]
    items = [[blocks.run(locale.text("list.comma").join(shown))]] if shown else []
    for comment in xdr.comments[-3:]:
        items.append([blocks.run(safe.plain(safe.one_line(comment.text), 300))])
    return blocks.rich_text(_list("bullet", items)) if items else None


def _ids(alerts: Sequence[Alert], locale: Locale) -> Iterable[Element]:
    comma = locale.text("list.comma")
    for place, alert in enumerate(alerts[:RELATED_MAX]):
        if place:
            yield blocks.run(comma)
        yield _code(say.short_id(alert.key))
    if len(alerts) > RELATED_MAX:
        yield blocks.run(comma + safe.ELLIPSIS)


def _buttons(facts: StoryFacts, locale: Locale) -> Block:
    alert = facts.view.alert
    ref = say.reference(alert.key)
    portal = changes = None
    if facts.changes:
        label = locale.text("alert.story.changes")
        changes = blocks.button(label, "fim_details", f"alert:{ref}.0")
    if is_web_address(alert.link):
        label = locale.text("alert.small.open")
        portal = blocks.button(label, "alert_portal", ref, url=alert.link)
    return blocks.actions(
        blocks.button(locale.text("alert.story.copy"), "alert_story_text", ref), changes, portal
    )


def _sources(facts: StoryFacts, locale: Locale) -> str:
    names = ["alert"]
    names += ["graph"] if facts.xdr is not None else []
    names += ["files"] if facts.has_changes else []
    return locale.join([locale.text(f"alert.story.sources.{name}") for name in [*names, "audit"]])


def _list(style: str, items: Sequence[list[Element]]) -> Element:
    sections = [{"type": "rich_text_section", "elements": item} for item in items]
    return {"type": "rich_text_list", "style": style, "indent": 0, "elements": sections}


def _code(text: str) -> Element:
    return blocks.run(text) | {"style": {"code": True}}
