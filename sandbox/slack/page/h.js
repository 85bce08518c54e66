// Building the page: every string becomes a text node, so nothing foreign is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** `h("button", { class: "quiet", onclick: send, "aria-label": "Send" }, "Send")` */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  applyProps(node, props ?? {});
  node.append(...flat(children));
  return node;
}

/** The same for SVG: only used with shapes from icons.js. */
export function s(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props ?? {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function applyProps(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "vars") setVariables(node, value);
    else if (name === "value") node.value = value;
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, String(value));
  }
}

// Through CSSOM, because the page's policy refuses style attributes.
function setVariables(node, variables) {
  for (const [name, value] of Object.entries(variables)) node.style.setProperty(name, value);
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((c) => c !== undefined && c !== null && c !== false && c !== "");
}

/** Replace what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

/** Set or drop an attribute. */
export function mark(node, name, on) {
  if (on) node.setAttribute(name, on === true ? "" : on);
  else node.removeAttribute(name);
}

let lastId = 0;

/** A document-unique id for aria references. */
export function uid(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** A link target that is safe to follow, or null. */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed.href : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const keys = new WeakMap();

/** Fill `node` anew only when `key` (any JSON) changed, so that focus and open parts survive. */
export function redraw(node, key, make) {
  const text = JSON.stringify(key);
  if (keys.get(node) === text) return;
  keys.set(node, text);
  fill(node, make());
}
