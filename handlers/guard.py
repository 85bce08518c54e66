"""Strangers, bots and foreign apps are turned away before any handler sees them (O1, C090)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slack_bolt import BoltResponse

from approvals.events import PersonId
from delivery.directory import Profile
from handlers.services import Services

log = logging.getLogger(__name__)

#: What a first lookup may take of the 3 s until the acknowledgement.
LOOKUP_SECONDS = 1.5

#: Events that Slack itself sends: they have no acting person, and whom they are about may well be
#: deactivated or a stranger.
SLACKS_OWN = frozenset({"user_change", "app_uninstalled", "tokens_revoked"})


class Stranger(StrEnum):
    """Why somebody may not use Sekisho at all."""

    TEAM = "team"
    APP = "app"
    ENTERPRISE = "enterprise"
    BOT = "bot"
    NOBODY = "nobody"
    #: Slack can't say now who this is.
    UNSEEN = "unseen"
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


def is_slacks_own(body: Mapping[str, Any]) -> bool:
    """An event about people and groups, by nobody."""
    event = body.get("event")
    kind = event.get("type") if isinstance(event, Mapping) else None
    return isinstance(kind, str) and (kind in SLACKS_OWN or kind.startswith("subteam_"))


def judge(body: Mapping[str, Any], home: Home) -> Stranger | None:
    """What the payload alone tells; None when nothing speaks against it."""
    app_id = body.get("api_app_id")
    if home.app_id and app_id and app_id != home.app_id:
        return Stranger.APP
    enterprise = body.get("enterprise")
    found = enterprise.get("id") if isinstance(enterprise, Mapping) else body.get("enterprise_id")
    if home.enterprise and found and found != home.enterprise:
        return Stranger.ENTERPRISE
    if is_slacks_own(body):
        return None
    person, team = user_of(body)
    if _is_by_bot(body):
        return Stranger.BOT
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
        refuse: Callable[[Mapping[str, Any], PersonId, Stranger], Awaitable[BoltResponse]],
    ) -> None:
        self._s = services
        self._home = home
        self._refuse = refuse
        self.turned_away: Counter[Stranger] = Counter()

    async def __call__(
        self,
        body: Mapping[str, Any],
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        person, team = user_of(body)
        stranger = judge(body, self._home)
        if stranger is None and not is_slacks_own(body):
            stranger = await self._who(person, team)
        if stranger is None:
            return await next()
        self.turned_away[stranger] += 1
        log.warning("turned away: %s", stranger.value)
        if not person or stranger is Stranger.BOT:
            return BoltResponse(status=200, body="")  # there is nobody to read an answer
        return await self._refuse(body, PersonId(person), stranger)

    async def _who(self, person: str, team: str | None) -> Stranger | None:
        """People seen before cost no call; a payload that names no team is looked up once."""
        if person in self._s.membership().inactive:
            return Stranger.INACTIVE
        profile = self._s.directory.known(person)
        if profile is None and team is None:
            profile = await self._looked_up(person)
            if profile is None:
                return Stranger.UNSEEN
        return None if profile is None else self._of_profile(profile, team)

    async def _looked_up(self, person: str) -> Profile | None:
        """None where Slack knows nobody, or does not say so in time."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await self._s.directory.profile(person)
        except TimeoutError:
            log.warning("users.info did not answer in %s s", LOOKUP_SECONDS)
            return None

    def _of_profile(self, profile: Profile, team: str | None) -> Stranger | None:
        """The payload's own word on the team is the newer one, and right in an enterprise too."""
        if profile.is_bot:
            return Stranger.BOT
        if profile.is_deleted:
            return Stranger.INACTIVE
        if team is None and profile.team_id not in self._home.teams:
            return Stranger.TEAM
        return None


def _is_by_bot(body: Mapping[str, Any]) -> bool:
    """Another app's message that mentions us, or writes where we listen."""
    event = body.get("event")
    return isinstance(event, Mapping) and bool(
        event.get("bot_id") or event.get("subtype") == "bot_message"
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
