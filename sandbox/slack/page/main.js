// The page's frame: it follows the address, the person and what the sandbox says.
import { setUpAzure } from "./azure.js";
import { markRead, setUpChannels } from "./channels.js";
import { Composer } from "./composer.js";
import { setUpDirector } from "./director.js";
import { setUpForms } from "./forms.js";
import { fill, h } from "./h.js";
import { isAppPlace, setUpHome } from "./home.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { connected, everything, follow } from "./live.js";
import { MessageList, withNotes } from "./messages.js";
import { botAvatar, setUpPeople } from "./people.js";
import { adoptQuery, go, isNarrow, pane, readPlace } from "./place.js";
import { appChannel, channel, channelName, emit, on, refresh, store } from "./state.js";
import { clock, now } from "./time.js";

const $ = (id) => document.getElementById(id);
const list = new MessageList($("log"));
const threadList = new MessageList($("thread-log"), { inThread: true });
const composer = new Composer();
const threadComposer = new Composer({ threaded: true });
let side = matchMedia("(min-width: 1100px)").matches ? "azure" : null; // azure | director | null

const NOTICE_TIME = 6000; // ms that the status line stays
const RETRY = 1000; // ms until the sandbox is asked again at the start

function words() {
  $("to-channels").setAttribute("aria-label", t("toChannels"));
  $("sidebar").setAttribute("aria-label", t("channels"));
  $("log").setAttribute("aria-label", t("messages"));
  $("thread").setAttribute("aria-label", t("thread"));
  $("thread-log").setAttribute("aria-label", t("thread"));
  $("tabs").setAttribute("aria-label", store.state.bot.name);
  $("conversation").setAttribute("aria-label", t("conversation"));
}

function drawHead() {
  const here = channel(store.channel);
  const isApp = isAppPlace();
  fill(
    $("conversation-title"),
    isApp ? botAvatar("tiny") : icon(here?.is_archived ? "lock" : "hash"),
    channelName(here),
  );
  document.title = `${here && !here.is_im ? "#" : ""}${channelName(here)} · Sekisho`;
  const total = store.state.channels
    .filter((c) => c.id !== store.channel)
    .reduce((sum, c) => sum + (c.unread ?? 0), 0);
  fill($("to-channels"), icon("menu"), total > 0 && h("span", { class: "badge" }, total));
}

function drawConversation() {
  const showsMessages = !isAppPlace() || store.tab === "messages";
  $("log").hidden = !showsMessages;
  $("composer-slot").hidden = !showsMessages;
  $("app-panel").hidden = showsMessages;
  if (showsMessages) list.draw(withNotes(store.messages), `${store.me}/${store.channel}`);
  composer.draw();
}

function drawThread() {
  const isOpen = Boolean(store.thread);
  $("thread").hidden = !isOpen;
  document.body.toggleAttribute("data-thread", isOpen);
  if (!isOpen) return;
  fill(
    $("thread-head"),
    h(
      "button",
      {
        type: "button",
        class: "quiet only-narrow",
        "aria-label": t("toConversation"),
        onclick: closeThread,
      },
      icon("back"),
    ),
    h(
      "h2",
      {},
      t("thread"),
      h(
        "small",
        {},
        `${channel(store.channel)?.is_im ? "" : "#"}${channelName(channel(store.channel))}`,
      ),
    ),
    h(
      "button",
      { type: "button", class: "quiet only-wide", "aria-label": t("close"), onclick: closeThread },
      icon("close"),
    ),
  );
  threadList.draw(store.threadMessages, `${store.me}/${store.channel}/${store.thread}`);
  threadComposer.draw();
}

function closeThread() {
  pane("conversation");
  go({ thread: null });
}

function drawSide() {
  const isOpen = side !== null && (side === "azure" ? store.azure : store.faults) !== null;
  $("side").hidden = !isOpen;
  document.body.toggleAttribute("data-side", isOpen);
  $("azure-pill").setAttribute("aria-pressed", String(side === "azure"));
  $("director-button").setAttribute("aria-pressed", String(side === "director"));
  $("azure-panel").hidden = side !== "azure";
  $("director-panel").hidden = side !== "director";
  if (!isOpen) return;
  const label = t(side === "azure" ? "azureTitle" : "directorTitle");
  $("side").setAttribute("aria-label", label);
  fill(
    $("side-head"),
    icon(side === "azure" ? "cloud" : "dials"),
    h("h2", {}, label),
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": t("close"), onclick: () => showSide(null) },
      icon("close"),
    ),
  );
}

