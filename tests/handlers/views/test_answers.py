"""Answers that one person reads: why or why not, what changed, what is left to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.events import EndCause, State
from approvals.verdict import Code, Field, Refusal
from handlers.locale import Language, Locale
from handlers.views import answers, help
from handlers.views.blocks import Message, Option
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_message, buttons, texts

REQUEST = samples.filed()
STATES = samples.all_states(REQUEST)
NEAR = [
    Option("1", "web-01 (rg-shop-prod)"),
    Option("2", "web-01 (rg-shop-test)"),
    Option("3", "web-02"),
]
TOO_LONG = Refusal(
    Code.WINDOW_TOO_LONG_VM,
    Field.WINDOW,
    {"vm": "web-01", "longest": timedelta(hours=3)},
    nearest="3h",
)
NOT_APPROVER = Refusal(
    Code.NOT_APPROVER,
    Field.REQUEST,
    {"rule": "production", "groups": ("S0SECURITY",), "people": ()},
)

ANSWERS: dict[str, Callable[[Locale], Message]] = {
    "sent": lambda lo: answers.sent(REQUEST, 6, samples.NAMES, lo),
    "checking": answers.checking,
    "same": lambda lo: answers.same_already(REQUEST, lo),
    "open-already": lambda lo: answers.already_open_for_you(STATES["open"], lo),
    "open-by-other": lambda lo: answers.open_by_other(STATES["open"], lo),
    "unknown-vm": lambda lo: answers.unknown_vm("wbe-01", NEAR, "d-7f3a", lo),
    "unknown-vm-alone": lambda lo: answers.unknown_vm("zzz", [], "d-7f3a", lo),
    "ambiguous-vm": lambda lo: answers.ambiguous_vm("web-01", NEAR[:2], "d-7f3a", lo),
    "corrected": lambda lo: answers.corrected((TOO_LONG,), "/jit web-01 ssh 3h", "d-7f3a", lo),
    "refused": lambda lo: answers.refused((TOO_LONG,), lo, draft_id="d-7f3a"),
    "azure": lambda lo: answers.azure_unreachable("NotSent", lo, draft_id="d-7f3a"),
    "trigger-expired": lambda lo: answers.trigger_expired("d-7f3a", lo),
    "trigger-expired-deny": lambda lo: answers.trigger_expired_again("jit_deny", "1042.1", lo),
    "not-approver": lambda lo: answers.not_approver(NOT_APPROVER, lo, samples.NAMES),
    "own-request": lambda lo: answers.own_request(REQUEST, lo),
    "late": lambda lo: answers.late(STATES["denied"], lo),
    "outdated": lambda lo: answers.outdated(REQUEST, lo),
    "approved-1of2": lambda lo: answers.approved(STATES["pending-1of2"], lo),
    "approved": lambda lo: answers.approved(STATES["approved"], lo),
    "denied": lambda lo: answers.denied(STATES["denied"], lo),
    "cancelled": lambda lo: answers.cancelled(STATES["cancelled"], lo),
    "cancelling": lambda lo: answers.cancelled(STATES["cancel-wanted"], lo),
    "done": lambda lo: answers.done_asked(STATES["closing-done"], lo),
    "revoked": lambda lo: answers.revoked(STATES["closing-revoked"], lo),
    "taken-back": lambda lo: answers.revoked(STATES["cancelled"], lo),
    "retried": lambda lo: answers.retried(STATES["approved"], lo),
    "settings": answers.settings_saved,
    "no-ledger": answers.no_ledger,
    "no-ledger-unknown": lambda lo: answers.no_ledger(lo, unknown=True),
    "frozen": answers.frozen,
    "closing-frozen": lambda lo: answers.closing_frozen(STATES["closing-done"], lo),
    "rights-unknown": lambda lo: answers.rights_unknown(
        Refusal(Code.RIGHTS_UNKNOWN, Field.REQUEST, {"scope": "", "group": ""}), lo
    ),
    "foreign": lambda lo: answers.foreign_instance("77", "production", lo),
    "no-request": lambda lo: answers.no_such_request("77", lo),
    "stranger": answers.stranger,
    "unseen": answers.unseen,
    "help": help.help_message,
    "unknown-command": lambda lo: help.unknown_command("aprove", "approve", lo),
}


@pytest.mark.proves("N1", "N3", "B11")
@pytest.mark.parametrize("name", ANSWERS)
def test_slack_takes_every_answer(name: str, locale: Locale, schemas: Path) -> None:
    assert_message(ANSWERS[name](locale), schemas)


@pytest.mark.proves("N1", "B11")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("answer-late", "late"),
        ("answer-unknown-vm", "unknown-vm"),
        ("help", "help"),
    ],
)
def test_answer_says_what_the_layout_says(
    layout: str, name: str, language: Language, shared: Path
) -> None:
    drawn = json.loads((shared / f"ux/jit/{layout}.{language}.json").read_text("utf-8"))
    made = ANSWERS[name](samples.locale(language))
    assert texts(made.blocks)[0] == texts(drawn["blocks"])[0]
    # Names of VMs come with the call; the last button is ours.
    assert len(buttons(made.blocks)) == len(buttons(drawn["blocks"]))
    assert buttons(made.blocks)[-1:] == buttons(drawn["blocks"])[-1:]


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("layout", "name"), [("answer-sent", "sent"), ("answer-corrected", "corrected")]
)
def test_headline_and_buttons_are_those_of_the_layout(
    layout: str, name: str, language: Language, shared: Path
) -> None:
    drawn = json.loads((shared / f"ux/jit/{layout}.{language}.json").read_text("utf-8"))
    made = ANSWERS[name](samples.locale(language))
    said, wanted = texts(made.blocks)[0], texts(drawn["blocks"])[0]
    assert said.splitlines()[0] == wanted.splitlines()[0]
    if name == "sent":
        assert said == wanted
    assert [label for _, label in buttons(made.blocks)] == [
        label for _, label in buttons(drawn["blocks"])
    ]


@pytest.mark.proves("B11")
@pytest.mark.parametrize("name", STATES)
def test_a_late_click_is_told_what_became_of_it_and_that_nothing_changed(
    name: str, locale: Locale
) -> None:
    message = answers.late(STATES[name], locale)
    assert_message(message)
    assert locale.text("answer.nothing_changed") in message.text


@pytest.mark.proves("B10", "B11")
def test_a_late_click_names_who_decided() -> None:
    locale = samples.locale("en")
    assert answers.late(STATES["denied"], locale).text == (
        "<@U0SATO> denied this 2026-11-25 18:14 JST. Nothing changed."
    )
    assert answers.late(STATES["approved"], locale).text == (
        "<@U0SUZUKI> and <@U0SATO> approved this 2026-11-25 18:15 JST. Nothing changed."
    )


@pytest.mark.proves("B11")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code.OWN_REQUEST, "You asked for this, so others must decide it"),
        (Code.TOO_LATE, "The time to decide was over"),
        (Code.OUTDATED, "The terms changed meanwhile"),
        (Code.STRANGER, "Only people of this workspace"),
    ],
)
def test_a_refused_click_gets_its_own_answer(code: Code, said: str) -> None:
    refusal = Refusal(code, Field.REQUEST)
    message = answers.not_decided(refusal, REQUEST, samples.locale("en"))
    assert said in message.text
    assert "Nothing changed." in message.text


@pytest.mark.proves("K5")
def test_near_names_are_buttons_that_keep_the_rest(locale: Locale) -> None:
    made = answers.unknown_vm("wbe-01", NEAR, "d-7f3a", locale)
    ids = [action for action, _ in buttons(made.blocks)]
    assert ids == ["jit_pick_vm_1", "jit_pick_vm_2", "jit_pick_vm_3", "jit_form"]
    assert '"d-7f3a.2"' in json.dumps(made.blocks)


@pytest.mark.proves("C119")
def test_a_form_that_came_too_late_is_opened_afresh_by_a_button(locale: Locale) -> None:
    made = answers.trigger_expired("d-7f3a", locale)
    assert [action for action, _ in buttons(made.blocks)] == ["jit_form"]
    assert '"d-7f3a"' in json.dumps(made.blocks)


@pytest.mark.proves("C013")
def test_a_foreign_card_names_both_request_and_instance(locale: Locale) -> None:
    message = answers.foreign_instance("77", "production", locale)
    assert "77" in message.text
    assert "production" in message.text


def test_nothing_changed_is_not_said_where_that_is_not_known(locale: Locale) -> None:
    message = answers.no_ledger(locale, unknown=True)
    assert locale.text("answer.nothing_changed") not in message.text


@pytest.mark.proves("K5")
@pytest.mark.parametrize("topic", help.TOPICS)
def test_help_of_every_command_is_taken_by_slack(topic: str, locale: Locale, schemas: Path) -> None:
    assert_message(help.help_message(locale, topic), schemas)


def test_an_extension_is_offered_where_the_port_is_open_already(locale: Locale) -> None:
    made = answers.already_open_for_you(STATES["open"], locale)
    assert [action for action, _ in buttons(made.blocks)] == ["jit_extend", "jit_done"]


def test_a_request_that_is_being_decided_has_no_cancel_offer_once_open(locale: Locale) -> None:
    approved = replace(REQUEST, state=State.APPROVED)
    assert buttons(answers.same_already(approved, locale).blocks) == []


def test_every_cause_of_an_end_has_words(locale: Locale) -> None:
    for cause in EndCause:
        assert locale.text(f"end_cause.{cause}")
