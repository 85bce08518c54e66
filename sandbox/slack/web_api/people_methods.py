"""users.*, usergroups.*, auth.test, team.info, bots.info: who is who."""

from __future__ import annotations

from sandbox.slack import shapes
from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.web_api.arguments import ApiError, Arguments, page
from sandbox.slack.workspace import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    Member,
)

EMAIL_SCOPE = "users:read.email"


async def auth_test(core: Core, args: Arguments) -> JsonObject:
    """Whose token this is."""
    return {
        "ok": True,
        "url": core.base_url,
        "team": TEAM_NAME,
        "user": BOT_NAME.lower(),
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


async def users_info(core: Core, args: Arguments) -> JsonObject:
    """One person."""
    user, with_locale = args.required("user", "user_not_found"), args.flag("include_locale")
    if user == BOT_USER_ID:
        return {"ok": True, "user": shapes.bot_user(with_locale=with_locale)}
    member = core.workspace.known(user)
    if member is None:
        raise ApiError("user_not_found")
    return {"ok": True, "user": _shown(core, member, with_locale=with_locale)}


async def users_lookup_by_email(core: Core, args: Arguments) -> JsonObject:
    """The person of an address, deactivated ones left out."""
    wanted = args.required("email", "users_not_found").casefold()
    for member in core.workspace.people.values():
        if member.email == wanted and not (member.deleted or member.unknown):
            return {"ok": True, "user": _shown(core, member, with_locale=False)}
    raise ApiError("users_not_found")


def _shown(core: Core, member: Member, *, with_locale: bool) -> JsonObject:
    with_email = EMAIL_SCOPE in core.scopes
    return shapes.user(member, now=core.now(), with_locale=with_locale, with_email=with_email)


async def users_list(core: Core, args: Arguments) -> JsonObject:
    """Everybody, strangers of shared channels left out."""
    with_locale = args.flag("include_locale")
    own = [m for m in core.workspace.people.values() if m.team_id == TEAM_ID and not m.unknown]
    users = [_shown(core, m, with_locale=with_locale) for m in own]
    members, cursor = page([*users, shapes.bot_user(with_locale=with_locale)], args)
    return {
        "ok": True,
        "members": members,
        "cache_ts": int(core.now().timestamp()),
        "response_metadata": {"next_cursor": cursor},
    }


async def usergroups_list(core: Core, args: Arguments) -> JsonObject:
    """All user groups, disabled ones only when asked for."""
    with_users, disabled = args.flag("include_users"), args.flag("include_disabled")
    groups = [g for g in core.workspace.groups.values() if disabled or not g.is_disabled]
    return {"ok": True, "usergroups": [shapes.usergroup(g, with_users=with_users) for g in groups]}


async def usergroups_users_list(core: Core, args: Arguments) -> JsonObject:
    """The members of one user group."""
    group = core.workspace.groups.get(args.required("usergroup", "no_such_subteam"))
    if group is None:
        raise ApiError("no_such_subteam")
    if group.is_disabled and not args.flag("include_disabled"):
        raise ApiError("subteam_disabled")
    return {"ok": True, "users": list(group.users)}


async def team_info(core: Core, args: Arguments) -> JsonObject:
    """The workspace."""
    team = {"id": TEAM_ID, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "email_domain": "", "icon": {}}
    return {"ok": True, "team": team}


async def bots_info(core: Core, args: Arguments) -> JsonObject:
    """The bot."""
    if args.text("bot") not in (None, BOT_ID):
        raise ApiError("bot_not_found")
    bot = shapes.bot_profile() | {"app_id": APP_ID, "updated": 1764000000, "icons": {}}
    return {"ok": True, "bot": bot}
