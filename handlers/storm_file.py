"""The file that ends a storm: every alert of it, one per line, the worst first."""

from __future__ import annotations

from delivery.outbox import ObjectId
from delivery.uploads import FileContent
from handlers.alert_feed import AlertFeed
from handlers.alert_show import STORM
from handlers.services import Services
from handlers.views import alert_words as say
from handlers.views.storm_detail import file_line

#: Alerts that are read at once.
READ_MAX = 500
HEADER = "time\tseverity\tmachine\ttitle\tid\tkey"


async def storm_file(s: Services, feed: AlertFeed, name: ObjectId) -> FileContent | None:
    """None where the storm is not known (any more). 10,000 lines are a megabyte."""
    storm_id = name.removeprefix(STORM)
    storm = await feed.storms.storm(storm_id)
    if storm is None:
        return None
    keys = await feed.storms.members(storm_id)
    lines = [HEADER]
    for start in range(0, len(keys), READ_MAX):
        found = await feed.store.many(keys[start : start + READ_MAX])
        lines += [file_line(stored.alert) for stored in found]
    locale = s.languages.of_channel(storm.channel)
    stamp = f"{storm.opened_at:%Y-%m-%dT%H%MZ}"
    title = locale.text("storm.file", n=say.number(len(lines) - 1))
    return FileContent(f"alerts-{stamp}-{storm_id}.tsv", "\n".join([*lines, ""]).encode(), title)
