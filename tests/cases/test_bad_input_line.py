"""Bad input in one line: the sentence, the corrected line, and nothing changed."""

from __future__ import annotations

import pytest

from tests.cases.people import answer, seen
from tests.stage import Stage

FROM = " from 203.0.113.7 because deploy fix"
X = " because x"

#: What is typed after `/jit`, what Alice reads, what 山田 reads, the corrected line if any.
BAD: tuple[tuple[str, str, str, str], ...] = (
    # vm
    ("wbe-01 22 1h" + FROM, "No VM named wbe-01", "wbe-01というVMが見つかりません", ""),
    ("zzz 22 1h" + FROM, "No name is near to it", "似た名前のVMもありません", ""),
    ("monitor-01 22 1h" + FROM, "has no JIT policy", "JITポリシーがありません", ""),
    ("batch-01 22 1h" + FROM, "More than one VM is named batch-01", "VMが複数あります", ""),
    ("\u200bwbe-01 22 1h" + FROM, "invisible character at place 1", "1文字目に見えない文字", ""),
    # ports
    ("web-01 443 1h" + FROM, "no JIT rule for port 443", "ポート443（HTTPS）はありません", ""),
    (
        "web-01 22,443 1h" + FROM, "no JIT rule for port 443", "ポート443（HTTPS）はありません",
        "/jit web-01 22 1h from 203.0.113.7 because deploy fix",
    ),
    ("web-01 99999 1h" + FROM, "`99999` is no port", "`99999` はポートではありません", ""),
    ("web-01 0 1h" + FROM, "`0` is no port", "`0` はポートではありません", ""),
    # window
    (
        "web-01 22 25h" + FROM, "opens for 3 hours at most", "最長3時間です",
        "/jit web-01 22 3h from 203.0.113.7 because deploy fix",
    ),
    (
        "web-01 22 1m" + FROM, "At least 5 minutes", "5分以上にしてください",
        "/jit web-01 22 5m from 203.0.113.7 because deploy fix",
    ),
    ("web-01 22 until 25:00" + FROM, "`until 25:00` is no time", "時間として読み取れません", ""),
    ("web-01 22 400d" + FROM, "`400d` is no time", "`400d` を時間として読み取れません", ""),
    # source
    ("web-01 22 1h because x", "Name the address", "接続元のアドレスを指定", ""),
    ("web-01 22 1h from *" + X, "open the port to everybody", "だれからでも接続できて", ""),
    ("web-01 22 1h from any" + X, "open the port to everybody", "だれからでも接続できて", ""),
    ("web-01 22 1h from 0.0.0.0/0" + X, "open the port to everybody", "だれからでも接続できて", ""),
    ("web-01 22 1h from office.example.com" + X, "is a name", "ホスト名です", ""),
    ("web-01 22 1h from 8.8.8.0/24" + X, "more than one address", "複数のアドレスを含みます", ""),
    ("web-01 22 1h from 10.0.0.1" + X, "private address", "プライベートアドレス", ""),
    ("web-01 22 1h from 127.0.0.1" + X, "is reserved", "予約済みのアドレス", ""),
    # C092
    ("web-01 22 1h from 010.8.8.8" + X, "leading zero", "8進数と解釈される", ""),
    ("web-01 22 1h from ::ffff:10.0.0.1" + X, "written as IPv6", "IPv6で書いたもの", ""),
    ("web-01 22 1h from 64:ff9b::a00:1" + X, "written as IPv6", "IPv6で書いたもの", ""),
    ("web-01 22 1h from 2002:0a00:0001::" + X, "written as IPv6", "IPv6で書いたもの", ""),
    ("web-01 22 1h from fe80::1%eth0" + X, "names a network interface", "インターフェイス名", ""),
    ("web-01 22 1h from 127.1" + X, "is a short form", "省略形です", ""),
    ("web-01 22 1h from 3405803783" + X, "written as one number", "1つの数で書いたもの", ""),
    ("web-01 22 1h from 0xCB.0.0x71.7" + X, "written as one number", "1つの数で書いたもの", ""),
    (
        "web-01 22 1h from 203.0.113.7." + X, "ends with a dot", "点で終わっています",
        "/jit web-01 22 1h from 203.0.113.7 because x",
    ),
    (
        "web-01 22 1h from 203.0.113.7/33" + X, "no valid prefix length", "プレフィックス長",
        "/jit web-01 22 1h from 203.0.113.7 because x",
    ),
    (
        "web-01 22 1h from 8.8.8.7/24" + X, "is an address inside `8.8.8.0/24`",
        "`8.8.8.0/24` の中のアドレス", "/jit web-01 22 1h from 8.8.8.7 because x",
    ),
    (
        "web-01 22 1h from 203.0.113.7 /32" + X, "`/32` (character 31)", "`/32` （31文字目）",
        "/jit web-01 22 1h from 203.0.113.7 because x",
    ),
    (
        "jump-01 rdp 1h from 198.51.100.7" + X, "Allowed: 203.0.113.0/24",
        "許可されている接続元：203.0.113.0/24", "/jit jump-01 rdp 1h from 203.0.113.0/24 because x",
    ),
    # reason
    ("web-01 22 1h from 203.0.113.7 because !!!", "Say what you will do", "作業の内容", ""),
    (
        "web-01 22 1h from 203.0.113.7 because " + "x" * 501, "has 501 characters; 500",
        "501文字あります", "",
    ),
    # ticket
    ("db-02 22 1h" + FROM, r"needs a ticket: `CHG-\d{4}`", "チケットが必要です", ""),
    ("db-02 22 1h ticket FOO-1" + FROM, "not look like a ticket", "チケットの形", ""),
    (
        "db-02 22 1h ticket chg-4821" + FROM, "not look like a ticket", "チケットの形",
        "/jit db-02 22 1h from 203.0.113.7 ticket CHG-4821 because deploy fix",
    ),
    ("web-01 22 1h ticket " + "9" * 65 + FROM, "64 characters at most", "64文字以内", ""),
    # words
    (
        "web-01 22 1h pls" + FROM, "`pls` (character 14)", "`pls` （14文字目）",
        "/jit web-01 22 1h from 203.0.113.7 because deploy fix",
    ),
    (
        "web-01 22 1h frmo 203.0.113.7 becuase deploy fix", "Did you mean `because`?",
        "`because` のことですか", "/jit web-01 22 1h from 203.0.113.7 because deploy fix",
    ),
    ("web-01 22 soon" + FROM, "`soon` (character 11)", "`soon` （11文字目）", ""),
    ("aprove 12", "`/jit approve 12`", "`/jit approve 12`", ""),
    ("pendng", "`/jit pending`", "`/jit pending`", ""),
    # decisions
    ("approve", "Which request?", "どの申請ですか", ""),
    ("approve 999", "No request `999` is in the ledger", "台帳にありません", ""),
    ("approve 1 for soon", "`soon`", "`soon`", ""),
    ("deny 1", "A reason is needed", "理由が必要です", ""),
    ("revoke 1", "A reason is needed", "理由が必要です", ""),
    ("show abc", "`abc` (character 6)", "`abc` （6文字目）", ""),
    ("show 999999999999999999", "no word that I know", "分かりません", ""),
    ("list <!channel>", "matches `&lt;!channel&gt;`", "`&lt;!channel&gt;` に当てはまる", ""),
)  # fmt: skip


