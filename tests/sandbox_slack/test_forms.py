"""Forms: every answer to a submission, every kind of element, closing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox.slack import SandboxSlack, View
from tests.sandbox_slack.peer import Peer
from tests.sandbox_slack.test_people_and_bolt import button, form, section

Json = dict[str, Any]


def label(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def choice(value: str) -> Json:
    return {"text": label(value.upper()), "value": value}


async def opened(slack: SandboxSlack, peer: Peer, view: Json) -> View:
    """The form on Alice's screen."""
    trigger = slack.core.triggers.issue("U0ALICE")
    await peer.client.views_open(trigger_id=trigger, view=view)
    return await slack.person("alice").wait_view()


def answers(peer: Peer, **answer: Any) -> None:
    """Let the app answer each submission like this."""

    @peer.app.view("ask")
    async def ask(ack: Any) -> None:
        await ack(**answer)


async def test_a_submission_may_change_the_form(slack: SandboxSlack, peer: Peer) -> None:
    answers(peer, response_action="update", view=form(title=label("Sent")))
    alice = slack.person("alice")
    view = await alice.fill(await opened(slack, peer, form()), "reason", "x")
    result = await alice.submit(view)
    assert (result.action, result.view) == ("update", view)
    assert view.title == "Sent"


async def test_a_submission_may_push_and_clear(slack: SandboxSlack, peer: Peer) -> None:
    answers(peer, response_action="push", view=form(title=label("Second")))
    alice = slack.person("alice")
    view = await alice.fill(await opened(slack, peer, form()), "reason", "x")
    result = await alice.submit(view)
    assert result.action == "push"
    assert result.view is not None
    assert (result.view.title, result.view.root_view_id) == ("Second", view.id)
    await alice.close(result.view, clear=True)
    assert alice.view() is None


async def test_a_submission_may_clear_the_stack(slack: SandboxSlack, peer: Peer) -> None:
    answers(peer, response_action="clear")
    alice = slack.person("alice")
    view = await alice.fill(await opened(slack, peer, form()), "reason", "x")
    assert (await alice.submit(view)).action == "clear"
    assert alice.view() is None


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "dance"},
    ],
)
async def test_a_senseless_answer_shows_trouble(
    slack: SandboxSlack, peer: Peer, answer: Json
) -> None:
    answers(peer, **answer)
    alice = slack.person("alice")
    view = await alice.fill(await opened(slack, peer, form()), "reason", "x")
    result = await alice.submit(view)
    assert result.error is not None
    assert result.error.startswith("We had some trouble connecting")
    assert alice.view() is view


async def test_a_late_answer_leaves_the_form_open(slack: SandboxSlack, peer: Peer) -> None:
    late = asyncio.Event()

    @peer.app.view("ask")
    async def ask(ack: Any) -> None:
        await late.wait()
        await ack()

    slack.ack_seconds = 0.1
    alice = slack.person("alice")
    view = await alice.fill(await opened(slack, peer, form()), "reason", "x")
    result = await alice.submit(view)
    late.set()
    assert result.error == "operation_timeout"
    assert alice.view() is view


async def test_closing_is_told_only_when_asked_for(slack: SandboxSlack, peer: Peer) -> None:
    closed: list[str] = []

    @peer.app.view_closed("ask")
    async def on_close(ack: Any, body: Json) -> None:
        closed.append(body["view"]["id"])
        await ack()

    alice = slack.person("alice")
    assert await alice.close(await opened(slack, peer, form())) is None
    view = await opened(slack, peer, form(notify_on_close=True))
    delivery = await alice.close(view)
    assert delivery is not None
    assert delivery.acked
    assert closed == [view.id]


async def test_the_client_minds_lengths(slack: SandboxSlack, peer: Peer) -> None:
    element = {"type": "plain_text_input", "action_id": "t", "min_length": 3, "max_length": 5}
    block = {"type": "input", "block_id": "r", "label": label("R"), "element": element}
    view = await opened(slack, peer, form(blocks=[block]))
    alice = slack.person("alice")
    for text, complaint in (("ab", "at least 3"), ("abcdef", "no more than 5")):
        await alice.fill(view, "r", text)
        assert complaint in (await alice.submit(view)).errors["r"]


