// rich_text blocks: nothing in them is parsed, every leaf says what it is.
import { emoji, channelMention, groupMention, link, timeNode, userMention } from "./mrkdwn.js";
import { h } from "./h.js";
import { t } from "./i18n.js";
import { formatDate } from "./time.js";

/** The parts of a rich_text block. */
export const richText = (block) => block.elements.map(part);

function part(one) {
  switch (one.type) {
    case "rich_text_section":
      return h("div", { class: "rich-section" }, one.elements.map(leaf));
    case "rich_text_quote":
      return h("blockquote", {}, one.elements.map(leaf));
    case "rich_text_preformatted":
      return h("pre", { class: "pre" }, one.elements.map(leaf));
    case "rich_text_list":
      return list(one);
    default:
      return h("p", { class: "unsupported", role: "note" }, t("unsupported", one.type));
  }
}

function list(one) {
  const props = {
    class: `rich-list indent-${Math.min(one.indent ?? 0, 8)}`,
    start: one.offset ? one.offset + 1 : null,
  };
  return h(
    one.style === "ordered" ? "ol" : "ul",
    props,
    one.elements.map((item) => h("li", {}, item.elements.map(leaf))),
  );
}

function leaf(one) {
  return styled(bare(one), one.style ?? {});
}

function bare(one) {
  switch (one.type) {
    case "text":
      return one.text; // line breaks are kept by `white-space: pre-wrap`
    case "emoji":
      return emoji(one.name);
    case "link":
      return link(one.url, one.text ?? one.url);
    case "user":
      return userMention(one.user_id, null);
    case "usergroup":
      return groupMention(one.usergroup_id, null);
    case "channel":
      return channelMention(one.channel_id, null);
    case "broadcast":
      return h("span", { class: "mention mention-all" }, `@${one.range}`);
    case "date":
      return timeNode(
        one.timestamp,
        formatDate(one.timestamp, one.format, one.fallback ?? ""),
        one.url,
      );
    case "color":
      return h("code", {}, one.value);
    default:
      return h("span", { class: "unsupported" }, t("unsupported", one.type));
  }
}

const TAGS = [
  ["code", "code"],
  ["bold", "strong"],
  ["italic", "em"],
  ["strike", "s"],
  ["underline", "u"],
];

function styled(node, style) {
  return TAGS.reduce((inner, [name, tag]) => (style[name] ? h(tag, {}, inner) : inner), node);
}
