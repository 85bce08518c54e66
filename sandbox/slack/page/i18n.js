// The page's own words, in the language of the person chosen. What the bot writes is never translated.

const EN = {
  actAs: "You are", switchPerson: "Switch person", channels: "Channels", apps: "Apps", people: "People",
  conversation: "Conversation", messages: "Messages", home: "Home", about: "About", thread: "Thread",
  back: "Back", close: "Close", cancel: "Cancel", yes: "Yes", send: "Send", app: "APP",
  toChannels: "Back to channels", toConversation: "Back to the conversation",
  onlyYou: "Only visible to you", edited: "(edited)", deleted: "This message was deleted.",
  reply: "Reply in thread", more: "More actions", replies: (n) => (n === 1 ? "1 reply" : `${n} replies`),
  openThread: "Open the thread", today: "Today", yesterday: "Yesterday",
  composer: (name) => `Message ${name}`, composerReply: "Reply…", commands: "Commands", mentions: "People and groups",
  composerHint: "Enter sends, Shift+Enter starts a line",
  empty: "No messages yet", emptyHint: "Type / for the commands.", emptyHome: "This Home tab is empty until the app fills it.",
  archived: "This channel is archived. You can read it, but not write.",
  aboutText: "Asks colleagues before a port of a virtual machine opens, closes it again, and can prove it.",
  unread: (n) => `${n} unread`, online: "connected", offline: "not connected",
  live: "Live", reconnecting: "Connection lost. Connecting again…",
  failed: (command, error) => `${command} failed with the error “${error}”`, slackbot: "Slackbot",
  notHandled: { operation_timeout: "The app took too long to answer.", dispatch_failed: "The app can't be reached right now.",
    other: (error) => `Something went wrong (${error}).` },
  formTrouble: "We had some trouble connecting. Try again?",
  required: "Please complete this required field.", optional: "(optional)", choose: "Choose an option",
  searching: "Searching…", noResults: "No results", results: (n) => (n === 1 ? "1 result" : `${n} results`),
  remove: (name) => `Remove ${name}`, tooShort: (n) => `Type at least ${n} characters.`,
  typeMore: (n) => (n === 1 ? "Type at least 1 character" : `Type at least ${n} characters`),
  unsupported: (type) => `This page can't show a block of type ${type}.`,
  azure: "Azure", azureTitle: "Azure right now", openPorts: (n) => (n === 1 ? "1 open port" : `${n} open ports`),
  noOpen: "No port is open", noOpenHint: "Every JIT port is closed by its deny rule.", from: "from", closes: "closes", left: "left",
  rules: "Network security groups", log: "Requests that Azure received", noLog: "Nothing yet",
  allow: "Allow", deny: "Deny", priority: "Priority", port: "Port", source: "Source", access: "Access",
  director: "Director", directorTitle: "Director's panel", clock: "Clock", clockNow: "Sandbox time", ahead: (d) => `${d} ahead of real time`,
  realTime: "Real time", move: "Move the clock forward", breaks: "Break something", clearAll: "Mend everything", noFaults: "Nothing is broken",
  someFaults: (n) => (n === 1 ? "1 thing is broken" : `${n} things are broken`), moved: (d) => `Clock moved by ${d}`,
  seconds: (n) => `${n} s`, minutes: (n) => `${n} min`, hours: (n) => `${n} h`, days: (n) => (n === 1 ? "1 day" : `${n} days`),
  cannotLoad: (what) => `The sandbox didn't answer (${what}).`,
  engineer: "engineer", approver: "approver", analyst: "analyst", administrator: "administrator", "other company": "other company",
};

