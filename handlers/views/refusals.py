"""Why something is refused: one sentence per code, with the nearest allowed value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from approvals.verdict import Code, Field, Refusal
from approvals.window import parse_length
from handlers.locale import Locale
from handlers.views import safe, words

#: Arguments that a person typed, and names of ours that read best as code.
_AS_CODE = frozenset({"typed", "word", "vm", "inner", "network", "pattern", "source", "near"})
_AS_IDS = frozenset({"groups", "people", "administrators"})

#: Names of near VMs that one sentence holds.
NEAR_MAX = 5

NO_NAMES: Mapping[str, str] = MappingProxyType({})


def refusal_text(
    refusal: Refusal,
    locale: Locale,
    *,
    mrkdwn: bool = True,
    group_names: Mapping[str, str] = NO_NAMES,
) -> str:
    """The sentence. `mrkdwn=False` is for a form's field errors, which are plain text."""
    writer = _Writer(locale, mrkdwn, group_names)
    args = {name: writer.write(name, value) for name, value in refusal.args.items()}
    text = locale.text(key_of(refusal), **args, **writer.deciders(refusal.args))
    if refusal.nearest and refusal.code is not Code.WORD_UNKNOWN:
        nearest = writer.write("typed", _as_typed(refusal, locale))
        text += locale.text("refusal.nearest", nearest=nearest)
    return " ".join(text.split(" ")).strip()


def _as_typed(refusal: Refusal, locale: Locale) -> str:
    """The nearest allowed value as the reader would type it: `3h`, `3時間`."""
    nearest = refusal.nearest or ""
    length = parse_length(nearest) if refusal.field is Field.WINDOW else None
    return nearest if length is None else words.typed_length(length, locale)


def key_of(refusal: Refusal) -> str:
    """The key of its text; some codes say more when they know more."""
    code = refusal.code
    match code:
        case Code.RIGHTS_UNKNOWN if refusal.args.get("scope"):
            return "refusal.rights_unknown_scope"
        case Code.RIGHTS_UNKNOWN if refusal.args.get("group"):
            return "refusal.rights_unknown_group"
        case Code.RULE_CHANGED if not refusal.args.get("now"):
            return "refusal.rule_changed_none"
        case Code.GUEST if not refusal.args.get("rule"):
            return "refusal.guest_none"
        case Code.VM_UNKNOWN if refusal.args.get("near"):
            return "refusal.vm_unknown_near"
        case Code.TICKET_INVALID if not refusal.args.get("pattern"):
            return "edge.ticket_odd"
        case Code.WORD_UNKNOWN if refusal.args.get("near"):
            return "edge.word_near"
        case Code.NO_APPROVER if refusal.args.get("found"):
            return "refusal.no_approver_few"
        case _:
            return f"refusal.{code.value}"


def refusal_lines(
    refusals: tuple[Refusal, ...], locale: Locale, group_names: Mapping[str, str] = NO_NAMES
) -> list[str]:
    """One line each (mrkdwn)."""
    return [refusal_text(refusal, locale, group_names=group_names) for refusal in refusals]


class _Writer:
    """Writes arguments for mrkdwn or for plain text."""

    def __init__(self, locale: Locale, mrkdwn: bool, group_names: Mapping[str, str]) -> None:
        self._locale = locale
        self._mrkdwn = mrkdwn
        self._names = group_names

    def write(self, name: str, value: object) -> str:
        match value:
            case timedelta():
                return self._locale.duration(value)
            case datetime():
                return self._locale.when(value) if self._mrkdwn else self._locale.plain_when(value)
            case tuple() | list() | frozenset() | set():
                return self._many(name, tuple(value))
            case _ if name in _AS_IDS or name in ("person", "requester"):
                return self._many("people", (str(value),))
            case _:
                return self._one(name, str(value))

    def _one(self, name: str, value: str) -> str:
        if name not in _AS_CODE:
            return safe.escape_mrkdwn(value, 200) if self._mrkdwn else self._short(value)
        if self._mrkdwn:
            return self._locale.text("typed.code", typed=safe.code(value or safe.EMPTY, 200))
        key = "typed.name" if name == "vm" else "typed.plain"
        return self._locale.text(key, typed=self._short(value))

    def _many(self, name: str, values: tuple[object, ...]) -> str:
        if name in _AS_IDS:
            return self._ids(name, tuple(map(str, values)))
        if all(isinstance(value, int) for value in values):
            numbers = [value for value in values if isinstance(value, int)]
            return words.ports(numbers, self._locale) or safe.EMPTY
        shown = [self._one("name", str(value)) for value in values[:NEAR_MAX]]
        return self._locale.text("list.comma").join(shown) or safe.EMPTY

    def _ids(self, name: str, ids: tuple[str, ...]) -> str:
        if name == "groups":
            return self._locale.join([self._group(each) for each in ids])
        if not self._mrkdwn:
            return ""
        return self._locale.people(ids)

    def _group(self, group: str) -> str:
        if name := self._names.get(group):
            return safe.escape_mrkdwn(name, 80) if self._mrkdwn else self._short(name)
        return f"<!subteam^{group}>" if self._mrkdwn else self._short(group)

    def deciders(self, args: Mapping[str, object]) -> dict[str, str]:
        """`who`: the groups and people of the refusal in one list, or words for them."""
        if not _AS_IDS & set(args):
            return {}
        parts = []
        for name in ("groups", "people", "administrators"):
            ids = args.get(name, ())
            found = tuple(map(str, ids)) if isinstance(ids, (tuple, list, frozenset, set)) else ()
            if name == "groups":
                parts += [self._group(each) for each in found]
            elif self._mrkdwn:
                parts += [self._locale.person(each) for each in found]
        return {"who": self._locale.join(parts) or self._locale.text("refusal.nobody_named")}

    @staticmethod
    def _short(value: str) -> str:
        return safe.plain(safe.one_line(value), 200)
