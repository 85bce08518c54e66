// Times as the chosen person reads them: in their zone and language, by the sandbox's clock.
import { isJapanese, locale, t } from "./i18n.js";

let skew = 0; // milliseconds between the sandbox's clock and this browser's
let zone = "UTC";

/** The sandbox said that it is `iso` now. */
export function setClock(iso) {
  skew = Date.parse(iso) - Date.now();
}

export function setZone(name) {
  zone = name || "UTC";
}

/** The sandbox's time, in milliseconds. */
export const now = () => Date.now() + skew;

/** A message address ("1795597920.000100") as milliseconds. */
export const tsMillis = (ts) => Number.parseFloat(ts) * 1000;

function format(millis, options) {
  return new Intl.DateTimeFormat(locale(), { timeZone: zone, ...options }).format(new Date(millis));
}

export const clock = (millis) =>
  format(millis, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clockSeconds = (millis) =>
  format(millis, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const dayKey = (millis) =>
  new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).format(new Date(millis));

/** Days between now and then on the person's calendar: 0 today, 1 tomorrow, -1 yesterday. */
function dayDistance(millis) {
  return Math.round((Date.parse(dayKey(millis)) - Date.parse(dayKey(now()))) / 86_400_000);
}

const RELATIVE = {
  en: { "-1": "yesterday", 0: "today", 1: "tomorrow" },
  ja: { "-1": "昨日", 0: "今日", 1: "明日" },
};

function pretty(millis, otherwise) {
  const word = RELATIVE[isJapanese() ? "ja" : "en"][dayDistance(millis)];
  return word ?? otherwise(millis);
}

const short = (m) => format(m, { year: "numeric", month: "short", day: "numeric" });
const medium = (m) => format(m, { year: "numeric", month: "long", day: "numeric" });
const long = (m) => format(m, { year: "numeric", month: "long", day: "numeric", weekday: "long" });

const TOKENS = {
  date_num: dayKey,
  date: medium,
  date_short: short,
  date_long: long,
  date_pretty: (m) => pretty(m, medium),
  date_short_pretty: (m) => pretty(m, short),
  date_long_pretty: (m) => pretty(m, long),
  time: clock,
  time_secs: clockSeconds,
  ago: (m) => ago(m),
};

/** Slack's `<!date^ts^format|fallback>`; an unknown token gives the fallback, as Slack does. */
export function formatDate(seconds, pattern, fallback) {
  let known = Number.isFinite(seconds);
  const text = pattern.replace(/\{(\w+)\}/g, (whole, name) => {
    if (known && TOKENS[name]) return TOKENS[name](seconds * 1000);
    known = false;
    return whole;
  });
  return known ? text : fallback;
}

/** The whole instant, for tooltips. */
export const full = (millis) => format(millis, { dateStyle: "full", timeStyle: "medium" });

/** The label of a day's divider. */
export function dayLabel(millis) {
  const distance = dayDistance(millis);
  if (distance === 0) return t("today");
  if (distance === -1) return t("yesterday");
  return format(millis, { weekday: "long", month: "long", day: "numeric" });
}

export const sameDay = (a, b) => dayKey(a) === dayKey(b);

/** "1:05:09" or "4:31": what is left, for a running countdown. */
export function countdown(millis) {
  const total = Math.max(0, Math.ceil(millis / 1000));
  const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((n, i) => (i === 0 ? String(n) : String(n).padStart(2, "0"))).join(":");
}

/** A length in words, its two largest units: "1 h 5 min". */
export function duration(seconds) {
  const total = Math.round(seconds);
  const units = [
    ["days", Math.floor(total / 86_400)],
    ["hours", Math.floor(total / 3600) % 24],
    ["minutes", Math.floor(total / 60) % 60],
    ["seconds", total % 60],
  ];
  const present = units.filter(([, n]) => n > 0).slice(0, 2);
  if (present.length === 0) return t("seconds", 0);
  return present.map(([unit, n]) => t(unit, n)).join(isJapanese() ? "" : " ");
}

function ago(millis) {
  const seconds = (now() - millis) / 1000;
  const past = seconds >= 0;
  const text = duration(Math.abs(seconds));
  if (isJapanese()) return past ? `${text}前` : `${text}後`;
  return past ? `${text} ago` : `in ${text}`;
}
