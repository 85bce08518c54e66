"""Turns what a person types into what Slack sends: @names to ids, and escaped characters."""

from __future__ import annotations

import re

from sandbox.slack.workspace import BOT_NAME, BOT_USER_ID, Workspace

#: Tokens that a test may write as Slack would send them.
_TOKEN = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|!subteam\^S[A-Z0-9]+|https?:[^<>\s]+)(?:\|[^<>]*)?>"
)
_NAME = re.compile(r"(?<![\w.@])@([A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]|[A-Za-z0-9])")


def escape(text: str) -> str:
    """The three characters that Slack escapes in all text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def typed(text: str, workspace: Workspace, *, labelled: bool = False) -> str:
    """What Slack sends for these keystrokes; `labelled` adds the name, as commands have it."""
    return _NAME.sub(lambda match: _mention(match, workspace, labelled=labelled), escape(text))


def written(text: str, workspace: Workspace, *, labelled: bool = False) -> str:
    """Like `typed`, but `<@U…>`, `<https://…>` and `<@BOT>` stand for themselves."""
    text = text.replace("<@BOT>", f"<@{BOT_USER_ID}>")
    pieces, position = [], 0
    for token in _TOKEN.finditer(text):
        pieces.append(typed(text[position : token.start()], workspace, labelled=labelled))
        pieces.append(token.group())
        position = token.end()
    return "".join([*pieces, typed(text[position:], workspace, labelled=labelled)])


def _mention(match: re.Match[str], workspace: Workspace, *, labelled: bool) -> str:
    name = match.group(1).casefold()
    if name == BOT_NAME.casefold():
        return f"<@{BOT_USER_ID}|{name}>" if labelled else f"<@{BOT_USER_ID}>"
    for member in workspace.people.values():
        if member.handle == name and not member.deleted:
            return f"<@{member.id}|{name}>" if labelled else f"<@{member.id}>"
    for group in workspace.groups.values():
        if group.handle == name:
            return f"<!subteam^{group.id}|@{name}>" if labelled else f"<!subteam^{group.id}>"
    return match.group()
