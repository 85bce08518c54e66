// Block Kit blocks as nodes. A type that this page doesn't know is named, never dropped.
import { element } from "./elements.js";
import { h, safeUrl, uid } from "./h.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { link, mrkdwn, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";

/** All blocks of a surface; `errors` are a form's, by block_id. */
export const blocks = (list, surface, errors = {}) =>
  list.map((block) => wrapped(block, surface, errors));

function wrapped(block, surface, errors) {
  const make = MAKERS[block.type];
  const inside = make
    ? make(block, surface, errors)
    : h("p", { class: "unsupported", role: "note" }, t("unsupported", block.type));
  return h(
    "div",
    { class: `block block-${block.type}`, "data-block-id": block.block_id ?? "" },
    inside,
    interactive(block) && h("p", { class: "trouble", role: "alert" }),
  );
}

const interactive = (block) =>
  block.type === "actions" || block.type === "input" || Boolean(block.accessory);

function section(block, surface) {
  return [
    h(
      "div",
      { class: "section-main" },
      block.text && h("div", { class: "text" }, textObject(block.text)),
      block.fields &&
        h(
          "div",
          { class: "fields" },
          block.fields.map((f) => h("div", { class: "text" }, textObject(f))),
        ),
    ),
    block.accessory && h("div", { class: "accessory" }, accessory(block, surface)),
  ];
}

function accessory(block, surface) {
  return block.accessory.type === "image"
    ? image(block.accessory, "thumb")
    : element(block.accessory, block, surface);
}

/** Pictures come from this server or not at all (the page's policy); the alternative text always stays. */
function image(one, className) {
  const src = one.image_url && safeUrl(one.image_url);
  const isOwn = src && new URL(src).origin === location.origin;
  return isOwn
    ? h("img", { class: className, src, alt: one.alt_text })
    : h(
        "span",
        { class: `${className} no-image`, role: "img", "aria-label": one.alt_text },
        one.alt_text,
      );
}

function context(block) {
  return h(
    "div",
    { class: "context-items" },
    block.elements.map((one) =>
      one.type === "image"
        ? image(one, "context-image")
        : h("div", { class: "text" }, textObject(one)),
    ),
  );
}

function input(block, surface, errors) {
  const error = errors[block.block_id];
  const ids = { field: uid("field"), label: uid("label"), hint: uid("hint"), error: uid("error") };
  const isGroup = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const describedBy =
    [block.hint && ids.hint, error && ids.error].filter(Boolean).join(" ") || null;
  const control = element(block.element, block, surface, {
    id: ids.field,
    labelId: ids.label,
    describedBy,
    invalid: Boolean(error),
    required: !block.optional,
  });
  const label = [
    textObject(block.label),
    block.optional && h("span", { class: "optional" }, ` ${t("optional")}`),
  ];
  return [
    isGroup
      ? h("div", { class: "label", id: ids.label }, label)
      : h("label", { class: "label", id: ids.label, for: ids.field }, label),
    control,
    error && h("p", { class: "field-error", id: ids.error }, icon("warn"), h("span", {}, error)),
    block.hint && h("p", { class: "hint", id: ids.hint }, textObject(block.hint)),
  ];
}

const ALERT_ICONS = { warning: "warn", error: "warn", success: "check" };

function alert(block) {
  const level = block.level ?? "info";
  return h(
    "div",
    { class: `alert alert-${level}`, role: "note" },
    icon(ALERT_ICONS[level] ?? "info"),
    h("div", { class: "text" }, textObject(block.text)),
  );
}

function table(block) {
  const align = block.column_settings ?? [];
  const rows = block.rows.map((cells, r) =>
    h(
      "tr",
      {},
      cells.map((one, c) =>
        h(
          r === 0 ? "th" : "td",
          { scope: r === 0 ? "col" : null, class: `align-${align[c]?.align ?? "left"}` },
          cell(one),
        ),
      ),
    ),
  );
  return h(
    "div",
    { class: "table-wrap", tabindex: "0" },
    h("table", {}, h("thead", {}, rows[0]), h("tbody", {}, rows.slice(1))),
  );
}

const cell = (one) => (one.type === "rich_text" ? richText(one) : one.text);

/** A little of Markdown: headings, lists, quotes, bold, code, links. */
function markdown(block) {
  return block.text.split(/\n{2,}/).map((paragraph) => {
    const heading = /^(#{1,3}) (.*)$/.exec(paragraph);
    if (heading) return h(`h${heading[1].length + 2}`, {}, inlineMarkdown(heading[2]));
    const lines = paragraph.split("\n");
    const isList = lines.every((line) => /^[-*] /.test(line));
    if (isList)
      return h(
        "ul",
        {},
        lines.map((line) => h("li", {}, inlineMarkdown(line.slice(2)))),
      );
    return h(
      "p",
      {},
      lines.flatMap((line, i) => [i ? h("br") : null, inlineMarkdown(line)]),
    );
  });
}

function inlineMarkdown(text) {
  return text.split(/(\[[^\]]+\]\([^)\s]+\))/).flatMap((piece) => {
    const target = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(piece);
    if (target) return [link(target[2], target[1])];
    return piece
      .split(/\*\*(.+?)\*\*/)
      .map((part, i) => (i % 2 ? h("strong", {}, part) : codeSpans(part)));
  });
}

const codeSpans = (text) =>
  text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? h("code", {}, part) : part));

const MAKERS = {
  section,
  context,
  input,
  alert,
  table,
  markdown,
  header: (block) => h("h3", { class: "header-text" }, textObject(block.text)),
  divider: () => h("hr"),
  rich_text: (block) => richText(block),
  actions: (block, surface) =>
    h(
      "div",
      { class: "actions" },
      block.elements.map((one) => element(one, block, surface)),
    ),
  image: (block) =>
    h(
      "figure",
      {},
      block.title && h("figcaption", {}, textObject(block.title)),
      image(block, "picture"),
    ),
};

/** What a message without blocks shows. */
export const textOnly = (text) => h("div", { class: "text" }, mrkdwn(text));
