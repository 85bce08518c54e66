"""What cards, forms and lists of file changes have in common: times, paths, people, counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from approvals.deeds import DeedKind
from approvals.events import RequestId
from feeds.bursts import is_late
from feeds.cases import Case
from feeds.correlation import Session
from feeds.danger import Kind, short_hive
from feeds.file_change_records import StoredBurst, Weighed
from feeds.windows import ChangeWindow
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.blocks import Block, Element

#: Characters of a path on a card: two lines of a phone.
PATH_MAX: Final = 80
NAME_MAX: Final = 40
#: Accounts or processes that a card names.
WHO_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A burst with everything that its card says. `rows`: the most dangerous first."""

    burst: StoredBurst
    rows: tuple[Weighed, ...]
    now: datetime
    case: Case = field(default_factory=Case)
    case_version: int = 0
    #: open on that machine at any moment of the burst, newest first.
    sessions: tuple[Session, ...] = ()
    #: the one that ended last before it.
    last_session: Session | None = None
    #: people's names, without @.
    names: Mapping[str, str] = field(default_factory=dict)
    #: why each session was asked for.
    reasons: Mapping[RequestId, str] = field(default_factory=dict)
    window: ChangeWindow | None = None
    #: drawn in the security channel, for an answer "Not me".
    is_raised: bool = False
    #: names of the channels, with #.
    channel_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> str:
        """What a button carries: the burst, and how often people had decided about it."""
        return f"{self.burst.id}.{self.case_version}"

    @property
    def is_resolved(self) -> bool:
        """Closed after it was looked into, not because it was expected."""
        steps = self.case.steps
        return bool(steps) and steps[-1].kind is DeedKind.RESOLVED

    @property
    def is_azure_vm(self) -> bool:
        return bool(self.burst.facts.resource_id)

    @property
    def is_flood(self) -> bool:
        return self.burst.kind == "flood"


def machine(view: ChangeView, locale: Locale) -> str:
    """Its name, plain; an unknown machine by what is known of it (C023)."""
    return machine_of(view.burst, locale)


def machine_of(burst: StoredBurst, locale: Locale) -> str:
    facts = burst.facts
    if facts.machine.strip():
        return safe.cut_middle(safe.one_line(facts.machine), NAME_MAX)
    if facts.agent_id:
        agent = safe.one_line(facts.agent_id)[:12]
        return locale.text("fim.unknown_machine_named", agent=agent)
    return locale.text("fim.unknown_machine")


def machine_code(view: ChangeView, locale: Locale) -> str:
    """As code in mrkdwn, a word of ours as words."""
    name = view.burst.facts.machine.strip()
    return safe.code(name, NAME_MAX) if name else safe.escape_mrkdwn(machine(view, locale))


def name(person: str, names: Mapping[str, str], locale: Locale) -> str:
    """`@yamada` in plain letters: nobody is called (mrkdwn)."""
    return locale.text("fim.person", name=safe.escape_mrkdwn(names.get(person) or person, NAME_MAX))


def people(ids: Iterable[str], names: Mapping[str, str], locale: Locale) -> str:
    return locale.join([name(each, names, locale) for each in dict.fromkeys(ids)])


def ports(numbers: Sequence[int], locale: Locale) -> str:
    shown = locale.text("list.comma").join(map(str, numbers))
    return locale.plural("fim.ports", len(numbers), ports=shown)


def start(text: str) -> str:
    """With a capital letter, where a sentence begins."""
    return text[:1].upper() + text[1:]


# --- times ------------------------------------------------------------------------------------


def clock_token(instant: datetime, locale: Locale) -> str:
    """The time alone, for mrkdwn, beside another that bears the date."""
    zone = locale.plain_when(instant).rpartition(" ")[2]
    return f"<!date^{int(instant.timestamp())}^{{time}}|{locale.clock(instant)} {zone}>"


def same_day(one: datetime, other: datetime, locale: Locale) -> bool:
    return one.astimezone(locale.tz).date() == other.astimezone(locale.tz).date()


def span(first: datetime, last: datetime, locale: Locale) -> str:
    """`today 18:05 to 18:09`; one instant as one (mrkdwn)."""
    if int((last - first).total_seconds()) < 60:
        return locale.when(first)
    is_day = same_day(first, last, locale)
    end = clock_token(last, locale) if is_day else locale.when(last)
    return locale.text("fim.span", first=locale.when(first), last=end)


