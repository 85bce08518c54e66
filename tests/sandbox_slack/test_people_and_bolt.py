"""People act, a Bolt app answers, people see it."""

from __future__ import annotations

from typing import Any

from sandbox.slack import SandboxSlack
from tests.sandbox_slack.peer import Peer


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(text: str, action_id: str, value: str = "1") -> dict[str, Any]:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "text": label, "action_id": action_id, "value": value}


def form(**more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "ask",
        "title": {"type": "plain_text", "text": "Ask"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {
                "type": "input",
                "block_id": "reason",
                "label": {"type": "plain_text", "text": "Reason"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            },
            {
                "type": "input",
                "block_id": "vm",
                "optional": True,
                "dispatch_action": True,
                "label": {"type": "plain_text", "text": "VM"},
                "element": {
                    "type": "external_select",
                    "action_id": "pick",
                    "min_query_length": 0,
                },
            },
        ],
        **more,
    }


async def test_the_ack_of_a_command_is_seen_by_its_sender_alone(
    slack: SandboxSlack, peer: Peer
) -> None:
    @peer.app.command("/jit")
    async def jit(ack: Any, command: dict[str, Any]) -> None:
        await ack(f"You typed {command['text']}")

    alice = slack.person("alice")
    reply = await alice.command("C0OPS", "/jit web-01 22")
    assert reply.acked
    assert alice.ephemerals("C0OPS")[0].text == "You typed web-01 22"
    assert slack.person("sato").ephemerals("C0OPS") == []
    assert slack.channel("C0OPS").messages == []


async def test_a_command_carries_what_slack_sends(slack: SandboxSlack, peer: Peer) -> None:
    seen: list[dict[str, Any]] = []

    @peer.app.command("/jit")
    async def jit(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        await ack()

    await slack.person("eve").command("C0GENERAL", "/jit history @sato & <b>")
    assert seen[0] | {"token": "", "trigger_id": "", "response_url": ""} == {
        "token": "",
        "team_id": "T0OTHER",
        "team_domain": "other-company",
        "channel_id": "C0GENERAL",
        "channel_name": "general",
        "user_id": "U0EVE",
        "user_name": "eve",
        "command": "/jit",
        "text": "history <@U0SATO|sato> &amp; &lt;b&gt;",
        "api_app_id": "A0SEKISHO",
        "is_enterprise_install": "false",
        "response_url": "",
        "trigger_id": "",
    }


async def test_a_form_goes_the_whole_round(slack: SandboxSlack, peer: Peer) -> None:
    sent: list[Any] = []

    @peer.app.command("/jit")
    async def jit(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @peer.app.options("pick")
    async def options(ack: Any, payload: dict[str, Any]) -> None:
        label = {"type": "plain_text", "text": f"{payload['value']}-01"}
        await ack(options=[{"text": label, "value": "7"}])

    @peer.app.action("pick")
    async def picked(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        changed = form(title={"type": "plain_text", "text": "Ask for web-01"})
        view = body["view"]
        await client.views_update(view_id=view["id"], hash=view["hash"], view=changed)

    @peer.app.view("ask")
    async def ask(ack: Any, view: dict[str, Any]) -> None:
        text = view["state"]["values"]["reason"]["text"]["value"]
        if text == "no":
            await ack(response_action="errors", errors={"reason": "Say more."})
            return
        sent.append(view["state"]["values"])
        await ack()

    alice = slack.person("alice")
    await alice.command("C0OPS", "/jit")
    view = await alice.wait_view(callback_id="ask")
    empty = await alice.submit(view)
    assert empty.errors == {"reason": "Please complete this required field."}
    await alice.fill(view, "reason", "no")
    options_seen = await alice.suggest(view, "vm", "web")
    assert [o["text"]["text"] for o in options_seen] == ["web-01"]
    await alice.fill(view, "vm", "7")
    await alice.wait_view(containing="Ask for web-01")
    refused = await alice.submit(view)
    assert (refused.action, refused.errors) == ("errors", {"reason": "Say more."})
    await alice.fill(view, "reason", "deploy fix")
    done = await alice.submit(view)
    assert (done.action, done.error, alice.view()) == (None, None, None)
    assert sent[0]["vm"]["pick"]["selected_option"]["value"] == "7"
    assert sent[0]["reason"]["text"] == {"type": "plain_text_input", "value": "deploy fix"}


async def test_a_click_changes_the_card_for_everybody(slack: SandboxSlack, peer: Peer) -> None:
    bodies: list[dict[str, Any]] = []

    @peer.app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: Any, respond: Any) -> None:
        bodies.append(body)
        await ack()
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=body["container"]["message_ts"],
            text="Approved",
            blocks=[section("Approved")],
        )
        await respond("Thank you")

    blocks = [section("Port 22"), {"type": "actions", "elements": [button("Approve", "approve")]}]
    await peer.client.chat_postMessage(channel="C0OPS", text="Port 22", blocks=blocks)
    card = await slack.wait_message("C0OPS", "Port 22")
    assert card.buttons() == [("Approve", "approve", "1")]
    sato = slack.person("sato")
    assert (await sato.click(card, "approve")).acked
    await slack.wait_update(card, "Approved", without="Port 22")
    assert card.buttons() == []
    assert (await sato.wait_ephemeral("Thank you", "C0OPS")).ephemeral_to == "U0SATO"
    body = bodies[0]
    assert body["user"] == {
        "id": "U0SATO", "username": "sato", "name": "sato", "team_id": "T0SEKISHO",
    }  # fmt: skip
    assert body["container"] == {
        "type": "message",
        "message_ts": card.ts,
        "channel_id": "C0OPS",
        "is_ephemeral": False,
    }
    assert body["message"]["ts"] == card.ts
    assert body["actions"][0]["action_ts"]


async def test_a_mention_in_a_thread_reaches_the_bot(slack: SandboxSlack, peer: Peer) -> None:
    events: list[dict[str, Any]] = []

    @peer.app.event("app_mention")
    async def mentioned(body: dict[str, Any], say: Any) -> None:
        events.append(body)
        await say("Noted", thread_ts=body["event"]["thread_ts"])

    posted = await peer.client.chat_postMessage(channel="C0OPS", text="Card")
    sato = slack.person("sato")
    await sato.mention("C0OPS", "@Sekisho approve", thread_ts=posted["ts"])
    await slack.wait_message("C0OPS", "Noted", thread_ts=posted["ts"])
    assert events[0]["event"]["text"] == "<@U0SEKISHO> approve"
    assert events[0]["authorizations"][0]["user_id"] == "U0SEKISHO"


async def test_the_home_tab_and_direct_messages(slack: SandboxSlack, peer: Peer) -> None:
    @peer.app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        view = {"type": "home", "blocks": [section("Your requests")]}
        await client.views_publish(user_id=event["user"], view=view)

    @peer.app.event("message")
    async def message(event: dict[str, Any], say: Any) -> None:
        await say(f"You said {event['text']}")

    alice = slack.person("alice")
    assert "Your requests" in (await alice.open_home()).all_text()
    await alice.say("DM", "hello")
    assert (await alice.wait_dm("You said hello")).channel == "D0ALICE"


async def test_a_message_shortcut_can_open_a_form(slack: SandboxSlack, peer: Peer) -> None:
    @peer.app.shortcut("jit_from_message")
    async def chosen(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        metadata = body["message"]["text"]
        await client.views_open(trigger_id=body["trigger_id"], view=form(private_metadata=metadata))

    alice = slack.person("alice")
    said = await alice.say("C0GENERAL", "web-01 is down")
    assert (await alice.shortcut(said, "jit_from_message")).acked
    assert (await alice.wait_view()).private_metadata == "web-01 is down"