function showSide(wanted) {
  side = wanted;
  const isWide = matchMedia("(min-width: 1360px)").matches;
  if (wanted && store.thread && !isWide && !isNarrow()) go({ thread: null });
  drawSide();
  emit("place");
  if (wanted === "azure") refresh("azure");
  if (wanted === "director") refresh("faults");
}

function drawLive() {
  $("banner").hidden = connected;
  $("banner").textContent = connected ? "" : t("reconnecting");
}

let noticeTimer = null;

function drawNotice() {
  clearTimeout(noticeTimer);
  $("notice").textContent = store.notice;
  $("notice").hidden = !store.notice;
  noticeTimer = setTimeout(() => {
    $("notice").hidden = true;
  }, NOTICE_TIME);
}

function drawClock() {
  if (!store.state) return;
  const isMoved = Math.abs(store.state.offset) >= 1;
  $("clock").hidden = !isMoved;
  fill($("clock"), icon("clock"), clock(now()));
  $("clock").title = t("clockNow");
}

/** Go where the address says; fills in what it leaves open. */
async function followAddress() {
  const place = readPlace();
  const isNewPerson = place.me !== store.me || !store.state;
  const isNewChannel = place.channel !== store.channel;
  if (place.thread && place.thread !== store.thread) pane("thread");
  Object.assign(store, {
    me: place.me,
    channel: place.channel,
    thread: place.thread,
    tab: place.tab ?? "messages",
  });
  if (isNewPerson) Object.assign(store, { messages: [], home: null, view: null });
  if (isNewPerson || isNewChannel) store.threadMessages = [];
  if (isNewPerson) await arrive();
  if (!store.channel || !channel(store.channel)) return go({ channel: usualChannel() });
  if (isNewChannel && !isNewPerson) store.messages = [];
  emit("place");
  if (isNewPerson) return undefined;
  await Promise.all([refresh("messages"), refresh("thread")]);
  return undefined;
}

async function arrive() {
  const address = location.hash;
  await refresh("state");
  while (!store.state) {
    drawLive();
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY);
    });
    await refresh("state");
  }
  if (!channel(store.channel)) store.channel = usualChannel();
  follow();
  await everything();
  if (location.hash === address) go({}); // who has gone elsewhere meanwhile stays there
}

/** Where one lands: whoever was in the app's direct messages finds their own. */
function usualChannel() {
  const wantsDm = store.channel?.startsWith("D");
  return (wantsDm && appChannel()?.id) || store.state.channels[0].id;
}

function setUp() {
  fill($("brand"), botAvatar("small"), h("span", {}, "Sekisho"));
  $("composer-slot").append(composer.node);
  $("thread-composer-slot").append(threadComposer.node);
  setUpPeople($("people"));
  setUpChannels($("sidebar"));
  setUpHome($("tabs"), $("app-panel"));
  setUpForms();
  setUpAzure($("azure-pill"), $("azure-panel"), () => side === "azure");
  setUpDirector($("director-button"), $("director-panel"), () => side === "director");
  $("azure-pill").addEventListener("click", () => showSide(side === "azure" ? null : "azure"));
  $("director-button").addEventListener("click", () =>
    showSide(side === "director" ? null : "director"),
  );
  $("to-channels").addEventListener("click", () => pane("channels"));
  for (const topic of ["state", "place"])
    for (const draw of [words, drawHead, drawConversation, drawThread, drawSide, drawClock])
      on(topic, draw);
  on("messages", drawConversation);
  on("messages", markRead);
  on("thread", drawThread);
  on("live", drawLive);
  on("notice", drawNotice);
  on("azure", drawSide);
  on("faults", drawSide);
  setInterval(drawClock, 5000);
  adoptQuery();
  addEventListener("hashchange", followAddress);
  document.addEventListener("visibilitychange", markRead);
  pane(readPlace().thread ? "thread" : "conversation");
}

setUp();
followAddress();
