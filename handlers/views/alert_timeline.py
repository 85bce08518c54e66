"""What happened around an alert, in order: the steps of its story, as data and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from approvals.deeds import DeedKind
from defender.alert import Alert, Entity
from defender.file_change_decode import FileChange
from feeds.cases import Step
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import safe
from handlers.views.alert_view import AlertView

#: Steps of one story; those nearest to the alert are kept.
STEPS_MAX = 30
CODE_MAX = 160
#: An alert's end that is this near its start is the same step.
SAME_STEP = timedelta(seconds=60)
_VERBS = ("created", "modified", "deleted", "renamed")


@dataclass(frozen=True, slots=True)
class Moment:
    """One step: a sentence, and foreign text behind it that is shown as code."""

    at: datetime
    said: str
    code: str = ""
    is_bold: bool = False


def moments(
    view: AlertView, changes: Sequence[FileChange], related: Sequence[Alert], locale: Locale
) -> tuple[list[Moment], int]:
    """In order of time, and how many were left out. Texts are plain: nothing is escaped."""
    found = [
        *_alert(view, locale),
        *_sessions(view, locale),
        *_processes(view.alert.entities, locale),
        *_changes(changes, locale),
        *_related(related, locale),
        *(_deed(step, view, locale) for step in view.case.steps),
    ]
    middle = view.at or (found[0].at if found else datetime(1970, 1, 1, tzinfo=UTC))
    kept = sorted(found, key=lambda moment: (not moment.is_bold, abs(moment.at - middle)))
    kept = sorted(kept[:STEPS_MAX], key=lambda moment: (moment.at, not moment.is_bold))
    return kept, len(found) - len(kept)


def _alert(view: AlertView, locale: Locale) -> Iterator[Moment]:
    at = view.at
    if at is None:
        return
    title = say.title(view.alert)
    yield Moment(at, locale.text("alert.story.this", title=title), is_bold=True)
    ended = view.alert.ended_at
    if ended is not None and ended - at > SAME_STEP:
        yield Moment(ended, locale.text("alert.story.alert_ended"))


def _sessions(view: AlertView, locale: Locale) -> Iterator[Moment]:
    for session in (view.sessions or ())[:5]:
        ports = say.ports(session.ports, locale)
        people = locale.join([plain(person, view, locale) for person in session.approvers])
        opened = locale.text(
            "alert.story.jit_opened",
            ports=ports,
            who=plain(session.person, view, locale),
            people=people or locale.text("alert.session.nobody"),
        )
        yield Moment(session.opened_at, opened)
        if not session.is_open:
            yield Moment(session.ends_at, locale.text("alert.story.jit_closed", ports=ports))


def _processes(entities: Sequence[Entity], locale: Locale) -> Iterator[Moment]:
    for entity in entities:
        if entity.kind == "process" and (at := _instant(entity.facts.get("started_at", ""))):
            code = entity.facts.get("command_line") or entity.name
            yield Moment(at, locale.text("alert.story.process"), _code(code))


def _changes(changes: Sequence[FileChange], locale: Locale) -> Iterator[Moment]:
    for change in changes:
        if change.changed_at is not None:
            verb = change.act if change.act in _VERBS else "changed"
            said = locale.text(
                "alert.story.file_change", verb=locale.text(f"alert.story.verb.{verb}")
            )
            yield Moment(change.changed_at, said, _code(change.path))


def _related(related: Sequence[Alert], locale: Locale) -> Iterator[Moment]:
    for alert in related[:10]:
        at = alert.started_at or alert.generated_at
        if at is not None:
            yield Moment(at, locale.text("alert.story.other", title=say.title(alert)))


def _deed(step: Step, view: AlertView, locale: Locale) -> Moment:
    kind = step.kind.value
    known = ("taken", "assigned", "in_progress", "resolved", "dismissed", "reopened",
             "classified", "commented")  # fmt: skip
    key = kind if kind in known else "other"
    if step.kind is DeedKind.ASSIGNED and not step.to:
        key = "released"
    args = {"who": plain(step.by, view, locale)}
    if key == "assigned":
        args["to"] = plain(step.to, view, locale)
    return Moment(step.at, locale.text(f"alert.step.{key}", **args))


def plain(person: str, view: AlertView, locale: Locale) -> str:
    """`@sato` where nothing is parsed; whatever else they call themselves stays as it is."""
    name = view.names.get(person)
    if name is None:
        return say.name(person, view.names, locale)
    return locale.text("alert.at_name", name=safe.cut(safe.one_line(name), 60))


def _instant(text: str) -> datetime | None:
    """ISO 8601 with however many digits Azure gives; a bare one is UTC."""
    head, dot, rest = text.strip().replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))][:6]
        head = f"{head}.{digits.ljust(6, '0')}{rest.lstrip('0123456789')}"
    try:
        found = datetime.fromisoformat(head)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _code(text: str) -> str:
    return safe.cut(safe.one_line(text), CODE_MAX)
