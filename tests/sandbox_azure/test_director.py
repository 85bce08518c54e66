"""The director's panel: each switch breaks what it says and mends it again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sandbox.azure import SandboxAzure
from sandbox.azure.view import azure_view
from sandbox.azure.wire import Json
from sandbox.director import Director
from sandbox.slack.faults import Faults
from sandbox.world.clock import SandboxClock
from tests.sandbox_azure.asking import JIT, NETWORK, Arm


class QuietSlack:
    """What the director touches of Slack, and nothing more."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.cuts: list[str] = []

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        self.cuts.append(reason)


@pytest.fixture
def slack() -> QuietSlack:
    return QuietSlack()


@pytest.fixture
def director(clock: SandboxClock, azure: SandboxAzure, slack: QuietSlack) -> Director:
    return Director(clock, azure, slack)


def turn(name: str, *, on: bool = True) -> Json:
    return {"do": "fault", "name": name, "on": on}


def lit(director: Director) -> list[str]:
    return [fault["name"] for fault in director.faults() if fault["on"]]


async def test_the_clock_moves(director: Director, clock: SandboxClock) -> None:
    answer = await director.act({"do": "advance_clock", "seconds": 600})

    assert answer == {"ok": True, "offset": 600.0}
    assert clock.offset == timedelta(minutes=10)


@pytest.mark.parametrize(
    "wish",
    [
        {"do": "advance_clock", "seconds": -1},
        {"do": "advance_clock", "seconds": 0},
        {"do": "advance_clock", "seconds": 10**9},
        {"do": "advance_clock", "seconds": float("nan")},
        {"do": "advance_clock", "seconds": "60"},
        {"do": "advance_clock"},
        {"do": "fault", "name": "none"},
        {"do": "fault"},
        {"do": "dance"},
        {},
    ],
)
async def test_a_wish_that_makes_no_sense_changes_nothing(
    director: Director, clock: SandboxClock, wish: Json
) -> None:
    answer = await director.act(wish)

    assert answer["ok"] is False
    assert answer["error"]
    assert clock.offset == timedelta()
    assert lit(director) == []


def test_every_switch_is_named_in_both_languages(director: Director) -> None:
    for fault in director.faults():
        assert fault["label_en"].isascii()
        assert not fault["label_ja"].isascii()
        assert fault["on"] is False


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("azure_429", 429, "TooManyRequests"),
        ("azure_refuses", 403, "AuthorizationFailed"),
        ("azure_read_only_lock", 409, "ScopeLocked"),
    ],
)
async def test_a_switch_breaks_and_mends_opening(
    director: Director, arm: Arm, name: str, status: int, code: str
) -> None:
    await director.act(turn(name))
    broken = [await arm.initiate("web-01") for _ in range(2)]
    was_lit = lit(director)
    await director.act(turn(name, on=False))
    mended = await arm.initiate("web-01")

    assert {(reply.status, reply.code) for reply in broken} == {(status, code)}
    assert was_lit == [name]
    assert mended.status == 202
    assert lit(director) == []


async def test_the_answer_never_comes_but_the_port_opens(
    director: Director, azure: SandboxAzure, arm: Arm
) -> None:
    await director.act(turn("azure_hang_after_accept"))
    call = asyncio.ensure_future(arm.initiate("web-01"))

    await azure.wait(azure.open_ports)
    call.cancel()
    await asyncio.wait([call])

    assert azure.initiates[0].status is None


async def test_the_right_to_delete_rules(director: Director, azure: SandboxAzure, arm: Arm) -> None:
    path = f"{azure.machine('web-01').nsg_id}/securityRules/any"
    await director.act(turn("nsg_delete_right_missing"))

    assert (await arm.send("DELETE", path, NETWORK)).status == 403


async def test_slack_is_overrun_and_down(director: Director, slack: QuietSlack) -> None:
    await director.act(turn("slack_429"))
    limited = slack.faults.take("chat.postMessage", "C0OPS")
    read = slack.faults.take("users.info", None)
    await director.act(turn("slack_429", on=False))
    await director.act(turn("slack_down"))
    down = slack.faults.take("users.info", None)
    await director.act(turn("slack_down", on=False))

    assert limited is not None
    assert (limited.kind, limited.retry_after) == ("rate_limit", 10)
    assert read is None
    assert down is not None
    assert down.status == 503
    assert slack.faults.take("users.info", None) is None


async def test_cutting_the_socket_is_over_at_once(director: Director, slack: QuietSlack) -> None:
    await director.act(turn("socket_disconnect"))

    assert slack.cuts == ["refresh_requested"]
    assert lit(director) == []


async def test_without_on_a_switch_is_toggled(director: Director) -> None:
    await director.act({"do": "fault", "name": "azure_429"})
    first = lit(director)
    await director.act({"do": "fault", "name": "azure_429"})

    assert (first, lit(director)) == (["azure_429"], [])


async def test_turning_on_twice_is_turning_on_once(director: Director, azure: SandboxAzure) -> None:
    await director.act(turn("azure_429"))
    await director.act(turn("azure_429"))

    assert len(azure.faults.armed) == 1


async def test_everything_works_again(
    director: Director, azure: SandboxAzure, slack: QuietSlack, arm: Arm
) -> None:
    for fault in director.faults():
        if fault["kind"] == "fault":
            await director.act(turn(fault["name"]))

    answer = await director.act({"do": "clear_faults"})

    assert answer == {"ok": True}
    assert lit(director) == []
    assert slack.faults.take("chat.postMessage", "C0OPS") is None
    assert (await arm.initiate("web-01")).status == 202


async def test_the_page_sees_what_is_open(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    await arm.send("GET", arm.policy_of("web-01"), JIT)

    view = azure_view(azure)

    assert [(p["vm"], p["resource_group"], p["port"], p["source"]) for p in view["open"]] == [
        ("web-01", "rg-shop-prod", 22, "203.0.113.7")
    ]
    assert view["nsgs"][0]["name"] == "web-01-nsg"
    assert view["nsgs"][0]["vm"] == "web-01"
    assert {"Allow", "Deny"} == {rule["access"] for rule in view["nsgs"][0]["rules"]}
    assert [(line["method"], line["status"]) for line in view["log"]] == [
        ("POST", 202),
        ("GET", 200),
    ]


async def test_the_page_is_told_of_changes(azure: SandboxAzure, arm: Arm) -> None:
    told: list[int] = []
    azure.on_change(lambda: told.append(1))

    await arm.initiate("web-01")

    assert told
