// Messages of a conversation and of a thread, drawn as Slack draws them.
import { blocks, textOnly } from "./blocks.js";
import { openMenu } from "./dialog.js";
import { h, safeUrl } from "./h.js";
import { icon } from "./icons.js";
import { failure, locale, t } from "./i18n.js";
import { emoji } from "./mrkdwn.js";
import { avatar, botAvatar } from "./people.js";
import { act, notify, person, store, userName } from "./state.js";
import { go, pane } from "./place.js";
import { Surface } from "./surface.js";
import { clock, dayLabel, full, sameDay, tsMillis } from "./time.js";

const GROUP_WITHIN = 5 * 60_000; // ms: messages of one person closer than this share a head
const NEAR_END = 120; // px from the end that still count as reading the newest

/** One list of messages; keeps the nodes of messages that didn't change. */
export class MessageList {
  constructor(node, { inThread = false } = {}) {
    Object.assign(this, { node, inThread, drawn: new Map(), place: "", atEnd: true });
    node.addEventListener("scroll", () => {
      this.atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END;
    });
    // A pane that opens beside, or a growing composer, must not hide the newest message.
    new ResizeObserver(() => this.settle()).observe(node);
  }

  /** Who reads the newest message keeps reading the newest. */
  settle() {
    if (this.atEnd) this.node.scrollTop = this.node.scrollHeight;
  }

  draw(messages, place) {
    const moved = place !== this.place;
    if (moved) this.drawn.clear();
    this.place = place;
    const drawn = new Map();
    const rows = messages.flatMap((m, i) => this.rows(m, messages[i - 1], drawn, i));
    this.drawn = drawn;
    reconcile(this.node, rows.length ? rows : [nothing()]);
    if (moved) this.atEnd = true;
    this.settle();
  }

  rows(m, before, drawn, index) {
    const at = tsMillis(m.ts);
    const newDay = !before || !sameDay(tsMillis(before.ts), at);
    const isFollowing = !newDay && joins(before, m);
    const key = `${m.ts}${m.note ? "/note" : ""}`;
    const signature = JSON.stringify([m, isFollowing, locale(), dayLabel(at)]);
    const old = this.drawn.get(key);
    const node = old?.signature === signature ? old.node : this.message(m, isFollowing);
    drawn.set(key, { signature, node });
    const divider =
      newDay && !this.inThread && this.keep(drawn, `day/${dayLabel(at)}`, () => day(at));
    const split =
      this.inThread &&
      index === 0 &&
      m.reply_count > 0 &&
      this.keep(drawn, `split/${m.reply_count}`, () =>
        h("div", { class: "divider" }, h("span", {}, t("replies", m.reply_count))),
      );
    return [divider, node, split].filter(Boolean);
  }

  keep(drawn, key, make) {
    const node = this.drawn.get(key)?.node ?? make();
    drawn.set(key, { signature: "", node });
    return node;
  }

  message(m, isFollowing) {
    const head = m.note ? slackbot() : author(m);
    return h(
      "article",
      {
        class: `message${isFollowing ? " following" : ""}${m.ephemeral ? " ephemeral" : ""}`,
        "data-ts": m.ts,
        "data-ephemeral": m.ephemeral,
        "aria-label": `${head.name}, ${clock(tsMillis(m.ts))}`,
        tabindex: "-1",
      },
      m.ephemeral && h("p", { class: "only-you" }, icon("eye"), t("onlyYou")),
      h(
        "div",
        { class: "message-face" },
        isFollowing ? h("time", {}, clock(tsMillis(m.ts))) : head.face,
      ),
      h(
        "div",
        { class: "message-main" },
        !isFollowing &&
          h(
            "header",
            {},
            h("span", { class: "author" }, head.name),
            (m.bot || m.note) && h("span", { class: "app-tag" }, t("app")),
            h(
              "time",
              { title: full(tsMillis(m.ts)), datetime: new Date(tsMillis(m.ts)).toISOString() },
              clock(tsMillis(m.ts)),
            ),
          ),
        h("div", { class: "message-body" }, content(m), files(m)),
        reactions(m),
        !this.inThread && threadLine(m),
      ),
      !m.ephemeral && !m.deleted && this.tools(m),
    );
  }

  tools(m) {
    const more =
      store.state.shortcuts?.length > 0 &&
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": t("more"),
          "aria-haspopup": "menu",
          "aria-expanded": "false",
          onclick: (e) => shortcuts(e.currentTarget, m),
        },
        icon("more"),
      );
    const reply =
      !this.inThread &&
      h(
        "button",
        { type: "button", class: "quiet", "aria-label": t("reply"), onclick: () => openThread(m) },
        icon("reply"),
      );
    return h("div", { class: "tools" }, reply, more);
  }
}

