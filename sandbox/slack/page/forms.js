// Forms (modals): one dialog shows the top of the person's stack and keeps what was typed across updates.
import { blocks } from "./blocks.js";
import { fill, h, uid } from "./h.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { plain } from "./mrkdwn.js";
import { act, on, refresh, store } from "./state.js";
import { missing, Surface } from "./surface.js";

let box = null; // the open <dialog>
let form = null; // { view, surface, errors, banner, busy }
const kept = new Map(); // view id -> surface, so that going back to an earlier form finds its values

/** Show whatever form the sandbox says is on top. */
export function setUpForms() {
  on("view", show);
}

function show() {
  const { view } = store;
  if (!view) return shut();
  if (form && form.view.id === view.id && form.view.hash === view.hash && form.who === store.me)
    return undefined;
  const key = `${store.me}/${view.id}`;
  const surface =
    kept.get(key) ?? new Surface({ type: "view", view_id: view.id }, view.state?.values);
  kept.set(key, surface);
  const same = form?.view.id === view.id && form.who === store.me;
  form = { view, surface, who: store.me, errors: same ? form.errors : {}, banner: "", busy: false };
  draw(!same);
  return undefined;
}

function shut() {
  form = null;
  kept.clear();
  if (!box) return;
  const old = box;
  box = null;
  old.close();
  old.remove();
}

function draw(isNew) {
  const focus = isNew ? null : focusPlace();
  if (!box) {
    box = h("dialog", { class: "form" });
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    document.body.append(box);
  }
  const { view } = form;
  const titleId = uid("form");
  const scroll = box.querySelector(".form-body")?.scrollTop ?? 0;
  box.setAttribute("aria-labelledby", titleId);
  box.dataset.viewId = view.id;
  box.dataset.callbackId = view.callback_id ?? "";
  fill(
    box,
    h(
      "form",
      { novalidate: true, onsubmit: (e) => submit(e) },
      head(view, titleId),
      body(view),
      foot(view),
    ),
  );
  if (!box.open) box.showModal();
  box.querySelector(".form-body").scrollTop = isNew ? 0 : scroll;
  if (isNew) focusFirst();
  else focusAgain(focus);
}

function head(view, titleId) {
  return h(
    "header",
    { class: "form-head" },
    store.stack > 1 &&
      h(
        "button",
        { type: "button", class: "quiet", "aria-label": t("back"), onclick: () => close() },
        icon("back"),
      ),
    h("h2", { id: titleId }, plain(view.title)),
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": t("close"), onclick: () => close(true) },
      icon("close"),
    ),
  );
}

const body = (view) =>
  h(
    "div",
    { class: "form-body", tabindex: "-1" },
    form.banner &&
      h(
        "div",
        { class: "alert alert-error", role: "alert" },
        icon("warn"),
        h("div", {}, form.banner),
      ),
    blocks(view.blocks, form.surface, form.errors),
  );

function foot(view) {
  return h(
    "footer",
    { class: "form-foot" },
    h(
      "button",
      { type: "button", class: "button large", onclick: () => close(), disabled: form.busy },
      view.close ? plain(view.close) : t(view.submit ? "cancel" : "close"),
    ),
    view.submit &&
      h(
        "button",
        {
          type: "submit",
          class: "button primary large",
          disabled: form.busy,
          "aria-busy": form.busy ? "true" : null,
        },
        form.busy && h("span", { class: "spinner" }),
        plain(view.submit),
      ),
  );
}

async function submit(event) {
  event.preventDefault();
  if (form.busy) return;
  const mine = form;
  const values = mine.surface.submitted(mine.view.blocks);
  const errors = emptyFields(mine.view.blocks, mine.surface);
  Object.assign(mine, { errors, banner: "", busy: Object.keys(errors).length === 0 });
  draw(false);
  if (!mine.busy) return focusError();
  const answer = await act("view_submission", { view_id: mine.view.id, values });
  if (form?.view.id === mine.view.id) settle(answer);
  return refresh("view");
}

function settle(answer) {
  form.busy = false;
  form.errors = answer.errors ?? {};
  const isShown = Object.keys(form.errors).length > 0;
  form.banner = answer.ok || isShown ? "" : t("formTrouble");
  draw(false);
  if (isShown) focusError();
}

function emptyFields(list, surface) {
  const found = list
    .filter((b) => b.type === "input")
    .map((b) => [b.block_id, missing(b, surface.result(b, b.element))]);
  return Object.fromEntries(found.filter(([, text]) => text));
}

/** The cross closes all forms; back, Cancel and Escape only the one on top. */
async function close(all = false) {
  const { view } = form;
  kept.delete(`${store.me}/${view.id}`);
  await act("view_closed", { view_id: view.id, clear: all });
  await refresh("view");
}

// --- the focus survives an update, as in Slack

const FIELDS = "input, textarea, select";

function focusPlace() {
  const at = document.activeElement;
  const block = at?.closest?.("[data-block-id]")?.dataset.blockId;
  if (!block || !box?.contains(at)) return null;
  const peers = [
    ...box.querySelectorAll(`[data-block-id="${CSS.escape(block)}"] :is(${FIELDS}, button)`),
  ];
  const caret =
    "selectionStart" in at && at.type !== "checkbox" && at.type !== "radio"
      ? at.selectionStart
      : null;
  return { block, index: peers.indexOf(at), caret };
}

function focusAgain(place) {
  if (!place) return;
  const peers = box.querySelectorAll(
    `[data-block-id="${CSS.escape(place.block)}"] :is(${FIELDS}, button)`,
  );
  const node = peers[place.index];
  node?.focus({ preventScroll: true });
  if (node && typeof place.caret === "number" && node.setSelectionRange)
    node.setSelectionRange(place.caret, place.caret);
}

/** Start where something is left to fill in. */
function focusFirst() {
  const fields = [...box.querySelectorAll(".form-body :is(.text-input, .combo-input)")];
  const first = fields.find((node) => node.value === "") ?? box.querySelector(".form-body");
  first.focus({ preventScroll: true });
}

function focusError() {
  const block = box.querySelector(".field-error")?.closest("[data-block-id]");
  block?.scrollIntoView({ block: "center" });
  block?.querySelector(FIELDS)?.focus({ preventScroll: true });
}
