"""How the way to Slack fails, as the SDK's transport raises it."""

from __future__ import annotations

import aiohttp

#: Time-outs, resets, refused connections: nothing is known of what was sent.
NETWORK_ERRORS = (TimeoutError, aiohttp.ClientError, OSError)
