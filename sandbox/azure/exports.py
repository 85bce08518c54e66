"""Continuous export: alerts are posted to whoever asked for them, each time one changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import aiohttp
import msgspec

from sandbox.azure.alerts import AlertStore, SandboxAlert
from sandbox.azure.wire import Json, instant_text

#: As Resource Manager writes an alert, or flat and in PascalCase as an event hub gets it.
Shape = Literal["arm", "exported"]

#: A Logic App tries again when nobody answers or the answer asks for it.
TRIES = 4
_ASKS_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_DEADLINE = aiohttp.ClientTimeout(total=10)

#: Names that are more than capitals apart.
_RENAMED = {"timeGeneratedUtc": "TimeGenerated", "processingEndTimeUtc": "ProcessingEndTime"}
#: What the exported form does not carry; its component hides in the extended properties.
_LEFT_OUT = frozenset(
    {"version", "productComponentName", "techniques", "subTechniques", "supportingEvidence"}
)
_STATUSES = {"Active": "New"}


@dataclass(frozen=True, slots=True)
class Export:
    """Where alerts go, in which shape, and what proves that they come from us."""

    url: str
    shape: Shape = "exported"
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    #: One alert as a list of one, as an event hub's batch comes.
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One attempt and its answer; None when there was none."""

    url: str
    alert_name: str
    status: int | None


class Exporter:
    """Posts in the background; `posts` tells what was answered."""

    def __init__(self, store: AlertStore) -> None:
        self.posts: list[Post] = []
        #: Every post goes out twice, as it does when an answer was lost.
        self.twice = False
        self.delay = timedelta()
        self.retry_after = timedelta(seconds=0.5)
        self._targets: list[Export] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        store.on_change(self._changed)

    def add(self, export: Export) -> None:
        """From now on alerts go there, too."""
        self._targets.append(export)

    def clear(self) -> None:
        """Nobody gets alerts any more."""
        self._targets.clear()

    async def send(self, alert: SandboxAlert, export: Export) -> int | None:
        """Post one alert now; the last answer's status, None when nobody answered."""
        body = body_of(alert, export)
        status = None
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self.retry_after.total_seconds() * attempt)
            status = await self._post(body, export)
            self.posts.append(Post(export.url, alert.name, status))
            if status is not None and status not in _ASKS_AGAIN:
                break
        return status

    async def drain(self) -> None:
        """Wait until everything that was to be posted was."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _changed(self, alert: SandboxAlert) -> None:
        for target in self._targets:
            for _ in range(2 if self.twice else 1):
                task = asyncio.get_running_loop().create_task(self._later(alert, target))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _later(self, alert: SandboxAlert, export: Export) -> None:
        await asyncio.sleep(self.delay.total_seconds())
        await self.send(alert, export)

    async def _post(self, body: bytes, export: Export) -> int | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_DEADLINE)
        headers = {"Content-Type": "application/json; charset=utf-8", **export.headers}
        try:
            async with self._session.post(export.url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None


def body_of(alert: SandboxAlert, export: Export) -> bytes:
    """What is posted."""
    found = alert.body() if export.shape == "arm" else exported(alert)
    return msgspec.json.encode([found] if export.is_list else found)


def exported(alert: SandboxAlert) -> Json:
    """The flat form: no id, no properties, other names, and `New` for what is active."""
    own = alert.properties
    status = str(own.get("status", ""))
    flat = {
        _RENAMED.get(key, _capital(key)): _cased(value)
        for key, value in own.items()
        if key not in _LEFT_OUT | {"extendedProperties"}
    }
    return {
        "ProviderAlertStatus": None,
        "ConfidenceLevel": None,
        "ConfidenceScore": None,
        "ConfidenceReasons": None,
        "WorkspaceId": None,
        "WorkspaceSubscriptionId": None,
        "WorkspaceResourceGroup": None,
        "AgentId": None,
        "ExtendedLinks": None,
        **flat,
        "Status": _STATUSES.get(status, status),
        "AzureResourceId": alert.machine.id,
        "ExtendedProperties": {
            **(own.get("extendedProperties") or {}),
            "ProductComponentName": own.get("productComponentName"),
        },
    }


def record_of_another_kind(alert: SandboxAlert) -> Json:
    """What shares the stream with alerts: an assessment, which is none."""
    return {
        "id": f"{alert.machine.id}/providers/Microsoft.Security/assessments/"
        "805651bc-6ecd-4c73-9b55-97a19d0582d0",
        "type": "Microsoft.Security/assessments",
        "tenantId": "00000000-0000-0000-0000-0000000000aa",
        "properties": {
            "displayName": "Management ports should be closed on your virtual machines",
            "status": {"code": "Unhealthy", "statusChangeDate": instant_text(alert.visible_at)},
        },
        "securityEventDataEnrichment": {"action": "Write", "isSnapshot": False},
    }


def _cased(value: object) -> object:
    if isinstance(value, dict):
        return {_capital(key): _cased(inner) for key, inner in value.items()}
    return [_cased(inner) for inner in value] if isinstance(value, list) else value


def _capital(key: str) -> str:
    return key if key.startswith("$") else key[:1].upper() + key[1:]
