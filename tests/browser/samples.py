"""Blocks as the bot sends them, for tests of the page alone."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str, **more: Any) -> Json:
    """A section of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(text: str, action_id: str, **more: Any) -> Json:
    """A button that carries a request's number and version."""
    return {
        "type": "button",
        "text": plain(text),
        "action_id": action_id,
        "value": "7.1",
        **more,
    }


def pending_card(now: int) -> list[Json]:
    """A request that waits for one approval."""
    return [
        {
            **section(
                "*1 approval needed: port 22 on web-01*\n<@U0ALICE> asks. Lapses "
                f"<!date^{now + 1800}^{{date_short_pretty}} {{time}}|2026-11-25 18:42 JST>."
            ),
            "block_id": "head",
        },
        {
            "type": "rich_text",
            "block_id": "facts",
            "elements": [
                {
                    "type": "rich_text_preformatted",
                    "elements": [
                        {
                            "type": "text",
                            "text": "VM    web-01 (rg-shop-prod)\nPort  22 (SSH)\n"
                            "From  203.0.113.7\nFor   2 hours from opening",
                        }
                    ],
                }
            ],
        },
        {
            "type": "rich_text",
            "block_id": "reason",
            "elements": [
                {
                    "type": "rich_text_quote",
                    "elements": [
                        {"type": "text", "text": "<b>deploy</b> *fix* 4821 <!channel> "},
                        {"type": "link", "url": "https://tickets.example.com/1", "text": "CHG-1"},
                        {"type": "link", "url": "javascript:alert(1)", "text": "not a link"},
                    ],
                }
            ],
        },
        {
            "type": "actions",
            "block_id": "decide",
            "elements": [
                button(
                    "Approve",
                    "jit_approve",
                    style="primary",
                    accessibility_label="Approve port 22 on web-01 for 2 hours",
                ),
                button("Deny", "jit_deny"),
                button(
                    "Revoke",
                    "jit_revoke",
                    style="danger",
                    confirm={
                        "title": plain("Close the port?"),
                        "text": plain("Live connections stay."),
                        "confirm": plain("Close it"),
                        "deny": plain("Keep it"),
                        "style": "danger",
                    },
                ),
                {
                    "type": "overflow",
                    "action_id": "jit_menu",
                    "options": [
                        {"text": plain("Show details"), "value": "details"},
                        {"text": plain("Copy number"), "value": "number"},
                    ],
                },
            ],
        },
        {
            "type": "context",
            "block_id": "print",
            "elements": [
                {
                    "type": "mrkdwn",
                    "text": "Can approve: <!subteam^S0SECURITY>. See <#C0AUDIT>. Request 7",
                }
            ],
        },
    ]


def form() -> Json:
    """The request's form: type-ahead, ticks, text and a hint."""
    return {
        "type": "modal",
        "callback_id": "jit_request",
        "title": plain("Ask for VM access"),
        "submit": plain("Send"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": "vm",
                "dispatch_action": True,
                "label": plain("VM"),
                "element": {
                    "type": "external_select",
                    "action_id": "vm",
                    "min_query_length": 0,
                    "placeholder": plain("Type a name, group, subscription or tag"),
                },
            },
            {
                "type": "input",
                "block_id": "window",
                "label": plain("Time"),
                "hint": plain("At most 3 hours."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "window",
                    "placeholder": plain("2h, 90m or until 18:00"),
                },
            },
            {
                "type": "input",
                "block_id": "reason",
                "label": plain("Reason"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "max_length": 500,
                },
            },
            {
                "type": "input",
                "block_id": "ticket",
                "optional": True,
                "label": plain("Ticket"),
                "element": {"type": "plain_text_input", "action_id": "ticket"},
            },
        ],
    }


def ports_block() -> list[Json]:
    """What a form gains once its VM is known."""
    options = [
        {"text": plain("22 (SSH)"), "value": "22", "description": plain("up to 3 hours")},
        {"text": plain("8443"), "value": "8443", "description": plain("up to 1 hour")},
    ]
    return [
        {**section("*2 of 6 people in security must agree*\nRule production."), "block_id": "who"},
        {
            "type": "input",
            "block_id": "ports",
            "label": plain("Ports"),
            "element": {
                "type": "checkboxes",
                "action_id": "ports",
                "options": options,
                "initial_options": options[:1],
            },
        },
    ]


def every_block(now: int) -> list[Json]:
    """One of each block and element that the page draws, beyond those above."""
    option = {"text": plain("Show web-02:22"), "value": "web-02"}
    return [
        {"type": "header", "text": plain("Every block")},
        {
            **section("With a menu"),
            "accessory": {
                "type": "static_select",
                "action_id": "jit_choose",
                "placeholder": plain("Show or close one"),
                "options": [option, {"text": plain("Close db-01:22"), "value": "db-01"}],
            },
        },
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": "*VM*\nweb-01"},
                {"type": "mrkdwn", "text": "*State*\nrunning"},
            ],
        },
        {"type": "divider"},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "emoji", "name": "warning"},
                        {"type": "text", "text": " Risk", "style": {"bold": True}},
                        {"type": "user", "user_id": "U0SATO"},
                        {"type": "usergroup", "usergroup_id": "S0SECURITY"},
                        {"type": "channel", "channel_id": "C0OPS"},
                        {
                            "type": "date",
                            "timestamp": now,
                            "format": "{date_num}",
                            "fallback": "some day",
                        },
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "3 critical vulnerabilities"}],
                        }
                    ],
                },
            ],
        },
        {
            "type": "table",
            "rows": [
                [{"type": "raw_text", "text": "VM"}, {"type": "raw_text", "text": "Port"}],
                [{"type": "raw_text", "text": "web-01"}, {"type": "raw_text", "text": "22"}],
            ],
        },
        {"type": "markdown", "text": "**Bold** and `code`\n\n- one\n- two"},
        {"type": "alert", "level": "warning", "text": plain("Opens at once, without approval.")},
        {
            "type": "image",
            "image_url": "https://example.com/map.png",
            "alt_text": "Map of the network",
        },
        {
            "type": "actions",
            "elements": [
                {"type": "datepicker", "action_id": "since", "initial_date": "2026-11-25"},
                {"type": "timepicker", "action_id": "at", "initial_time": "18:30"},
                {
                    "type": "radio_buttons",
                    "action_id": "length",
                    "options": [
                        {"text": plain("30 minutes"), "value": "30"},
                        {"text": plain("1 hour"), "value": "60"},
                    ],
                },
                {
                    "type": "multi_static_select",
                    "action_id": "many",
                    "placeholder": plain("Choose ports"),
                    "options": [
                        {"text": plain("22"), "value": "22"},
                        {"text": plain("8443"), "value": "8443"},
                    ],
                },
            ],
        },
    ]
