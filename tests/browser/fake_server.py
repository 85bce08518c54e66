"""A small stand-in for the sandbox's HTTP surface: what it holds is set by the test."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from tests.browser import samples

Json = dict[str, Any]

PAGE = Path(__file__).resolve().parents[2] / "sandbox" / "slack" / "page"
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

#: 2026-11-25 18:12 in Tokyo, so that what a test sees doesn't depend on the day.
NOW = 1_795_597_920

PEOPLE: list[Json] = [
    {
        "id": f"U0{handle.upper()}",
        "handle": handle,
        "name": f"{name} ({title})",
        "title": title,
        "locale": locale,
        "tz": zone,
        "color": color,
    }
    for handle, name, title, locale, zone, color in [
        ("alice", "Alice", "engineer", "en-US", "Europe/London", "#b5478f"),
        ("yamada", "山田", "engineer", "ja-JP", "Asia/Tokyo", "#0b7285"),
        ("sato", "佐藤", "approver", "ja-JP", "Asia/Tokyo", "#2b8a3e"),
        ("suzuki", "Suzuki", "approver", "en-US", "Asia/Tokyo", "#5f3dc4"),
        ("kimura", "Kimura", "analyst", "en-US", "Asia/Tokyo", "#c2410c"),
        ("ito", "Ito", "administrator", "en-US", "Asia/Tokyo", "#495057"),
    ]
]

Handler = Callable[[Json], Awaitable[Json]]


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """Slack gives each block an id that has none."""
    return [{"block_id": f"b{i}", **copy.deepcopy(block)} for i, block in enumerate(blocks)]


class FakeServer:
    """Holds messages, a view and a Home tab; keeps each act in `acts`."""

    def __init__(self) -> None:
        self.started = time.time()
        self.advanced = 0
        self.messages: dict[str, list[Json]] = {"C0OPS": [], "D0APP": []}
        self.home: Json | None = None
        self.views: list[Json] = []
        self.acts: list[Json] = []
        self.answers: dict[str, Handler] = {}
        self.unread: dict[str, int] = {"C0AUDIT": 3}
        self.azure: Json | None = {"open": [], "nsgs": [], "log": []}
        self.faults: list[Json] = [
            {
                "name": "azure_429",
                "label_en": "Azure answers 429",
                "label_ja": "Azureが429を返す",
                "on": False,
            },
            {
                "name": "slack_down",
                "label_en": "Slack is down",
                "label_ja": "Slackが停止する",
                "on": False,
            },
        ]
        self.sockets: list[web.WebSocketResponse] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/page/{name}", self._static)
        for name in ("state", "messages", "home", "view", "azure", "director", "live"):
            app.router.add_get(f"/sandbox/{name}", getattr(self, f"_get_{name}"))
        app.router.add_post("/sandbox/act", self._act)
        app.router.add_post("/sandbox/director", self._direct)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/"

    async def stop(self) -> None:
        """Close every socket and the port."""
        for socket in list(self.sockets):
            await socket.close()
        assert self._runner is not None
        await self._runner.cleanup()

    # --- what a test puts in

    def post(self, channel: str, user: str, text: str, **more: Any) -> Json:
        """A message; `blocks` get ids as Slack gives them."""
        held = self.messages.setdefault(channel, [])
        message: Json = {
            "ts": more.pop("ts", f"{NOW - 600 + len(held) * 30}.000100"),
            "user": user,
            "bot": user == "U0SEKISHO",
            "text": text,
            "blocks": with_block_ids(more.pop("blocks", [])),
            "ephemeral": False,
            "edited": False,
            "reply_count": 0,
            "reply_users": [],
            "reactions": [],
            "deleted": False,
            **more,
        }
        held.append(message)
        return message

    def open_view(self, view: Json) -> Json:
        """Put a form on the stack."""
        number = len(self.views) + 1
        opened = {"id": f"V{number}", "hash": "1", "state": {"values": {}}, **copy.deepcopy(view)}
        opened["blocks"] = with_block_ids(view["blocks"])
        self.views.append(opened)
        return opened

    async def hint(self, kind: str, **more: Any) -> None:
        """Tell every open page that something changed."""
        for socket in list(self.sockets):
            await socket.send_json({"type": kind, **more})

    # --- the surface

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return self._file("index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.StreamResponse:
        return web.FileResponse(PAGE / name, headers={"Content-Security-Policy": POLICY})

    async def _get_state(self, request: web.Request) -> web.Response:
        known = {"", *(person["id"] for person in PEOPLE)}
        if request.query.get("as", "") not in known:
            raise web.HTTPBadRequest
        now = NOW + self.advanced + time.time() - self.started
        channels = [("C0OPS", "ops-approvals"), ("C0GENERAL", "general"), ("C0AUDIT", "audit")]
        rows: list[Json] = [
            {"id": i, "name": n, "is_im": False, "is_archived": False} for i, n in channels
        ]
        rows.append({"id": "C0ARCHIVE", "name": "old", "is_im": False, "is_archived": True})
        rows.append(
            {
                "id": "D0APP",
                "name": "Sekisho",
                "is_im": True,
                "is_archived": False,
                "with": "U0SEKISHO",
            }
        )
        for row in rows:
            row["unread"] = self.unread.get(row["id"], 0)
        return web.json_response(
            {
                "now": datetime.fromtimestamp(now, UTC).isoformat(),
                "offset": self.advanced,
                "team": {"id": "T0SEKISHO", "name": "Sekisho"},
                "bot": {
                    "user_id": "U0SEKISHO",
                    "name": "Sekisho",
                    "app_id": "A0SEKISHO",
                    "online": True,
                },
                "people": PEOPLE,
                "usergroups": [{"id": "S0SECURITY", "handle": "security"}],
                "channels": rows,
                "commands": [
                    {"command": "/jit", "usage": "web-01 22 for 2h because …"},
                    {"command": "/audit", "usage": "vm web-01"},
                ],
                "shortcuts": [{"callback_id": "jit_from_message", "name": "Ask for VM access"}],
            }
        )

    async def _get_messages(self, request: web.Request) -> web.Response:
        held = self.messages.get(request.query["channel"], [])
        thread = request.query.get("thread_ts")
        if thread:
            chosen = [m for m in held if thread in (m["ts"], m.get("thread_ts"))]
        else:
            chosen = [m for m in held if m.get("thread_ts") in (None, m["ts"])]
        mine = [m for m in chosen if m.get("for") in (None, request.query["as"])]
        return web.json_response({"messages": mine})

    async def _get_home(self, request: web.Request) -> web.Response:
        return web.json_response({"view": self.home})

    async def _get_view(self, request: web.Request) -> web.Response:
        top = self.views[-1] if self.views else None
        return web.json_response({"view": top, "stack": len(self.views)})

    async def _get_azure(self, request: web.Request) -> web.Response:
        return web.json_response(self.azure)

    async def _get_director(self, request: web.Request) -> web.Response:
        return web.json_response(self.faults)

    async def _get_live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.CLOSE:
                break
        self.sockets.remove(socket)
        return socket

    async def _direct(self, request: web.Request) -> web.Response:
        wish = await request.json()
        match wish["do"]:
            case "advance_clock":
                self.advanced += wish["seconds"]
            case "fault":
                for fault in self.faults:
                    if fault["name"] == wish["name"]:
                        fault["on"] = wish["on"]
            case "clear_faults":
                for fault in self.faults:
                    fault["on"] = False
        return web.json_response({"ok": True})

    async def _act(self, request: web.Request) -> web.Response:
        act = await request.json()
        self.acts.append(act)
        answer = self.answers.get(act["kind"], self._default)
        return web.json_response(await answer(act))

    async def _default(self, act: Json) -> Json:
        match act["kind"]:
            case "message" if not act["text"].startswith("/"):
                ts = f"{NOW + len(self.acts)}.000200"
                more = {"thread_ts": act["thread_ts"]} if act.get("thread_ts") else {}
                self.post(act["channel"], act["as"], act["text"], ts=ts, **more)
                await self.hint("messages", channel=act["channel"])
            case "message":
                self.open_view(samples.form())
            case "view_closed":
                self.views = [v for v in self.views if v["id"] != act["view_id"]]
            case "view_submission":
                self.views.pop()
            case "read":
                self.unread[act["channel"]] = 0
        return {"ok": True}

    async def wait_act(self, kind: str, bound: float = 5) -> Json:
        """The newest act of this kind."""
        async with asyncio.timeout(bound):
            while not (found := [a for a in self.acts if a["kind"] == kind]):
                await asyncio.sleep(0.02)
        return found[-1]
