"""The handlers of file changes on a stage, called as Slack's listeners call them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from approvals.entry import Entry
from approvals.events import OpId, PersonId
from defender.file_change_decode import FileChange
from defender.file_changes import FileIntegrityGateway
from delivery.deliverer import Rendered
from delivery.outbox import ObjectId
from feeds.file_change_store import FileChangeStore
from feeds.file_changes import FileChangeFeed
from feeds.settings import FileChangeSettings
from handlers.caller import Caller
from handlers.change_clicks import ChangeClicks, Outcome
from handlers.change_deeds import ChangeDeeds
from handlers.change_show import ChangeShow
from handlers.change_submits import ChangeSubmits
from handlers.consequences import Told
from handlers.file_integrity import FileIntegrity
from handlers.forms import Outcome as FormOutcome
from handlers.locale import Locale
from handlers.views.blocks import Message
from tests.feeds.file_change_samples import WORKSPACE, Gateway, change, settings
from tests.stage import Stage

_ops = itertools.count()


@dataclass
class Desk:
    """`file_changes` as one process of the bot has them."""

    stage: Stage
    gateway: Gateway = field(default_factory=Gateway)
    settings: FileChangeSettings = field(default_factory=settings)

    def __post_init__(self) -> None:
        service = self.stage.service
        s = self.services = service.services
        tag, offset = service.settings.redis.tag, service.clock.offset
        self.store = FileChangeStore(service.redis, tag=tag, offset=offset)
        self.feed = FileChangeFeed(
            cast(FileIntegrityGateway, self.gateway),
            self.store,
            lambda: self.settings,
            find=s.estate.index.by_id,
        )
        self.show = ChangeShow(s, self.store, default_channel=lambda: "C0DEFAULT")
        deeds = ChangeDeeds(s, self.show)
        self.clicks = ChangeClicks(s, self.store, self.show, deeds, self.feed.silence)
        self.submits = ChangeSubmits(s, self.store, self.show, deeds)
        self.fim = FileIntegrity(
            s, self.store, self.show, lambda: self.settings, self.feed.states, self.feed.silence
        )
        self.en = s.languages.of_channel("C0OPS")

    async def changed(self, *paths: str, machine: str = "web-01", **facts: Any) -> str:
        """Files change on a machine of the estate just now: the id of their burst."""
        found = self.services.estate.index.by_name(machine)
        resource_id = str(found[0].resource_id) if found else ""
        now = await self.store.now() - timedelta(seconds=1)
        rows: Sequence[FileChange] = [
            change(
                path, key=f"{next(_ops)} {path}", machine=machine, resource_id=resource_id,
                **{"changed_at": now, "seen_at": now, **facts},
            )
            for path in paths
        ]  # fmt: skip
        await self.feed.take(rows, WORKSPACE, self.settings, await self.store.now())
        [burst, *_] = await self.store.newest_bursts(rows[0].place)
        return burst.id

    def caller(self, who: str, op: str = "") -> Caller:
        person = PersonId(f"U0{who.upper()}")
        return Caller(person, OpId(op or f"test-{next(_ops)}"), channel="C0OPS")

    async def click(
        self, who: str, action_id: str, value: str, *, op: str = "", locale: Locale | None = None
    ) -> Outcome:
        action = {"action_id": action_id, "value": value}
        if action_id == "fim_more":
            action = {"action_id": action_id, "selected_option": {"value": value}}  # type: ignore[dict-item]
        return await self.clicks.run(self.caller(who, op), action, locale or self.en)

    async def submit(
        self, who: str, callback: str, metadata: str, values: Mapping[str, str]
    ) -> FormOutcome:
        state = {
            block: {block: {"type": "plain_text_input", "value": value}}
            for block, value in values.items()
        }
        view = {
            "id": f"V{next(_ops)}",
            "callback_id": callback,
            "private_metadata": metadata,
            "state": {"values": state},
        }
        return await self.submits.run(self.caller(who), {"view": view}, self.en)

    async def type(self, who: str, text: str, *, op: str = "") -> Message:
        return await self.fim.run(self.caller(who, op), text, self.en)

    async def card(self, name: str) -> Rendered:
        found = await self.show.render(ObjectId(name))
        assert found is not None
        return found

    async def newest_entry(self) -> Entry:
        head = await self.services.ledger.refresh()
        found = await self.services.ledger.entry(head.sequence)
        assert found is not None
        return found

    async def told(self) -> Sequence[Told]:
        return await self.show.told(await self.newest_entry())
