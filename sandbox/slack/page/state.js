// What the page knows, and the only way it asks the sandbox: the HTTP surface under /sandbox/.
import { setLocale, t } from "./i18n.js";
import { setClock, setZone } from "./time.js";

export const store = {
  me: null, // person id
  channel: null,
  thread: null, // ts of the open thread's first message
  tab: "messages", // of the app's own conversation: home | messages | about
  state: null, // /sandbox/state
  messages: [],
  threadMessages: [],
  home: null,
  view: null,
  stack: 0,
  azure: null,
  faults: null,
  notes: [], // what Slackbot told only this person: [{ channel, ts, text }]
};

const listeners = new Map();

/** Call `fn` whenever `topic` changed. */
export function on(topic, fn) {
  listeners.set(topic, [...(listeners.get(topic) ?? []), fn]);
}

export function emit(topic) {
  for (const fn of listeners.get(topic) ?? []) fn();
}

// --- what is known about names

export const person = (id) => store.state?.people.find((p) => p.id === id);
export const channel = (id) => store.state?.channels.find((c) => c.id === id);
export const group = (id) => store.state?.usergroups.find((g) => g.id === id);
export const me = () => person(store.me);
export const isBot = (id) => id === store.state?.bot.user_id;

/** The name to show for a user id: the person's, the bot's, or the bare id. */
export function userName(id) {
  return isBot(id) ? store.state.bot.name : shortName(person(id)) || id;
}

/** "Alice" from "Alice (engineer)": the title is shown apart. */
export const shortName = (who) => (who ? who.name.replace(/\s*[(（].*[)）]$/, "") : "");

/** True for the direct messages of the chosen person with the app. */
export const isAppDm = (one) =>
  one.is_im && (!one.with || isBot(one.with) || one.with === store.me);

/** The conversation with the app itself. */
export const appChannel = () => store.state?.channels.find(isAppDm);

export function channelName(one) {
  if (!one?.is_im) return one?.name ?? "";
  return isAppDm(one) ? store.state.bot.name : userName(one.with);
}

// --- reading

/** What the sandbox didn't answer, or how it refused; status 0 means that nobody was there. */
class ReadingFailed extends Error {
  constructor(path, status) {
    super(status ? `${path}: ${status}` : path);
    this.status = status;
  }
}

async function get(path, params = {}) {
  let answer;
  try {
    answer = await fetch(`/sandbox/${path}?${new URLSearchParams(params)}`, { cache: "no-store" });
  } catch (error) {
    if (error instanceof TypeError) throw new ReadingFailed(path, 0); // no connection
    throw error;
  }
  if (!answer.ok) throw new ReadingFailed(path, answer.status);
  return answer.json();
}

/** Like get, but one refusal has a meaning of its own. */
async function getUnless(status, path, params, otherwise) {
  try {
    return await get(path, params);
  } catch (error) {
    if (!(error instanceof ReadingFailed) || error.status !== status) throw error;
    return otherwise();
  }
}

/** An address of an earlier sandbox may name somebody who isn't here: then the first person is. */
const stateOf = (who) => getUnless(400, "state", who ? { as: who } : {}, () => get("state"));

/** A panel that this sandbox doesn't have is null. */
const getOptional = (path) => getUnless(404, path, {}, () => null);

const READERS = {
  async state() {
    store.state = await stateOf(store.me);
    if (!me()) store.me = store.state.people[0].id; // whose state it is, when nobody was named
    setClock(store.state.now);
    setLocale(me()?.locale);
    setZone(me()?.tz);
  },
  async messages() {
    const { channel: wanted, me: who } = store;
    if (!wanted) return;
    const { messages } = await get("messages", { as: who, channel: wanted });
    if (store.channel === wanted && store.me === who) store.messages = messages;
  },
  async thread() {
    const { channel: wanted, thread, me: who } = store;
    if (!thread) return;
    const { messages } = await get("messages", { as: who, channel: wanted, thread_ts: thread });
    if (store.thread === thread && store.me === who) store.threadMessages = messages;
  },
  async home() {
    const who = store.me;
    const { view } = await get("home", { as: who });
    if (store.me === who) store.home = view;
  },
  async view() {
    const who = store.me;
    const { view, stack } = await get("view", { as: who });
    if (store.me !== who) return;
    store.view = view;
    store.stack = stack;
  },
  async azure() {
    store.azure = await getOptional("azure");
  },
  async faults() {
    store.faults = await getOptional("director");
  },
};

const running = new Map(); // topic -> { promise, again }

/** Read `topic` again and tell its listeners. Calls that come meanwhile share one more reading. */
export function refresh(topic) {
  const current = running.get(topic);
  if (current) {
    current.again ??= current.promise.then(() => refresh(topic));
    return current.again;
  }
  const job = { promise: null, again: null };
  job.promise = readOnce(topic).finally(() => running.delete(topic));
  running.set(topic, job);
  return job.promise;
}

async function readOnce(topic) {
  try {
    await READERS[topic]();
  } catch (error) {
    if (!(error instanceof ReadingFailed)) throw error;
    notify(t("cannotLoad", error.message));
    return;
  }
  emit(topic);
}

/** A sentence for the status line at the page's foot. */
export function notify(text) {
  store.notice = text;
  emit("notice");
}

// --- doing

async function post(path, body) {
  try {
    const answer = await fetch(`/sandbox/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) return { ok: false, error: readError(text) ?? `http_${answer.status}` };
    return JSON.parse(text);
  } catch (error) {
    notify(t("cannotLoad", error.message));
    return { ok: false, error: "network_error" };
  }
}

function readError(text) {
  try {
    return JSON.parse(text).error ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Do something as the chosen person; gives `{ ok, error?, errors?, options?, view? }`. */
export const act = (kind, fields) => post("act", { as: store.me, kind, ...fields });

export const direct = (fields) => post("director", fields);
