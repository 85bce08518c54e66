"""Foreign text made safe, in one place: bounded, visible, inert.

Text of people and of Azure (reasons, names, tags, messages) passes here before it is shown. In
`rich_text` and `plain_text` Slack parses nothing, so there it is only cleaned and cut; in mrkdwn
it is also escaped, and marks that would format it become look-alikes. Slack counts a text after
escaping; we count UTF-16 units, which is never less than Slack does.
"""

from __future__ import annotations

import re
import unicodedata

#: Shown where a text is empty, since Slack refuses a whole message for one empty text (C020).
EMPTY = "—"
ELLIPSIS = "…"

#: `text` of a message: Slack splits a message at about 4,000 characters (C073).
FALLBACK_MAX = 1_000
#: All block text of a message: Slack refuses at about 12,000, undocumented (C019).
MAX_MESSAGE_TEXT = 9_000

#: Reordering and formatting controls (Unicode Cf of bidi) that can make an address lie.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: C0 and C1 controls but tab and line feed, line and paragraph separators, lone surrogates.
_CONTROLS = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BACKTICK_RUN = re.compile("`{2,}")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_WORD_EMOJI = re.compile(r":(?=[a-z0-9_+'-]+:)", re.IGNORECASE)
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")

#: Marks that format in mrkdwn and have no escape, and what is shown instead (C077).
_LOOK_ALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})

#: What belongs to the character before it: variation selectors, joiner, skin tones, keycap.
_JOINER = "\u200d"
_EXTENDERS = frozenset(
    {_JOINER, "\u20e3", *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0x1F3FB, 0x1F400))}
)
#: Marks stacked without end are cut like anything else.
_CLUSTER_MAX = 32


def visible_controls(text: str) -> str:
    """NUL dropped, bidi controls as `[U+202E]` (C096), other controls as a replacement mark."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = _BIDI.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return _CONTROLS.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The text without line breaks: a name can't start a line of its own."""
    return " ".join(visible_controls(text).split())


def length(text: str) -> int:
    """UTF-16 units, as Slack's clients count; an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """At most `limit` units, `…` for what is gone; never inside an entity or a character (C020)."""
    text = text if text.strip() else EMPTY
    if length(text) <= limit:
        return text
    at = _within(text, limit - length(ELLIPSIS))
    return text[: boundary(text, at)].rstrip() + ELLIPSIS


def cut_middle(text: str, limit: int) -> str:
    """Like `cut`, but keeps both ends, so that names with one long prefix differ (C116)."""
    text = text if text.strip() else EMPTY
    if length(text) <= limit:
        return text
    tail_max = (limit - 1) // 2
    tail = text[len(text) - tail_max :]
    while tail and (length(tail) > tail_max or _continues(tail[0])):
        tail = tail[1:]
    head_max = limit - 1 - length(tail)
    return text[: boundary(text, _within(text, head_max))] + ELLIPSIS + tail


def plain(text: str, limit: int) -> str:
    """For `plain_text` and `rich_text`, where nothing is parsed."""
    return cut(visible_controls(text), limit)


def echo(text: str, limit: int) -> str:
    """What a person typed, given back to them in a field: unchanged but for what Slack refuses."""
    text = re.sub("[\0\ud800-\udfff]", "", text)
    return text[: boundary(text, _within(text, limit))]


def label(text: str, limit: int = 75) -> str:
    """For an option or a button: one line, cut in the middle."""
    return cut_middle(one_line(text), limit)


def escape(text: str) -> str:
    """Slack's three characters, nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_mrkdwn(text: str, limit: int = 300) -> str:
    """For use inside a sentence of ours in mrkdwn: one line, escaped, formatting marks inert."""
    text = one_line(text).translate(_LOOK_ALIKES)
    text = _EDGE_UNDERSCORE.sub("\uff3f", text)
    text = _WORD_EMOJI.sub("\u2236", text)
    return cut(escape(text), limit)


def code(text: str, limit: int = 300) -> str:
    """`text` as code in mrkdwn. Slack has no escape for back-ticks: look-alikes (C077)."""
    return f"`{cut(escape(one_line(text).replace('`', 'ˋ')), limit)}`"


def preformatted(text: str, limit: int) -> str:
    """For a code block: runs of back-ticks replaced, backslashes exactly as they came."""
    text = _BACKTICK_RUN.sub(lambda run: "ˋ" * len(run[0]), visible_controls(text))
    return cut(text, limit)


def link_label(text: str, limit: int = 150) -> str:
    """For `<url|label>`: one line, escaped, without `|` and formatting marks (C113)."""
    text = re.sub(r"[|*_~`]", "", one_line(text))
    return cut(escape(text), limit)


def _within(text: str, limit: int) -> int:
    """How many characters of `text` fit into `limit` units."""
    used = 0
    for at, char in enumerate(text):
        used += 2 if ord(char) > 0xFFFF else 1
        if used > limit:
            return at
    return len(text)


def boundary(text: str, at: int) -> int:
    """`at`, or the nearest place before it that is inside no entity and no character."""
    for entity in _ENTITY.finditer(text, max(0, at - 5), at + 5):
        if entity.start() < at < entity.end():
            at = entity.start()
    wanted = at
    while 0 < at < len(text) and _is_inside(text, at):
        at -= 1
        if wanted - at > _CLUSTER_MAX:
            return wanted
    return at


def _is_inside(text: str, at: int) -> bool:
    return _continues(text[at]) or text[at - 1] == _JOINER or _splits_flag(text, at)


def _continues(char: str) -> bool:
    return char in _EXTENDERS or unicodedata.category(char) in ("Mn", "Me", "Mc")


def _splits_flag(text: str, at: int) -> bool:
    """Whether an odd number of regional indicators stands before `at`, one more after it."""
    if not _is_regional(text[at]):
        return False
    before = 0
    while before < at and _is_regional(text[at - 1 - before]):
        before += 1
    return before % 2 == 1


def _is_regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF
