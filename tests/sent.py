"""Everything that the bot sent to the sandbox's Slack in a test, held against Slack's rules.

`Stage.stop` asks for it, so that no test on a stage passes with a message that Slack would refuse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.slack import SandboxSlack
from tests.schema import assert_valid_message, assert_valid_view

POSTS = frozenset({"chat.postMessage", "chat.update", "chat.postEphemeral", "response_url"})
VIEWS = frozenset({"views.open", "views.push", "views.update", "views.publish"})

#: What Slack says to a message, form or answer whose contents it doesn't take.
REFUSED_CONTENTS = frozenset(
    {
        "invalid_arguments", "invalid_arg_name", "invalid_blocks", "invalid_blocks_format",
        "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_metadata_format",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One message or view, and where it went."""

    where: str
    text: str | None
    blocks: list[dict[str, Any]]
    view: dict[str, Any] | None


def assert_all_valid(slack: SandboxSlack) -> None:
    """Fail on the first message, view or answer that Slack would not take."""
    for sent in everything_sent(slack):
        try:
            if sent.view is not None:
                assert_valid_view(sent.view)
            else:
                assert_valid_message(sent.blocks, sent.text)
        except AssertionError as error:
            shown = json.dumps(sent.view or sent.blocks, ensure_ascii=False)[:1_500]
            raise AssertionError(f"{sent.where}: {error}\n{shown}") from error
    for delivery in slack.deliveries:
        wrong = (delivery.error or "").startswith(("invalid_command_response", "invalid_options"))
        assert not wrong, f"an acknowledgement that Slack refuses: {delivery.error}"


def everything_sent(slack: SandboxSlack) -> Iterator[Sent]:
    """Calls of the Web API and response URLs, then what acknowledgements carried."""
    for call in slack.calls:
        error = call.response.get("error")
        is_broken_by_test = error in REFUSED_CONTENTS and _is_fault(call.response)
        if call.method in POSTS:
            yield _message(call.method, call.args)
        elif call.method in VIEWS:
            yield Sent(call.method, None, [], _parsed(call.args["view"]))
        assert error not in REFUSED_CONTENTS or is_broken_by_test, f"{call.method}: {call.response}"
    for delivery in slack.deliveries:
        body = delivery.body or {}
        if isinstance(body.get("view"), dict):
            yield Sent("the answer to a form", None, [], body["view"])
        elif "text" in body or "blocks" in body:
            yield _message("the answer to a command", body)


def _is_fault(response: dict[str, Any]) -> bool:
    """A test let Slack refuse it: the sandbox itself always says what is wrong with contents."""
    said = (response.get("response_metadata") or {}).get("messages")
    return not said or any("trigger" in str(each) for each in said)


def _message(where: str, args: dict[str, Any]) -> Sent:
    blocks = _parsed(args.get("blocks")) or []
    return Sent(where, args.get("text"), blocks, None)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
