"""Bad input in the form: the sentence at its field, what was typed stays, and nothing changed."""

from __future__ import annotations

import pytest

from sandbox.slack.people import Person
from sandbox.slack.views import View
from tests.cases.inert import assert_inert
from tests.cases.people import answer
from tests.stage import Stage

GOOD: dict[str, object] = {
    "vm": "web-01",
    "ports": ["22"],
    "source": "203.0.113.7",
    "window": "1h",
    "reason": "deploy fix",
}

#: What differs from GOOD, the field that shows the error, what Alice reads there, what 山田 reads.
BAD: tuple[tuple[dict[str, object], str, str, str], ...] = (
    ({"window": "soon"}, "window", "“soon” is no time", "「soon」を時間として"),
    ({"window": "25h"}, "window", "web-01 opens for 3 hours at most", "最長3時間です"),
    ({"window": "1m"}, "window", "At least 5 minutes", "5分以上にしてください"),
    ({"window": "until 25:61"}, "window", "is no time", "時間として読み取れません"),
    ({"window": "1" * 60}, "window", "is no time", "時間として読み取れません"),
    ({"source": "*"}, "source", "open the port to everybody", "だれからでも接続できて"),
    ({"source": "10.0.0.1"}, "source", "private address", "プライベートアドレス"),
    ({"source": "office.example.com"}, "source", "is a name", "ホスト名です"),
    ({"source": "010.8.8.8"}, "source", "leading zero", "8進数と解釈される"),
    ({"source": "203.0.113.7 /32"}, "source", "a space or an invisible", "空白か見えない文字"),
    ({"source": "::ffff:203.0.113.7"}, "source", "written as IPv6", "IPv6で書いたもの"),
    ({"source": "<!channel>"}, "source", "is a name", "ホスト名です"),
    ({"reason": "!!!"}, "reason", "Say what you will do", "作業の内容"),
    ({"reason": "   "}, "reason", "Say what you will do", "作業の内容"),
    ({"vm": "jump-01", "ports": ["3389"], "source": "198.51.100.7"}, "source",
     "Allowed: 203.0.113.0/24", "許可されている接続元：203.0.113.0/24"),
    ({"vm": "jump-01", "ports": ["3389"], "window": "2h"}, "window",
     "opens for 1 hour at most", "最長1時間です"),
    ({"vm": "db-02", "ports": ["22"], "ticket": "FOO-1"}, "ticket",
     "not look like a ticket", "チケットの形"),
    ({"vm": "db-02", "ports": ["22"], "ticket": "9" * 80}, "ticket",
     "not look like a ticket", "チケットの形"),
)  # fmt: skip


async def filled(person: Person, values: dict[str, object]) -> View:
    """The form behind `/jit`, filled in field by field as a person does."""
    await person.command("C0OPS", "/jit")
    form = await person.wait_view(callback_id="jit_request")
    await choose_vm(person, form, str(values["vm"]))
    for block_id in ("ports", "window", "reason", "ticket"):
        if block_id in values:
            await person.fill(form, block_id, values[block_id])
    source = str(values["source"])
    await person.suggest(form, "source", source)
    await person.fill(form, "source", source)
    return form


async def choose_vm(person: Person, form: View, name: str) -> None:
    """Type, choose, and wait until the form shows that VM's ports."""
    options = await person.suggest(form, "vm", name)
    before = form.revision
    await person.fill(form, "vm", options[0])
    await person.wait_view(where=lambda view: view.revision > before and view is form)


@pytest.mark.proves("A4", "A5", "A6", "A7", "A9", "C034", "C059", "C092", "N1")
@pytest.mark.parametrize("who", ["alice", "yamada"])
@pytest.mark.parametrize("row", BAD, ids=[f"{row[1]}-{list(row[0].values())[-1]}" for row in BAD])
async def test_a_bad_field_says_why_and_changes_nothing(
    shared_stage: Stage, row: tuple[dict[str, object], str, str, str], who: str
) -> None:
    different, field, english, japanese = row
    stage, person = shared_stage, shared_stage.slack.person(who)
    head = stage.ledger.highest_head
    values: dict[str, object] = GOOD | different
    if values["vm"] == "db-02" and "ticket" not in different:
        values["ticket"] = "CHG-4821"
    form = await filled(person, values)
    sent = await person.submit(form)
    assert sent.error is None, sent
    assert sent.action == "errors", sent
    assert set(sent.errors) == {field}
    assert (japanese if who == "yamada" else english) in sent.errors[field]
    assert "<!" not in sent.errors[field] or values["source"] == "<!channel>"
    assert stage.ledger.highest_head == head
    assert not stage.azure.initiates
    await person.close(form)