const JA = {
  actAs: "操作中の人", switchPerson: "人を切り替える", channels: "チャンネル", apps: "アプリ", people: "メンバー",
  conversation: "会話", messages: "メッセージ", home: "ホーム", about: "ワークスペース情報", thread: "スレッド",
  back: "戻る", close: "閉じる", cancel: "キャンセル", yes: "はい", send: "送信", app: "アプリ",
  toChannels: "チャンネル一覧に戻る", toConversation: "会話に戻る",
  onlyYou: "あなただけに表示されています", edited: "（編集済み）", deleted: "このメッセージは削除されました。",
  reply: "スレッドで返信する", more: "その他", replies: (n) => `${n}件の返信`,
  openThread: "スレッドを開く", today: "今日", yesterday: "昨日",
  composer: (name) => `${name} へのメッセージ`, composerReply: "返信する…", commands: "コマンド", mentions: "メンバーとグループ",
  composerHint: "Enterで送信、Shift+Enterで改行",
  empty: "メッセージはまだありません", emptyHint: "/ を入力するとコマンドを選べます。", emptyHome: "アプリがホームタブを作るまで、ここは空です。",
  archived: "アーカイブされたチャンネルです。閲覧だけできます。",
  aboutText: "同僚の承認を得てから仮想マシンのポートを開け、時間が来たら閉じ、その記録を証明できるアプリです。",
  unread: (n) => `未読${n}件`, online: "接続中", offline: "未接続",
  live: "接続中", reconnecting: "接続が切れました。再接続しています…",
  failed: (command, error) => `${command} はエラー「${error}」により失敗しました`, slackbot: "Slackbot",
  notHandled: { operation_timeout: "アプリからの応答が時間内にありませんでした。", dispatch_failed: "現在アプリに接続できません。",
    other: (error) => `問題が発生しました（${error}）。` },
  formTrouble: "接続で問題が発生しました。もう一度お試しください。",
  required: "この項目は必須です。", optional: "（任意）", choose: "選択してください",
  searching: "検索中…", noResults: "見つかりません", results: (n) => `${n}件`,
  remove: (name) => `${name} を外す`, tooShort: (n) => `${n}文字以上で入力してください。`,
  typeMore: (n) => `${n}文字以上入力してください`,
  unsupported: (type) => `このページでは ${type} ブロックを表示できません。`,
  azure: "Azure", azureTitle: "現在のAzure", openPorts: (n) => `開いているポート：${n}`,
  noOpen: "開いているポートはありません", noOpenHint: "JITの対象ポートはすべて拒否規則で閉じています。", from: "接続元", closes: "終了", left: "残り",
  rules: "ネットワークセキュリティグループ", log: "Azureが受け取った要求", noLog: "まだありません",
  allow: "許可", deny: "拒否", priority: "優先度", port: "ポート", source: "接続元", access: "動作",
  director: "演出", directorTitle: "演出パネル", clock: "時計", clockNow: "サンドボックスの時刻", ahead: (d) => `実際の時刻より${d}進んでいます`,
  realTime: "実際の時刻", move: "時計を進める", breaks: "障害を起こす", clearAll: "すべて元に戻す", noFaults: "障害はありません",
  someFaults: (n) => `障害：${n}件`, moved: (d) => `時計を${d}進めました`,
  seconds: (n) => `${n}秒`, minutes: (n) => `${n}分`, hours: (n) => `${n}時間`, days: (n) => `${n}日`,
  cannotLoad: (what) => `サンドボックスから応答がありません（${what}）。`,
  engineer: "エンジニア", approver: "承認者", analyst: "アナリスト", administrator: "管理者", "other company": "社外",
};

let words = EN;
let current = "en-US";

/** Use the words of this locale from now on. */
export function setLocale(locale) {
  current = locale || "en-US";
  words = isJapanese() ? JA : EN;
  document.documentElement.lang = isJapanese() ? "ja" : "en";
}

export const locale = () => current;
export const isJapanese = () => current.startsWith("ja");

/** One text: `t("replies", 2)`. */
export function t(key, ...args) {
  const text = words[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return typeof text === "function" ? text(...args) : text;
}

/** What Slack would say about a click that failed with `error`. */
export function failure(error) {
  const texts = words.notHandled;
  return texts[error] ?? texts.other(error);
}

/** A title such as "approver" in the page's language; foreign titles stay. */
export const title = (text) => words[(text ?? "").toLowerCase()] ?? text ?? "";
