"""The one proxy setting, handed to clients that take theirs from the environment (Azure's SDK).

What is near (loopback, the metadata service of a managed identity) is never asked by a proxy.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from bot.settings import Proxy

NEAR = ("localhost", "127.0.0.1", "::1", "169.254.169.254")


def hand_over(proxy: Proxy, environ: MutableMapping[str, str]) -> None:
    """Set HTTPS_PROXY and NO_PROXY as the settings have them; nothing without a proxy."""
    if proxy.url is None:
        return
    direct = ",".join(dict.fromkeys((*proxy.direct, *NEAR)))
    # Both spellings are read, and the small one wins where they differ.
    for name in ("HTTPS_PROXY", "https_proxy"):
        environ[name] = proxy.url
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = direct
