// The page's few icons as strokes on a 20 by 20 field; drawn for this page.
import { s } from "./h.js";

const SHAPES = {
  hash: ["M7.5 3 6 17", "M14 3l-1.500 14", "M3.500 7.500h14", "M2.800 12.500h14"],
  lock: ["M5 9h10v8H5z", "M7 9V6.500a3 3 0 0 1 6 0V9"],
  unlock: ["M5 9h10v8H5z", "M7 9V6a3 3 0 0 1 5.800-1"],
  send: ["M3 10 17 3.500 12.500 17 10 11z", "M10 11l7-7.500"],
  close: ["M5 5l10 10", "M15 5 5 15"],
  back: ["M12 4l-6 6 6 6"],
  down: ["M5 8l5 5 5-5"],
  more: ["M10 4.500v.01", "M10 10v.01", "M10 15.500v.01"],
  reply: ["M4 4h12v9H9l-4 3.500V13H4z"],
  bolt: ["M11 2.500 5 11h4.500L9 17.500 15 9h-4.500z"],
  eye: [
    "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5z",
    "M10 12.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400z",
  ],
  clock: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M10 6v4.200l2.800 1.800"],
  cloud: ["M6 15h8.500a3 3 0 0 0 .4-6 4.500 4.500 0 0 0-8.700-.9A3.500 3.500 0 0 0 6 15z"],
  dials: ["M4 6h7", "M15 6h1", "M4 14h1", "M9 14h7", "M13 4v4", "M7 12v4"],
  warn: ["M10 3 18 16.500H2z", "M10 8v4", "M10 14.300v.01"],
  info: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M10 9.500V13", "M10 7v.01"],
  check: ["M4 10.500 8 14.500 16 6"],
  menu: ["M3 5.500h14", "M3 10h14", "M3 14.500h14"],
  at: [
    "M10 13.200a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400z",
    "M13.200 7v4.200a2 2 0 0 0 3.800.6V10a7 7 0 1 0-3 5.700",
  ],
  file: ["M5 2.500h7l3.500 3.500v11.500H5z", "M12 2.500V6h3.500", "M8 10.500h5", "M8 13.500h5"],
};

/** An icon beside words: hidden from screen readers. */
export function icon(name) {
  const paths = SHAPES[name].map((d) => s("path", { d }));
  return s(
    "svg",
    { viewBox: "0 0 20 20", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" },
    ...paths,
  );
}
