// Who the page acts as: one click changes the person, their language and their view.
import { h, redraw } from "./h.js";
import { openMenu } from "./dialog.js";
import { icon } from "./icons.js";
import { t, title } from "./i18n.js";
import { me, on, shortName, store } from "./state.js";
import { go } from "./place.js";

const PALETTE = [
  "#3b5bdb",
  "#0b7285",
  "#2b8a3e",
  "#9c36b5",
  "#c2410c",
  "#5f3dc4",
  "#a61e4d",
  "#495057",
];

/** A person's square with the first letter of the name. */
export function avatar(who, size = "") {
  const name = shortName(who) || "?";
  const index =
    [...(who?.id ?? name)].reduce((sum, c) => sum + c.codePointAt(0), 0) % PALETTE.length;
  const own = /^#?([0-9a-f]{6})$/i.exec(who?.color ?? "");
  const color = own ? `#${own[1]}` : PALETTE[index];
  return h(
    "span",
    { class: `avatar ${size}`, "aria-hidden": "true", vars: { "--avatar": color } },
    [...name][0].toUpperCase(),
  );
}

/** The app's own square. */
export const botAvatar = (size = "") =>
  h("img", { class: `avatar ${size}`, src: "/page/logo.svg", alt: "" });

const role = (who) => title(who.title) || /[(（](.*)[)）]$/.exec(who.name)?.[1] || "";

/** Those whom one can act as: not who has left. */
const playable = () => store.state.people.filter((p) => !p.deleted && !p.is_bot);

/** Draw the switcher into `node` whenever the people or the choice change. */
export function setUpPeople(node) {
  on("state", () => redraw(node, [store.me, store.state.people], () => switcher()));
}

function switcher() {
  const mine = me();
  const open = h(
    "button",
    {
      class: "person-now",
      type: "button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-label": `${t("actAs")}: ${shortName(mine)}. ${t("switchPerson")}`,
      "data-person-now": mine?.id,
      onclick: () => menu(open),
    },
    avatar(mine),
    h(
      "span",
      { class: "person-words" },
      h("span", { class: "person-name" }, shortName(mine)),
      h("span", { class: "person-role" }, role(mine)),
    ),
    icon("down"),
  );
  const others = playable()
    .filter((p) => p.id !== mine?.id)
    .map((p) =>
      h(
        "button",
        {
          class: "person-other",
          type: "button",
          "data-person": p.id,
          title: `${shortName(p)} (${role(p)})`,
          "aria-label": `${t("switchPerson")}: ${shortName(p)}`,
          onclick: () => choose(p.id),
        },
        avatar(p, "small"),
      ),
    );
  return [
    h("span", { class: "person-label", "aria-hidden": "true" }, t("actAs")),
    open,
    h("span", { class: "person-others", role: "group", "aria-label": t("switchPerson") }, others),
  ];
}

function menu(anchor) {
  openMenu(
    anchor,
    playable().map((p) => ({
      label: [
        avatar(p),
        h(
          "span",
          { class: "menu-person" },
          h("span", {}, shortName(p)),
          h("small", {}, [role(p), p.locale, p.tz].filter(Boolean).join(" · ")),
        ),
      ],
      current: p.id === store.me,
      attributes: { "data-person": p.id },
      run: () => choose(p.id),
    })),
    t("switchPerson"),
  );
}

const choose = (id) => go({ me: id, thread: null });
