"""files.*: the two-step upload that replaced files.upload."""

from __future__ import annotations

import secrets

from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.web_api.arguments import ApiError, Arguments
from sandbox.slack.workspace import BOT_USER_ID


async def get_upload_url(core: Core, args: Arguments) -> JsonObject:
    """Where to send the bytes of a file."""
    name, length = args.required("filename"), args.number("length", 0)
    if length < 1:
        raise ApiError("invalid_arguments", messages=["[ERROR] length must be more than 0"])
    file_id = f"F0{secrets.token_hex(4).upper()}"
    core.files[file_id] = {
        "id": file_id,
        "name": name,
        "title": name,
        "size": length,
        "user": BOT_USER_ID,
        "alt_txt": args.text("alt_txt") or "",
    }
    return {"ok": True, "upload_url": f"{core.base_url}upload/v1/{file_id}", "file_id": file_id}


async def complete_upload(core: Core, args: Arguments) -> JsonObject:
    """Share uploaded files, as a message when a channel is named."""
    files = [_uploaded(core, wanted) for wanted in args.json("files") or []]
    if not files:
        raise ApiError("invalid_arguments", messages=["[ERROR] missing required field: files"])
    reference = args.text("channel_id") or args.text("channels")
    if reference:
        _share(core, reference, args, files)
    return {"ok": True, "files": [{k: v for k, v in f.items() if k != "content"} for f in files]}


def _uploaded(core: Core, wanted: JsonObject) -> JsonObject:
    file = core.files.get(str(wanted.get("id")))
    if file is None or "content" not in file:
        raise ApiError("file_not_found")
    file["title"] = wanted.get("title") or file["title"]
    return file


def _share(core: Core, reference: str, args: Arguments, files: list[JsonObject]) -> None:
    channel = core.workspace.find_channel(reference)
    if channel is None:
        raise ApiError("channel_not_found")
    if channel.is_archived:
        raise ApiError("is_archived")
    if BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    shown = [{key: value for key, value in f.items() if key != "content"} for f in files]
    core.messages.post(
        Message(
            channel=channel.id,
            ts=core.messages.next_ts(),
            user=BOT_USER_ID,
            text=args.text("initial_comment") or "",
            blocks=[],
            thread_ts=args.text("thread_ts"),
            files=shown,
        )
    )
