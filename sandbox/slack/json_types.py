"""The one loose type of the sandbox: JSON that the bot sent and that is passed on unchanged."""

from __future__ import annotations

from typing import Any, TypeAlias

#: A Slack payload, block, view or answer. The sandbox's work is to carry these faithfully, odd
#: fields included, so they are not parsed into types of ours.
JsonObject: TypeAlias = dict[str, Any]
