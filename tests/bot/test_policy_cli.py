"""`policy check` and `policy try` say what the rules mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from approvals.events import PersonId
from approvals.membership import Membership
from bot.locales import load
from bot.policy_cli import Answer, World, check_policy, try_policy
from bot.settings import Settings, load_settings
from defender.records import Machine, PortRule, VmPolicy
from defender.resources import ResourceId
from handlers.locale import Locale

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
EN = Locale("en", ZoneInfo("UTC"), load("en"))
JA = Locale("ja", ZoneInfo("Asia/Tokyo"), load("ja"))
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1111111111-abcdef",
    "SLACK_APP_TOKEN": "xapp-1-A111-abcdef",
    "SEKISHO_AUDIT_KEY": "k" * 40,
}
HEAD = f"""\
redis: {{url: "embedded:/tmp/x"}}
azure: {{subscriptions: [{SUBSCRIPTION}]}}
audit: {{channel: C0AUDIT}}
administrators: [U0ITO]
networks: {{office: 203.0.113.0/24}}
people: [[U0SATO, W0SATO]]
rules:
"""
SATO, SUZUKI, ALICE = PersonId("U0SATO"), PersonId("U0SUZUKI"), PersonId("U0ALICE")


def rule(name: str, **changes: str) -> str:
    parts = {
        "scope": '{names: ["*"]}',
        "askers": "[S0ENG]",
        "approvers": "[S0SECURITY]",
        "networks": "[office]",
        "longest": "4h",
        "channel": "C0OPS",
        **changes,
    }
    return f"  - name: {name}\n" + "".join(f"    {key}: {text}\n" for key, text in parts.items())


@pytest.fixture
def settings(tmp_path: Path) -> type[Loader]:
    Loader.folder = tmp_path
    return Loader


class Loader:
    folder: Path

    @classmethod
    def of(cls, *rules: str) -> Settings:
        file = cls.folder / "sekisho.yaml"
        file.write_text(HEAD + "".join(rules))
        found = load_settings(file, ENVIRON)
        assert isinstance(found, Settings), "\n".join(map(str, found))
        return found


def machine(name: str, group: str = "rg-shop") -> Machine:
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    resource_id = ResourceId(f"{path}/providers/Microsoft.Compute/virtualMachines/{name}")
    return Machine(resource_id, name, group, SUBSCRIPTION, "Shop", "japaneast", "Linux", {})


def policies(vm: Machine) -> Sequence[VmPolicy]:
    port = PortRule(22, "TCP", ("203.0.113.0/24",), timedelta(hours=3))
    policy_id = ResourceId("/policies/default")
    return [VmPolicy(policy_id, "default", "rg", "japaneast", vm.resource_id, (port,), None)]


def world(
    *names: str,
    security: tuple[PersonId, ...] = (SATO, SUZUKI),
    engineers: tuple[PersonId, ...] = (ALICE,),
    inactive: tuple[PersonId, ...] = (),
) -> World:
    groups = {"S0SECURITY": frozenset(security), "S0ENG": frozenset(engineers)}
    return World(
        membership=Membership(groups, NOW, frozenset(inactive)),
        machines=[machine(name) for name in names or ("web-01", "db-01")],
        people={"alice": ALICE, "sato": SATO},
        names={"U0SATO": "@sato", "U0SUZUKI": "@suzuki", "S0SECURITY": "@security"}
        | {"C0OPS": "#ops-approvals", "U0ALICE": "@alice", "S0ENG": "@engineers"},
    )


def check(found: Settings, there: World, locale: Locale = EN) -> Answer:
    return check_policy(found, there, locale)


@pytest.mark.proves("L4")
def test_a_good_policy_is_said_to_be_one(settings: type[Loader]) -> None:
    assert check(settings.of(rule("all")), world()) == Answer(("Nothing wrong with the rules.",), 0)


@pytest.mark.proves("L4")
def test_a_rule_behind_a_wider_one_can_never_match(settings: type[Loader]) -> None:
    found = settings.of(rule("all"), rule("databases", scope='{names: ["db-*"]}'))
    answer = check(found, world())
    assert answer.exit_code == 1
    assert answer.lines == (
        "sekisho.yaml:15: rule databases can never match: rule all (line 8) takes all its VMs"
        " first.",
    )


@pytest.mark.proves("L4")
def test_a_rule_whose_vms_are_all_taken_by_several_others(settings: type[Loader]) -> None:
    found = settings.of(
        rule("web", scope='{names: ["web-*"]}'),
        rule("db", scope='{names: ["db-*"]}'),
        rule("shop", scope="{resource_groups: [rg-shop]}"),
    )
    (line,) = check(found, world()).lines
    assert line.endswith("rule shop matches VMs, but rules before it take them all: web, db.")


@pytest.mark.parametrize(
    ("security", "quorum", "says"),
    [
        ((), "1", "nobody can approve; 0 of 1 needed people are there. VMs: web-01, db-01."),
        ((SATO, PersonId("W0SATO")), "2", "nobody can approve; 1 of 2 needed people are there."),
        ((SATO,), "1", "@sato alone can approve. VMs: web-01, db-01."),
    ],
)
@pytest.mark.proves("L4", "C064")
def test_vms_that_nobody_or_one_person_alone_can_approve(
    settings: type[Loader], security: tuple[PersonId, ...], quorum: str, says: str
) -> None:
    answer = check(settings.of(rule("all", quorum=quorum)), world(security=security))
    assert answer.exit_code == 1
    assert any(says in line for line in answer.lines), answer.lines


@pytest.mark.proves("L4", "C064")
def test_an_approver_who_asks_may_leave_too_few(settings: type[Loader]) -> None:
    two = settings.of(rule("all", quorum="2"))
    answer = check(two, world(engineers=(ALICE, SATO)))
    assert answer.lines == (
        "sekisho.yaml:8: rule all: @sato may ask, but too few others could approve. "
        "VMs: web-01, db-01.",
    )


@pytest.mark.proves("L4", "C064")
def test_gone_people_and_empty_groups_are_named(settings: type[Loader]) -> None:
    found = settings.of(rule("all", approvers="[S0SECURITY, U0GONE]", askers="[S0ENG]"))
    answer = check(found, world(engineers=(), inactive=(PersonId("U0GONE"),)))
    assert any("the user group @engineers has nobody in it" in line for line in answer.lines)
    assert any("U0GONE can't use Slack any more" in line for line in answer.lines)
    assert any("nobody may ask" in line for line in answer.lines)


@pytest.mark.proves("L4")
def test_vms_without_a_rule_and_rules_without_a_vm_are_noted(settings: type[Loader]) -> None:
    found = settings.of(rule("web", scope='{names: ["web-*"]}'), rule("x", scope="{names: [x]}"))
    names = [f"app-{number}" for number in range(7)]
    answer = check(found, world("web-01", *names))
    assert answer.exit_code == 0
    assert answer.lines == (
        "sekisho.yaml:15: rule x matches no VM of the estate now.",
        "No rule, so nobody may ask for them: app-0, app-1, app-2, app-3, app-4 and 2 more.",
        "Nothing wrong with the rules.",
    )


def test_without_azure_the_file_alone_is_checked(settings: type[Loader]) -> None:
    answer = check(settings.of(rule("all")), World(), JA)
    assert answer.lines == (
        "Azureには接続せず、ファイルだけを確認しました。",
        "ルールに問題はありません。",
    )


def attempt(found: Settings, text: str, there: World | None = None, locale: Locale = EN) -> Answer:
    return try_policy(found, text, there or world(), locale, policies=policies, now=NOW)


@pytest.mark.proves("L3")
def test_a_try_gives_verdict_rule_line_and_who_is_asked(settings: type[Loader]) -> None:
    answer = attempt(settings.of(rule("all")), "alice web-01 ssh 2h")
    assert answer.exit_code == 0
    assert answer.lines == (
        "Rule all (sekisho.yaml:8)",
        "Possible: 1 of these must agree: @sato, @suzuki.",
        "Asked in #ops-approvals; unanswered it lapses after 30 minutes.",
        "Not typed, so not checked: source address and reason.",
    )


@pytest.mark.proves("L3", "A6")
def test_a_try_says_every_reason_against_it(settings: type[Loader]) -> None:
    found = settings.of(rule("all", ticket="{pattern: 'CHG-[0-9]+'}"))
    answer = attempt(found, "@Alice web-01 rdp 5h from 8.8.8.8 because test")
    assert answer.exit_code == 1
    text = "\n".join(answer.lines)
    assert "3389" in text
    assert "4 hours" in text or "3 hours" in text
    assert answer.lines[-1] == "Not typed, so not checked: ticket (CHG-[0-9]+)."


@pytest.mark.proves("L3")
def test_a_typed_source_is_checked_against_azures_policy(settings: type[Loader]) -> None:
    found = settings.of(rule("all"))
    assert attempt(found, "alice web-01 ssh 2h from 203.0.113.7 because x").exit_code == 0
    refused = attempt(found, "alice web-01 ssh 2h from 8.8.8.8 because x")
    assert refused.exit_code == 1
    assert "203.0.113.0/24" in "\n".join(refused.lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Write who, VM, port and time"),
        ("alice", "Write who, VM, port and time"),
        ("bob web-01 ssh 2h", "There is nobody called bob"),
        ("alice wep-01 ssh 2h", "There is no VM called wep-01. Near names: web-01"),
    ],
)
@pytest.mark.proves("L3", "K5")
def test_a_try_that_cannot_be_read_says_what_is_missing(
    settings: type[Loader], text: str, says: str
) -> None:
    answer = attempt(settings.of(rule("all")), text)
    assert answer.exit_code == 2
    assert answer.lines[0].startswith(says)


@pytest.mark.proves("L3")
def test_two_vms_of_one_name_are_told_apart(settings: type[Loader]) -> None:
    there = World(
        membership=world().membership,
        machines=[machine("batch-01", "rg-a"), machine("batch-01", "rg-b")],
        people={"alice": ALICE},
    )
    found = settings.of(rule("all"))
    assert "rg-a, rg-b" in attempt(found, "alice batch-01 ssh 2h", there).lines[0]
    assert attempt(found, "alice rg-b/batch-01 ssh 2h", there).exit_code == 0


def test_a_try_in_japanese(settings: type[Loader]) -> None:
    answer = attempt(settings.of(rule("all")), "alice web-01 ssh 2時間", locale=JA)
    assert answer.lines[0] == "ルール all（sekisho.yaml:8）"
    assert answer.exit_code == 0
