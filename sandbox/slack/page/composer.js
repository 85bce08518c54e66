// Where people write: slash commands and mentions are offered while typing.
import { fill, h, mark, uid } from "./h.js";
import { icon } from "./icons.js";
import { failure, t } from "./i18n.js";
import { avatar, botAvatar } from "./people.js";
import { act, channel, channelName, notify, refresh, shortName, store, emit } from "./state.js";
import { now } from "./time.js";

/** A composer; in a thread `threaded` is true and slash commands are refused, as in Slack. */
export class Composer {
  constructor({ threaded = false } = {}) {
    Object.assign(this, { threaded, offers: [], active: 0, drafts: new Map(), place: "" });
    const listId = uid("offers");
    this.field = h("textarea", {
      rows: 1,
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": listId,
      "aria-autocomplete": "list",
      "data-composer": threaded ? "thread" : "channel",
      oninput: () => this.changed(),
      onkeydown: (e) => this.key(e),
      onblur: () => this.offer([]),
      onclick: () => this.suggest(),
    });
    this.list = h("ul", { class: "offers", role: "listbox", id: listId, hidden: true });
    this.list.addEventListener("mousedown", (e) => e.preventDefault());
    this.button = h("button", { class: "send", type: "submit" }, icon("send"));
    this.status = h("p", { class: "composer-hint" });
    this.node = h(
      "form",
      {
        class: "composer",
        onsubmit: (e) => {
          e.preventDefault();
          this.send();
        },
      },
      this.list,
      h("div", { class: "composer-box" }, this.field, this.button),
      this.status,
    );
  }

  /** Follow the place: each conversation keeps its draft. */
  draw() {
    const here = channel(store.channel);
    const place = `${store.me}/${store.channel}/${this.threaded ? store.thread : ""}`;
    if (place !== this.place) {
      this.drafts.set(this.place, this.field.value);
      this.place = place;
      this.field.value = this.drafts.get(place) ?? "";
      this.offer([]);
      this.changed(false);
    }
    const name = `${here?.is_im ? "" : "#"}${channelName(here)}`;
    const label = this.threaded ? t("composerReply") : t("composer", name);
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    this.field.disabled = Boolean(here?.is_archived);
    this.button.setAttribute("aria-label", t("send"));
    this.status.textContent = here?.is_archived ? t("archived") : t("composerHint");
  }

  changed(suggest = true) {
    this.field.style.setProperty("height", "auto");
    if (this.field.scrollHeight)
      this.field.style.setProperty("height", `${Math.min(this.field.scrollHeight, 180)}px`);
    mark(this.button, "data-ready", this.field.value.trim() !== "");
    if (suggest) this.suggest();
  }

  suggest() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    const command = /^\/\S*$/.exec(before);
    const mention = /(?:^|[\s（(：:、。])@([^\s@]*)$/u.exec(before);
    if (command && !this.threaded) this.offer(commands(command[0]), t("commands"));
    else if (mention)
      this.offer(mentions(mention[1]), t("mentions"), before.length - mention[1].length - 1);
    else this.offer([]);
  }

  offer(offers, label = "", from = 0) {
    Object.assign(this, { offers, from, active: 0 });
    mark(this.list, "hidden", offers.length === 0);
    this.field.setAttribute("aria-expanded", String(offers.length > 0));
    this.list.setAttribute("aria-label", label);
    fill(
      this.list,
      offers.length > 0 && h("li", { class: "offers-title", role: "presentation" }, label),
      offers.map((one, i) =>
        h(
          "li",
          {
            role: "option",
            id: `${this.list.id}-${i}`,
            "aria-selected": "false",
            onclick: () => this.take(one),
            onmousemove: () => this.activate(i),
          },
          one.face,
          h("strong", {}, one.name),
          h("span", { class: "offer-hint" }, one.hint),
        ),
      ),
    );
    this.activate(0);
  }

  activate(index) {
    this.active = index;
    const rows = this.list.querySelectorAll("[role=option]");
    rows.forEach((row, i) => row.setAttribute("aria-selected", String(i === index)));
    rows[index]?.scrollIntoView({ block: "nearest" });
    mark(this.field, "aria-activedescendant", rows[index]?.id ?? false);
  }

  take(one) {
    const end = this.field.selectionStart;
    this.field.setRangeText(`${one.insert} `, this.from, end, "end");
    this.changed(false);
    this.offer([]);
    this.field.focus();
  }

  key(event) {
    if (event.isComposing) return; // Enter ends a Japanese conversion, it doesn't send
    const count = this.offers.length;
    if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.activate((this.active + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
    } else if (count && (event.key === "Tab" || (event.key === "Enter" && !this.isWhole()))) {
      event.preventDefault();
      this.take(this.offers[this.active]);
    } else if (count && event.key === "Escape") {
      this.offer([]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    }
  }

  /** True when the typed command is already complete: Enter then sends it. */
  isWhole() {
    return (
      this.offers[this.active].insert ===
      this.field.value.slice(this.from, this.field.selectionStart)
    );
  }

  async send() {
    const text = this.field.value.trim();
    if (text === "" || this.field.disabled) return;
    const isCommand = text.startsWith("/") && !this.threaded;
    const place = { channel: store.channel, as: store.me };
    this.field.value = "";
    this.changed(false);
    this.offer([]);
    mark(this.node, "aria-busy", "true");
    const answer = await act("message", {
      channel: store.channel,
      text,
      thread_ts: this.threaded ? store.thread : undefined,
    });
    mark(this.node, "aria-busy", false);
    if (!answer.ok) this.failed(text, isCommand, answer.error, place);
    await Promise.all([refresh("messages"), refresh("thread"), refresh("view")]);
  }

  failed(text, isCommand, error, place) {
    if (!isCommand) {
      if (this.field.value === "") this.field.value = text;
      notify(failure(error));
      return;
    }
    const command = text.split(/\s/)[0];
    const said =
      error === "unknown_command" ? t("unknownCommand", command) : t("failed", command, error);
    store.notes.push({
      ...place,
      ts: (now() / 1000).toFixed(6),
      user: "USLACKBOT",
      bot: false,
      note: true,
      ephemeral: true,
      text: said,
      blocks: [],
    });
    emit("messages");
  }
}

function commands(typed) {
  return (store.state.commands ?? [])
    .filter((c) => c.command.startsWith(typed))
    .map((c) => ({
      name: c.command,
      hint: c.usage ?? c.usage_hint ?? "",
      insert: c.command,
      face: botAvatar("tiny"),
    }));
}

function mentions(typed) {
  const { bot, people, usergroups } = store.state;
  const all = [
    {
      name: `@${bot.name}`,
      hint: t("app"),
      insert: `@${bot.name}`,
      face: botAvatar("tiny"),
      words: bot.name,
    },
    ...people.map((p) => ({
      name: `@${p.handle}`,
      hint: shortName(p),
      insert: `@${p.handle}`,
      face: avatar(p, "tiny"),
      words: `${p.handle} ${p.name}`,
    })),
    ...usergroups.map((g) => ({
      name: `@${g.handle.replace(/^@/, "")}`,
      hint: "",
      insert: `@${g.handle.replace(/^@/, "")}`,
      face: icon("at"),
      words: g.handle,
    })),
  ];
  return all.filter((one) => one.words.toLowerCase().includes(typed.toLowerCase())).slice(0, 8);
}
