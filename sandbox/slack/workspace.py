"""The people, channels and user groups of the sandbox's workspace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

TEAM_ID = "T0SEKISHO"
OTHER_TEAM_ID = "T0OTHER"
TEAM_DOMAIN = "sekisho-demo"
TEAM_NAME = "Sekisho demo"
APP_ID = "A0SEKISHO"
BOT_USER_ID = "U0SEKISHO"
BOT_ID = "B0SEKISHO"
BOT_NAME = "Sekisho"

TEAM_DOMAINS = {TEAM_ID: TEAM_DOMAIN, OTHER_TEAM_ID: "other-company"}


@dataclass(slots=True)
class Member:
    """A person of the workspace, or of a company that shares a channel with it."""

    id: str
    handle: str
    name: str
    title: str
    locale: str
    tz: str
    color: str
    team_id: str = TEAM_ID
    deleted: bool = False
    #: Deleted from Slack altogether: users.info says user_not_found.
    unknown: bool = False
    #: A guest of several channels (users.info: is_restricted).
    guest: bool = False

    @property
    def email(self) -> str:
        """Shown only to a token with the scope for it."""
        return f"{self.handle}@example.com"


@dataclass(slots=True)
class Channel:
    """A channel or the direct message of a person with the bot."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    #: The other person, when this is the bot's direct message with somebody.
    person: str | None = None
    is_archived: bool = False
    is_private: bool = False
    is_shared: bool = False

    @property
    def is_im(self) -> bool:
        """Whether this is a direct message."""
        return self.person is not None


@dataclass(slots=True)
class Usergroup:
    """A user group; its membership can be changed at any moment."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    is_disabled: bool = False

    def __contains__(self, user: str) -> bool:
        return user in self.users

    def __iter__(self) -> Iterator[str]:
        return iter(self.users)

    def add(self, user: str) -> None:
        """Make somebody a member."""
        if user not in self.users:
            self.users.append(user)

    def remove(self, user: str) -> None:
        """Take somebody out."""
        self.users.remove(user)


def demo_people() -> list[Member]:
    """Who lives in the demo: two engineers, two approvers, analyst, administrator, two others."""
    tokyo, london = "Asia/Tokyo", "Europe/London"
    return [
        Member("U0ALICE", "alice", "Alice", "engineer", "en-US", london, "4a6fa5"),
        Member("U0YAMADA", "yamada", "山田", "engineer", "ja-JP", tokyo, "8a4f7d"),
        Member("U0SATO", "sato", "佐藤", "approver", "ja-JP", tokyo, "2f7d5b"),
        Member("U0SUZUKI", "suzuki", "Suzuki", "approver", "en-US", tokyo, "b0682a"),
        Member("U0KIMURA", "kimura", "Kimura", "analyst", "en-US", tokyo, "5a5fb8"),
        Member("U0ITO", "ito", "Ito", "administrator", "en-US", tokyo, "a23b4a"),
        Member("U0EVE", "eve", "Eve", "other company", "en-US", london, "6b6b6b", OTHER_TEAM_ID),
        Member("U0GONE", "gone", "Gone", "left", "en-US", london, "999999", deleted=True),
    ]


def demo_channels() -> list[Channel]:
    """The channels of the demo; the bot is in every one that is not archived."""
    insiders = {"U0ALICE", "U0YAMADA", "U0SATO", "U0SUZUKI", "U0KIMURA", "U0ITO", BOT_USER_ID}
    return [
        Channel("C0OPS", "ops-approvals", set(insiders)),
        Channel("C0JA", "ops-ja", set(insiders)),
        Channel("C0ALERTS", "server-alerts", set(insiders)),
        Channel("C0SOC", "security", set(insiders)),
        Channel("C0GENERAL", "general", insiders | {"U0EVE"}, is_shared=True),
        Channel("C0AUDIT", "audit", {"U0ITO", "U0KIMURA", BOT_USER_ID}),
        Channel("C0ARCHIVE", "archive-2025", set(insiders), is_archived=True),
    ]


def demo_groups() -> list[Usergroup]:
    """The user groups of the demo."""
    return [
        Usergroup("S0SECURITY", "security", "Security", ["U0SATO", "U0SUZUKI", "U0ITO"]),
        Usergroup("S0ENG", "engineers", "Engineers", ["U0YAMADA", "U0ALICE", "U0SATO"]),
    ]


class Workspace:
    """Looks people, channels and groups up; knows nothing of messages."""

    def __init__(
        self, people: list[Member], channels: list[Channel], groups: list[Usergroup]
    ) -> None:
        self.people = {member.id: member for member in people}
        self.channels = {channel.id: channel for channel in channels}
        self.groups = {group.id: group for group in groups}
        for member in people:
            self._add_dm(member)

    def join(self, member: Member, channels: tuple[str, ...]) -> None:
        """Let somebody join, and these channels with them."""
        self.people[member.id] = member
        self._add_dm(member)
        for channel in channels:
            self.channels[channel].members.add(member.id)

    def _add_dm(self, member: Member) -> None:
        dm = dm_id(member.id)
        self.channels[dm] = Channel(
            dm, "directmessage", {member.id, BOT_USER_ID}, person=member.id, is_private=True
        )

    def person(self, handle_or_id: str) -> Member:
        """A person by handle (`alice`) or id (`U0ALICE`); KeyError names who is there."""
        name = handle_or_id.removeprefix("@")
        for member in self.people.values():
            if name in (member.handle, member.id):
                return member
        raise KeyError(f"no person {handle_or_id!r}: {sorted(m.handle for m in self._all())}")

    def _all(self) -> list[Member]:
        return list(self.people.values())

    def known(self, user: str | None) -> Member | None:
        """The person with this id unless Slack has forgotten them."""
        member = self.people.get(user or "")
        return None if member is None or member.unknown else member

    def find_channel(self, reference: str) -> Channel | None:
        """A channel by id, `#name`, name, or by the person whose direct message it is."""
        if reference in self.people:
            return self.channels[dm_id(reference)]
        if reference in self.channels:
            return self.channels[reference]
        name = reference.removeprefix("#")
        named = (c for c in self.channels.values() if not c.is_im and c.name == name)
        return next(named, None)

    def channels_of(self, user: str) -> list[Channel]:
        """What this person's side bar shows, direct message last."""
        mine = [c for c in self.channels.values() if user in c.members]
        return sorted(mine, key=lambda channel: channel.is_im)


def dm_id(user: str) -> str:
    """The direct message of the bot with this person: U0ALICE has D0ALICE."""
    return "D0" + user.removeprefix("U0")
