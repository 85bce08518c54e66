"""Who may speak to Sekisho at all, decided from the clicker's own team."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from slack_bolt import BoltResponse

from approvals.events import PersonId
from approvals.membership import Membership
from delivery.directory import Directory
from delivery.web_client import web_client
from handlers.guard import Guard, Home, Stranger, judge, user_of
from handlers.services import Services
from sandbox.slack import SandboxSlack
from tests.delivery.conftest import slack

__all__ = ["slack"]

HOME = Home(frozenset({"T0SEKISHO"}), "A0SEKISHO", "E0HOME")
CLICK: dict[str, Any] = {
    "type": "block_actions",
    "api_app_id": "A0SEKISHO",
    "team": {"id": "T0SEKISHO"},
    "user": {"id": "U0ALICE", "team_id": "T0SEKISHO"},
    "enterprise": None,
}
COMMAND: dict[str, Any] = {
    "command": "/jit",
    "api_app_id": "A0SEKISHO",
    "team_id": "T0SEKISHO",
    "user_id": "U0ALICE",
}


def event(**fields: Any) -> dict[str, Any]:
    return {
        "api_app_id": "A0SEKISHO",
        "team_id": "T0SEKISHO",
        "event": {"type": "app_mention", "user": "U0ALICE", "channel": "C0OPS"} | fields,
    }


@pytest.mark.proves("C090", "O1")
@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (CLICK, None),
        (COMMAND, None),
        (event(), None),
        (CLICK | {"user": {"id": "U9", "team_id": "T_OTHER"}}, Stranger.TEAM),
        (CLICK | {"team": {"id": "T_OTHER"}}, None),
        (
            CLICK | {"team": None, "enterprise": {"id": "E0HOME"}, "is_enterprise_install": True},
            None,
        ),
        (CLICK | {"enterprise": {"id": "E_OTHER"}}, Stranger.ENTERPRISE),
        (COMMAND | {"enterprise_id": "E_OTHER"}, Stranger.ENTERPRISE),
        (CLICK | {"api_app_id": "A_OTHER"}, Stranger.APP),
        (CLICK | {"user": {"id": ""}}, Stranger.NOBODY),
        (CLICK | {"user": None}, Stranger.NOBODY),
        ({}, Stranger.NOBODY),
        (event(user_team="T_OTHER"), Stranger.TEAM),
        (event(source_team="T_OTHER"), Stranger.TEAM),
        (event(bot_id="B1"), Stranger.BOT),
        (event(subtype="bot_message", user=None), Stranger.BOT),
        (event(user=None), Stranger.NOBODY),
        (event(type="user_change", user={"id": "U9", "team_id": "T_OTHER"}), None),
        (event(type="subteam_updated", user=None), None),
        (event(type="user_change") | {"api_app_id": "A_OTHER"}, Stranger.APP),
    ],
)
def test_the_payload_alone(body: Mapping[str, Any], verdict: Stranger | None) -> None:
    assert judge(body, HOME) is verdict


@pytest.mark.proves("C090")
def test_the_person_is_the_clicker_not_the_app() -> None:
    body = CLICK | {"user": {"id": "U9", "team_id": "T_OTHER"}, "team": {"id": "T0SEKISHO"}}
    assert user_of(body) == ("U9", "T_OTHER")
    assert user_of(event(user={"id": "U8"})) == ("U8", None)
    assert user_of({}) == ("", None)


class Gate:
    """A guard before a listener that only notes that it was reached."""

    def __init__(self, directory: Directory) -> None:
        self.inactive: frozenset[PersonId] = frozenset()
        self.directory = directory
        self.refused: list[str] = []
        services = SimpleNamespace(membership=self.membership, directory=directory)
        self.guard = Guard(cast(Services, services), HOME, self.refuse)

    def membership(self) -> Membership:
        return Membership({}, read_at=datetime(2026, 11, 25, tzinfo=UTC), inactive=self.inactive)

    async def refuse(
        self, _body: Mapping[str, Any], person: PersonId, _why: Stranger
    ) -> BoltResponse:
        self.refused.append(person)
        return BoltResponse(status=200, body="stranger")

    async def passes(self, body: Mapping[str, Any]) -> bool:
        reached = []

        async def listener() -> BoltResponse:
            reached.append(body)
            return BoltResponse(status=200, body="heard")

        answer = await self.guard(body, listener)
        assert answer.status == 200
        return bool(reached)


@pytest.fixture
async def gate(slack: SandboxSlack) -> AsyncIterator[Gate]:
    client = web_client(slack.bot_token, slack.url)
    yield Gate(Directory(client))
    assert client.session is not None
    await client.session.close()


@pytest.mark.proves("C090")
async def test_a_command_that_names_no_team_is_looked_up_once(
    gate: Gate, slack: SandboxSlack
) -> None:
    for _ in range(3):
        assert await gate.passes(COMMAND)
    assert len(slack.calls_of("users.info")) == 1


@pytest.mark.proves("C090", "O1")
async def test_a_stranger_of_a_shared_channel_is_refused(gate: Gate) -> None:
    assert not await gate.passes(COMMAND | {"user_id": "U0EVE"})
    assert gate.refused == ["U0EVE"]
    assert gate.guard.turned_away == {Stranger.TEAM: 1}


@pytest.mark.proves("C090")
async def test_own_people_in_an_external_channel_are_served(gate: Gate) -> None:
    """The channel's and the app's team are another; the clicker's is ours."""
    assert await gate.passes(CLICK | {"team": {"id": "T_OTHER"}, "is_ext_shared_channel": True})


@pytest.mark.proves("C090", "O6")
@pytest.mark.parametrize("status", [429, 500])
async def test_who_cannot_be_looked_up_is_refused(
    gate: Gate, slack: SandboxSlack, status: int
) -> None:
    if status == 429:
        slack.faults.rate_limit("users.info", 1)
    else:
        slack.faults.http("users.info", status)
    assert not await gate.passes(COMMAND)
    assert await gate.passes(COMMAND)


@pytest.mark.proves("O1", "B12")
async def test_a_deactivated_person_is_refused(gate: Gate, slack: SandboxSlack) -> None:
    assert not await gate.passes(COMMAND | {"user_id": "U0GONE"})
    gate.inactive = frozenset({PersonId("U0SATO")})
    assert not await gate.passes(CLICK | {"user": {"id": "U0SATO", "team_id": "T0SEKISHO"}})
    assert gate.guard.turned_away == {Stranger.INACTIVE: 2}
    assert not await gate.passes(COMMAND | {"user_id": "U0NOBODY"})


@pytest.mark.proves("O1")
async def test_a_bot_reads_no_answer(gate: Gate) -> None:
    assert not await gate.passes(event(bot_id="B1"))
    assert gate.refused == []


@pytest.mark.proves("B12")
async def test_the_news_that_a_person_left_is_heard(gate: Gate, slack: SandboxSlack) -> None:
    gate.inactive = frozenset({PersonId("U0SATO")})
    assert await gate.passes(event(type="user_change", user={"id": "U0SATO", "deleted": True}))
    assert await gate.passes(event(type="subteam_members_changed", user=None))
    assert not slack.calls_of("users.info")


@pytest.mark.proves("C090")
async def test_in_an_enterprise_the_payloads_team_is_the_word(gate: Gate) -> None:
    """users.info may name another workspace of the same organization."""
    await gate.directory.profile("U0EVE")
    assert await gate.passes(CLICK | {"user": {"id": "U0EVE", "team_id": "T0SEKISHO"}})
