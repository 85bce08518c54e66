"""A right file becomes plain settings; a wrong one, a sentence for each mistake with its line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.events import PersonId
from bot.settings import Mistake, Settings, load_settings
from bot.settings_file import parse_document

ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1111111111-abcdef",
    "SLACK_APP_TOKEN": "xapp-1-A111-abcdef",
    "SEKISHO_AUDIT_KEY": "k" * 40,
}

GOOD = """\
redis: {url: "redis://localhost:6379"}
azure: {subscriptions: [00000000-0000-0000-0000-000000000001]}
audit: {channel: C0AUDIT}
administrators: [U0ITO]
rules:
  - name: production
    scope: {names: ["*"]}
    askers: [S0ENG]
    approvers: [S0SECURITY, U0ITO]
    longest: 4h
    channel: C0OPS
"""


def load(
    tmp_path: Path, text: str, environ: Mapping[str, str] = ENVIRON, language: str = "en"
) -> Settings | list[Mistake]:
    file = tmp_path / "sekisho.yaml"
    file.write_text(text, "utf-8")
    return load_settings(file, environ, language=language)


def settings(tmp_path: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
    found = load(tmp_path, text, environ)
    assert isinstance(found, Settings), "\n".join(map(str, found))
    return found


def mistakes(
    tmp_path: Path, text: str, environ: Mapping[str, str] = ENVIRON
) -> list[tuple[int, str]]:
    found = load(tmp_path, text, environ)
    assert isinstance(found, list)
    assert all(mistake.path for mistake in found)
    return [(mistake.line, mistake.sentence) for mistake in found]


def with_rule(lines: str) -> str:
    return GOOD + "".join(f"    {line}\n" for line in lines.splitlines())


def test_defaults_are_the_safe_ones(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD)
    (rule,) = found.policy.rules
    assert (found.slack.mode, found.http.host) == ("socket", "127.0.0.1")
    assert (rule.quorum, rule.line, rule.longest) == (1, 6, timedelta(hours=4))
    assert rule.longest_total == timedelta(hours=8)
    assert rule.ports is None
    assert rule.networks == ()
    assert found.audit.keys.current == "1"
    assert found.policy.groups == {"S0ENG", "S0SECURITY"}
    assert rule.approvers.people == ("U0ITO",)


@pytest.mark.proves("C131", "O1")
def test_tokens_and_guests_are_off_unless_set(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD)
    assert (found.redis.entra, found.redis.user) == (False, None)
    assert not found.policy.rules[0].askers.guests
    url = GOOD.replace('"redis://localhost:6379"}', '"rediss://cache:6380", entra: true, user: me}')
    found = settings(tmp_path, url + "    guests: true\n")
    assert (found.redis.entra, found.redis.user) == (True, "me")
    assert found.policy.rules[0].askers.guests
    assert not found.policy.rules[0].approvers.guests


@pytest.mark.parametrize("name", ["examples/sekisho.yaml", "bot/demo.yaml"])
@pytest.mark.proves("L1")
def test_the_files_that_we_ship_are_right(repository: Path, name: str) -> None:
    environ = {**ENVIRON, "SEKISHO_REDIS__URL": "embedded:/var/lib/sekisho"}
    found = load_settings(repository / name, environ)
    assert isinstance(found, Settings), "\n".join(map(str, found))


@pytest.mark.proves("L1")
def test_the_example_says_what_its_comments_say(repository: Path) -> None:
    found = load_settings(repository / "examples/sekisho.yaml", ENVIRON)
    assert isinstance(found, Settings)
    databases, production, rest = found.policy.rules
    assert (databases.quorum, databases.ports) == (2, frozenset({22, 5432}))
    assert databases.networks[0].prefix == ip_network("10.20.0.0/16")
    assert databases.ticket_link("CHG-1234") == "https://tickets.example.com/browse/CHG-1234"
    assert [network.name for network in production.networks] == ["office", "vpn"]
    assert rest.askers.everyone
    assert found.policy.same_person(PersonId("W0ALICE")) == {"U0ALICE", "W0ALICE"}
    assert found.languages.language_of("C0JA") == "ja"
    assert found.languages.language_of("C0OPS") == "en"
    assert found.languages.time_zone_of("C0JA") == ZoneInfo("Asia/Tokyo")
    assert found.audit.second_sink == Path("/var/log/sekisho/audit.jsonl")


@pytest.mark.parametrize(
    "written",
    [
        "00000000-0000-0000-0000-00000000000A",
        "/subscriptions/00000000-0000-0000-0000-00000000000a",
        "/subscriptions/00000000-0000-0000-0000-00000000000A/",
    ],
)
@pytest.mark.proves("C038")
def test_a_subscription_is_taken_in_both_forms(tmp_path: Path, written: str) -> None:
    text = GOOD.replace("00000000-0000-0000-0000-000000000001", written)
    assert settings(tmp_path, text).azure.subscriptions == ("00000000-0000-0000-0000-00000000000a",)


@pytest.mark.proves("C038")
def test_a_doubled_prefix_is_refused_at_start(tmp_path: Path) -> None:
    text = GOOD.replace("[00000000", "[/subscriptions//subscriptions/subscriptions/00000000")
    ((line, sentence),) = mistakes(tmp_path, text)
    assert line == 2
    assert sentence.startswith("azure.subscriptions[0] must be a subscription id")


@pytest.mark.parametrize(
    ("lines", "line", "begins"),
    [
        ("quorum: 0", 12, "rules[0].quorum must be at least 1."),
        ("quorum: true", 12, "rules[0].quorum must be a whole number."),
        ('quorum: "1.5"', 12, "rules[0].quorum must be a whole number."),
        ("quorum: 0x2", 12, "rules[0].quorum: YAML reads this bare value as another number"),
        ("quorum:", 12, "rules[0].quorum has no value"),
        (f"quorum: {'9' * 5000}", 12, "rules[0].quorum: YAML reads this bare value as another"),
        ("quorum: !!python/name:os.system x", 12, "rules[0].quorum: tags such as !!binary"),
        ("quorm: 2", 12, "rules[0].quorm is not a setting; did you mean quorum?"),
        ("max_duration: 8", 12, "rules[0].max_duration is not a setting; known here: name,"),
        ("lapse_after: 8", 12, "rules[0].lapse_after must be a time with its unit"),
        ("lapse_after: 22:00", 12, "rules[0].lapse_after: YAML reads this bare value"),
        ("lapse_after: 30s", 12, "rules[0].lapse_after must be between 1m and 168h."),
        ("start_within: 2026-11-25", 12, "rules[0].start_within: YAML reads this bare value as a"),
        ("quorum: 2\nquorum: 1", 13, "quorum is there twice in one place (first in line 12)"),
        ("on: 2", 12, "YAML reads the bare word on as true or false"),
        ("ports: [70000]", 12, "rules[0].ports must be a port from 1 to 65535"),
        ("ports: ssh", 12, "rules[0].ports must be `any` or a list"),
        ("networks: [office]", 12, "rules[0].networks[0] names a network that is not under"),
        ("longest_total: 1h", 12, "rules[0].longest_total must be at least as long as longest (4h"),
        ("ticket: {pattern: '['}", 12, "rules[0].ticket.pattern must be a regular expression"),
        ("ticket: {pattern: '(a+)+'}", 12, "rules[0].ticket.pattern repeats a group"),
        ("ticket: {url: 'https://x.example'}", 12, "rules[0].ticket.pattern is missing."),
        (
            "ticket: {pattern: 'A', url: 'https://{ticket}.example/'}",
            12,
            "rules[0].ticket.url must be an address with {ticket} once",
        ),
    ],
)
@pytest.mark.proves("C065", "L4")
def test_a_wrong_line_of_a_rule_is_named(
    tmp_path: Path, lines: str, line: int, begins: str
) -> None:
    found = mistakes(tmp_path, with_rule(lines))
    assert any(at == line and sentence.startswith(begins) for at, sentence in found), found


@pytest.mark.parametrize(
    ("old", "new", "line", "begins"),
    [
        ("approvers: [S0SECURITY, U0ITO]", "approvers: S0123", 9, "rules[0].approvers must be a l"),
        ("[S0SECURITY, U0ITO]", "['@security']", 9, "rules[0].approvers[0] must be the id of a"),
        ("[S0SECURITY, U0ITO]", "[everyone]", 9, "rules[0].approvers[0] must be the id of a"),
        ("[S0SECURITY, U0ITO]", "[]", 9, "rules[0].approvers needs at least 1"),
        ("channel: C0OPS", "channel: '#ops'", 11, "rules[0].channel must be a channel's Slack id"),
        ("longest: 4h", "longest: 25h", 10, "rules[0].longest must be between 5m and 24h."),
        ('{names: ["*"]}', "{}", 7, "rules[0].scope is empty"),
        (
            '{names: ["*"]}',
            "{name: [x]}",
            7,
            "rules[0].scope.name is not a setting; did you mean n",
        ),
        ("administrators:", "administrator:", 4, "administrator is not a setting; did you mean"),
        ("redis://localhost:6379", "redis://localhost/1", 1, "redis.url names another database"),
        ("redis://localhost:6379", "http://localhost", 1, "redis.url must begin with embedded:"),
        ("redis://localhost:6379", "embedded:", 1, "redis.url needs a folder"),
        ('6379"}', '6379", user: me}', 1, "redis.user is only used together with redis.entra"),
        ('6379"}', '6379", entra: true}', 1, "redis.url must begin with rediss:// with redis.e"),
        (
            '"redis://localhost:6379"}',
            '"rediss://me:pw@localhost:6380", entra: true}',
            1,
            "redis.url has a user or password, but redis.entra",
        ),
        ("askers: [S0ENG]", "askers: [S0ENG]\n    guests: maybe", 9, "rules[0].guests must be"),
        ("[U0ITO]\nrules", "[U0ITO]\nlanguage: fr\nrules", 5, "language must be one of: en, ja."),
        ("[U0ITO]\nrules", "[U0ITO]\ntime_zone: JST-9\nrules", 5, "time_zone must be a time zone"),
        (
            "[U0ITO]\nrules",
            "[U0ITO]\nnetworks: {office: 10.0.0.0/4}\nrules",
            5,
            "networks.office must be a network such as",
        ),
        (
            "[U0ITO]\nrules",
            "[U0ITO]\nnetworks: {office: 0.0.0.0/0}\nrules",
            5,
            "networks.office is too wide",
        ),
        (
            "[U0ITO]\nrules",
            "[U0ITO]\npeople: [[U1AA, W1AA], [U1AA, W2AA]]\nrules",
            5,
            "U1AA is already in another set of people",
        ),
    ],
)
@pytest.mark.proves("C065")
def test_a_wrong_setting_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, begins: str
) -> None:
    assert old in GOOD
    found = mistakes(tmp_path, GOOD.replace(old, new))
    assert any(at == line and sentence.startswith(begins) for at, sentence in found), found


@pytest.mark.proves("C065")
def test_a_nested_list_is_no_rule(tmp_path: Path) -> None:
    text = GOOD.partition("rules:")[0] + "rules:\n  - - match: {a: b}\n  - [{match: x}]\n"
    says = "must be names with values (`name: value`), not a list or a single value."
    assert mistakes(tmp_path, text) == [(6, f"rules[0] {says}"), (7, f"rules[1] {says}")]


@pytest.mark.proves("C065")
def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("C0AUDIT", "audit").replace("4h", "4").replace("S0ENG", "eng")
    found = mistakes(tmp_path, text, {"SLACK_BOT_TOKEN": "xoxb-1111111111-abcdef"})
    assert [line for line, _ in found] == [3, 3, 8, 10]


@pytest.mark.parametrize(
    ("text", "line", "begins"),
    [
        ("rules: [", 1, "This is not YAML"),
        ("a: 1\n\tb: 2\n", 2, "YAML indents with spaces; there is a tab"),
        ("- a\n- b\n", 1, "The settings file must hold names with values"),
        ("&a [*a, *a]", 1, "The settings file must hold names"),
        ("a: &a [b]\n? [x]\n: y\n", 2, "A name must be plain text"),
        ("a: " + "[" * 60 + "]" * 60, 1, "The settings file is nested too deeply"),
    ],
)
@pytest.mark.proves("C065")
def test_what_is_no_settings_file_is_said(
    tmp_path: Path, text: str, line: int, begins: str
) -> None:
    found = mistakes(tmp_path, text)
    assert any(at == line and sentence.startswith(begins) for at, sentence in found), found


near_yaml = st.text(alphabet="ab:-[]{}&*!|>#%@'\"\n\t ?,~0123.\u3000\x85\ufeff", max_size=60)


@given(st.one_of(near_yaml, st.text(max_size=60)))
@pytest.mark.proves("C065")
def test_no_file_crashes_the_reader(text: str) -> None:
    document = parse_document(text, "sekisho.yaml")
    last = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + 2
    for problem in document.problems:
        assert problem.line is not None
        assert 1 <= problem.line <= last + text.count("\u2029")
    for loc in document.lines:
        assert document.line((*loc, "x")) == document.lines[loc]


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    absent = load_settings(tmp_path / "absent.yaml", ENVIRON)
    assert isinstance(absent, list)
    assert "no such file" in absent[0].sentence.lower()
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"slack:\n  mode: \xff\xfe\n")
    found = load_settings(binary, ENVIRON)
    assert isinstance(found, list)
    assert (found[0].line, str(found[0])) == (2, f"{binary}:2: {found[0].sentence}")


@pytest.mark.proves("N1")
def test_the_sentences_are_there_in_japanese(tmp_path: Path) -> None:
    found = load(tmp_path, with_rule("quorum: 0"), language="ja")
    assert isinstance(found, list)
    assert found[0].sentence == "rules[0].quorum は1以上にしてください。"


def test_the_environment_comes_over_the_file(tmp_path: Path) -> None:
    environ = {
        **ENVIRON,
        "SEKISHO_LANGUAGE": "ja",
        "SEKISHO_HTTP__PORT": "3001",
        "SEKISHO_ADMINISTRATORS": "U0ITO,U0SATO",
        "SEKISHO_SLACK__TEAMS": '["T0HOME"]',
        "SEKISHO_SLACK__ENTERPRISE": "",
    }
    found = settings(tmp_path, GOOD, environ)
    assert found.languages.default == "ja"
    assert found.http.port == 3001
    assert found.policy.administrators == {"U0ITO", "U0SATO"}
    assert found.slack.teams == {"T0HOME"}


def test_a_wrong_variable_is_named_by_its_name(tmp_path: Path) -> None:
    environ = {**ENVIRON, "SEKISHO_HTTP__PORT": "0", "SEKISHO_SLCK__MODE": "http"}
    found = load(tmp_path, GOOD, environ)
    assert isinstance(found, list)
    assert [str(mistake) for mistake in found] == [
        "SEKISHO_HTTP__PORT: http.port must be at least 1.",
        "SEKISHO_SLCK__MODE: slck is not a setting; did you mean slack?",
    ]


def test_the_file_is_named_by_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.yaml"
    file.write_text(GOOD, "utf-8")
    found = load_settings(None, {**ENVIRON, "SEKISHO_CONFIG": str(file)})
    assert isinstance(found, Settings)
    assert found.file == file


@pytest.mark.parametrize(
    ("redis", "azure", "is_allowed"),
    [
        ("embedded:/tmp/x", "https://127.0.0.1:4443", True),
        ("embedded:/tmp/x", "https://localhost:4443", True),
        ("redis://localhost", "https://127.0.0.1:4443", False),
        ("embedded:/tmp/x", "https://management.azure.com", False),
        ("embedded:/tmp/x", "https://127.0.0.1.example.com", False),
    ],
)
@pytest.mark.proves("O6")
def test_only_the_demo_may_move_the_clock(
    tmp_path: Path, redis: str, azure: str, is_allowed: bool
) -> None:
    environ = {
        **ENVIRON,
        "SEKISHO_REDIS__URL": redis,
        "SEKISHO_AZURE__RESOURCE_MANAGER": azure,
        "SEKISHO_CLOCK_OFFSET_FILE": "/tmp/offset",
    }
    found = load(tmp_path, GOOD.replace('redis: {url: "redis://localhost:6379"}\n', ""), environ)
    assert isinstance(found, Settings) is is_allowed
    if isinstance(found, list):
        assert found[0].path == "SEKISHO_CLOCK_OFFSET_FILE"


@pytest.mark.proves("C094")
def test_one_proxy_for_everything_but_what_is_near(tmp_path: Path) -> None:
    environ = {
        **ENVIRON,
        "HTTPS_PROXY": "http://proxy.example.com:8080",
        "NO_PROXY": "localhost,127.0.0.1,.internal.example,vault.example:8200",
    }
    proxy = settings(tmp_path, GOOD, environ).proxy
    for url in ("https://slack.com/api/", "wss://wss.slack.com/link", "https://login.example.com"):
        assert proxy.for_url(url) == "http://proxy.example.com:8080"
    for url in (
        "http://169.254.169.254/metadata",
        "https://127.0.0.1:4443",
        "http://localhost:80",
        "https://a.internal.example",
        "https://vault.example",
        "https://[::1]:80",
    ):
        assert proxy.for_url(url) is None
    own = {**environ, "SEKISHO_PROXY": "http://other.example.com:3128"}
    assert settings(tmp_path, GOOD, own).proxy.url == "http://other.example.com:3128"


@pytest.mark.proves("FAULT-32")
def test_the_version_changes_with_what_the_rules_say_and_with_nothing_else(tmp_path: Path) -> None:
    def version(text: str) -> str:
        return settings(tmp_path, text).policy.version

    first = version(GOOD)
    assert version("# a comment\n" + GOOD) == first
    assert version(GOOD + "language: ja\n") == first
    assert version(with_rule("quorum: 2")) != first
    assert version(GOOD.replace("longest: 4h", "longest: 3h")) != first
    assert version(GOOD + "people: [[U1AA, W1AA]]\n") != first


@pytest.mark.proves("C064", "L4")
def test_a_quorum_that_named_people_cannot_reach_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("[S0SECURITY, U0ITO]", "[U0ITO, W0ITO]")
    text += "    quorum: 2\npeople: [[U0ITO, W0ITO]]\n"
    ((line, sentence),) = mistakes(tmp_path, text)
    assert (line, sentence) == (
        9,
        "rules[0].approvers has only 1 different people, and the quorum is 2.",
    )
