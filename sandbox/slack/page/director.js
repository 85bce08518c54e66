// The director's panel: the clock moves and things break, so a demo needn't wait for either.
import { fill, h, redraw } from "./h.js";
import { icon } from "./icons.js";
import { isJapanese, t } from "./i18n.js";
import { direct, notify, on, refresh, store } from "./state.js";
import { everything } from "./live.js";
import { clockSeconds, duration, full, now } from "./time.js";

const STEPS = [60, 600, 1800, 3600, 14_400, 86_400]; // seconds

// What the panel lists: things that break, things that happen once, and the life of the estate.
const switches = (kind) => (store.faults ?? []).filter((f) => (f.kind ?? "fault") === kind);

export function setUpDirector(button, panel, isShown) {
  const draw = () => {
    const broken = switches("fault").filter((f) => f.on).length;
    button.hidden = store.faults === null;
    button.classList.toggle("is-broken", broken > 0);
    button.setAttribute(
      "aria-label",
      broken ? `${t("director")}: ${t("someFaults", broken)}` : t("director"),
    );
    fill(
      button,
      icon("dials"),
      h("span", { class: "pill-words" }, t("director")),
      broken > 0 && h("span", { class: "badge" }, broken),
    );
    if (isShown()) drawPanel(panel, broken);
  };
  for (const topic of ["faults", "state", "place"]) on(topic, draw);
  setInterval(() => {
    const node = panel.querySelector(".sandbox-clock");
    if (node) fill(node, clockSeconds(now()));
  }, 1000);
}

function drawPanel(panel, broken) {
  const focused = panel.contains(document.activeElement) && document.activeElement.dataset.fault;
  redraw(panel, [store.faults, Math.round(store.state.offset), store.me], () =>
    h("div", { class: "side-body director" }, clockPart(), eventPart(), faultPart(broken)),
  );
  if (focused) panel.querySelector(`[data-fault="${CSS.escape(focused)}"]`)?.focus();
}

function clockPart() {
  const { offset } = store.state;
  return h(
    "section",
    {},
    h("h3", {}, t("clock")),
    h(
      "div",
      { class: "clock-face" },
      icon("clock"),
      h(
        "div",
        {},
        h("time", { class: "sandbox-clock", title: full(now()) }, clockSeconds(now())),
        h("p", { class: "hint" }, offset >= 1 ? t("ahead", duration(offset)) : t("realTime")),
      ),
    ),
    h("p", { class: "label" }, t("move")),
    h(
      "div",
      { class: "actions" },
      STEPS.map((seconds) =>
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-seconds": seconds,
            onclick: () => advance(seconds),
          },
          `+${duration(seconds)}`,
        ),
      ),
    ),
  );
}

async function advance(seconds) {
  const answer = await direct({ do: "advance_clock", seconds });
  notify(answer.ok === false ? t("cannotLoad", answer.error) : t("moved", duration(seconds)));
  await everything();
}

const label = (one) => (isJapanese() ? one.label_ja : one.label_en);

function eventPart() {
  const events = switches("event");
  if (!events.length) return null;
  return h(
    "section",
    {},
    h("h3", {}, t("happens")),
    h(
      "div",
      { class: "events" },
      events.map((event) =>
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-fault": event.name,
            onclick: () => happen(event),
          },
          label(event),
        ),
      ),
    ),
    h("ul", { class: "faults is-life" }, switches("life").map(oneSwitch)),
  );
}

function oneSwitch(one) {
  return h(
    "li",
    {},
    h(
      "label",
      { class: "switch" },
      h("input", {
        type: "checkbox",
        role: "switch",
        checked: one.on,
        "data-fault": one.name,
        onchange: (event) => toggle(one, event.target),
      }),
      h("span", { class: "switch-track", "aria-hidden": "true" }),
      h("span", {}, label(one)),
    ),
  );
}

async function happen(event) {
  const answer = await direct({ do: "fault", name: event.name, on: true });
  const why = (isJapanese() && answer.error_ja) || answer.error;
  notify(answer.ok === false ? why : t("happened", label(event)));
}

function faultPart(broken) {
  return h(
    "section",
    {},
    h("h3", {}, t("breaks")),
    h(
      "ul",
      { class: "faults" },
      switches("fault").map(oneSwitch),
    ),
    h(
      "div",
      { class: "faults-foot" },
      h(
        "button",
        { type: "button", class: "button", onclick: mend, disabled: broken === 0 },
        t("clearAll"),
      ),
      h("span", { class: "hint" }, broken ? t("someFaults", broken) : t("noFaults")),
    ),
  );
}

async function toggle(fault, box) {
  const answer = await direct({ do: "fault", name: fault.name, on: !fault.on });
  if (answer.ok === false) notify(t("cannotLoad", answer.error));
  await refresh("faults");
  const now = store.faults?.find((one) => one.name === fault.name);
  box.checked = Boolean(now?.on); // what happens just once doesn't stay on
}

async function mend() {
  const answer = await direct({ do: "clear_faults" });
  if (answer.ok === false) notify(t("cannotLoad", answer.error));
  await refresh("faults");
}
