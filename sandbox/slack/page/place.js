// Where the page is: person, conversation and thread live in the address, so two windows can be two people.
import { store } from "./state.js";

/** An address that leads to a message, as `chat.getPermalink` gives it, or null. */
export function permalinkPlace(href) {
  const url = new URL(href);
  const found = /^\/archives\/([CDG][A-Z0-9]+)\/p(\d+)(\d{6})$/.exec(url.pathname);
  const isSlack = url.origin === location.origin || url.hostname.endsWith(".slack.com");
  if (!found || !isSlack) return null;
  const [, channel, seconds, micros] = found;
  return { channel, thread: url.searchParams.get("thread_ts") ?? `${seconds}.${micros}` };
}

/** The hash of a place, for links. */
export function hashOf(place) {
  const params = new URLSearchParams();
  if (place.me) params.set("as", place.me);
  if (place.channel) params.set("channel", place.channel);
  if (place.thread) params.set("thread", place.thread);
  if (place.tab && place.tab !== "messages") params.set("tab", place.tab);
  return `#${params}`;
}

/** A permalink opened in a new window arrives as a query: move it into the hash. */
export function adoptQuery() {
  if (!location.search) return;
  const query = new URLSearchParams(location.search);
  const place = { channel: query.get("channel"), thread: query.get("thread") };
  history.replaceState(null, "", `/${hashOf(place)}`);
}

/** `#as=U0ALICE&channel=C0OPS&thread=…&tab=home` */
export function readPlace() {
  const params = new URLSearchParams(location.hash.slice(1));
  return {
    me: params.get("as"),
    channel: params.get("channel"),
    thread: params.get("thread"),
    tab: params.get("tab"),
  };
}

/** Change a part of the place; the page follows the address. */
export function go(change) {
  const place = {
    me: store.me,
    channel: store.channel,
    thread: store.thread,
    tab: store.tab,
    ...change,
  };
  location.hash = hashOf(place);
}

/** On a narrow screen one pane shows at a time: channels, conversation, thread or side. */
export function pane(name) {
  document.body.dataset.pane = name;
}

export const isNarrow = () => matchMedia("(max-width: 700px)").matches;