/** Put `rows` into `node`, moving only what is out of place, so that focus and open menus survive. */
function reconcile(node, rows) {
  const wanted = new Set(rows);
  for (const child of [...node.children]) if (!wanted.has(child)) child.remove();
  rows.forEach((row, i) => {
    if (node.children[i] !== row) node.insertBefore(row, node.children[i] ?? null);
  });
}

const joins = (a, b) =>
  a.user === b.user &&
  !a.bot &&
  !b.bot &&
  !a.ephemeral &&
  !b.ephemeral &&
  !b.note &&
  !a.note &&
  tsMillis(b.ts) - tsMillis(a.ts) < GROUP_WITHIN &&
  !a.reply_count;

const nothing = () =>
  h("div", { class: "nothing" }, h("p", {}, t("empty")), h("p", { class: "hint" }, t("emptyHint")));
const day = (at) => h("div", { class: "divider day" }, h("span", {}, dayLabel(at)));
const slackbot = () => ({
  name: t("slackbot"),
  face: h("span", { class: "avatar slackbot", "aria-hidden": "true" }, icon("bolt")),
});

function author(m) {
  return m.bot
    ? { name: store.state.bot.name, face: botAvatar() }
    : { name: userName(m.user), face: avatar(person(m.user) ?? { id: m.user, name: m.user }) };
}

function content(m) {
  if (m.deleted) return h("p", { class: "gone" }, t("deleted"));
  const container = { type: "message", channel: m.channel ?? store.channel, ts: m.ts };
  const edited = m.edited && h("span", { class: "edited" }, ` ${t("edited")}`);
  if (!m.blocks?.length) return [textOnly(m.text), edited];
  return [blocks(m.blocks, new Surface(container, m.state?.values)), edited];
}

function files(m) {
  return (m.files ?? []).map((file) => {
    const href = safeUrl(file.url_private ?? file.permalink ?? "");
    const words = [
      h("strong", {}, file.title || file.name),
      h(
        "small",
        {},
        [file.name, file.size && `${Math.ceil(file.size / 1024)} KB`].filter(Boolean).join(" · "),
      ),
    ];
    return h(
      href ? "a" : "div",
      { class: "file", href, target: href && "_blank", rel: href && "noopener noreferrer" },
      icon("file"),
      h("span", {}, words),
    );
  });
}

function reactions(m) {
  if (!m.reactions?.length) return null;
  return h(
    "div",
    { class: "reactions" },
    m.reactions.map((r) => {
      const users = r.users ?? [];
      return h(
        "span",
        {
          class: `reaction${users.includes(store.me) ? " mine" : ""}`,
          title: users.map(userName).join(", "),
        },
        emoji(r.name),
        h("span", {}, r.count ?? users.length),
      );
    }),
  );
}

function threadLine(m) {
  if (!m.reply_count) return null;
  const faces = (m.reply_users ?? [])
    .slice(0, 3)
    .map((id) => (person(id) ? avatar(person(id), "tiny") : botAvatar("tiny")));
  return h(
    "button",
    {
      type: "button",
      class: "thread-line",
      "aria-label": `${t("replies", m.reply_count)}. ${t("openThread")}`,
      onclick: () => openThread(m),
    },
    h("span", { class: "faces" }, faces),
    h("span", { class: "thread-count" }, t("replies", m.reply_count)),
    h("span", { class: "thread-open" }, t("openThread")),
  );
}

function openThread(m) {
  pane("thread");
  go({ thread: m.thread_ts || m.ts });
}

function shortcuts(anchor, m) {
  openMenu(
    anchor,
    store.state.shortcuts.map((one) => ({
      label: [botAvatar("tiny"), h("span", {}, one.name)],
      attributes: { "data-callback-id": one.callback_id },
      run: async () => {
        const answer = await act("shortcut", {
          channel: store.channel,
          ts: m.ts,
          callback_id: one.callback_id,
        });
        if (!answer.ok) notify(failure(answer.error));
      },
    })),
    t("more"),
  );
}

/** The conversation's messages with what Slackbot told only this person, in order of time. */
export function withNotes(messages) {
  const notes = store.notes.filter((n) => n.channel === store.channel && n.as === store.me);
  return [...messages, ...notes].sort((a, b) => tsMillis(a.ts) - tsMillis(b.ts));
}
