"""The Web API as the official client meets it, its refusals most of all."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot import manifest
from sandbox.slack import SandboxSlack
from sandbox.slack.core import BOT_SCOPES
from sandbox.slack.triggers import RESPONSE_URL_LIFE
from sandbox.world.clock import SandboxClock
from tests.sandbox_slack.test_people_and_bolt import form, section


@pytest.fixture
def client(slack: SandboxSlack) -> AsyncWebClient:
    # The client repeats a call whose connection broke, which would hide what the sandbox did.
    return AsyncWebClient(token=slack.bot_token, base_url=slack.url, retry_handlers=[])


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_token_must_be_right(slack: SandboxSlack) -> None:
    nobody = AsyncWebClient(base_url=slack.url)
    assert await refusal(nobody.auth_test()) == "not_authed"
    assert await refusal(nobody.auth_test(token="xoxb-wrong")) == "invalid_auth"
    assert await refusal(nobody.auth_test(token=slack.app_token)) == "not_allowed_token_type"
    opened = await nobody.apps_connections_open(app_token=slack.app_token)
    assert opened["url"].startswith("ws://127.0.0.1:")


async def test_auth_test_names_the_bot_and_its_scopes(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["team_id"]) == ("U0SEKISHO", "T0SEKISHO")
    assert "usergroups:read" in answer.headers["X-OAuth-Scopes"]


def test_the_token_may_do_what_the_manifest_asks_for() -> None:
    assert set(BOT_SCOPES) == set(manifest.BOT_SCOPES)


async def test_a_missing_scope_is_named(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.scopes.discard("usergroups:read")
    with pytest.raises(SlackApiError) as caught:
        await client.usergroups_list(include_users=True)
    response = caught.value.response
    assert (response["error"], response["needed"]) == ("missing_scope", "usergroups:read")


async def test_people_groups_and_channels(slack: SandboxSlack, client: AsyncWebClient) -> None:
    sato = (await client.users_info(user="U0SATO", include_locale=True))["user"]
    assert (sato["locale"], sato["tz_offset"]) == ("ja-JP", 32400)
    assert (await client.users_info(user="U0GONE"))["user"]["deleted"] is True
    assert (await client.users_info(user="U0EVE"))["user"]["is_stranger"] is True
    assert await refusal(client.users_info(user="U0NOBODY")) == "user_not_found"
    members = [m["id"] for m in (await client.users_list())["members"]]
    assert "U0EVE" not in members
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert groups[0]["users"] == ["U0SATO", "U0SUZUKI", "U0ITO"]
    slack.groups["S0SECURITY"].remove("U0SATO")
    users = await client.usergroups_users_list(usergroup="S0SECURITY")
    assert users["users"] == ["U0SUZUKI", "U0ITO"]
    first = await client.conversations_list(limit=2)
    rest = await client.conversations_list(cursor=first["response_metadata"]["next_cursor"])
    names = [c["name"] for c in first["channels"] + rest["channels"]]
    assert names == [
        "ops-approvals", "ops-ja", "server-alerts", "security", "general", "audit", "archive-2025",
    ]  # fmt: skip
    opened = await client.conversations_open(users="U0ALICE")
    assert opened["channel"]["id"] == "D0ALICE"


async def test_where_the_bot_may_not_write(slack: SandboxSlack, client: AsyncWebClient) -> None:
    def post(channel: str) -> Any:
        return client.chat_postMessage(channel=channel, text="x")

    assert await refusal(post("C0NOWHERE")) == "channel_not_found"
    assert await refusal(post("C0ARCHIVE")) == "is_archived"
    slack.channel("C0JA").members.discard("U0SEKISHO")
    assert await refusal(post("C0JA")) == "not_in_channel"
    assert (await post("U0ALICE"))["channel"] == "D0ALICE"
    ephemeral = client.chat_postEphemeral(channel="C0AUDIT", user="U0ALICE", text="x")
    assert await refusal(ephemeral) == "user_not_in_channel"


async def test_changing_and_deleting(slack: SandboxSlack, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0OPS", text="a", blocks=[section("a")]))["ts"]
    message = slack.channel("C0OPS").messages[0]
    await client.chat_update(channel="C0OPS", ts=ts, text="b", blocks=[section("b")])
    assert (message.all_text(), message.edited) == ("b", False)
    await client.chat_update(channel="C0OPS", ts=ts, text="c")
    assert (message.all_text(), message.blocks, message.edited) == ("c", [], True)
    said = await slack.person("alice").say("C0OPS", "mine")
    update = client.chat_update(channel="C0OPS", ts=said.ts, text="d")
    assert await refusal(update) == "cant_update_message"
    await client.chat_delete(channel="C0OPS", ts=ts)
    update = client.chat_update(channel="C0OPS", ts=ts, text="d")
    assert await refusal(update) == "message_not_found"


async def test_an_ephemeral_message_is_one_persons_and_cannot_be_changed(
    slack: SandboxSlack, client: AsyncWebClient
) -> None:
    sent = await client.chat_postEphemeral(channel="C0OPS", user="U0SATO", text="psst")
    assert slack.person("sato").ephemerals()[0].text == "psst"
    assert slack.person("alice").ephemerals() == []
    assert (await client.conversations_history(channel="C0OPS"))["messages"] == []
    update = client.chat_update(channel="C0OPS", ts=sent["message_ts"], text="x")
    assert await refusal(update) == "message_not_found"


async def test_blocks_are_judged_as_by_slack(client: AsyncWebClient) -> None:
    blocks = [section("x" * 3001)]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0OPS", text="x", blocks=blocks)
    response = caught.value.response
    assert response["error"] == "invalid_blocks"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    long = client.chat_postMessage(channel="C0OPS", text="x", blocks=[section("x" * 2900)] * 5)
    assert await refusal(long) == "msg_blocks_too_long"


async def test_long_text_becomes_several_messages(
    slack: SandboxSlack, client: AsyncWebClient
) -> None:
    answer = await client.chat_postMessage(
        channel="C0OPS", text="x" * 8100, blocks=[section("card")]
    )
    posted = slack.channel("C0OPS").messages
    assert [len(m.text) for m in posted] == [4000, 4000, 100]
    assert [m.all_text() for m in posted] == ["card"] * 3
    assert answer["ts"] == posted[-1].ts


async def test_threads_history_and_metadata(slack: SandboxSlack, client: AsyncWebClient) -> None:
    metadata = {"event_type": "jit_request", "event_payload": {"request_id": "7"}}
    card = await client.chat_postMessage(channel="C0OPS", text="card", metadata=metadata)
    await client.chat_postMessage(channel="C0OPS", text="reply", thread_ts=card["ts"])
    history = await client.conversations_history(channel="C0OPS", include_all_metadata=True)
    (parent,) = history["messages"]
    assert (parent["metadata"], parent["reply_count"]) == (metadata, 1)
    assert "metadata" not in (await client.conversations_history(channel="C0OPS"))["messages"][0]
    replies = (await client.conversations_replies(channel="C0OPS", ts=card["ts"]))["messages"]
    assert [m["text"] for m in replies] == ["card", "reply"]
    after = await client.conversations_history(channel="C0OPS", oldest=card["ts"])
    assert after["messages"] == []
    bad = client.chat_postMessage(channel="C0OPS", text="x", metadata={"event_type": "a"})
    assert await refusal(bad) == "invalid_metadata_format"


async def test_a_message_too_many_has_to_wait(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.limits.messages_per_second, slack.limits.message_burst = 1.0, 2
    for _ in range(2):
        await client.chat_postMessage(channel="C0OPS", text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0OPS", text="x")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel="C0GENERAL", text="another channel goes on")


async def test_the_tiers_can_be_switched_on(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.limits.tiers = True
    for _ in range(20):
        await client.usergroups_list()
    assert await refusal(client.usergroups_list()) == "ratelimited"


async def test_a_trigger_opens_one_form_within_its_time(
    slack: SandboxSlack, client: AsyncWebClient
) -> None:
    trigger = slack.core.triggers.issue("U0ALICE")
    opened = await client.views_open(trigger_id=trigger, view=form())
    assert opened["view"]["state"]["values"]["reason"]["text"]["value"] is None
    again = client.views_open(trigger_id=trigger, view=form())
    assert await refusal(again) == "exchanged_trigger_id"
    slack.core.triggers.lifetime_seconds = 0.0
    late = client.views_open(trigger_id=slack.core.triggers.issue("U0ALICE"), view=form())
    assert await refusal(late) == "expired_trigger_id"
    assert await refusal(client.views_open(trigger_id="1.2.3", view=form())) == "invalid_arguments"


async def test_three_forms_and_no_more(slack: SandboxSlack, client: AsyncWebClient) -> None:
    await client.views_open(trigger_id=slack.core.triggers.issue("U0ALICE"), view=form())
    for _ in range(2):
        await client.views_push(trigger_id=slack.core.triggers.issue("U0ALICE"), view=form())
    push = client.views_push(trigger_id=slack.core.triggers.issue("U0ALICE"), view=form())
    assert await refusal(push) == "push_limit_reached"
    alice = slack.person("alice")
    top = await alice.wait_view()
    await alice.close(top)
    below = await alice.wait_view()
    assert top.previous_view_id == below.id


async def test_a_stale_hash_changes_nothing(slack: SandboxSlack, client: AsyncWebClient) -> None:
    trigger = slack.core.triggers.issue("U0ALICE")
    view = (await client.views_open(trigger_id=trigger, view=form()))["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=form())
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=form())
    assert await refusal(stale) == "hash_conflict"
    assert await refusal(client.views_update(view_id="V0", view=form())) == "not_found"


async def test_typed_text_survives_an_update(slack: SandboxSlack, client: AsyncWebClient) -> None:
    await client.views_open(trigger_id=slack.core.triggers.issue("U0ALICE"), view=form())
    alice = slack.person("alice")
    view = await alice.wait_view()
    await alice.fill(view, "reason", "typed")
    await client.views_update(view_id=view.id, view=form())
    assert view.state["values"]["reason"]["text"]["value"] == "typed"


async def test_an_answer_can_be_lost_after_the_message_was_posted(
    slack: SandboxSlack, client: AsyncWebClient
) -> None:
    slack.faults.drop_after_accept("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0OPS", text="posted all the same")
    assert [m.text for m in slack.channel("C0OPS").messages] == ["posted all the same"]


async def test_every_kind_of_fault(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.faults.rate_limit("chat.postMessage", 30, channel="C0OPS")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0OPS", text="x")
    assert caught.value.response.headers["Retry-After"] == "30"
    slack.faults.error("*", "token_revoked")
    assert await refusal(client.auth_test()) == "token_revoked"
    slack.faults.http("auth.test", 503)
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 503
    slack.faults.drop_before("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0OPS", text="never")
    slack.faults.hang("auth.test", 0.2)
    started = time.monotonic()
    await client.auth_test()
    assert time.monotonic() - started >= 0.2
    forever = slack.faults.http("auth.test", 500, times=None)
    for _ in range(3):
        with pytest.raises(SlackApiError):
            await client.auth_test()
    assert forever.hits == 3
    slack.faults.clear()
    await client.auth_test()
    assert slack.channel("C0OPS").messages == []


async def test_a_response_url_works_five_times_in_half_an_hour(
    slack: SandboxSlack, client: AsyncWebClient, clock: SandboxClock
) -> None:
    await slack.person("alice").command("C0OPS", "/jit")  # nobody is connected: not acknowledged
    url = slack.deliveries[-1].payload["response_url"]
    webhook = AsyncWebhookClient(url)
    for _ in range(5):
        assert (await webhook.send(text="hello")).body == "ok"
    used = await webhook.send(text="hello")
    assert (used.status_code, used.body) == (404, '{"ok": false, "error": "used_url"}')
    assert len(slack.person("alice").ephemerals("C0OPS")) == 5
    await slack.person("alice").command("C0OPS", "/jit")
    late = AsyncWebhookClient(slack.deliveries[-1].payload["response_url"])
    clock.advance(RESPONSE_URL_LIFE)
    assert "expired_url" in (await late.send(text="hello")).body


async def test_reactions_and_permalinks(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.scopes.update({"reactions:read", "reactions:write"})
    ts = (await client.chat_postMessage(channel="C0OPS", text="x"))["ts"]
    await client.reactions_add(channel="C0OPS", timestamp=ts, name="eyes")
    again = client.reactions_add(channel="C0OPS", timestamp=ts, name="eyes")
    assert await refusal(again) == "already_reacted"
    got = await client.reactions_get(channel="C0OPS", timestamp=ts)
    assert got["message"]["reactions"][0]["name"] == "eyes"
    await client.reactions_remove(channel="C0OPS", timestamp=ts, name="eyes")
    gone = client.reactions_remove(channel="C0OPS", timestamp=ts, name="eyes")
    assert await refusal(gone) == "no_reaction"
    link = (await client.chat_getPermalink(channel="C0OPS", message_ts=ts))["permalink"]
    assert link == f"{slack.page_url}archives/C0OPS/p{ts.replace('.', '')}"


async def test_a_file_is_uploaded_and_shared(slack: SandboxSlack, client: AsyncWebClient) -> None:
    slack.scopes.add("files:write")
    await client.files_upload_v2(
        filename="log.txt", content="line", channel="C0AUDIT", initial_comment="The log"
    )
    shared = await slack.wait_message("C0AUDIT", "The log")
    assert shared.files[0]["name"] == "log.txt"
    assert slack.core.files[shared.files[0]["id"]]["content"] == b"line"


async def test_the_synchronous_client_works_too(slack: SandboxSlack) -> None:
    client = WebClient(token=slack.bot_token, base_url=slack.url)
    answer = await asyncio.to_thread(client.chat_postMessage, channel="#general", text="hi")
    assert answer["channel"] == "C0GENERAL"
    assert slack.calls_of("chat.postMessage")[0].args["text"] == "hi"