@pytest.mark.proves("A4", "N1")
@pytest.mark.parametrize(("who", "words"), [("alice", "Please"), ("yamada", "")])
async def test_an_empty_field_is_not_sent_at_all(shared_stage: Stage, who: str, words: str) -> None:
    person = shared_stage.slack.person(who)
    form = await filled(person, GOOD | {"ports": []})
    sent = await person.submit(form)
    assert sent.action == "errors"
    assert "ports" in sent.errors
    assert words in sent.errors["ports"]
    assert shared_stage.ledger.highest_head.sequence == 0
    await person.close(form)


@pytest.mark.proves("A2", "A3")
async def test_the_form_opens_filled_with_what_was_typed(shared_stage: Stage) -> None:
    alice = shared_stage.slack.person("alice")
    await alice.command("C0OPS", "/jit web-01 ssh from 203.0.113.9")
    form = await alice.wait_view(callback_id="jit_request", containing="production")
    values = form.values
    assert values["vm"]["vm"]["selected_option"]["text"]["text"].startswith("web-01")
    assert [each["value"] for each in values["ports"]["ports"]["selected_options"]] == ["22"]
    assert values["source"]["source"]["selected_option"]["value"] == "203.0.113.9"
    await alice.close(form)
    await alice.command("C0OPS", "/jit")
    empty = await alice.wait_view(callback_id="jit_request")
    assert empty.values["vm"]["vm"]["selected_option"] is None
    await alice.close(empty)


@pytest.mark.proves("A11", "A7", "C034")
async def test_the_form_says_who_decides_and_both_caps_before_it_is_sent(
    shared_stage: Stage,
) -> None:
    """Rule, who is asked, how many must agree, how many are notified; the smaller cap wins."""
    yamada = shared_stage.slack.person("yamada")
    await yamada.command("C0OPS", "/jit db-02")
    form = await yamada.wait_view(callback_id="jit_request", containing="databases")
    text = form.all_text()
    assert "security" in text
    assert "2" in text
    assert "<#C0OPS>" in text
    hint = next(b for b in form.blocks if b.get("block_id") == "window")["hint"]["text"]
    assert "2時間" in hint
    assert "databases" in hint
    await yamada.close(form)


@pytest.mark.proves("A3")
async def test_the_vm_field_searches_name_group_subscription_and_tag(
    shared_stage: Stage,
) -> None:
    alice, kimura = shared_stage.slack.person("alice"), shared_stage.slack.person("kimura")
    await alice.command("C0OPS", "/jit")
    form = await alice.wait_view(callback_id="jit_request")
    for query, wanted in (
        ("web-01", "web-01"),
        ("rg-batch", "batch-01"),
        ("staging", "stg-web-01"),
        ("売上集計", "etl-01"),
        ("ＷＥＢ－０１", "web-01"),
    ):
        labels = [o["text"]["text"] for o in await alice.suggest(form, "vm", query)]
        assert any(label.startswith(wanted) for label in labels), (query, labels)
    named = [o["text"]["text"] for o in await alice.suggest(form, "vm", "batch-01")]
    assert {"batch-01 (rg-batch, Shop production)", "batch-01 (rg-shop-test, Shop staging)"} <= set(
        named
    )
    assert not await alice.suggest(form, "vm", "monitor-01")
    await alice.close(form)
    await kimura.command("C0OPS", "/jit")
    others = await kimura.wait_view(callback_id="jit_request")
    labels = [o["text"]["text"] for o in await kimura.suggest(others, "vm", "web-01")]
    assert labels
    assert all("staging" in label for label in labels)
    await kimura.close(others)


@pytest.mark.proves("A13")
async def test_a_message_becomes_the_reason_by_its_shortcut(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    message = await suzuki.say("C0OPS", "Disk full on web-01 & <b>, see <@U0SATO>")
    await alice.shortcut(message, "jit_from_message")
    form = await alice.wait_view(callback_id="jit_request")
    assert "Disk full on web-01 & <b>" in form.values["reason"]["reason"]["value"]
    await choose_vm(alice, form, "web-01")
    await alice.fill(form, "ports", ["22"])
    await alice.fill(form, "window", "1h")
    await alice.suggest(form, "source", "203.0.113.7")
    await alice.fill(form, "source", "203.0.113.7")
    assert (await alice.submit(form)).error is None
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    assert "Disk full on web-01" in card.all_text()
    assert_inert(stage, "U0SATO")
    await answer(stage, alice, "is sent")