def plain_span(first: datetime, last: datetime, locale: Locale) -> str:
    if int((last - first).total_seconds()) < 60:
        return locale.plain_when(first)
    if not same_day(first, last, locale):
        return locale.text("fim.span", first=locale.plain_when(first), last=locale.plain_when(last))
    day, _, clock = locale.plain_when(first).partition(" ")
    hour, _, zone = clock.partition(" ")
    last_clock = f"{locale.clock(last)} {zone}"
    return locale.text("fim.span", first=f"{day} {hour}", last=last_clock)


def late_line(view: ChangeView, locale: Locale) -> str:
    """`Changed 5 h ago, seen now` (C087)."""
    burst = view.burst
    if not is_late(burst.burst("")):
        return ""
    ago = locale.short_duration(burst.opened_at - burst.last_at)
    return locale.text("fim.late", ago=ago, when=locale.when(burst.opened_at))


# --- paths, kinds, who ------------------------------------------------------------------------


def short_path(path: str) -> str:
    """One line, visible, with both its ends; a registry key with its hive and last three steps."""
    shown = short_hive(safe.one_line(path))
    steps = shown.split("\\")
    if shown[:2] in ("HK", "hk") and len(steps) > 5:
        shown = "\\".join((steps[0], safe.ELLIPSIS, *steps[-3:]))
    return safe.cut_middle(shown or safe.EMPTY, PATH_MAX)


def noun(view: ChangeView) -> str:
    """`registry` where nothing else has changed."""
    kinds = set(view.burst.kinds)
    return "registry" if kinds and kinds <= {Kind.REGISTRY, Kind.RUN_KEY} else "file"


def kind_counts(kinds: Mapping[Kind, int], locale: Locale) -> str:
    """`31 system binaries, 4 config files`."""
    ordered = sorted(((kind, n) for kind, n in kinds.items() if n > 0), key=lambda each: -each[1])
    return locale.text("list.comma").join(
        locale.plural(f"fim.kind.{kind.value}", n) for kind, n in ordered
    )


def act_counts(view: ChangeView, locale: Locale) -> str:
    """`36 created or modified, 1 deleted`; words that we don't know count together."""
    known: dict[str, int] = {}
    for act, n in view.burst.acts.items():
        key = act if act in ACTS else "other"
        known[key] = known.get(key, 0) + n
    ordered = sorted(known.items(), key=lambda each: (-each[1], each[0]))
    return locale.text("list.comma").join(locale.plural(f"fim.act.{act}", n) for act, n in ordered)


ACTS: Final = frozenset({"created", "modified", "deleted", "renamed", "touched"})


def who_line(view: ChangeView, locale: Locale) -> str:
    """`By root with vim and dpkg` (mrkdwn), or that it can't be known."""
    accounts = _most(row.change.account for row in view.rows)
    processes = _most(row.change.process for row in view.rows)
    who, how = codes(accounts, locale), codes(processes, locale)
    if who and how:
        return locale.text("fim.by_with", who=who, processes=how)
    if who:
        return locale.text("fim.by", who=who)
    if how:
        return locale.text("fim.with_only", processes=how)
    return locale.text("fim.by_unknown", table=safe.one_line(view.burst.facts.table))


def codes(names: Sequence[str], locale: Locale) -> str:
    """A few names as code, joined as the language does beside code (mrkdwn)."""
    shown = [safe.code(each, NAME_MAX) for each in names]
    if len(shown) == 2:
        return locale.text("fim.pair", first=shown[0], second=shown[1])
    return locale.join(shown)


def _most(names: Iterable[str]) -> list[str]:
    return [each for each in dict.fromkeys(names) if each][:WHO_MAX]


def place(view: ChangeView, locale: Locale) -> str:
    """`rg-web` in `prod-web`; of an unknown machine its agent and workspace (mrkdwn)."""
    facts = view.burst.facts
    if facts.resource_group and facts.subscription:
        group, sub = safe.code(facts.resource_group, 90), safe.code(facts.subscription, 64)
        return locale.text("fim.place", group=group, subscription=sub)
    if facts.resource_group:
        return locale.text("fim.place_group", group=safe.code(facts.resource_group, 90))
    return locale.text(
        "fim.place_agent",
        agent=safe.code(facts.agent_id or safe.EMPTY, 40),
        workspace=safe.code(facts.workspace or safe.EMPTY, 64),
    )


# --- rich text --------------------------------------------------------------------------------


def code_run(text: str) -> Element:
    """Foreign text as code in rich text, where nothing is parsed."""
    return {"type": "text", "text": text or safe.EMPTY, "style": {"code": True}}


def bullets(items: Sequence[Sequence[Element]]) -> Block:
    return blocks.rich_text(
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 0,
            "elements": [{"type": "rich_text_section", "elements": list(runs)} for runs in items],
        }
    )
