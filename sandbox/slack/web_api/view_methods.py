"""views.*: forms and the Home tab."""

from __future__ import annotations

from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.triggers import TriggerRefused
from sandbox.slack.validation import view_refusal
from sandbox.slack.views import STACK_MAX, View
from sandbox.slack.web_api.arguments import ApiError, Arguments


async def open_view(core: Core, args: Arguments) -> JsonObject:
    """Open a form for the person whose trigger this is."""
    definition = _definition(core, args, kind="modal")
    view = core.views.open(_exchange(core, args), definition)
    return {"ok": True, "view": view.to_json()}


async def push(core: Core, args: Arguments) -> JsonObject:
    """Lay a form on top of the one that is open."""
    definition = _definition(core, args, kind="modal")
    user = _exchange(core, args)
    depth = len(core.views.stack(user))
    if depth == 0:
        raise ApiError("not_found")
    if depth >= STACK_MAX:
        raise ApiError("push_limit_reached")
    return {"ok": True, "view": core.views.push(user, definition).to_json()}


async def update(core: Core, args: Arguments) -> JsonObject:
    """Change a form that is open."""
    definition = _definition(core, args, kind="modal")
    view = core.views.find(args.text("view_id"), args.text("external_id"))
    if view is None:
        raise ApiError("not_found")
    _same_hash(view, args)
    return {"ok": True, "view": core.views.update(view, definition).to_json()}


async def publish(core: Core, args: Arguments) -> JsonObject:
    """Show somebody's Home tab."""
    definition = _definition(core, args, kind="home")
    user = args.required("user_id")
    if core.workspace.known(user) is None:
        raise ApiError("invalid_arguments", messages=["[ERROR] invalid `user_id`"])
    home = core.views.homes.get(user)
    if home is not None:
        _same_hash(home, args)
    return {"ok": True, "view": core.views.publish(user, definition).to_json()}


def _definition(core: Core, args: Arguments, *, kind: str) -> JsonObject:
    view = args.json("view")
    refusal = view_refusal(view)
    if refusal is not None:
        raise ApiError(refusal.error, messages=refusal.messages)
    if view["type"] != kind:
        wrong = f"[ERROR] invalid `type`: {view['type']} [json-pointer:/view/type]"
        raise ApiError("invalid_arguments", messages=[wrong])
    external = view.get("external_id")
    taken = core.views.find(None, external) if external else None
    if taken is not None and args.text("view_id") != taken.id and not args.text("external_id"):
        raise ApiError("duplicate_external_id")
    return dict(view)


def _exchange(core: Core, args: Arguments) -> str:
    trigger = args.text("trigger_id") or args.text("interactivity_pointer") or ""
    try:
        return core.triggers.exchange(trigger)
    except TriggerRefused as refused:
        messages = ["invalid `trigger_id`"] if refused.error == "invalid_arguments" else None
        raise ApiError(refused.error, messages=messages) from None


def _same_hash(view: View, args: Arguments) -> None:
    expected = args.text("hash")
    if expected and expected != view.hash:
        raise ApiError("hash_conflict")
