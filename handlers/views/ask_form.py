"""The form behind `/jit`: VM, ports, source, time, reason, ticket, and who will be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from approvals.verdict import Refusal
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Block, Message, Option, View
from handlers.views.refusals import refusal_text


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """What the form says of the rule before anything is sent (A11)."""

    name: str
    quorum: int
    #: names of groups, and ids of single people.
    groups: tuple[str, ...]
    people: tuple[str, ...]
    #: how many people are notified, the asker left out.
    notified: int
    channel: str
    lapses_after: timedelta
    #: the rule's longest time, and the VM's own for the ports chosen; the shorter one holds.
    longest_rule: timedelta
    longest_vm: timedelta | None
    #: shown where the rule wants a ticket, in words or as a pattern; None where it wants none.
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class FormDraft:
    """What the form holds now. `refusals` are by block id."""

    draft_id: str
    vm: Option | None = None
    #: the VM's name as a sentence says it.
    vm_name: str = ""
    #: ports of the VM's own policy, each with its longest time.
    ports: tuple[tuple[int, timedelta], ...] = ()
    chosen_ports: tuple[int, ...] = ()
    source: Option | None = None
    window: str = ""
    reason: str = ""
    ticket: str = ""
    rule: RuleSummary | None = None
    #: a sentence (mrkdwn) about another open session of the VM, or "".
    shared_note: str = ""
    refusals: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)


def ask_form(draft: FormDraft, locale: Locale) -> View:
    """VM first, as it decides ports, limits and rule; the rest can be filled meanwhile."""
    vm = blocks.typeahead("vm", locale.text("form.vm_placeholder"), draft.vm)
    return blocks.modal(
        "jit_request",
        locale.text("form.title"),
        blocks.field("vm", locale.text("form.vm"), vm, dispatch=True),
        _refused(draft, "vm", locale),
        _who_is_asked(draft, locale),
        _ports(draft, locale),
        _refused(draft, "ports", locale),
        _source(draft, locale),
        _refused(draft, "source", locale),
        _window(draft, locale),
        _refused(draft, "window", locale),
        _reason(draft, locale),
        _refused(draft, "reason", locale),
        _ticket(draft, locale),
        _refused(draft, "ticket", locale),
        _refused(draft, "request", locale),
        metadata=draft.draft_id,
        submit=locale.text("form.send"),
        close=locale.text("button.cancel"),
    )


def field_errors(refusals: tuple[Refusal, ...], locale: Locale) -> dict[str, str]:
    """For `response_action: errors`: one text per block; what has no field stands at the VM."""
    errors: dict[str, str] = {}
    for refusal in refusals:
        block_id = refusal.field.value if refusal.field.value != "request" else "vm"
        said = refusal_text(refusal, locale, mrkdwn=False)
        before = errors.get(block_id)
        errors[block_id] = safe.plain(f"{before} {said}" if before else said, 2_000)
    return errors


def empty_form(text: str, locale: Locale) -> View:
    """Nothing can be asked for, and why: Slack refuses a choice without options (C062)."""
    return blocks.modal(
        "jit_request",
        locale.text("form.title"),
        blocks.section(text),
        metadata="",
        close=locale.text("button.close"),
    )


def checking_form(draft_id: str, locale: Locale) -> View:
    """Shown while Azure is read: what was sent is safe, nothing is asked yet."""
    return blocks.modal(
        "jit_checking",
        locale.text("form.title"),
        blocks.section(locale.text("answer.checking")),
        metadata=draft_id,
        close=locale.text("button.close"),
    )


def answered_form(answer: Message, locale: Locale) -> View:
    """The answer stands where the form was."""
    return blocks.modal(
        "jit_checking",
        locale.text("form.title"),
        *answer.blocks,
        metadata="",
        close=locale.text("button.close"),
    )


def _who_is_asked(draft: FormDraft, locale: Locale) -> Block:
    rule = draft.rule
    if rule is None:
        return blocks.context(locale.text("form.choose_vm"))
    people = [locale.person(person) for person in rule.people]
    who = locale.join([safe.escape_mrkdwn(group, 80) for group in rule.groups] + people)
    return blocks.section(
        f"*{locale.text('form.must_agree', quorum=rule.quorum, count=rule.notified, who=who)}*",
        locale.plural(
            "form.asked_where",
            rule.notified,
            rule=safe.escape_mrkdwn(rule.name, 80),
            channel=f"<#{rule.channel}>",
            duration=locale.duration(rule.lapses_after),
        ),
        draft.shared_note,
    )


def _ports(draft: FormDraft, locale: Locale) -> Block | None:
    if not draft.ports:
        return None
    offered = [
        Option(
            value=str(number),
            label=words.port(number, locale),
            description=locale.text("form.port_up_to", duration=locale.duration(longest)),
        )
        for number, longest in draft.ports
    ]
    many = len(offered) > blocks.CHOICES_MAX
    kind = "multi_static_select" if many else "checkboxes"
    element = blocks.choices(kind, "ports", offered, map(str, draft.chosen_ports))
    return blocks.field("ports", locale.text("form.ports"), element)


def _source(draft: FormDraft, locale: Locale) -> Block:
    element = blocks.typeahead("source", locale.text("form.source_placeholder"), draft.source)
    hint = locale.text("form.source_hint")
    return blocks.field("source", locale.text("form.source"), element, hint=hint)


def _window(draft: FormDraft, locale: Locale) -> Block:
    element = blocks.text_input(
        "window",
        value=draft.window,
        placeholder=locale.text("form.window_placeholder"),
        max_length=60,
    )
    return blocks.field(
        "window", locale.text("form.window"), element, hint=_window_hint(draft, locale)
    )


def _window_hint(draft: FormDraft, locale: Locale) -> str:
    """Both caps, and the one that holds."""
    rule = draft.rule
    if rule is None:
        return locale.text("form.window_hint")
    name = safe.one_line(rule.name)
    of_rule = locale.duration(rule.longest_rule)
    if rule.longest_vm is None:
        return locale.text("form.window_cap_rule", rule=name, longest=of_rule)
    longest = min(rule.longest_rule, rule.longest_vm)
    return locale.text(
        "form.window_caps",
        longest=locale.duration(longest),
        vm=safe.one_line(draft.vm_name),
        of_vm=locale.duration(rule.longest_vm),
        rule=name,
        of_rule=of_rule,
    )


def _reason(draft: FormDraft, locale: Locale) -> Block:
    element = blocks.text_input(
        "reason",
        value=draft.reason,
        placeholder=locale.text("form.reason_placeholder"),
        multiline=True,
        max_length=blocks.REASON_MAX,
    )
    return blocks.field("reason", locale.text("form.reason"), element)


def _ticket(draft: FormDraft, locale: Locale) -> Block | None:
    """Where the rule wants one, or one was typed already: nothing typed is lost."""
    rule = draft.rule
    wanted = rule is not None and rule.ticket is not None
    if not wanted and not draft.ticket:
        return None
    hint = ""
    if rule is not None and rule.ticket is not None:
        name = safe.one_line(rule.name)
        hint = locale.text("form.ticket_hint", rule=name, pattern=safe.one_line(rule.ticket))
    element = blocks.text_input("ticket", value=draft.ticket, max_length=80)
    return blocks.field(
        "ticket", locale.text("form.ticket"), element, hint=hint, optional=not wanted
    )


def _refused(draft: FormDraft, block_id: str, locale: Locale) -> Block | None:
    """Errors of a form that is drawn afresh; those of a sent form go to `field_errors`."""
    refusals = draft.refusals.get(block_id, ())
    if not refusals:
        return None
    lines = [f":warning: {refusal_text(refusal, locale)}" for refusal in refusals]
    return blocks.context(*lines)
