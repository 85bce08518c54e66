// Confirm dialogs. The browser's own <dialog> keeps the focus inside and gives it back.
import { fill, h, uid } from "./h.js";
import { t } from "./i18n.js";
import { textObject } from "./mrkdwn.js";

/** Ask as a block's `confirm` object says; gives true or false. */
export function confirmFirst(confirm) {
  return new Promise((resolve) => {
    const titleId = uid("confirm");
    const yes = h(
      "button",
      {
        class: `button ${confirm.style === "danger" ? "danger" : "primary"}`,
        type: "button",
        onclick: () => box.close("yes"),
      },
      textObject(confirm.confirm ?? { type: "plain_text", text: t("yes") }),
    );
    const no = h(
      "button",
      { class: "button", type: "button", onclick: () => box.close() },
      textObject(confirm.deny ?? { type: "plain_text", text: t("cancel") }),
    );
    const box = h(
      "dialog",
      { class: "confirm", "aria-labelledby": titleId },
      h("h2", { id: titleId }, textObject(confirm.title)),
      h("div", { class: "confirm-text" }, textObject(confirm.text)),
      h("div", { class: "confirm-buttons" }, no, yes),
    );
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes");
    });
    document.body.append(box);
    box.showModal();
    no.focus();
  });
}

/** Place a popover beside its anchor, inside the window. */
export function place(popup, anchor, { match = false } = {}) {
  const rect = anchor.getBoundingClientRect();
  if (match) popup.style.setProperty("width", `${rect.width}px`);
  const below = window.innerHeight - rect.bottom - 12;
  const above = rect.top - 12;
  const upward = below < Math.min(popup.scrollHeight, 220) && above > below;
  popup.style.setProperty(
    "max-height",
    `${Math.max(120, Math.min(340, upward ? above : below))}px`,
  );
  const height = popup.offsetHeight;
  const left = Math.max(8, Math.min(rect.left, window.innerWidth - popup.offsetWidth - 8));
  popup.style.setProperty("left", `${left}px`);
  popup.style.setProperty("top", `${upward ? rect.top - height - 4 : rect.bottom + 4}px`);
}

/** A menu under `anchor`: `[{ label, hint?, run, current?, attributes? }]`. */
export function openMenu(anchor, items, label) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label });
  fill(
    menu,
    items.map((item) =>
      h(
        "button",
        {
          class: "menu-item",
          type: "button",
          role: item.current === undefined ? "menuitem" : "menuitemradio",
          "aria-checked": item.current === undefined ? null : String(item.current),
          ...item.attributes,
          onclick: () => {
            menu.hidePopover();
            item.run();
          },
        },
        item.label,
      ),
    ),
  );
  menu.addEventListener("keydown", (event) => moveFocus(event, menu));
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    menu.remove();
  });
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor);
  anchor.setAttribute("aria-expanded", "true");
  (menu.querySelector("[aria-checked=true]") ?? menu.firstElementChild)?.focus();
}

function moveFocus(event, menu) {
  const items = [...menu.querySelectorAll(".menu-item")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length).focus();
}