async def test_every_element_keeps_what_was_chosen(slack: SandboxSlack, peer: Peer) -> None:
    a, b = choice("a"), choice("b")
    menu = {"options": [a, b]}
    elements: dict[str, tuple[Json, Any, Json]] = {
        "menu": ({"type": "static_select", **menu}, "b", {"selected_option": b}),
        "boxes": ({"type": "checkboxes", **menu}, ["A"], {"selected_options": [a]}),
        "radio": ({"type": "radio_buttons", **menu}, "a", {"selected_option": a}),
        "user": ({"type": "users_select"}, "U0SATO", {"selected_user": "U0SATO"}),
        "users": ({"type": "multi_users_select"}, ["U0SATO"], {"selected_users": ["U0SATO"]}),
        "date": ({"type": "datepicker"}, "2026-11-25", {"selected_date": "2026-11-25"}),
        "time": ({"type": "timepicker"}, "18:30", {"selected_time": "18:30"}),
        "both": ({"type": "datetimepicker"}, 1764000000, {"selected_date_time": 1764000000}),
    }
    blocks = [
        {
            "type": "input",
            "block_id": name,
            "label": label(name),
            "element": {"action_id": "x", **element},
        }
        for name, (element, _, _) in elements.items()
    ]
    view = await opened(slack, peer, form(blocks=blocks))
    before = {name: dict(view.values[name]["x"]) for name in elements}
    assert before["menu"] == {"type": "static_select", "selected_option": None}
    assert before["boxes"] == {"type": "checkboxes", "selected_options": []}
    alice = slack.person("alice")
    for name, (element, value, state) in elements.items():
        await alice.fill(view, name, value)
        assert view.values[name]["x"] == {"type": element["type"], **state}
    with pytest.raises(LookupError, match="no option 'c'"):
        await alice.fill(view, "menu", "c")


async def test_a_menu_in_a_message_tells_the_bot_at_once(slack: SandboxSlack, peer: Peer) -> None:
    bodies: list[Json] = []

    @peer.app.action("hours")
    async def hours(ack: Any, body: Json) -> None:
        bodies.append(body)
        await ack()

    options = [choice("a"), choice("b")]
    menu = {
        "type": "static_select",
        "action_id": "hours",
        "options": options,
        "initial_option": options[0],
    }
    elements = [menu, button("Go", "go")]
    actions = {"type": "actions", "block_id": "row", "elements": elements}
    await peer.client.chat_postMessage(channel="C0OPS", text="x", blocks=[section("x"), actions])
    card = await slack.wait_message("C0OPS", "x")
    sato = slack.person("sato")
    await sato.choose(card, "hours", "b")
    assert bodies[0]["actions"][0]["selected_option"] == options[1]
    assert bodies[0]["state"]["values"]["row"]["hours"]["selected_option"] == options[1]
    with pytest.raises(LookupError, match="nothing with action_id='stop'"):
        await sato.click(card, "stop")


@pytest.mark.parametrize(
    ("line", "command", "text"),
    [
        ("/jit", "/jit", ""),
        ("/jit web-01  22 ", "/jit", "web-01  22"),
        ("/jit\u3000web-01\u300022", "/jit", "web-01\u300022"),
        ("/jit \u200bweb-01", "/jit", "\u200bweb-01"),
    ],
)
async def test_any_space_ends_the_command(
    slack: SandboxSlack, line: str, command: str, text: str
) -> None:
    await slack.person("alice").command("C0OPS", line)
    payload = slack.deliveries[-1].payload
    assert (payload["command"], payload["text"]) == (command, text)


async def test_a_wait_says_what_was_there_instead(slack: SandboxSlack, peer: Peer) -> None:
    await peer.client.chat_postMessage(channel="C0OPS", text="something else")
    with pytest.raises(TimeoutError, match="something else"):
        await slack.wait_message("C0OPS", "wanted", timeout=0.05)
    with pytest.raises(TimeoutError, match="alice wanted a form"):
        await slack.person("alice").wait_view(0.05)
