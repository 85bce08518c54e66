"""Whatever people or Azure write, Slack takes the message and nothing of it is live."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from approvals.events import (
    Approved,
    Cancelled,
    Denied,
    Event,
    Failed,
    Lapsed,
    Length,
    RequestId,
    StillOpen,
    Target,
    Terms,
    Until,
)
from approvals.people import PersonRecord, SavedSource
from approvals.request import Request
from approvals.verdict import Code, Field, Refusal
from handlers.locale import Language
from handlers.views import (
    answers,
    ask_form,
    audit,
    decide_forms,
    details,
    direct,
    help,
    home,
    lists,
    thread,
)
from handlers.views.blocks import Option
from handlers.views.request_card import request_card
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_inert, assert_message, assert_view

ATTACKS = [
    "<!channel>",
    "<!here|here>",
    "<@U0VICTIM>",
    "<#C0OTHER>",
    "<!subteam^S0OTHER>",
    "<https://evil.example|https://portal.azure.com>",
    "<!date^1^{date}|x>",
    "```\n<!channel>",
    "C:\\",
    "C:\\Projects\\*",
    "\u202e7.311.0.302",
    "invoice\u202egpj.exe",
    "\0\0",
    "",
    " \n\t ",
    ":rotating_light: *bold* _it_ ~x~",
    "&lt;!channel&gt;",
    "&",
    "\ud800lonely",
    "👨\u200d👩\u200d👧" * 20,
    "e" + "\u0301" * 300,
    "a\u2028b\u2029c\x85d",
    "> quote\n> quote",
    "x" * 1_200,
    "{who} {0} {x.__class__} %s",
    "http://evil.example mailto:a@b.c",
    "長い理由" * 300,
]

FOREIGN = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=80),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=4).map("".join),
)
WINDOWS = st.one_of(
    st.integers(min_value=300, max_value=86_400).map(Length),
    st.integers(min_value=1, max_value=20).map(
        lambda n: Until(samples.at(19, 0) + timedelta(hours=n))
    ),
)
TERMS = st.builds(
    Terms,
    st.lists(st.integers(min_value=1, max_value=65_535), min_size=1, max_size=32, unique=True).map(
        lambda ports: tuple(sorted(ports))
    ),
    st.one_of(st.just("2001:db8::7"), st.just("203.0.113.7"), FOREIGN),
    WINDOWS,
)
TARGETS = st.builds(
    Target,
    resource_id=st.just("/x"),
    name=FOREIGN,
    resource_group=FOREIGN,
    subscription_id=st.just("1"),
    subscription_name=FOREIGN,
    location=FOREIGN,
    os=FOREIGN,
    tags=st.dictionaries(FOREIGN, FOREIGN, max_size=6),
)
REQUESTS = st.builds(
    lambda target, terms, reason, ticket, label, rule: samples.filed(
        target=target,
        terms=terms,
        reason=reason,
        ticket=ticket,
        label=label,
        rule=structs.replace(samples.RULE, name=rule),
    ),
    TARGETS,
    TERMS,
    FOREIGN,
    FOREIGN,
    FOREIGN,
    FOREIGN,
)

slow = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.proves("O4", "FAULT-28", "C019", "C020", "C073", "C077", "C096")
@pytest.mark.parametrize("language", ["en", "ja"])
@slow
@given(request=REQUESTS, words=FOREIGN, power=st.one_of(st.none(), FOREIGN), name=FOREIGN)
def test_cards(
    request: Request, words: str, power: str | None, name: str, language: Language
) -> None:
    locale = samples.locale(language)
    other = samples.opened(request)
    facts = replace(
        samples.FACTS,
        power=power,
        shared_with=other,
        group_names={"S0SECURITY": name},
        ticket_url=f"https://tickets.example.com/{words}",
        portal_url=words,
    )
    for drawn in samples.all_states(request, words).values():
        assert_message(request_card(drawn, facts, locale))
        assert_message(details.details_message(drawn, facts, locale))
        assert_message(answers.late(drawn, locale))
        assert_view(details.details_view(drawn, facts, locale, approvers=("U0SATO",) * 20))


@pytest.mark.proves("O4", "FAULT-28", "C019", "C020", "C073")
@pytest.mark.parametrize("language", ["en", "ja"])
@slow
@given(request=REQUESTS, words=FOREIGN)
def test_private_messages_and_thread(request: Request, words: str, language: Language) -> None:
    locale = samples.locale(language)
    states = samples.all_states(request, words)
    now = samples.at(18, 20)
    for name, event in _events(states, words):
        after = states[name]
        line = thread.thread_line(after, event, samples.SATO, locale)
        if line is not None:
            assert_inert(line)
            assert len(line) <= 3_000
        message = direct.dm_outcome(after, event, locale, now=now)
        if message is not None:
            assert_message(message)
    opened = states["open"]
    assert_message(direct.dm_open(opened, locale))
    ending = direct.dm_ending(
        opened,
        locale,
        now=now,
        group_names={"S0SECURITY": words},
        left_in_all=timedelta(minutes=45),
    )
    assert_message(ending)


def _events(states: dict[str, Request], words: str) -> list[tuple[str, Event]]:
    ended = states["ended"].ended
    closing = states["closing-revoked"].closing
    assert ended is not None
    assert closing is not None
    yes = samples.approval(samples.SUZUKI, samples.at(18, 14), states["pending"].terms, words)
    return [
        ("pending-1of2", Approved(yes)),
        ("denied", Denied(words, "S0SECURITY", "production", "v1", samples.at(18, 14))),
        ("lapsed", Lapsed()),
        ("cancelled", Cancelled(words)),
        ("failed", Failed("ScopeLocked", words, True)),
        ("failed-for-good", Failed(words, words, False)),
        ("closing-revoked", closing),
        ("still-open", StillOpen(words, words, samples.at(20, 16))),
        ("ended", ended),
    ]


@pytest.mark.proves("O4", "FAULT-28", "C019", "C020", "C073", "C116")
@pytest.mark.parametrize("language", ["en", "ja"])
@slow
@given(request=REQUESTS, words=FOREIGN, names=st.lists(FOREIGN, max_size=8, unique=True))
def test_answers(request: Request, words: str, names: list[str], language: Language) -> None:
    locale = samples.locale(language)
    found = [Option(str(at), name) for at, name in enumerate(names)]
    wrong = (
        Refusal(Code.VM_UNKNOWN, Field.VM, {"typed": words, "near": tuple(names)}),
        Refusal(Code.WINDOW_INVALID, Field.WINDOW, {"typed": words}, nearest=words),
    )
    opened = samples.opened(request)
    group_names = {"S0SECURITY": words}
    for message in (
        answers.sent(request, 6, group_names, locale),
        answers.same_already(request, locale),
        answers.already_open_for_you(opened, locale),
        answers.open_by_other(opened, locale),
        answers.unknown_vm(words, found, "d-1", locale),
        answers.ambiguous_vm(words, found, "d-1", locale),
        answers.corrected(wrong, words, "d-1", locale, group_names),
        answers.refused(wrong, locale, draft_id="d-1"),
        answers.azure_unreachable(words, locale, draft_id="d-1"),
        answers.outdated(request, locale),
        answers.foreign_instance(words, words, locale),
        answers.no_such_request(words, locale),
        answers.done_asked(opened, locale),
        help.unknown_command(words, None, locale),
    ):
        assert_message(message)


@pytest.mark.proves("O4", "FAULT-28", "C020", "C116")
@pytest.mark.parametrize("language", ["en", "ja"])
@slow
@given(
    request=REQUESTS,
    words=FOREIGN,
    ports=st.lists(st.integers(min_value=1, max_value=65_535), max_size=20, unique=True),
)
def test_forms(request: Request, words: str, ports: list[int], language: Language) -> None:
    locale = samples.locale(language)
    rule = ask_form.RuleSummary(
        name=words,
        quorum=2,
        groups=(words,),
        people=("U0SATO",),
        notified=6,
        channel="C0OPS",
        lapses_after=timedelta(minutes=30),
        longest_rule=timedelta(hours=4),
        longest_vm=timedelta(hours=3),
        ticket=words,
    )
    refusal = Refusal(Code.SOURCE_INVALID, Field.SOURCE, {"typed": words}, nearest=words)
    draft = ask_form.FormDraft(
        draft_id="d-1",
        vm=Option("v1", words),
        vm_name=words,
        ports=tuple((port, timedelta(hours=3)) for port in ports),
        chosen_ports=tuple(ports[:1]),
        source=Option("a1", words),
        window=words,
        reason=words,
        ticket=words,
        rule=rule,
        refusals={"source": (refusal,)},
    )
    assert_view(ask_form.ask_form(draft, locale))
    for text in ask_form.field_errors((refusal, refusal), locale).values():
        assert 0 < len(text) <= 2_000
    now = samples.at(18, 20)
    for view in (
        decide_forms.approve_form(request, locale),
        decide_forms.approve_less_form(request, locale, now=now),
        decide_forms.deny_form(request, locale),
        decide_forms.revoke_form(request, locale),
        decide_forms.extend_form(
            samples.opened(request), locale, left_in_all=timedelta(hours=1), who="security"
        ),
    ):
        assert_view(view)


@pytest.mark.proves("O4", "FAULT-28", "C019", "C020")
@pytest.mark.parametrize("language", ["en", "ja"])
@slow
@given(requests=st.lists(REQUESTS, max_size=3), words=FOREIGN)
def test_lists_home_and_audit(requests: list[Request], words: str, language: Language) -> None:
    locale = samples.locale(language)
    items = [
        replace(each, id=RequestId(str(number))) for number, each in enumerate((requests * 4)[:10])
    ]
    opened = [replace(samples.opened(each), id=each.id) for each in items]
    now = samples.at(18, 20)
    page = lists.Page(1, 12, about=words)
    kinds: tuple[lists.ListKind, ...] = ("mine", "pending", "history")
    for kind in kinds:
        assert_message(lists.list_page(kind, items, page, locale, now=now))
    assert_message(lists.list_page("active", opened, page, locale, now=now))
    rows = [lists.VmRow(str(n), words, words, words, (22,)) for n in range(10)]
    assert_message(lists.vm_page(rows, page, locale))
    person = PersonRecord(sources=(SavedSource("203.0.113.7", words),))
    facts = home.HomeFacts(
        waiting=tuple(items),
        open=tuple(opened),
        pending=tuple(items),
        open_count=12,
        person=person,
        now=now,
    )
    assert_view(home.home(facts, locale))
    assert_view(home.settings_form(person, locale))
    assert_message(audit.frozen_alarm(words, locale))
    assert_message(audit.broken_alarm(7, words, locale))
    assert_message(audit.proof_alarm(words, words, locale))
    assert_message(audit.foreign_instance_alarm(words, locale))
