// Hints from the sandbox that something changed; each leads to a fresh reading, so none can be missed.
import { emit, refresh, store } from "./state.js";

const FIRST_WAIT = 300; // ms before the first new try
const LONGEST_WAIT = 5000;

let socket = null;
let wait = FIRST_WAIT;
let timer = null;
let fresh = true;

export let connected = false;

/** Follow what concerns `store.me`, again whenever the person changes. */
export function follow() {
  clearTimeout(timer);
  const old = socket;
  socket = null;
  old?.close();
  open(store.me);
}

function open(who) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(
    `${scheme}://${location.host}/sandbox/live?as=${encodeURIComponent(who)}`,
  );
  socket = mine;
  mine.addEventListener("open", () => {
    wait = FIRST_WAIT;
    setConnected(true);
    if (!fresh) everything();
    fresh = false;
  });
  mine.addEventListener("message", (event) => {
    if (mine === socket) heed(JSON.parse(event.data));
  });
  mine.addEventListener("close", () => {
    if (mine !== socket) return;
    setConnected(false);
    timer = setTimeout(() => open(store.me), wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  });
}

function setConnected(value) {
  connected = value;
  emit("live");
}

function heed(hint) {
  switch (hint.type) {
    case "messages":
      if (hint.channel === store.channel) {
        refresh("messages");
        refresh("thread");
      }
      refresh("state");
      break;
    case "state":
      refresh("state");
      refresh("faults");
      break;
    case "view":
    case "home":
    case "azure":
      refresh(hint.type);
      break;
  }
}

/** Read all there is: at the start, after a change of person, after a lost connection. */
export async function everything() {
  await refresh("state");
  await Promise.all(["messages", "thread", "home", "view", "azure", "faults"].map(refresh));
}
