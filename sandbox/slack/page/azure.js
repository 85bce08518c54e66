// Azure beside the conversation: what is open right now, by which rules, and what was asked of it.
import { fill, h, redraw } from "./h.js";
import { icon } from "./icons.js";
import { isJapanese, t } from "./i18n.js";
import { on, refresh, store } from "./state.js";
import { clock, clockSeconds, countdown, full, now } from "./time.js";

const FEW = 4; // groups without an open port that still show one by one
const POLL = 3000; // ms between readings while the panel shows, because requests don't announce themselves

/** Draw the pill into `pill` and, while it shows, the panel into `panel`. */
export function setUpAzure(pill, panel, isShown) {
  const draw = () => {
    drawPill(pill);
    if (isShown()) drawPanel(panel);
  };
  for (const topic of ["azure", "state", "place"]) on(topic, draw);
  setInterval(tick, 1000);
  setInterval(() => isShown() && document.visibilityState === "visible" && refresh("azure"), POLL);
}

// 192.0.2.0/24 is for documents (RFC 5737): a port opened to it alone lets nobody in. Asking for
// that is how a session is ended early, since Azure has no call for it.
const isForNobody = (one) => /^192\.0\.2\.\d+(\/32)?$/.test(one.source);
const listed = () => store.azure?.open ?? [];
const open = () => listed().filter((one) => !isForNobody(one));

function drawPill(pill) {
  pill.hidden = store.azure === null;
  const count = open().length;
  const soonest = open()
    .map((p) => p.ends_at)
    .sort()[0];
  pill.classList.toggle("is-open", count > 0);
  const label = count ? t("openPorts", count) : t("noOpen");
  pill.setAttribute("aria-label", `${t("azure")}: ${label}`);
  fill(
    pill,
    icon(count ? "unlock" : "lock"),
    h("span", { class: "pill-words" }, label),
    soonest && left(soonest),
  );
}

const left = (endsAt) =>
  h("span", { class: "countdown", "data-ends-at": endsAt }, countdown(Date.parse(endsAt) - now()));

/** Let every countdown run; one that reaches its end is read again. */
function tick() {
  for (const node of document.querySelectorAll("[data-ends-at]")) {
    const rest = Date.parse(node.dataset.endsAt) - now();
    node.textContent = countdown(rest);
    node.classList.toggle("soon", rest < 600_000);
    if (rest <= 0 && rest > -1500) refresh("azure");
  }
}

let openRules = new Set();

function drawPanel(panel) {
  openRules = new Set([...panel.querySelectorAll("details[open]")].map((d) => d.dataset.nsg));
  const scroll = panel.querySelector(".side-body")?.scrollTop ?? 0;
  redraw(panel, [store.azure, store.me, isJapanese()], () =>
    h("div", { class: "side-body" }, openPorts(), alerts(), rules(), log()),
  );
  panel.firstElementChild.scrollTop = scroll;
}

function openPorts() {
  const list = open();
  const head = h(
    "h3",
    { class: "open-title" },
    list.length ? t("openPorts", list.length) : t("noOpen"),
  );
  if (list.length === 0)
    return h(
      "section",
      { class: "open-ports none" },
      icon("lock"),
      h("div", {}, head, h("p", { class: "hint" }, t("noOpenHint")), endedEarly()),
    );
  return h("section", { class: "open-ports" }, head, h("ul", {}, list.map(portCard)), endedEarly());
}

/** Ports that Azure still lists, though only for an address that nobody has. */
const endedEarly = () =>
  listed()
    .filter(isForNobody)
    .map((one) =>
      h("p", { class: "hint", "data-nobody": `${one.vm}:${one.port}` }, t("forNobody", one)),
    );

function portCard(one) {
  const ends = Date.parse(one.ends_at);
  return h(
    "li",
    { class: "port-card", "data-vm": one.vm, "data-port": one.port },
    h(
      "div",
      { class: "port-head" },
      icon("unlock"),
      h("strong", {}, `${one.vm}:${one.port}`),
      left(one.ends_at),
    ),
    h(
      "dl",
      {},
      h("dt", {}, t("from")),
      h("dd", {}, h("code", {}, one.source)),
      h("dt", {}, t("closes")),
      h("dd", {}, h("time", { title: full(ends) }, clock(ends)), ` · ${one.resource_group}`),
    ),
    one.justification && h("p", { class: "hint" }, one.justification),
  );
}

