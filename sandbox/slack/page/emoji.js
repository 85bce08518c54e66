// Slack's names of the emoji that people and the bot use here; any other name stays as typed.
const TABLE = {
  warning: "⚠️", unlock: "🔓", lock: "🔒", rotating_light: "🚨", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  no_entry: "⛔", hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", bell: "🔔", eyes: "👀", key: "🔑",
  closed_lock_with_key: "🔐", lock_with_ink_pen: "🔏", information_source: "ℹ️", bulb: "💡", mag: "🔍", memo: "📝", link: "🔗",
  red_circle: "🔴", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪", large_orange_circle: "🟠",
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", pray: "🙏", clap: "👏", tada: "🎉", wave: "👋", ok_hand: "👌", raised_hands: "🙌",
  smile: "😄", slightly_smiling_face: "🙂", sweat_smile: "😅", thinking_face: "🤔", robot_face: "🤖", shield: "🛡️", fire: "🔥", rocket: "🚀",
  computer: "💻", desktop_computer: "🖥️", cloud: "☁️", gear: "⚙️", wrench: "🔧", bar_chart: "📊", clipboard: "📋", page_facing_up: "📄",
  calendar: "📅", heart: "❤️", question: "❓", exclamation: "❗", arrow_right: "➡️", heavy_minus_sign: "➖", heavy_plus_sign: "➕", zap: "⚡",
};

/** The character of an emoji name, or null. */
export const emojiFor = (name) => TABLE[name.replace(/::skin-tone-\d$/, "")] ?? null;
