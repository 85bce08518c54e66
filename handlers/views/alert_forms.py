"""Forms of an alert: dismiss, resolve, hand over, mute, open again; one machine of a storm."""

from __future__ import annotations

from collections.abc import Sequence

from defender.alert import Alert
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Block, Option, View

#: The kinds of reason, as the ledger keeps them.
DISMISSALS = ("expected", "false_positive", "test")
RESOLUTIONS = ("true_positive", "benign", "false_positive")
LENGTHS = ("hour", "hours", "day", "tomorrow", "week")
#: What a form's choice of a length is called in its value (`alert_mutes.until_of`).
LENGTH_VALUES = {"hour": "1h", "hours": "2h", "day": "24h", "tomorrow": "tomorrow", "week": "7d"}
REASON_MIN = 5
AS_USUAL = "0"
THIS, ALL = "this", "all"
PERSON, BEGIN = "person", "begin"


def dismiss_form(alert: Alert, locale: Locale) -> View:
    """Three kinds of reason, a written one, and muting in the same step, off by default."""
    machine = safe.cut(say.machine(alert), 60)
    offered = [
        Option(AS_USUAL, locale.text("alert.form.dismiss.as_usual")),
        Option("2h", locale.text("alert.form.dismiss.hours")),
        Option("tomorrow", locale.text("alert.form.dismiss.tomorrow")),
    ]
    return blocks.modal(
        "alert.dismiss",
        locale.text("alert.form.dismiss.title"),
        _lead("dismiss", alert, locale),
        _kinds("alert.form.dismiss.why", "why", locale.text("alert.form.why"), DISMISSALS, locale),
        _reason("alert.form.reason", locale),
        blocks.field(
            "mute",
            locale.text("alert.form.dismiss.mute", machine=machine),
            blocks.choices("static_select", "mute", offered, [AS_USUAL]),
            optional=True,
        ),
        metadata=say.reference(alert.key),
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.dismiss.submit"),
    )


def resolve_form(alert: Alert, locale: Locale) -> View:
    """What it was, and a comment for who reads the card later."""
    label = locale.text("alert.form.resolve.kind")
    return blocks.modal(
        "alert.resolve",
        locale.text("alert.form.resolve.title"),
        _lead("resolve", alert, locale),
        _kinds("alert.form.resolve.what", "why", label, RESOLUTIONS, locale),
        _reason("alert.form.comment", locale),
        metadata=say.reference(alert.key),
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.resolve.submit"),
    )


def reopen_form(alert: Alert, locale: Locale) -> View:
    """Why it is open again stands on the card."""
    return blocks.modal(
        "alert.reopen",
        locale.text("alert.form.reopen.title"),
        _lead("reopen", alert, locale),
        _reason("alert.form.reason", locale, optional=True),
        metadata=say.reference(alert.key),
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.reopen.submit"),
    )


def assign_form(alert: Alert, locale: Locale, *, can_begin: bool = False) -> View:
    """To whom; a note goes with the private message. `can_begin`: or to nobody, in progress."""
    person: dict[str, object] = {"type": "users_select", "action_id": "to"}
    offered = [
        Option(PERSON, locale.text("alert.form.assign.person")),
        Option(BEGIN, locale.text("alert.form.assign.begin")),
    ]
    what = blocks.field(
        "what",
        locale.text("alert.form.assign.what"),
        blocks.choices("radio_buttons", "what", offered, [PERSON]),
    )
    return blocks.modal(
        "alert.assign",
        locale.text("alert.form.assign.title"),
        _lead("assign", alert, locale),
        what if can_begin else None,
        blocks.field("to", locale.text("alert.form.assign.to"), person, optional=can_begin),
        _reason("alert.form.comment", locale, optional=True),
        metadata=say.reference(alert.key),
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.assign.submit"),
    )


def mute_form(alert: Alert, channel: str, locale: Locale) -> View:
    """This kind of alert, in this channel, for a time that ends by itself."""
    machine = safe.cut(say.machine(alert), 50)
    where = [
        Option(THIS, locale.text("alert.form.mute.this", machine=machine)),
        Option(ALL, locale.text("alert.form.mute.all")),
    ]
    lengths = [
        Option(LENGTH_VALUES[name], locale.text(f"alert.form.mute.{name}")) for name in LENGTHS
    ]
    name = safe.code(say.title(alert), 200)
    return blocks.modal(
        "alert.mute",
        locale.text("alert.form.mute.title"),
        blocks.section(_subject(alert, locale), locale.text("alert.form.mute.lead", name=name)),
        blocks.field(
            "where",
            locale.text("alert.form.mute.where"),
            blocks.choices("radio_buttons", "where", where, [THIS]),
        ),
        blocks.field(
            "until",
            locale.text("alert.form.mute.how_long"),
            blocks.choices("static_select", "until", lengths, ["2h"]),
        ),
        _reason("alert.form.reason", locale),
        metadata=f"{say.reference(alert.key)} {channel}".strip(),
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.mute.submit"),
    )


def machine_form(storm_id: str, machines: Sequence[tuple[str, int]], locale: Locale) -> View:
    """Which machine of a storm; the value is its place, since names have no bound."""
    offered = [
        Option(
            str(place),
            locale.plural(
                "alert.form.machine.option", n, machine=safe.cut(safe.one_line(name), 50)
            ),
        )
        for place, (name, n) in enumerate(machines[: blocks.OPTIONS_MAX])
    ]
    return blocks.modal(
        "storm.machine",
        locale.text("alert.form.machine.title"),
        blocks.field(
            "machine",
            locale.text("alert.form.machine.which"),
            blocks.choices("static_select", "machine", offered, ["0"]),
        ),
        metadata=storm_id,
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.machine.submit"),
    )


def dismiss_all_form(digest: str, count: int, locale: Locale) -> View:
    """Every alert of a digest, with one reason."""
    why = locale.text("alert.form.why")
    return blocks.modal(
        "digest.dismiss",
        locale.text("digest.form.title"),
        blocks.section(locale.plural("digest.form.lead", count)),
        _kinds("alert.form.dismiss.why", "why", why, DISMISSALS, locale),
        _reason("alert.form.reason", locale),
        metadata=digest,
        close=locale.text("alert.form.back"),
        submit=locale.text("alert.form.dismiss.submit"),
    )


def _subject(alert: Alert, locale: Locale) -> str:
    return locale.text(
        "alert.form.subject",
        severity=safe.escape_mrkdwn(say.severity(alert, locale), 40),
        title=safe.escape_mrkdwn(say.title(alert)),
    )


def _lead(form: str, alert: Alert, locale: Locale) -> Block:
    machine = safe.code(say.machine(alert))
    lead = locale.text(f"alert.form.{form}.lead", machine=machine)
    return blocks.section(_subject(alert, locale), lead)


def _kinds(family: str, block_id: str, label: str, kinds: Sequence[str], locale: Locale) -> Block:
    offered = [
        Option(kind, locale.text(f"{family}.{kind}"), locale.text(f"{family}.{kind}_hint"))
        for kind in kinds
    ]
    return blocks.field(block_id, label, blocks.choices("radio_buttons", block_id, offered, ()))


def _reason(label: str, locale: Locale, *, optional: bool = False) -> Block:
    element = blocks.text_input("reason", multiline=True, max_length=blocks.REASON_MAX)
    if not optional:
        element["min_length"] = REASON_MIN
    return blocks.field(
        "reason",
        locale.text(label),
        element,
        hint=locale.text("alert.form.read_by"),
        optional=optional,
    )
