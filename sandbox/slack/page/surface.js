// One surface of blocks (a message, a form, the Home tab): what was chosen on it, and how its clicks travel.
import { failure, t } from "./i18n.js";
import { confirmFirst } from "./dialog.js";
import { act, store } from "./state.js";

/** The key under which Slack reports a choice, by element type. */
const RESULT_KEYS = {
  button: "value",
  plain_text_input: "value",
  number_input: "value",
  email_text_input: "value",
  url_text_input: "value",
  static_select: "selected_option",
  external_select: "selected_option",
  radio_buttons: "selected_option",
  overflow: "selected_option",
  users_select: "selected_user",
  conversations_select: "selected_conversation",
  channels_select: "selected_channel",
  checkboxes: "selected_options",
  multi_static_select: "selected_options",
  multi_external_select: "selected_options",
  multi_users_select: "selected_users",
  multi_conversations_select: "selected_conversations",
  multi_channels_select: "selected_channels",
  datepicker: "selected_date",
  timepicker: "selected_time",
  datetimepicker: "selected_date_time",
};

const INITIAL_KEYS = {
  value: "initial_value",
  selected_option: "initial_option",
  selected_options: "initial_options",
  selected_user: "initial_user",
  selected_conversation: "initial_conversation",
  selected_channel: "initial_channel",
  selected_users: "initial_users",
  selected_conversations: "initial_conversations",
  selected_channels: "initial_channels",
  selected_date: "initial_date",
  selected_time: "initial_time",
  selected_date_time: "initial_date_time",
};

export const resultKey = (type) => RESULT_KEYS[type];

function initialResult(element) {
  const key = resultKey(element.type);
  const many = key.endsWith("s") && key !== "value";
  return { type: element.type, [key]: element[INITIAL_KEYS[key]] ?? (many ? [] : null) };
}

export class Surface {
  /** `container` as SANDBOX's block_action wants it; `known` is Slack's `state.values`, if any. */
  constructor(container, known = {}) {
    this.container = container;
    this.values = structuredClone(known ?? {});
  }

  /** What is chosen on an element now; its initial value until someone touches it. */
  result(block, element) {
    const ofBlock = (this.values[block.block_id] ??= {});
    const current = ofBlock[element.action_id];
    if (!current || current.type !== element.type)
      ofBlock[element.action_id] = initialResult(element);
    return ofBlock[element.action_id];
  }

  chosen(block, element) {
    return this.result(block, element)[resultKey(element.type)];
  }

  /** Remember a choice, and tell the app where the block asks for that. */
  async choose(block, element, value, node) {
    this.result(block, element)[resultKey(element.type)] = value;
    if (block.type !== "input" || block.dispatch_action)
      await this.dispatch(block, element, value, node);
  }

  /** Only the values of blocks that are still shown, as Slack submits them. */
  submitted(blocks) {
    const pairs = blocks
      .filter((b) => b.type === "input")
      .map((b) => [b.block_id, { [b.element.action_id]: this.result(b, b.element) }]);
    return Object.fromEntries(pairs);
  }

  /** Send one block action; failures are told where the click was. */
  async dispatch(block, element, value, node) {
    if (element.confirm && !(await confirmFirst(element.confirm))) return;
    busy(node, true);
    const answer = await act("block_action", {
      container: this.container,
      block_id: block.block_id,
      action_id: element.action_id,
      element_type: element.type,
      [resultKey(element.type)]: value,
      values: this.values,
    });
    busy(node, false);
    tell(node, answer.ok ? "" : failure(answer.error));
  }

  async suggest(block, element, query) {
    const answer = await act("suggestion", {
      container: this.container,
      block_id: block.block_id,
      action_id: element.action_id,
      query,
    });
    if (!answer.ok) throw new SuggestionFailed(failure(answer.error));
    return answer.option_groups ?? [{ label: null, options: answer.options ?? [] }];
  }

  /** People and channels, for the selects that Slack itself fills. */
  directory(type) {
    const rows = type.includes("users")
      ? store.state.people.map((p) => [p.id, p.name])
      : store.state.channels.filter((c) => !c.is_im).map((c) => [c.id, `#${c.name}`]);
    return rows.map(([value, text]) => ({
      value,
      text: { type: "plain_text", text, emoji: false },
    }));
  }
}

export class SuggestionFailed extends Error {}

function busy(node, on) {
  if (!node) return;
  node.toggleAttribute("data-busy", on);
  if (on) node.setAttribute("aria-busy", "true");
  else node.removeAttribute("aria-busy");
}

function tell(node, text) {
  const slot = node?.closest("[data-block-id]")?.querySelector(":scope > .trouble");
  if (slot) slot.textContent = text;
}

/** Why a required field can't be sent yet, or null. */
export function missing(block, result) {
  const value = result[resultKey(result.type)];
  const empty = value === null || value === undefined || value.length === 0;
  if (empty) return block.optional ? null : t("required");
  const shortest = block.element.min_length;
  return shortest && value.length < shortest ? t("tooShort", shortest) : null;
}
