"""What a silence of the feed affects: a private answer to the button of its notice."""

from __future__ import annotations

from collections import Counter

from feeds.cursors import Cursors
from feeds.stall import read_stall
from handlers.alert_feed import AlertFeed
from handlers.caller import Caller
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_help
from handlers.views.blocks import Message
from handlers.views.feed_health import FeedHealth, feed_health


class AlertHealth:
    """Reads Redis and what is remembered of the estate: Azure is what does not answer."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed

    async def affected(self, caller: Caller, locale: Locale) -> Message:
        """Guests learn no names of subscriptions."""
        if caller.person in self._s.membership().guests:
            return alert_help.guest(locale)
        scripts, sources = self._feed.store.scripts, self._feed.settings().sources
        cursors = Cursors(scripts)
        machines = self._s.estate.index.machines
        names = Counter(one.subscription_name or one.subscription_id for one in machines)
        found = FeedHealth(
            stall=await read_stall(scripts),
            sources={name: await cursors.read(name) for name in sources if name != "push"},
            is_pushed="push" in sources,
            subscriptions=dict(names.most_common()),
        )
        return feed_health(found, locale)
