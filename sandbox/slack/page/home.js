// The app's own conversation: Home tab, messages and about.
import { blocks } from "./blocks.js";
import { h, redraw } from "./h.js";
import { t } from "./i18n.js";
import { botAvatar } from "./people.js";
import { act, appChannel, on, refresh, store } from "./state.js";
import { go } from "./place.js";
import { Surface } from "./surface.js";

const TABS = ["home", "messages", "about"];

export const isAppPlace = () => Boolean(store.channel) && appChannel()?.id === store.channel;

/** Draw the tabs into `bar` and the chosen tab's panel into `panel`. */
export function setUpHome(bar, panel) {
  const draw = () => {
    const place = [store.me, store.tab, isAppPlace()];
    redraw(bar, place, () => isAppPlace() && TABS.map(tab));
    redraw(
      panel,
      [...place, store.home, store.state.bot],
      () => isAppPlace() && PANELS[store.tab]?.(),
    );
  };
  for (const topic of ["state", "place", "home"]) on(topic, draw);
  on("place", opened);
}

function tab(name) {
  return h(
    "button",
    {
      type: "button",
      role: "tab",
      "aria-selected": String(store.tab === name),
      onclick: () => go({ tab: name, thread: null }),
    },
    t(name),
  );
}

let lastOpened = "";

async function opened() {
  const key = isAppPlace() && store.tab === "home" ? `${store.me}/home` : "";
  if (key === lastOpened) return;
  lastOpened = key;
  if (key === "") return;
  await act("home_opened", {});
  await refresh("home");
}

const PANELS = {
  home() {
    const view = store.home;
    if (!view?.blocks?.length) return h("div", { class: "nothing" }, h("p", {}, t("emptyHome")));
    return h(
      "div",
      { class: "home-blocks" },
      blocks(view.blocks, new Surface({ type: "home", view_id: view.id }, view.state?.values)),
    );
  },
  about() {
    const { bot } = store.state;
    return h(
      "div",
      { class: "about" },
      botAvatar("huge"),
      h("h2", {}, bot.name),
      h("p", {}, t("aboutText")),
      h("p", { class: "hint" }, `${bot.app_id} · ${t(bot.online ? "online" : "offline")}`),
      h(
        "ul",
        {},
        (store.state.commands ?? []).map((c) =>
          h("li", {}, h("code", {}, c.command), " ", c.usage ?? ""),
        ),
      ),
    );
  },
};
