// Slack's mrkdwn as nodes. The text is read once, left to right; nothing is ever handed to the HTML parser.
import { emojiFor } from "./emoji.js";
import { h, safeUrl } from "./h.js";
import { hashOf, permalinkPlace } from "./place.js";
import { channel, group, store, userName } from "./state.js";
import { formatDate, full } from "./time.js";

const unescape = (text) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A whole mrkdwn text: fences, quotes, then lines. */
export function mrkdwn(source) {
  return source.split(/```([\s\S]*?)```/).flatMap((part, index) => {
    if (index % 2 === 1)
      return [h("pre", { class: "pre" }, inlinePlain(part.replace(/^\n|\n$/g, "")))];
    return quotesAndLines(trimBeside(part, index));
  });
}

// A fence stands on its own lines, so the line breaks next to it are not shown twice.
const trimBeside = (part, index) =>
  index === 0 ? part.replace(/\n$/, "") : part.replace(/^\n|\n$/g, "");

function quotesAndLines(text) {
  if (text === "") return [];
  const runs = [];
  for (const line of text.split("\n")) {
    const quoted = /^(&gt;|>) ?/.exec(line);
    const last = runs.at(-1);
    const shown = quoted ? line.slice(quoted[0].length) : line;
    if (last && last.quoted === Boolean(quoted)) last.lines.push(shown);
    else runs.push({ quoted: Boolean(quoted), lines: [shown] });
  }
  return runs.flatMap((run) =>
    run.quoted ? [h("blockquote", {}, lines(run.lines))] : lines(run.lines),
  );
}

const lines = (texts) =>
  texts.flatMap((text, i) => (i ? [h("br"), ...inline(text)] : inline(text)));

const TOKEN = /`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+'-]+(?:::skin-tone-\d)?):|([*_~])/g;
const TAGS = { "*": "strong", _: "em", "~": "s" };

/** One line: code, `<…>` tokens, emoji and the three paired marks. */
export function inline(text) {
  const out = [];
  let from = 0;
  TOKEN.lastIndex = 0;
  for (let m = TOKEN.exec(text); m; m = TOKEN.exec(text)) {
    const made = nodeFor(m, text);
    if (!made) continue;
    out.push(unescape(text.slice(from, m.index)), made.node);
    from = made.end;
    TOKEN.lastIndex = from;
  }
  out.push(unescape(text.slice(from)));
  return out.filter((node) => node !== "");
}

function nodeFor(m, text) {
  const end = m.index + m[0].length;
  if (m[1] !== undefined)
    return isFree(text, m.index, end) ? { node: h("code", {}, inlinePlain(m[1])), end } : null;
  if (m[2] !== undefined) return { node: angle(m[2]), end };
  if (m[3] !== undefined) return emojiFor(m[3]) ? { node: emoji(m[3]), end } : null;
  return paired(m[4], m.index, text);
}

// Marks count only beside spaces and punctuation, so "a_b_c" and 日本語*強調*文 stay as typed (as in Slack).
const WORD = /[\p{L}\p{N}]/u;
const isFree = (text, start, end) =>
  !WORD.test(text[start - 1] ?? "") && !WORD.test(text[end] ?? "");

function paired(markChar, start, text) {
  if (/\s/.test(text[start + 1] ?? " ") || WORD.test(text[start - 1] ?? "")) return null;
  for (let at = text.indexOf(markChar, start + 2); at > 0; at = text.indexOf(markChar, at + 1)) {
    const inCode = (text.slice(start, at).split("`").length - 1) % 2 === 1;
    if (inCode || /\s/.test(text[at - 1]) || WORD.test(text[at + 1] ?? "")) continue;
    // inline() keeps its place in a shared expression, so the inner text is read before going on.
    const inner = withOwnPlace(() => inline(text.slice(start + 1, at)));
    return { node: h(TAGS[markChar], {}, inner), end: at + 1 };
  }
  return null;
}

function withOwnPlace(read) {
  const place = TOKEN.lastIndex;
  const result = read();
  TOKEN.lastIndex = place;
  return result;
}

/** Code and fences: only `<…>` tokens count. */
function inlinePlain(text) {
  return text.split(/<([^<>\n]+)>/).map((part, i) => (i % 2 ? angle(part) : unescape(part)));
}

function angle(body) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : unescape(body.slice(bar + 1));
  if (target.startsWith("@")) return userMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!subteam^")) return groupMention(target.split("^")[1], label);
  if (target.startsWith("!date^")) return date(target.split("^"), label ?? "");
  if (target.startsWith("!"))
    return h("span", { class: "mention mention-all" }, `@${label ?? target.slice(1)}`);
  return link(unescape(target), label ?? unescape(target));
}

export function userMention(id, label) {
  const known = userName(id);
  const mine = id === store.me ? " mention-me" : "";
  return h(
    "span",
    { class: `mention${mine}`, "data-user": id },
    `@${known === id ? (label ?? id) : known}`,
  );
}

export function groupMention(id, label) {
  const name = group(id)?.handle ?? label ?? id;
  return h("span", { class: "mention", "data-group": id }, `@${name.replace(/^@/, "")}`);
}

export function channelMention(id, label) {
  const name = channel(id)?.name ?? label ?? id;
  return h(
    "a",
    { class: "mention", href: `#as=${store.me}&channel=${id}`, "data-channel-link": id },
    `#${name}`,
  );
}

function date([, seconds, pattern = "", url], fallback) {
  const shown = formatDate(Number(seconds), pattern, fallback);
  return timeNode(Number(seconds), shown, url);
}

/** A time as text, with the whole instant as its tooltip. */
export function timeNode(seconds, shown, url) {
  const sound = Number.isFinite(seconds);
  const node = h(
    "time",
    sound ? { datetime: new Date(seconds * 1000).toISOString(), title: full(seconds * 1000) } : {},
    shown,
  );
  return url ? link(url, node) : node;
}

/** A link, or just its label where the address is not http(s). */
export function link(url, label) {
  const href = url.startsWith("mailto:") ? null : safeUrl(url);
  const place = href && permalinkPlace(href);
  if (place) return h("a", { href: hashOf({ me: store.me, ...place }) }, label);
  return href
    ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label)
    : h("span", {}, label);
}

export function emoji(name) {
  const character = emojiFor(name);
  return h(
    "span",
    { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " ") },
    character ?? `:${name}:`,
  );
}

/** A plain_text or mrkdwn object. */
export function textObject(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object);
}

/** plain_text: line breaks, and emoji unless switched off. */
export function plain(object) {
  const parts = object.emoji === false ? [object.text] : object.text.split(/:([a-z0-9_+-]+):/);
  return parts.flatMap((part, i) => {
    if (i % 2) return emojiFor(part) ? [emoji(part)] : [`:${part}:`];
    return part.split("\n").flatMap((line, n) => (n ? [h("br"), line] : [line]));
  });
}
