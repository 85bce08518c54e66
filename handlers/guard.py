"""Strangers, bots and foreign apps are turned away before any handler sees them (O1, C090)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slack_bolt import BoltResponse

from approvals.request import PersonId
from handlers.services import Services

log = logging.getLogger(__name__)


class Stranger(StrEnum):
    """Why somebody may not use Sekisho at all."""

    TEAM = "team"
    APP = "app"
    ENTERPRISE = "enterprise"
    BOT = "bot"
    NOBODY = "nobody"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Home:
    """Where this app belongs. The clicker's own team counts, never the channel's."""

    teams: frozenset[str]
    app_id: str | None
    enterprise: str | None


def user_of(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """The acting person and, where the payload says it, the person's team."""
    if isinstance(event := body.get("event"), Mapping):
        user = event.get("user")
        person = user.get("id") if isinstance(user, Mapping) else user
        return str(person or ""), _text(event.get("user_team") or event.get("source_team"))
    if isinstance(user := body.get("user"), Mapping):
        return str(user.get("id") or ""), _text(user.get("team_id"))
    return str(body.get("user_id") or ""), None


def judge(body: Mapping[str, Any], home: Home) -> Stranger | None:
    """What the payload alone tells; None when nothing speaks against it."""
    app_id = body.get("api_app_id")
    if home.app_id and app_id and app_id != home.app_id:
        return Stranger.APP
    enterprise = body.get("enterprise")
    found = enterprise.get("id") if isinstance(enterprise, Mapping) else body.get("enterprise_id")
    if home.enterprise and found and found != home.enterprise:
        return Stranger.ENTERPRISE
    person, team = user_of(body)
    if not person:
        return Stranger.NOBODY
    if team is not None and team not in home.teams:
        return Stranger.TEAM
    return None


class Guard:
    """Bolt middleware. What the payload leaves open is asked of users.info, else refused."""

    def __init__(
        self,
        services: Services,
        home: Home,
        refuse: Callable[[Mapping[str, Any], PersonId], Awaitable[BoltResponse]],
    ) -> None:
        self._s = services
        self._home = home
        self._refuse = refuse
        self.turned_away = 0

    async def __call__(
        self,
        body: Mapping[str, Any],
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        person, _ = user_of(body)
        stranger = judge(body, self._home) or await self._who(body, person)
        if stranger is None:
            return await next()
        self.turned_away += 1
        log.warning("turned away: %s", stranger.value)
        return await self._refuse(body, PersonId(person))

    async def _who(self, body: Mapping[str, Any], person: str) -> Stranger | None:
        """People seen before cost no call; a payload that names no team is looked up once."""
        if person in self._s.membership().inactive:
            return Stranger.INACTIVE
        profile = self._s.directory.known(person)
        _, team = user_of(body)
        if profile is None and team is None:
            profile = await self._s.directory.profile(person)
            if profile is None:
                return Stranger.NOBODY
        if profile is None:
            return None
        if profile.is_bot:
            return Stranger.BOT
        if profile.is_deleted:
            return Stranger.INACTIVE
        if profile.team_id and profile.team_id not in self._home.teams:
            return Stranger.TEAM
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
