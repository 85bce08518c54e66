"""The buttons of an alert's card: one primary, its verb the next step of that state."""

from __future__ import annotations

from approvals.scope import fold
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Element, Option

#: Slack's limits for a dialogue that asks again.
CONFIRM_TITLE_MAX = 100
CONFIRM_TEXT_MAX = 300
CONFIRM_BUTTON_MAX = 30


def open_buttons(view: AlertView, locale: Locale) -> Block:
    """Take it, or Resolve once somebody has it; Story; the open port; the menu."""
    ref = say.reference(view.alert.key)
    is_owned = bool(view.case.owner)
    verb = "resolve" if is_owned else "take"
    return blocks.actions(
        blocks.button(locale.text(f"alert.button.{verb}"), f"alert_{verb}", ref, style="primary"),
        story_button(view, locale),
        close_button(view, locale),
        _menu(view, ref, locale, is_owned=is_owned),
    )


def closed_buttons(view: AlertView, locale: Locale) -> Block:
    """No primary. Muting is offered only where the alert was harmless."""
    ref = say.reference(view.alert.key)
    is_harmless = view.phase == "dismissed" and not view.is_by_portal
    return blocks.actions(
        story_button(view, locale),
        blocks.button(locale.text("alert.button.reopen"), "alert_reopen", ref),
        blocks.button(locale.text("alert.button.mute"), "alert_mute", ref) if is_harmless else None,
    )


def sample_buttons(view: AlertView, locale: Locale) -> Block:
    ref = say.reference(view.alert.key)
    return blocks.actions(
        blocks.button(locale.text("alert.button.dismiss"), "alert_dismiss", ref),
        story_button(view, locale),
    )


def story_button(view: AlertView, locale: Locale) -> Element:
    ref = say.reference(view.alert.key)
    return blocks.button(locale.text("alert.button.story"), "alert_story", ref)


def close_button(view: AlertView, locale: Locale) -> Element | None:
    """Closes the port of the session that was open then, as long as it is. Asks again."""
    if view.closable is None:
        return None
    session, request_ref = view.closable
    ports = say.ports(session.ports, locale)
    element = blocks.button(
        locale.text("alert.button.close", ports=ports), "alert_close_port",
        f"{request_ref} {say.reference(view.alert.key)}",
    )  # fmt: skip
    who = say.bare_name(session.person, view.names, locale)
    machine = say.machine(view.alert)
    element["confirm"] = {
        "title": blocks.plain_text(
            locale.text("alert.confirm.title", ports=ports, machine=machine), CONFIRM_TITLE_MAX
        ),
        "text": blocks.plain_text(locale.text("alert.confirm.text", who=who), CONFIRM_TEXT_MAX),
        "confirm": blocks.plain_text(locale.text("alert.confirm.yes"), CONFIRM_BUTTON_MAX),
        "deny": blocks.plain_text(locale.text("alert.confirm.no"), CONFIRM_BUTTON_MAX),
    }
    return element


def _menu(view: AlertView, ref: str, locale: Locale, *, is_owned: bool) -> Element:
    """Five at most. What the buttons offer is not in it."""
    verbs = ["dismiss", "hand_over", "release"] if is_owned else ["resolve", "dismiss", "assign"]
    verbs.append("mute")
    if _is_vm(view):
        verbs.append("jit")
    elif view.phase in ("new", "reopened"):
        verbs.append("progress")  # with the fifth place taken, it is in the form of "assign"
    offered = [
        Option(
            f"{'assign' if verb == 'hand_over' else verb}:{ref}", locale.text(f"alert.more.{verb}")
        )
        for verb in verbs
    ]
    return {"type": "overflow", "action_id": "alert_more", "options": blocks.options(offered)}


def _is_vm(view: AlertView) -> bool:
    """Whether JIT is something that this machine can have."""
    return "/providers/microsoft.compute/virtualmachines/" in fold(view.alert.resource_id)


def take_or_open(view: AlertView, number: int, locale: Locale) -> Element:
    """One button of a list's row, which names its row for who hears it."""
    is_free = not view.case.owner and not view.is_closed
    verb = "take" if is_free else "open"
    spoken = locale.text(
        f"alert.button.{verb}_spoken",
        title=safe.cut(say.title(view.alert), 40),
        machine=say.machine(view.alert),
    )
    action = f"alert_{'take' if is_free else 'show'}_{number}"
    ref = say.reference(view.alert.key)
    return blocks.button(locale.text(f"alert.button.{verb}"), action, ref, spoken=spoken)
