// Where the page is: person, conversation and thread live in the address, so two windows can be two people.
import { store } from "./state.js";

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
  const params = new URLSearchParams();
  if (place.me) params.set("as", place.me);
  if (place.channel) params.set("channel", place.channel);
  if (place.thread) params.set("thread", place.thread);
  if (place.tab && place.tab !== "messages") params.set("tab", place.tab);
  location.hash = params.toString();
}

/** On a narrow screen one pane shows at a time: channels, conversation, thread or side. */
export function pane(name) {
  document.body.dataset.pane = name;
}

export const isNarrow = () => matchMedia("(max-width: 700px)").matches;
