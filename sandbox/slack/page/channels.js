// The sidebar: channels and the app's conversation, with unread counts.
import { h, redraw } from "./h.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { avatar, botAvatar } from "./people.js";
import { act, channelName, isAppDm, on, person, refresh, store } from "./state.js";
import { go, pane } from "./place.js";

export function setUpChannels(node) {
  const draw = () =>
    redraw(node, [store.me, store.channel, store.state.channels, store.state.bot], parts);
  on("state", draw);
  on("place", draw);
}

function parts() {
  const all = store.state.channels;
  const ofApp = all.filter(isAppDm);
  const ofPeople = all.filter((c) => c.is_im && !ofApp.includes(c));
  const open = all.filter((c) => !c.is_im);
  return [
    part(t("channels"), open),
    part(t("apps"), ofApp),
    ofPeople.length > 0 && part(t("people"), ofPeople),
  ];
}

const part = (label, list) =>
  h(
    "section",
    { class: "side-part" },
    h("h2", {}, label),
    h(
      "ul",
      {},
      list.map((one) => h("li", {}, row(one))),
    ),
  );

function row(one) {
  const isHere = one.id === store.channel;
  const unread = isHere ? 0 : one.unread;
  return h(
    "a",
    {
      class: `side-row${unread ? " unread" : ""}${one.is_archived ? " archived" : ""}`,
      href: `#as=${store.me}&channel=${one.id}`,
      "data-channel": one.id,
      "aria-current": isHere ? "page" : null,
      "aria-label": unread ? `${channelName(one)}, ${t("unread", unread)}` : channelName(one),
      onclick: (event) => visit(event, one),
    },
    sign(one),
    h("span", { class: "side-name" }, channelName(one)),
    unread > 0 && h("span", { class: "badge" }, unread),
  );
}

function sign(one) {
  if (!one.is_im) return icon(one.is_archived ? "lock" : "hash");
  const isApp = isAppDm(one);
  const face = isApp ? botAvatar("tiny") : avatar(person(one.with), "tiny");
  return h(
    "span",
    { class: "face" },
    face,
    isApp && h("span", { class: `dot ${store.state.bot.online ? "on" : ""}` }),
  );
}

function visit(event, one) {
  event.preventDefault();
  pane("conversation");
  go({ channel: one.id, thread: null, tab: "messages" });
}

let lastSeen = "";

/** Tell the sandbox, once for each newest message, that the open conversation was seen. */
export async function markRead() {
  const here = store.state?.channels.find((c) => c.id === store.channel);
  const seen = `${store.me}/${store.channel}/${store.messages.at(-1)?.ts}`;
  if (!here?.unread || document.visibilityState !== "visible" || seen === lastSeen) return;
  lastSeen = seen;
  await act("read", { channel: here.id });
  await refresh("state");
}
