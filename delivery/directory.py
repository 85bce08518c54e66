"""Who is who in the workspace: profiles (language, zone, team) and user groups, in memory only.

Membership never goes to Redis: a stolen Redis would otherwise make approvers (DESIGN, Slack edge).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

#: A profile is read again after this time; language and zone change rarely.
PROFILE_MAX_AGE_SECONDS = 600.0
PROFILES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Profile:
    """What users.info says. `locale` and `time_zone` are "" where Slack says nothing (C126)."""

    user_id: str
    name: str
    locale: str
    time_zone: str
    team_id: str
    is_deleted: bool
    is_bot: bool
    is_guest: bool


@dataclass(frozen=True, slots=True)
class Groups:
    """One reading of all user groups. `problem` is Slack's error name when it could not be read."""

    members: Mapping[str, frozenset[str]]
    handles: Mapping[str, str]
    inactive: frozenset[str]
    read_at: datetime
    problem: str = ""


class Directory:
    """Reads and remembers. `groups` is None until the first reading succeeded."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._profiles: dict[str, tuple[float, Profile]] = {}
        self.groups: Groups | None = None
        self.problem = ""

    def known(self, user_id: str) -> Profile | None:
        """The profile if it has been read already; no I/O."""
        found = self._profiles.get(user_id)
        return found[1] if found else None

    async def profile(self, user_id: str) -> Profile | None:
        """The profile, read from Slack when unknown or old; None when Slack knows nobody."""
        found = self._profiles.get(user_id)
        if found and time.monotonic() - found[0] < PROFILE_MAX_AGE_SECONDS:
            return found[1]
        try:
            answer = await self._client.users_info(user=user_id, include_locale=True)
        except SlackApiError as error:
            log.warning("users.info: %s", error.response.get("error"))
            return None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            log.warning("users.info: %s", type(error).__name__)
            return found[1] if found else None
        profile = _profile(answer["user"])
        if len(self._profiles) >= PROFILES_MAX:
            self._profiles.clear()
        self._profiles[user_id] = (time.monotonic(), profile)
        return profile

    def id_of(self, name: str) -> str | None:
        """The id of somebody seen before, by the name that `@name` shows; no I/O."""
        wanted = name.removeprefix("@").casefold()
        for _, profile in self._profiles.values():
            if wanted in (profile.name.casefold(), profile.user_id.casefold()):
                return profile.user_id
        return None

    def forget(self, user_id: str) -> None:
        """Slack said that this person changed."""
        self._profiles.pop(user_id, None)

    async def refresh_groups(self, *, now: datetime) -> None:
        """Read every user group with its members. A failed reading leaves the old one to age."""
        try:
            answer = await self._client.usergroups_list(include_users=True, include_disabled=False)
            groups = answer["usergroups"]
            members: dict[str, frozenset[str]] = {}
            for group in groups:
                users = group.get("users")
                if users is None:
                    read = await self._client.usergroups_users_list(usergroup=group["id"])
                    users = read["users"]
                members[str(group["id"])] = frozenset(str(user) for user in users)
            inactive = await self._inactive(frozenset().union(*members.values()))
        except SlackApiError as error:
            self.problem = str(error.response.get("error"))
            log.error("user groups can't be read: %s", self.problem)
            return
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self.problem = type(error).__name__
            log.warning("user groups can't be read: %s", self.problem)
            return
        self.problem = ""
        self.groups = Groups(
            members=members,
            handles={str(group["id"]): str(group.get("handle") or group["id"]) for group in groups},
            inactive=inactive,
            read_at=now,
        )

    async def _inactive(self, users: frozenset[str]) -> frozenset[str]:
        profiles = await asyncio.gather(*(self.profile(user) for user in sorted(users)))
        gone = {p.user_id for p in profiles if p is not None and (p.is_deleted or p.is_bot)}
        missing = {u for u, p in zip(sorted(users), profiles, strict=True) if p is None}
        return frozenset(gone | missing)


def _profile(user: Mapping[str, Any]) -> Profile:
    return Profile(
        user_id=str(user["id"]),
        name=str(user.get("name") or user["id"]),
        locale=str(user.get("locale") or ""),
        time_zone=str(user.get("tz") or ""),
        team_id=str(user.get("team_id") or ""),
        is_deleted=bool(user.get("deleted")),
        is_bot=bool(user.get("is_bot")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
    )
