"""Parts of an alert's card: what was seen, where, whose port was open. All are mrkdwn."""

from __future__ import annotations

from defender.alert import Entity
from feeds.correlation import Session
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import safe
from handlers.views.alert_view import AlertView

#: One phone line of a command; the whole of it is in the story.
COMMAND_MAX = 48
ENTITY_MAX = 90
#: What is told of an alert beside its process, in this order, one of each kind.
_KINDS = ("account", "ip", "file", "registry-key", "registry-value", "url", "dns", "malware")
_BESIDE_MAX = 3


def entities(view: AlertView, locale: Locale) -> list[str]:
    """The process with its command line, and beside it the three that matter most."""
    found = view.alert.entities
    lines = []
    process = _process(found)
    if process is not None:
        lines.append(_said(process, locale))
    beside = [entity for kind in _KINDS if (entity := _first(found, kind)) is not None]
    said = [_said(entity, locale) for entity in beside[:_BESIDE_MAX]]
    parent = _parent(found, process)
    if parent is not None and len(said) < _BESIDE_MAX:
        text = say.cut_code(parent.name, ENTITY_MAX, locale)
        said.append(locale.text("alert.entity.parent", value=text))
    if not lines and not said:
        said = [_said(entity, locale) for entity in found[:_BESIDE_MAX] if entity.name]
    return [*lines, say.dotted(said, locale)] if said else lines


def _process(found: tuple[Entity, ...]) -> Entity | None:
    """The last one with a command line: children come after their parents."""
    processes = [entity for entity in found if entity.kind == "process"]
    told = [entity for entity in processes if entity.facts.get("command_line")]
    parents = {entity.parent for entity in told if entity.parent is not None}
    leaves = [entity for at, entity in enumerate(found) if entity in told and at not in parents]
    return next(iter(leaves or told or processes), None)


def _parent(found: tuple[Entity, ...], process: Entity | None) -> Entity | None:
    place = process.parent if process is not None else None
    if place is None or not 0 <= place < len(found) or not found[place].name:
        return None
    return found[place]


def _first(found: tuple[Entity, ...], kind: str) -> Entity | None:
    return next((entity for entity in found if entity.kind == kind and entity.name), None)


def _said(entity: Entity, locale: Locale) -> str:
    command = entity.facts.get("command_line", "")
    match entity.kind:
        case "process":
            value = say.cut_code(command or entity.name, COMMAND_MAX, locale)
            return locale.text("alert.entity.process", value=value)
        case "ip":
            return locale.text("alert.entity.ip", value=say.address(entity.name))
        case "account" | "file" | "host" | "url" | "dns" | "malware":
            key = f"alert.entity.{entity.kind}"
        case "registry-key" | "registry-value":
            key = "alert.entity.registry_key"
        case _:
            kind = safe.escape_mrkdwn(entity.kind or safe.EMPTY, 40)
            value = say.cut_code(entity.name or safe.EMPTY, ENTITY_MAX, locale)
            return locale.text("alert.entity.other", kind=kind.capitalize(), value=value)
    return locale.text(key, value=say.cut_code(entity.name, ENTITY_MAX, locale))


def session(view: AlertView, locale: Locale, *, calls: bool) -> list[str]:
    """Whose port was open at that moment. `calls`: who must answer is mentioned for real."""
    if view.sessions is None:
        return [locale.text("alert.session.unknown")]
    if not view.sessions:
        last = view.last_session
        if last is None:
            return [locale.text("alert.session.none")]
        who = say.name(last.person, view.names, locale)
        return [
            locale.text("alert.session.none_last", when=say.when(last.ends_at, locale), who=who)
        ]
    return [_open_session(view, view.sessions[0], locale, calls=calls)]


def _open_session(view: AlertView, one: Session, locale: Locale, *, calls: bool) -> str:
    who = locale.person(one.person) if calls else say.name(one.person, view.names, locale)
    state = "still_open" if one.is_open else "closed"
    return locale.text(
        "alert.session.open",
        who=who,
        ports=say.ports(one.ports, locale),
        source=say.address(one.source),
        start=say.clock(one.opened_at, locale),
        end=say.clock(one.ends_at, locale),
        state=locale.text(f"alert.session.{state if one.is_certain else 'uncertain'}"),
        approved=_approved(view, one, locale),
    )


def _approved(view: AlertView, one: Session, locale: Locale) -> str:
    people = say.people(one.approvers, view.names, locale)
    reason = safe.code(view.reasons.get(one.request_id, ""), 200)
    args = {"people": people or locale.text("alert.session.nobody"), "reason": reason}
    more = len(view.sessions or ()) - 1
    if more > 0:
        said = locale.plural("alert.session.more", more)
        return locale.text("alert.session.approved_more", more=said, **args)
    return locale.text("alert.session.approved", **args)


def session_text(view: AlertView, locale: Locale) -> str:
    """The same as one sentence for the fallback."""
    if view.sessions is None:
        return locale.text("alert.session.text.unknown")
    if not view.sessions:
        return locale.text("alert.session.text.none")
    one = view.sessions[0]
    approvers = [say.bare_name(person, view.names, locale) for person in one.approvers]
    return locale.text(
        "alert.session.text.open",
        who=say.bare_name(one.person, view.names, locale),
        ports=say.ports(one.ports, locale),
        people=locale.join(approvers) or locale.text("alert.session.nobody"),
    )


def small_print(view: AlertView, locale: Locale) -> str:
    """Number, place, system, product, link."""
    alert, place = view.alert, view.place
    group = safe.code(place.resource_group, 90) if place.resource_group else ""
    if group and place.subscription:
        subscription = safe.code(place.subscription, 64)
        group = locale.text("alert.small.group", group=group, subscription=subscription)
    elif group:
        group = locale.text("alert.small.group_alone", group=group)
    system = locale.text(
        "alert.small.system",
        os=safe.escape_mrkdwn(place.os, 60) if place.os else locale.text("alert.small.no_os"),
        cloud=_cloud(place.cloud, locale),
    )
    product = safe.escape_mrkdwn(alert.product, 80) if alert.product else ""
    return say.dotted(
        [say.short_id(alert.key), group, system, product, portal_link(view, locale)], locale
    )


def closed_small_print(view: AlertView, locale: Locale) -> str:
    """Number, whether Defender agrees, whose session it was, link."""
    then = ""
    if view.sessions:
        one = view.sessions[0]
        who = say.name(one.person, view.names, locale)
        then = locale.text("alert.session.then", who=who, ports=say.ports(one.ports, locale))
    alert = view.alert
    state = defender_word(view, "alert.defender", locale)
    return say.dotted([say.short_id(alert.key), state, then, portal_link(view, locale)], locale)


def defender_word(view: AlertView, family: str, locale: Locale) -> str:
    """What Defender shows now; told only of what was last read from it."""
    state = view.alert.state
    known = state in ("resolved", "dismissed", "active", "inprogress")
    return locale.text(f"{family}.{state if known else 'other'}")


def portal_link(view: AlertView, locale: Locale) -> str:
    return say.link(view.alert.link, locale.text("alert.small.open"))


def _cloud(cloud: str, locale: Locale) -> str:
    if cloud in ("azure", "aws", "gcp", "arc"):
        return locale.text(f"alert.cloud.{cloud}")
    return safe.escape_mrkdwn(cloud, 30) if cloud else locale.text("alert.small.no_cloud")
