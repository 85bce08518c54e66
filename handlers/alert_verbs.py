"""The words of `/alerts`, in both languages: verbs, severities, and what they mean."""

from __future__ import annotations

from enum import StrEnum

from defender.alert import SEVERITIES


class AlertVerb(StrEnum):
    """`guess`: the first word is no verb, but may name a machine."""

    OPEN = "open"
    MINE = "mine"
    MACHINE = "machine"
    SHOW = "show"
    SEARCH = "search"
    TAKE = "take"
    PROGRESS = "progress"
    RESOLVE = "resolve"
    DISMISS = "dismiss"
    MUTED = "muted"
    ROUTE = "route"
    STATS = "stats"
    HELP = "help"
    GUESS = "guess"


V = AlertVerb
VERBS: dict[str, AlertVerb] = {
    **{verb.value: verb for verb in V if verb is not V.GUESS},
    "list": V.OPEN, "all": V.OPEN, "active": V.OPEN, "未解決": V.OPEN, "一覧": V.OPEN,
    "my": V.MINE, "me": V.MINE, "自分": V.MINE, "自分の担当": V.MINE, "担当中": V.MINE,
    "machines": V.MACHINE, "vm": V.MACHINE, "host": V.MACHINE, "on": V.MACHINE,
    "マシン": V.MACHINE, "サーバー": V.MACHINE,
    "details": V.SHOW, "表示": V.SHOW, "詳細": V.SHOW,
    "find": V.SEARCH, "検索": V.SEARCH, "探す": V.SEARCH,
    "own": V.TAKE, "担当": V.TAKE, "担当する": V.TAKE,
    "inprogress": V.PROGRESS, "in-progress": V.PROGRESS, "begin": V.PROGRESS,
    "対応中": V.PROGRESS, "対応中にする": V.PROGRESS,
    "解決": V.RESOLVE, "解決済み": V.RESOLVE,
    "ignore": V.DISMISS, "無視": V.DISMISS, "無視する": V.DISMISS,
    "mute": V.MUTED, "mutes": V.MUTED, "ミュート": V.MUTED, "通知停止": V.MUTED,
    "通知対象外": V.MUTED,
    "routes": V.ROUTE, "rule": V.ROUTE, "経路": V.ROUTE, "振り分け": V.ROUTE, "通知先": V.ROUTE,
    "statistics": V.STATS, "stat": V.STATS, "統計": V.STATS, "集計": V.STATS, "件数": V.STATS,
    "?": V.HELP, "ヘルプ": V.HELP, "使い方": V.HELP,
}  # fmt: skip
#: About one alert that exists.
ABOUT_ONE = frozenset({V.SHOW, V.TAKE, V.PROGRESS, V.RESOLVE, V.DISMISS})

SEVERITY_WORDS: dict[str, str] = {
    **{name: name for name in SEVERITIES},
    "hi": "high", "高": "high", "重大": "high",
    "med": "medium", "mid": "medium", "中": "medium",
    "lo": "low", "低": "low",
    "info": "informational", "information": "informational", "情報": "informational",
}  # fmt: skip
EDR_WORDS = frozenset({"edr", "mde", "endpoint", "エンドポイント"})
