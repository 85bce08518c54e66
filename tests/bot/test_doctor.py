"""`sekisho check`: each thing that can be wrong, and what it says then."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from bot.console import Console
from bot.doctor import examine
from bot.doctor.report import Report
from bot.embedded import Embedded
from bot.settings import Settings, load_settings
from sandbox.azure import SandboxAzure
from sandbox.azure.faults import Fault
from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate
from tests.bot.command import REPOSITORY, sandbox_environment, sekisho

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
INITIATE = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"


@dataclass(slots=True)
class Place:
    """A workspace and an estate in which nothing is to be mended, and the settings for both."""

    slack: SandboxSlack
    azure: SandboxAzure
    folder: Path
    env: dict[str, str]
    changes: dict[str, object] = field(default_factory=dict)

    def settings(self) -> Settings:
        found = load_settings(self.file(), self.env)
        assert isinstance(found, Settings), [str(mistake) for mistake in found]
        return found

    def file(self) -> Path:
        data = yaml.safe_load((REPOSITORY / "bot" / "demo.yaml").read_text(encoding="utf-8"))
        file = self.folder / "sekisho.yaml"
        file.write_text(yaml.safe_dump({**data, **self.changes}), encoding="utf-8")
        return file

    async def check(self, language: str = "en", *, begin: str = "mend:") -> list[str]:
        """The lines that are to be mended, or begin otherwise; the count must agree."""
        out = io.StringIO()
        report = Report(Console(language, environ={**os.environ, **self.env}, stdout=out))
        await examine(report, self.settings())
        lines = out.getvalue().splitlines()
        bad = [line for line in lines if line.startswith("mend:")]
        assert report.to_mend == len(bad)
        return [line for line in lines if line.startswith(begin)]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = SandboxClock()
    slack = SandboxSlack(clock)
    azure = SandboxAzure(demo_estate(), clock, state_dir=tmp_path)
    await slack.start()
    await azure.start()
    env = sandbox_environment(slack, azure, tmp_path)
    yield Place(slack, azure, tmp_path, env)
    await azure.stop()
    await slack.stop()


def only(lines: list[str]) -> str:
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.proves("M3")
async def test_where_all_is_well_nothing_is_to_be_mended(place: Place) -> None:
    ended = await sekisho("check", "--config", str(place.file()), env=place.env)
    assert ended.code == 0, ended.said
    assert ended.out.splitlines()[-1] == "Nothing to mend."
    assert "ok: Slack WebSocket can be reached." in ended.out
    assert place.azure.client_secret not in ended.said
    assert place.slack.bot_token not in ended.said
    assert not place.slack.socket.online, "the check left its connection open"


@pytest.mark.proves("M3")
async def test_something_to_mend_ends_with_1(place: Place) -> None:
    place.slack.core.scopes.discard("usergroups:read")
    ended = await sekisho("check", "--config", str(place.file()), env=place.env)
    assert ended.code == 1
    assert "usergroups:read" in ended.out
    assert ended.out.splitlines()[-1] == "To mend: 2."


@pytest.mark.proves("M3", "N1")
async def test_it_speaks_japanese(place: Place) -> None:
    place.slack.core.workspace.channels["C0OPS"].is_archived = True
    assert "#ops-approvals はアーカイブされています" in only(await place.check("ja"))


@pytest.mark.proves("M3")
@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("SLACK_BOT_TOKEN", "slack.bot_token: Slack refuses (invalid_auth)"),
        ("SLACK_APP_TOKEN", "slack.app_token: Slack refuses (invalid_auth)"),
    ],
)
async def test_a_token_that_slack_refuses_is_named(place: Place, variable: str, said: str) -> None:
    place.env[variable] = place.env[variable][:5] + "1-another"
    assert said in only(await place.check())


@pytest.mark.proves("M3")
async def test_a_channel_that_the_bot_is_not_in_is_named_with_its_rules(place: Place) -> None:
    place.slack.channel("C0OPS").members.discard(place.slack.bot_user_id)
    line = only(await place.check())
    assert "#ops-approvals" in line
    assert "databases, production, data" in line
    assert "/invite" in line


@pytest.mark.proves("M3")
async def test_a_channel_that_is_none_is_named(place: Place) -> None:
    place.changes["audit"] = {"keys": [{"id": "demo"}], "channel": "C0TYPO"}
    assert "C0TYPO is not known" in only(await place.check())


@pytest.mark.proves("M3", "C078")
@pytest.mark.parametrize("broken", ["disabled", "empty", "gone"])
async def test_a_user_group_that_gives_nobody_a_right_is_named(place: Place, broken: str) -> None:
    group = place.slack.core.workspace.groups["S0SECURITY"]
    match broken:
        case "disabled":
            group.is_disabled = True
        case "empty":
            group.users.clear()
        case _:
            del place.slack.core.workspace.groups["S0SECURITY"]
    line = only(await place.check())
    assert ("S0SECURITY" if broken == "gone" else "@security") in line


async def test_a_deactivated_administrator_is_named(place: Place) -> None:
    place.changes["administrators"] = ["U0ITO", "U0GONE"]
    assert "@gone is deactivated" in only(await place.check())


@pytest.mark.proves("M3")
async def test_a_team_that_would_be_refused_is_named(place: Place) -> None:
    place.changes["slack"] = {"teams": ["T0OTHER"]}
    assert "T0SEKISHO" in only(await place.check())


@pytest.mark.proves("M3", "C108")
async def test_a_missing_right_is_named_with_its_scope(place: Place) -> None:
    place.azure.rights.deny(INITIATE, f"/subscriptions/{SUBSCRIPTION}")
    line = only(await place.check())
    assert INITIATE in line
    assert f"/subscriptions/{SUBSCRIPTION}" in line
    assert "operator.json" in line


@pytest.mark.proves("C108")
async def test_a_role_on_a_resource_group_alone_is_told_from_a_missing_right(place: Place) -> None:
    granted = {"value": [{"actions": ["*"], "notActions": []}]}
    lacking = {"value": [{"actions": ["*"], "notActions": [INITIATE]}]}
    path = f"/subscriptions/{SUBSCRIPTION}"
    place.azure.faults.add(
        Fault(path_contains=f"{path}/resourceGroups/rg-shop-prod/providers/Microsoft.Authorization",
              status=200, body=granted, times=None)
    )  # fmt: skip
    place.azure.faults.add(
        Fault(path_contains=f"{path}/providers/Microsoft.Authorization",
              status=200, body=lacking, times=None)
    )  # fmt: skip
    line = only(await place.check())
    assert "on resource group rg-shop-prod alone" in line
    assert f"Assign the role at {path}" in line


@pytest.mark.proves("C108")
async def test_a_plan_that_is_missing_is_told_from_a_right(place: Place) -> None:
    body = {"error": {"code": "Forbidden", "message": "Upgrade your subscription to use JIT."}}
    place.azure.faults.add(
        Fault(path_contains=f"{SUBSCRIPTION}/providers/Microsoft.Security/jit",
              status=403, body=body, times=None)
    )  # fmt: skip
    line = only(await place.check())
    assert "This is the plan, not a right" in line


@pytest.mark.proves("M3")
async def test_the_right_to_close_early_is_asked_for_only_where_it_is_wanted(place: Place) -> None:
    place.azure.rights.nsg_delete = False
    lines = await place.check()
    assert len(lines) == 3
    assert all("early-close.json" in line for line in lines)
    place.changes["alerts"] = {"default_channel": "C0ALERTS"}  # the demo's routes name others
    place.changes["azure"] = {"subscriptions": [SUBSCRIPTION], "early_close": ["supersede"]}
    assert await place.check() == []


@pytest.mark.proves("C7", "M3")
async def test_the_right_to_name_who_edits_policies_is_worth_a_note(place: Place) -> None:
    right = "Microsoft.Insights/eventtypes/values/read"
    scope = f"/subscriptions/{SUBSCRIPTION}"
    place.azure.rights.deny(right, scope)
    notes = await place.check(begin="note:")
    assert sum(f"without {right} at {scope}," in note for note in notes) == 1
    assert await place.check() == []  # nothing that must be mended


@pytest.mark.proves("M3")
async def test_a_subscription_that_is_not_seen_is_named(place: Place) -> None:
    unknown = "00000000-0000-0000-0000-0000000000ff"
    place.changes["alerts"] = {"default_channel": "C0ALERTS"}  # the demo's routes name others
    place.changes["azure"] = {"subscriptions": [SUBSCRIPTION, unknown]}
    assert unknown in only(await place.check())


@pytest.mark.proves("M3")
async def test_an_identity_that_azure_does_not_know_is_said(place: Place) -> None:
    place.env["SEKISHO_AZURE__CLIENT_SECRET"] = "another-secret"
    line = only(await place.check())
    assert "Azure gives no token" in line
    assert "another-secret" not in line


@pytest.mark.proves("M3")
async def test_a_redis_that_loses_writes_is_told_with_the_setting(
    place: Place, own_valkey: Embedded
) -> None:
    client = own_valkey.client()
    await client.config_set("appendfsync", "everysec")
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await client.aclose()
    place.env["SEKISHO_REDIS__URL"] = own_valkey.url
    lines = await place.check()
    assert len(lines) == 2
    assert "'always'" in lines[0]
    assert "'noeviction'" in lines[1]


@pytest.mark.proves("M3")
async def test_messages_that_slack_refused_are_pointed_out(
    place: Place, own_valkey: Embedded
) -> None:
    client = own_valkey.client()
    await client.xadd("{sekisho}:outbox-refused", {"item": "{}", "why": "C0OPS: invalid_blocks"})
    await client.aclose()
    place.env["SEKISHO_REDIS__URL"] = own_valkey.url
    notes = await place.check(begin="note:")
    assert any("Messages that Slack would not take" in note for note in notes)
    assert await place.check() == []


@pytest.mark.proves("M3")
async def test_a_redis_that_is_not_there_is_said_without_its_password(place: Place) -> None:
    place.env["SEKISHO_REDIS__URL"] = "redis://:hunter2secret@127.0.0.1:1"
    line = only(await place.check())
    assert "Redis can't be used" in line
    assert "hunter2secret" not in line


@pytest.mark.proves("M3")
async def test_a_second_sink_that_is_not_ours_is_said(place: Place) -> None:
    sink = place.folder / "sink.jsonl"
    sink.write_bytes(b'{"mac":"00","entry":{}}\n')
    place.env["SEKISHO_AUDIT__SECOND_SINK"] = str(sink)
    assert "is not what was written" in only(await place.check())


@pytest.mark.proves("M3")
async def test_a_folder_for_the_second_sink_that_is_missing_is_said(place: Place) -> None:
    place.env["SEKISHO_AUDIT__SECOND_SINK"] = str(place.folder / "none" / "sink.jsonl")
    assert "can't be written" in only(await place.check())


# --- the legs of the way (C094) -------------------------------------------------------------------


@dataclass(slots=True)
class Proxy:
    """Answers CONNECT with `status`; with 200 it passes everything on, or nothing more."""

    status: int = 200
    passes: bool = True
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split("\r\n")[0])
        writer.write(f"HTTP/1.1 {self.status} Whatever\r\n\r\n".encode())
        await writer.drain()
        if self.status == 200 and self.passes:
            host, _, port = head.split()[1].rpartition(":")
            there, back = await asyncio.open_connection(host.strip("[]"), int(port))
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()


@dataclass(slots=True)
class Peer:
    """A WebSocket server that fails at a leg."""

    answer: bytes
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.proves("C094")
@pytest.mark.parametrize(
    ("answer", "leg"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "upgrade"),
        (b"<html>blocked</html>\r\n\r\n", "upgrade"),
        (b"", "upgrade"),
        (SWITCHED, "hello"),
        (SWITCHED + b'\x81\x10{"type":"warning', "hello"),
        (SWITCHED + b"\x81\x7f\x00\x00\x00\x7f\x00\x00\x00\x00", "hello"),
        (SWITCHED + b"\x88\x00", "hello"),
    ],
)
async def test_a_websocket_that_fails_names_its_leg(answer: bytes, leg: str) -> None:
    from bot.doctor.wire import LegFailed, Walk

    peer = Peer(answer)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LegFailed) as failed:
        await Walk(f"ws://127.0.0.1:{port}/link").connect(hello=True)
    server.close()
    assert failed.value.leg == leg


@pytest.mark.proves("C094")
async def test_pings_before_the_hello_are_passed_over() -> None:
    from bot.doctor.wire import Walk

    peer = Peer(SWITCHED + b"\x89\x02hi" + b'\x81\x10{"type":"hello"}')
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await Walk(f"ws://127.0.0.1:{port}/link").connect(hello=True)
    server.close()


@pytest.mark.proves("C094")
async def test_the_way_through_a_proxy_is_walked_with_its_password(
    proxy: Proxy, place: Place
) -> None:
    from bot.doctor.wire import Walk

    walk = Walk(place.azure.url, f"http://user:pass@127.0.0.1:{proxy.port}", place.azure.ca_file)
    await walk.connect()
    assert proxy.asked == [f"CONNECT 127.0.0.1:{place.azure.port} HTTP/1.1"]


@pytest.mark.proves("C094")
async def test_each_leg_through_a_proxy_is_named(proxy: Proxy, place: Place) -> None:
    from bot.doctor.wire import LegFailed, Walk

    async def leg(proxy_url: str, ca_file: Path | None = place.azure.ca_file) -> str:
        with pytest.raises(LegFailed) as failed:
            await Walk(place.azure.url, proxy_url, ca_file).connect()
        return failed.value.leg

    address = f"http://127.0.0.1:{proxy.port}"
    assert await leg("http://no-such-proxy.invalid:8080") == "dns"
    assert await leg("http://127.0.0.1:1") == "connect"
    assert await leg(address, None) == "tls"
    proxy.passes = False
    assert await leg(address) == "tls"
    proxy.status = 407
    assert await leg(address) == "proxy"


@pytest.mark.proves("C094")
async def test_a_broken_proxy_is_told_for_all_legs_but_loopback(place: Place) -> None:
    place.env["HTTPS_PROXY"] = "http://127.0.0.1:1"
    assert await place.check() == [], "loopback is never asked through the proxy"
    place.env["SEKISHO_SLACK__API_URL"] = "https://slack.example.com/api/"
    lines = await place.check()
    assert lines[0].startswith("mend: Slack Web API: no connection")
