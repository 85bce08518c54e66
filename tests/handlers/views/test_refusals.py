"""Every reason to refuse has its sentence, in both languages and both kinds of text."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

import pytest

from approvals.verdict import Code, Field, Refusal
from handlers.locale import Locale
from handlers.views.refusals import refusal_text
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_inert

#: What each argument looks like.
VALUES: dict[str, object] = {
    "typed": "<!channel>",
    "near": ("web-01", "web-02"),
    "vm": "web-01",
    "vms": ("web-01", "web-02"),
    "rule": "production",
    "groups": ("S0SECURITY",),
    "people": ("U0SATO",),
    "administrators": ("U0MORI",),
    "allowed": (22, 8443),
    "ports": (3389,),
    "inner": "203.0.113.7",
    "network": "203.0.113.0/24",
    "source": "198.51.100.1",
    "shortest": timedelta(minutes=5),
    "longest": timedelta(hours=3),
    "left": timedelta(minutes=40),
    "at": samples.at(18, 14),
    "length": 900,
    "limit": 500,
    "pattern": "CHG-1234",
    "quorum": 2,
    "found": 1,
    "requester": "U0YAMADA",
    "scope": "usergroups:read",
    "group": "security",
    "person": "U0SATO",
    "now": "staging",
    "word": "qux",
    "position": 7,
}


def documented() -> dict[str, set[str]]:
    """Code → the names of its arguments, as the comments of `Code` promise them."""
    found = {}
    for line in inspect.getsource(Code).splitlines():
        if match := re.match(r'\s+\w+ = "(\w+)"(?:\s+#(.*))?$', line):
            words = re.sub(r"\([^)]*\)|:.*", "", match[2] or "")
            found[match[1]] = {word for word in words.split() if word in VALUES}
    for code in ("word_unknown", "hidden_character"):
        found[code] |= {"word", "position"}
    return found


CODES = documented()


def refusal(code: Code) -> Refusal:
    args = {name: VALUES[name] for name in CODES[code.value]}
    return Refusal(code, Field.REQUEST, args)


@pytest.mark.proves("N1")
@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence(code: Code, locale: Locale) -> None:
    for mrkdwn in (True, False):
        said = refusal_text(refusal(code), locale, mrkdwn=mrkdwn)
        assert said
        assert "{" not in said.replace("{date_short_pretty} {time}", "")
        assert "  " not in said
        assert said == said.strip()
        assert said[-1] in ".。:：)）`" or ":" in said or "：" in said
        if mrkdwn:
            assert_inert(said)
        else:
            assert "`" not in said


def test_empty_facts_have_their_own_sentence() -> None:
    locale = samples.locale("en")
    bare = Refusal(Code.RIGHTS_UNKNOWN, Field.REQUEST, {"scope": "", "group": ""})
    assert refusal_text(bare, locale).startswith("Who is in which group can’t be checked now.")
    changed = Refusal(Code.RULE_CHANGED, Field.REQUEST, {"rule": "production", "now": ""})
    assert "no rule applies" in refusal_text(changed, locale)
    nobody = Refusal(
        Code.NO_APPROVER,
        Field.VM,
        {"rule": "r", "quorum": 2, "found": 0, "administrators": ("U0MORI",)},
    )
    assert refusal_text(nobody, locale) == (
        "Nobody can approve this by rule r. Ask an administrator: <@U0MORI>."
    )


@pytest.mark.proves("N1")
@pytest.mark.parametrize(
    ("language", "mrkdwn", "wanted"),
    [
        (
            "en",
            True,
            "`10.0.0.1` is a private address that Azure never sees. Write the public one.",
        ),
        (
            "en",
            False,
            "“10.0.0.1” is a private address that Azure never sees. Write the public one.",
        ),
        (
            "ja",
            True,
            "`10.0.0.1` はプライベートアドレスで、Azureからは見えません。"
            "公開アドレスを指定してください。",
        ),
        (
            "ja",
            False,
            "「10.0.0.1」はプライベートアドレスで、Azureからは見えません。"
            "公開アドレスを指定してください。",
        ),
    ],
)
def test_typed_text_stands_out(language: str, mrkdwn: bool, wanted: str) -> None:
    private = Refusal(Code.SOURCE_PRIVATE, Field.SOURCE, {"typed": "10.0.0.1"})
    locale = samples.locale("ja" if language == "ja" else "en")
    assert refusal_text(private, locale, mrkdwn=mrkdwn) == wanted


@pytest.mark.proves("A11")
def test_the_group_is_named_where_its_name_is_known() -> None:
    asked = Refusal(
        Code.NOT_APPROVER, Field.REQUEST, {"rule": "r", "groups": ("S0SECURITY",), "people": ()}
    )
    said = refusal_text(asked, samples.locale("en"), group_names=samples.NAMES)
    assert said == "Rule r asks security, and you are not one of them."
