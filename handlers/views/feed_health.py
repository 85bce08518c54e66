"""What is affected while alerts can't be read. Private, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from feeds.cursors import Cursor
from feeds.voice import Stall
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.blocks import Element, Message
from handlers.views.feed_notices import service
from handlers.views.safe import one_line

#: Subscriptions that are named.
NAMED_MAX = 10
NAME_MAX = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """How far each source was read. `subscriptions`: machines by name, the largest first."""

    stall: Stall | None
    sources: Mapping[str, Cursor]
    is_pushed: bool
    subscriptions: Mapping[str, int]


def feed_health(found: FeedHealth, locale: Locale) -> Message:
    """Late or not, how far each source was read, whose alerts wait, and what goes on."""
    if found.stall is None:
        key, args = "feed_health.fine", {}
    else:
        key, args = "feed_health.late", {"when": locale.when(found.stall.since)}
    plain = locale.plain_when(found.stall.since) if found.stall else ""
    sources = [_source(name, cursor, locale) for name, cursor in found.sources.items()]
    if found.is_pushed:
        sources.append(locale.text("feed_health.pushed"))
    return blocks.message(
        locale.text(f"{key}_text", when=plain),
        blocks.section(locale.text(f"{key}_headline"), locale.text(key, **args)),
        blocks.section(locale.text("feed_health.sources"), *sources),
        *(_subscriptions(found.subscriptions, locale) if found.stall else ()),
        blocks.context(locale.text("feed_health.small")),
    )


def _source(name: str, cursor: Cursor, locale: Locale) -> str:
    said = service(name, locale)
    if cursor.read_at is None:
        return locale.text("feed_health.never", service=said)
    read = locale.when(cursor.read_at)
    if cursor.generated_at is None:
        return locale.text("feed_health.read", service=said, when=read)
    newest = locale.when(cursor.generated_at)
    return locale.text("feed_health.newest", service=said, when=read, newest=newest)


def _subscriptions(found: Mapping[str, int], locale: Locale) -> tuple[blocks.Block, ...]:
    if not found:
        return (blocks.section(locale.text("feed_health.unknown")),)
    rows: list[Element] = []
    for name, n in list(found.items())[:NAMED_MAX]:
        shown = safe.cut(one_line(name), NAME_MAX) or safe.EMPTY
        count = blocks.run(locale.plural("feed_health.machines", n))
        code: Element = {"type": "text", "text": shown, "style": {"code": True}}
        rows.append({"type": "rich_text_section", "elements": [code, count]})
    left = len(found) - NAMED_MAX
    if left > 0:
        more = blocks.run(locale.plural("feed.missed.left", left))
        rows.append({"type": "rich_text_section", "elements": [more]})
    listed: Element = {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": rows}
    return (
        blocks.section(locale.text("feed_health.subscriptions")),
        blocks.rich_text(listed),
    )
