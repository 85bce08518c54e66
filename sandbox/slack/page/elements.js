// Interactive elements of blocks: each becomes a native control or our combobox, and reports to its surface.
import { h, safeUrl, uid } from "./h.js";
import { openMenu } from "./dialog.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { textObject } from "./mrkdwn.js";
import { combobox, matching } from "./select.js";

/** `field` carries { id, label, describedBy, invalid } inside an input block. */
export function element(one, block, surface, field = {}) {
  const make = MAKERS[one.type];
  if (!make) return h("p", { class: "unsupported", role: "note" }, t("unsupported", one.type));
  return make(one, block, surface, field);
}

const hooks = (one) => ({ "data-action-id": one.action_id });

const described = (field) => ({
  "aria-describedby": field.describedBy,
  "aria-invalid": field.invalid ? "true" : null,
  "aria-required": field.required ? "true" : null,
});

function button(one, block, surface) {
  const href = one.url && safeUrl(one.url);
  const send = () => surface.dispatch(block, one, one.value ?? null, node);
  const common = {
    class: `button ${one.style ?? ""}`,
    "aria-label": one.accessibility_label,
    "data-value": one.value,
    onclick: send,
    ...hooks(one),
  };
  const node = href
    ? h(
        "a",
        { ...common, href, target: "_blank", rel: "noopener noreferrer" },
        textObject(one.text),
      )
    : h("button", { ...common, type: "button" }, textObject(one.text));
  return node;
}

function textInput(type) {
  return (one, block, surface, field) => {
    const tag = one.multiline ? "textarea" : "input";
    const node = h(tag, {
      class: "text-input",
      id: field.id ?? uid("text"),
      type: one.multiline ? null : type,
      rows: one.multiline ? 3 : null,
      placeholder: one.placeholder?.text,
      maxlength: one.max_length,
      autocomplete: "off",
      inputmode: type === "number" ? "decimal" : null,
      "aria-label": field.label,
      value: surface.chosen(block, one) ?? "",
      ...hooks(one),
      ...described(field),
      oninput: () => keep(),
      onkeydown: (event) => enter(event),
    });
    const value = () => (node.value === "" ? null : node.value);
    const triggers = one.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
    const keep = () => {
      if (triggers.includes("on_character_entered")) surface.choose(block, one, value(), node);
      else surface.result(block, one).value = value();
    };
    const enter = (event) => {
      if (
        event.key !== "Enter" ||
        event.isComposing ||
        !block.dispatch_action ||
        !triggers.includes("on_enter_pressed")
      )
        return;
      event.preventDefault();
      surface.choose(block, one, value(), node);
    };
    return node;
  };
}

/** Native date and time fields; `datetime-local` is kept as Slack's seconds since 1970. */
function moment(type, toField = (v) => v, fromField = (v) => v) {
  return (one, block, surface, field) => {
    const node = h("input", {
      class: "text-input moment",
      type,
      id: field.id ?? uid("moment"),
      "aria-label": field.label ?? one.placeholder?.text,
      value: toField(surface.chosen(block, one)) ?? "",
      ...hooks(one),
      ...described(field),
      onchange: () =>
        surface.choose(block, one, node.value === "" ? null : fromField(node.value), node),
    });
    return node;
  };
}

const localDateTime = (seconds) => {
  if (!seconds) return null;
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

function ticks(kind) {
  return (one, block, surface, field) => {
    const name = uid(kind);
    const many = kind === "checkbox";
    const current = () =>
      many ? surface.chosen(block, one) : [surface.chosen(block, one)].filter(Boolean);
    const isOn = (option) => current().some((c) => c.value === option.value);
    const pick = (option, on) => {
      if (!many) return surface.choose(block, one, option, group);
      const wanted = one.options.filter((o) => (o.value === option.value ? on : isOn(o)));
      return surface.choose(block, one, wanted, group);
    };
    const rows = one.options.map((option) =>
      h(
        "label",
        { class: "tick" },
        h("input", {
          type: kind,
          name,
          value: option.value,
          checked: isOn(option),
          onchange: (e) => pick(option, e.target.checked),
        }),
        h(
          "span",
          { class: "tick-text" },
          h("span", {}, textObject(option.text)),
          option.description && h("small", {}, textObject(option.description)),
        ),
      ),
    );
    const group = h(
      "div",
      {
        class: "ticks",
        role: many ? "group" : "radiogroup",
        "aria-labelledby": field.labelId,
        "aria-label": field.labelId ? null : t("choose"),
        ...hooks(one),
        ...described(field),
      },
      rows,
    );
    return group;
  };
}

function select({ multiple, source }) {
  return (one, block, surface, field) => {
    const value = surface.chosen(block, one);
    const directory = source === "directory" ? surface.directory(one.type) : null;
    const asOptions = (v) =>
      [v]
        .flat()
        .filter(Boolean)
        .map((x) => directory?.find((o) => o.value === x) ?? x);
    const asValue = (options) => {
      const plain = directory ? options.map((o) => o.value) : options;
      return multiple ? plain : (plain[0] ?? null);
    };
    const groups = directory
      ? [{ label: null, options: directory }]
      : (one.option_groups ?? [{ label: null, options: one.options ?? [] }]);
    const external = source === "external";
    const load = external
      ? (query) => surface.suggest(block, one, query)
      : async (query) => matching(groups, query);
    const label = field.label ?? one.placeholder?.text ?? t("choose");
    const node = combobox(
      {
        id: field.id,
        label: field.id ? null : label,
        placeholder: one.placeholder?.text ?? t("choose"),
        multiple,
        slow: external,
        minQuery: external ? (one.min_query_length ?? 3) : 0,
        chosen: asOptions(value),
        attributes: described(field),
      },
      load,
      (options, where) => surface.choose(block, one, asValue(options), where),
    );
    node.setAttribute("data-action-id", one.action_id);
    return node;
  };
}

function overflow(one, block, surface) {
  const node = h(
    "button",
    {
      class: "button overflow",
      type: "button",
      "aria-label": t("more"),
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      ...hooks(one),
      onclick: () => open(),
    },
    icon("more"),
  );
  const open = () =>
    openMenu(
      node,
      one.options.map((option) => ({
        label: [
          h("span", {}, textObject(option.text)),
          option.description && h("small", {}, textObject(option.description)),
        ],
        attributes: { "data-value": option.value },
        run: () => surface.dispatch(block, one, option, node),
      })),
      t("more"),
    );
  return node;
}

const MAKERS = {
  button,
  overflow,
  plain_text_input: textInput("text"),
  number_input: textInput("number"),
  email_text_input: textInput("email"),
  url_text_input: textInput("url"),
  datepicker: moment("date"),
  timepicker: moment("time"),
  datetimepicker: moment("datetime-local", localDateTime, (v) =>
    Math.floor(new Date(v).getTime() / 1000),
  ),
  checkboxes: ticks("checkbox"),
  radio_buttons: ticks("radio"),
  static_select: select({ source: "own" }),
  multi_static_select: select({ multiple: true, source: "own" }),
  external_select: select({ source: "external" }),
  multi_external_select: select({ multiple: true, source: "external" }),
  users_select: select({ source: "directory" }),
  multi_users_select: select({ multiple: true, source: "directory" }),
  channels_select: select({ source: "directory" }),
  multi_channels_select: select({ multiple: true, source: "directory" }),
  conversations_select: select({ source: "directory" }),
  multi_conversations_select: select({ multiple: true, source: "directory" }),
};