/** The newest alerts, as Azure's own list shows them. */
function alerts() {
  const list = store.azure?.alerts ?? [];
  const total = store.azure?.alerts_total ?? 0;
  return h(
    "section",
    { class: "alerts" },
    h("h3", {}, total ? t("alertCount", total) : t("noAlerts")),
    h("ul", {}, list.map(alertLine)),
  );
}

const alertLine = (one) =>
  h(
    "li",
    { class: "alert-line", "data-alert": one.name, "data-status": one.status },
    h(
      "div",
      {},
      h("strong", {}, `${t("severities")[one.severity] ?? one.severity}: `),
      h("span", {}, one.title),
    ),
    h(
      "p",
      { class: "hint" },
      `${one.vm} · `,
      h("time", { title: full(Date.parse(one.at)) }, clock(Date.parse(one.at))),
      ` · ${t("alertStates")[one.status] ?? one.status}`,
    ),
  );

/** Groups with an open port stand first and open; the many others fold into one line. */
function rules() {
  const nsgs = store.azure?.nsgs ?? [];
  const openNames = new Set(listed().map((port) => port.vm));
  const isAllowing = (nsg) => nsg.vm.split(", ").some((name) => openNames.has(name));
  const allowing = nsgs.filter(isAllowing);
  const others = nsgs.filter((nsg) => !isAllowing(nsg));
  const list = others.map((nsg) => group(nsg, openRules.has(nsg.name)));
  const isFolded = others.length > FEW;
  return h(
    "section",
    {},
    h("h3", {}, t("rules")),
    allowing.map((nsg) => group(nsg, true)),
    isFolded
      ? h(
          "details",
          { class: "nsg others", "data-nsg": "", open: openRules.has("") },
          h("summary", {}, t("otherGroups", others.length)),
          list,
        )
      : list,
  );
}

const group = (nsg, open) =>
  h(
    "details",
    { class: "nsg", "data-nsg": nsg.name, open },
    h("summary", {}, h("span", {}, nsg.name), nsg.vm && h("small", {}, nsg.vm)),
    ruleTable(nsg.rules),
  );

const isAllow = (rule) => rule.access.toLowerCase() === "allow";

function ruleTable(list) {
  const head = ["priority", "access", "port", "source"].map((key) =>
    h("th", { scope: "col" }, t(key)),
  );
  const sorted = [...list].sort((a, b) => a.priority - b.priority);
  return h(
    "table",
    { class: "rules" },
    h("thead", {}, h("tr", {}, head)),
    h(
      "tbody",
      {},
      sorted.map((rule) =>
        h(
          "tr",
          {
            class: `${isAllow(rule) ? "allow" : "deny"}${/JIT/.test(rule.name) ? " jit" : ""}`,
            title: [rule.name, rule.description].filter(Boolean).join(": "),
          },
          h("td", {}, rule.priority),
          h("td", {}, h("span", { class: "access" }, t(isAllow(rule) ? "allow" : "deny"))),
          h("td", {}, rule.port),
          h("td", {}, rule.source),
        ),
      ),
    ),
  );
}

function log() {
  const rows = [...(store.azure?.log ?? [])].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return h(
    "section",
    {},
    h("h3", {}, t("log")),
    rows.length === 0
      ? h("p", { class: "hint" }, t("noLog"))
      : h("ol", { class: "log" }, rows.map(logRow)),
  );
}

function logRow(one) {
  return h(
    "li",
    { class: one.method.toLowerCase() },
    h("time", {}, clockSeconds(Date.parse(one.at))),
    h("strong", {}, one.method),
    h("span", { class: "path", title: one.path }, shortPath(one.path)),
    h("span", { class: `status s${String(one.status)[0]}` }, one.status),
  );
}

/** The end of a path says what was asked; the whole one is the tooltip. */
function shortPath(path) {
  const parts = path.split("?")[0].split("/").filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join("/")}` : path;
}
