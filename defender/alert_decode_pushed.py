"""Alerts out of what is pushed: continuous export, Logic Apps, automations, whatever wraps them.

Two shapes carry an alert: ARM's, under `properties`, and the exported one, flat and in
PascalCase. The same stream carries assessments, scores and more; those are counted, not told.
"""

from __future__ import annotations

from collections import Counter

from defender.alert import Alert
from defender.alert_decode_core import DEFAULT_EDR, EdrRule, alert_of
from defender.alert_decode_fields import Node, first, fold, inner, parse

#: Lists in lists, bodies in events: nothing real is wrapped deeper.
_DEPTH_MAX = 6
#: Records of one body; what sends more is no export of Defender.
_RECORDS_MAX = 20_000
#: What a record may be wrapped in, in small letters.
_WRAPPERS = ("value", "records", "events", "event", "body", "data", "alert", "payload", "content")


def decode_pushed(body: bytes, edr: EdrRule = DEFAULT_EDR) -> tuple[list[Alert], Counter[str], int]:
    """The alerts of a body, other records counted by kind, and how many were no records at all."""
    found = _Pushed(edr)
    for document in _documents(body, found):
        found.take(document, _DEPTH_MAX)
    return found.alerts, found.skipped, found.bad


class _Pushed:
    def __init__(self, edr: EdrRule) -> None:
        self.alerts: list[Alert] = []
        self.skipped: Counter[str] = Counter()
        self.bad = 0
        self._edr = edr
        self._left = _RECORDS_MAX

    def take(self, value: object, depth: int) -> None:
        """One record, or what is inside a wrapper of records."""
        if isinstance(value, str):
            value = inner(value)
        self._left -= 1
        if self._left < 0 or depth < 0:
            self.bad += 1
        elif isinstance(value, list):
            for item in value:
                self.take(item, depth - 1)
        elif not isinstance(value, dict):
            self.bad += 1
        else:
            self._record(fold(value), depth)

    def _record(self, node: Node, depth: int) -> None:
        if _is_alert(node):
            self.alerts.append(alert_of(node, self._edr))
            return
        inside = [node[name] for name in _WRAPPERS if _is_wrapped(node.get(name))]
        if not inside or "properties" in node:
            self.skipped[_kind_of(node)] += 1
        for item in inside if "properties" not in node else ():
            self.take(item, depth - 1)


def _is_alert(node: Node) -> bool:
    """Only an alert has a systemAlertId; by ARM's own type it is one even without."""
    if first(node, "systemalertid"):
        return True
    properties = node.get("properties")
    nested = fold(inner(properties) if isinstance(properties, str) else properties)
    kind = first(node, "type").lower()
    return bool(first(nested, "systemalertid")) or (
        kind.startswith("microsoft.security/") and kind.endswith("/alerts")
    )


def _is_wrapped(value: object) -> bool:
    return isinstance(value, list | dict) or (
        isinstance(value, str) and value.lstrip()[:1] in ("{", "[")
    )


def _kind_of(node: Node) -> str:
    return first(node, "$type", "type", "eventtype", longest=100).lower() or "unknown"


def _documents(body: bytes, found: _Pushed) -> list[object]:
    """The body as one document, or line by line as Event Hubs' capture writes them."""
    try:
        return [parse(body)]
    except ValueError:
        pass
    documents: list[object] = []
    lines = [line for line in body.splitlines() if line.strip()]
    for line in lines[:_RECORDS_MAX]:
        try:
            documents.append(parse(line))
        except ValueError:
            found.bad += 1
    if len(lines) <= 1:
        found.bad = max(found.bad, 1)
    return documents