def _id(row: tuple[str, str, str, str]) -> str:
    return row[0].encode("unicode_escape").decode()[:60]


@pytest.mark.proves("A1", "A4", "A5", "A6", "A7", "A9", "C092", "C034", "C051", "K5", "N1")
@pytest.mark.parametrize("who", ["alice", "yamada"])
@pytest.mark.parametrize("row", BAD, ids=map(_id, BAD))
async def test_a_bad_line_is_answered_and_changes_nothing(
    shared_stage: Stage, row: tuple[str, str, str, str], who: str
) -> None:
    typed, english, japanese, corrected = row
    stage, person = shared_stage, shared_stage.slack.person(who)
    head, before = stage.ledger.highest_head, seen(person)
    cards = len(stage.slack.channel("C0OPS").messages)
    await person.command("C0OPS", f"/jit {typed}")
    said = await answer(stage, person, japanese if who == "yamada" else english, before)
    if corrected:
        assert corrected in said.all_text()
        assert any(action == "jit_send" for _, action, _ in said.buttons())
    else:
        assert not any(action == "jit_send" for _, action, _ in said.buttons())
    assert stage.ledger.highest_head == head
    assert not stage.azure.initiates
    assert len(stage.slack.channel("C0OPS").messages) == cards


@pytest.mark.proves("A1")
async def test_the_corrected_line_is_sent_with_one_click(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit web-01 22,443 25h from 203.0.113.7 because deploy fix")
    said = await answer(stage, alice, "Corrected")
    await alice.click(said, "jit_send")
    await answer(stage, alice, "Request 1 is sent")
    request = await stage.request()
    assert request.terms.ports == (22,)
    assert request.terms.source == "203.0.113.7"
    assert request.justification == "deploy fix"


@pytest.mark.proves("A1", "O1")
async def test_a_line_as_long_as_slack_lets_it_be_is_answered(shared_stage: Stage) -> None:
    alice = shared_stage.slack.person("alice")
    for line in ("/jit " + "a" * 3_990, "/jit " + "1 " * 1_990, "/jit web-01 " + "x" * 3_900):
        before = seen(alice)
        delivery = await alice.command("C0OPS", line)
        assert delivery.acked, delivery
        await answer(shared_stage, alice, "", before)
    assert shared_stage.ledger.highest_head.sequence == 0
