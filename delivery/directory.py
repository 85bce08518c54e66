"""Who is who in the workspace: profiles (language, zone, team) and user groups, in memory only.

Membership never goes to Redis: a stolen Redis would otherwise make approvers (DESIGN, Slack edge).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from delivery.network import NETWORK_ERRORS
from delivery.refusals import error_name

log = logging.getLogger(__name__)

#: A profile is read again after this time; language and zone change rarely.
PROFILE_MAX_AGE_SECONDS = 600.0
#: While Slack can't be asked, a profile is good for this long.
PROFILE_STALE_SECONDS = 3600.0
PROFILES_MAX = 10_000
#: users.info is Tier 4, 100 a minute and more; a burst of hundreds would be refused.
READS_AT_ONCE = 8
#: Slack's names for "there is nobody of this id".
NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})


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
    #: "" where the scope `users:read.email` is missing, or Slack knows none.
    email: str = ""


@dataclass(frozen=True, slots=True)
class Groups:
    """One reading of all user groups."""

    members: Mapping[str, frozenset[str]]
    handles: Mapping[str, str]
    #: members who are deactivated, bots, unknown, or could not be looked up: none of them decides.
    inactive: frozenset[str]
    read_at: datetime


class Directory:
    """Reads and remembers. `groups` is None until the first reading succeeded."""

    def __init__(
        self, client: AsyncWebClient, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._profiles: dict[str, tuple[float, Profile]] = {}
        #: kept when profiles are forgotten: nobody becomes a full member by that.
        self._guests: frozenset[str] = frozenset()
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._again = asyncio.Event()
        self.groups: Groups | None = None
        #: why the last reading of the groups failed: Slack's error name, else "".
        self.problem = ""

    @property
    def guests(self) -> frozenset[str]:
        """Guests of the workspace among those whose profile was read."""
        return self._guests

    def known(self, user_id: str) -> Profile | None:
        """The profile if it has been read already; no I/O."""
        found = self._profiles.get(user_id)
        return found[1] if found else None

    async def profile(self, user_id: str) -> Profile | None:
        """The profile, read from Slack when unknown or old; None when Slack knows nobody."""
        found = self._profiles.get(user_id)
        if found and self._monotonic() - found[0] < PROFILE_MAX_AGE_SECONDS:
            return found[1]
        if not user_id:
            return None
        try:
            async with self._reading:
                answer = await self._client.users_info(user=user_id, include_locale=True)
        except SlackApiError as error:
            name = error_name(error)
            log.warning("users.info: %s", name)
            if name in NOBODY:
                self._profiles.pop(user_id, None)
                return None
            return self._not_too_old(found)
        except NETWORK_ERRORS as error:
            log.warning("users.info: %s", type(error).__name__)
            return self._not_too_old(found)
        return self._keep(_profile(answer["user"]))

    def _keep(self, profile: Profile) -> Profile:
        user_id = profile.user_id
        if len(self._profiles) >= PROFILES_MAX:
            self._profiles.clear()
        self._profiles[user_id] = (self._monotonic(), profile)
        if profile.is_guest != (user_id in self._guests):
            self._guests ^= {user_id}
        return profile

    def _not_too_old(self, found: tuple[float, Profile] | None) -> Profile | None:
        if found is None or self._monotonic() - found[0] > PROFILE_STALE_SECONDS:
            return None
        return found[1]

    def id_of(self, name: str) -> str | None:
        """The id of somebody seen before, by the name that `@name` shows; no I/O."""
        wanted = name.removeprefix("@").casefold()
        for _, profile in self._profiles.values():
            if wanted in (profile.name.casefold(), profile.user_id.casefold()):
                return profile.user_id
        return None

    async def by_email(self, email: str) -> Profile | None:
        """Whose address that is; None where Slack names nobody, or may not say."""
        wanted = email.casefold()
        for _, profile in self._profiles.values():
            if profile.email.casefold() == wanted:
                return profile
        try:
            async with self._reading:
                answer = await self._client.users_lookupByEmail(email=email)
        except SlackApiError as error:
            name = error_name(error)
            log.log(logging.DEBUG if name in NOBODY else logging.WARNING, "by e-mail: %s", name)
            return None
        except NETWORK_ERRORS as error:
            log.warning("users.lookupByEmail: %s", type(error).__name__)
            return None
        # its answer bears no locale: the whole profile is read
        return await self.profile(str(answer["user"]["id"]))

    def forget(self, user_id: str) -> None:
        """Slack said that this person changed."""
        self._profiles.pop(user_id, None)

    def ask_again(self) -> None:
        """Slack said that a group or a person changed: the next reading is due now."""
        self._again.set()

    async def is_asked_again(self, within: timedelta) -> bool:
        """Waits so long for `ask_again`."""
        try:
            await asyncio.wait_for(self._again.wait(), within.total_seconds())
        except TimeoutError:
            return False
        return True

    async def refresh_groups(
        self,
        *,
        now: datetime,
        people_of: Collection[str] | None = None,
        named: Collection[str] = (),
    ) -> None:
        """Read every user group with its members. A failed reading leaves the old one to age.

        Members' profiles are read for the groups `people_of`, those that rules name; None: all.
        So are those of the people whom rules name one by one, who may have left (C064).
        """
        self._again.clear()
        try:
            members, handles = await self._read_groups()
        except SlackApiError as error:
            self.problem = error_name(error)
            log.error("user groups can't be read: %s", self.problem)
            return
        except NETWORK_ERRORS as error:
            self.problem = type(error).__name__
            log.warning("user groups can't be read: %s", self.problem)
            return
        looked_at = [users for group, users in members.items() if _is_of(group, people_of)]
        inactive = await self._inactive(frozenset(named).union(*looked_at))
        self.problem = ""
        self.groups = Groups(members, handles, inactive, read_at=now)

    async def _read_groups(self) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
        answer = await self._client.usergroups_list(include_users=True, include_disabled=False)
        members: dict[str, frozenset[str]] = {}
        handles: dict[str, str] = {}
        for group in answer["usergroups"]:
            group_id, users = str(group["id"]), group.get("users")
            if users is None:
                users = (await self._client.usergroups_users_list(usergroup=group_id))["users"]
            members[group_id] = frozenset(str(user) for user in users)
            handles[group_id] = str(group.get("handle") or group_id)
        return members, handles

    async def _inactive(self, users: frozenset[str]) -> frozenset[str]:
        """Who can't be looked up is nobody's approver: fail closed."""
        people = sorted(users)
        profiles = await asyncio.gather(*map(self.profile, people))
        return frozenset(
            user
            for user, profile in zip(people, profiles, strict=True)
            if profile is None or profile.is_deleted or profile.is_bot
        )


def _is_of(group: str, people_of: Collection[str] | None) -> bool:
    return people_of is None or group in people_of


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
        email=str((user.get("profile") or {}).get("email") or ""),
    )
