// The menus of forms and messages: one combobox for static and external, single and multiple selects.
import { fill, h, mark, uid } from "./h.js";
import { place } from "./dialog.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { textObject } from "./mrkdwn.js";
import { SuggestionFailed } from "./surface.js";

const TYPING_PAUSE = 150; // ms without a key before the app is asked

/**
 * `load(query)` gives option groups; `onchange(options)` hears every choice.
 * `settings`: { id, label, placeholder, multiple, chosen, minQuery, slow, attributes }
 */
export function combobox(settings, load, onchange) {
  return new Combobox(settings, load, onchange).node;
}

class Combobox {
  constructor(settings, load, onchange) {
    Object.assign(this, {
      settings,
      load,
      onchange,
      chosen: settings.chosen,
      options: [],
      active: -1,
      asked: 0,
    });
    const listId = uid("list");
    this.input = h("input", {
      class: "combo-input",
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      id: settings.id,
      "aria-expanded": "false",
      "aria-controls": listId,
      "aria-autocomplete": "list",
      "aria-label": settings.label,
      placeholder: settings.placeholder,
      ...settings.attributes,
      oninput: () => this.typed(),
      onkeydown: (e) => this.key(e),
      onfocus: () => this.input.select(),
      onclick: () => this.open(),
      onblur: () => this.shut(),
    });
    this.chips = h("span", { class: "combo-chips" });
    this.list = h("ul", {
      class: "combo-list",
      role: "listbox",
      id: listId,
      popover: "manual",
      "aria-label": settings.label ?? settings.placeholder,
    });
    this.list.addEventListener("mousedown", (e) => e.preventDefault()); // keeps the focus in the field
    this.note = h("span", { class: "visually-hidden", role: "status" });
    this.node = h(
      "div",
      { class: "combo", "data-multiple": settings.multiple },
      this.chips,
      this.input,
      icon("down"),
      this.list,
      this.note,
    );
    this.node.addEventListener("mousedown", (e) => {
      if (e.target === this.input || e.target.closest("button, ul")) return;
      e.preventDefault();
      this.input.focus();
      this.open();
    });
    this.showChosen();
  }

  showChosen() {
    const { multiple } = this.settings;
    this.input.value = multiple || !this.chosen[0] ? "" : this.chosen[0].text.text;
    if (!multiple) return;
    fill(
      this.chips,
      this.chosen.map((option) =>
        h(
          "span",
          { class: "chip" },
          textObject(option.text),
          h(
            "button",
            {
              type: "button",
              "aria-label": t("remove", option.text.text),
              onclick: () => this.drop(option),
            },
            icon("close"),
          ),
        ),
      ),
    );
  }

  async open() {
    if (!this.list.matches(":popover-open")) {
      this.list.showPopover();
      this.input.setAttribute("aria-expanded", "true");
    }
    await this.ask("");
  }

  shut() {
    clearTimeout(this.timer);
    this.asked += 1; // an answer still on its way is no longer wanted
    if (this.list.matches(":popover-open")) this.list.hidePopover();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.showChosen();
  }

  typed() {
    if (!this.list.matches(":popover-open")) this.list.showPopover();
    this.input.setAttribute("aria-expanded", "true");
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.ask(this.input.value.trim()),
      this.settings.slow ? TYPING_PAUSE : 0,
    );
  }

  async ask(query) {
    const turn = (this.asked += 1);
    const least = this.settings.minQuery ?? 0;
    if (query.length < least) return this.say(t("typeMore", least));
    if (this.settings.slow) this.say(t("searching"), true);
    let groups;
    try {
      groups = await this.load(query);
    } catch (error) {
      if (!(error instanceof SuggestionFailed)) throw error;
      if (turn === this.asked) this.say(error.message);
      return undefined;
    }
    if (turn === this.asked) this.show(groups);
    return undefined;
  }

  say(text, waiting = false) {
    this.options = [];
    this.active = -1;
    fill(
      this.list,
      h(
        "li",
        { class: "combo-note", role: "presentation" },
        waiting && h("span", { class: "spinner" }),
        text,
      ),
    );
    this.note.textContent = waiting ? "" : text;
    place(this.list, this.node, { match: true });
  }

  show(groups) {
    this.options = groups.flatMap((g) => g.options);
    if (this.options.length === 0) return this.say(t("noResults"));
    const rows = [];
    let index = 0;
    for (const { label, options } of groups) {
      if (label)
        rows.push(h("li", { class: "combo-group", role: "presentation" }, textObject(label)));
      for (const option of options) rows.push(this.row(option, index++));
    }
    fill(this.list, rows);
    this.note.textContent = t("results", this.options.length);
    place(this.list, this.node, { match: true });
    const current = this.options.findIndex((o) => this.has(o));
    return this.activate(current >= 0 && !this.settings.multiple ? current : 0);
  }

  row(option, index) {
    return h(
      "li",
      {
        class: "combo-option",
        role: "option",
        id: `${this.list.id}-${index}`,
        "aria-selected": String(this.has(option)),
        "data-value": option.value,
        onclick: () => this.pick(option),
        onmousemove: () => this.activate(index, false),
      },
      h("span", {}, textObject(option.text)),
      option.description && h("small", {}, textObject(option.description)),
      this.has(option) && icon("check"),
    );
  }

  has = (option) => this.chosen.some((c) => c.value === option.value);

  activate(index, scroll = true) {
    const rows = this.list.querySelectorAll("[role=option]");
    rows[this.active]?.classList.remove("active");
    this.active = index;
    rows[index]?.classList.add("active");
    mark(this.input, "aria-activedescendant", rows[index]?.id ?? false);
    if (scroll) rows[index]?.scrollIntoView({ block: "nearest" });
  }

  pick(option) {
    if (this.settings.multiple) {
      this.chosen = this.has(option)
        ? this.chosen.filter((c) => c.value !== option.value)
        : [...this.chosen, option];
    } else {
      this.chosen = [option];
    }
    this.shut();
    this.onchange(this.chosen, this.node);
  }

  drop(option) {
    this.chosen = this.chosen.filter((c) => c.value !== option.value);
    this.showChosen();
    this.onchange(this.chosen, this.node);
    this.input.focus();
  }

  key(event) {
    if (event.isComposing) return;
    const isOpen = this.list.matches(":popover-open");
    const count = this.options.length;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      if (!isOpen) this.open();
      else if (count) this.activate((this.active + steps[event.key] + count) % count);
    } else if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      if (this.options[this.active]) this.pick(this.options[this.active]);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault(); // the form stays
      event.stopPropagation();
      this.shut();
    } else if (
      event.key === "Backspace" &&
      this.settings.multiple &&
      this.input.value === "" &&
      this.chosen.length
    ) {
      this.drop(this.chosen.at(-1));
    }
  }
}

/** Options whose text holds every word typed. */
export function matching(groups, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (o) =>
    words.every((w) => `${o.text.text} ${o.description?.text ?? ""}`.toLowerCase().includes(w));
  return groups
    .map((g) => ({ ...g, options: g.options.filter(fits) }))
    .filter((g) => g.options.length);
}
