/** Small makers of elements: no innerHTML, no style attributes. */
import { svg } from "../viewer/overlay.ts";

type Child = Node | string | null | undefined | false;

export interface Attributes {
  class?: string;
  title?: string;
  id?: string;
  href?: string;
  type?: string;
  name?: string;
  [name: string]: string | undefined;
}

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return element;
}

/** What stands on the cap of a key that was moved, by what stands on it by default. */
let moved: ReadonlyMap<string, string> = new Map();

function capNow(cap: string): string {
  return moved.get(cap) ?? cap;
}

/** Write the keys as they are now onto every cap of the page, also of those made later. */
export function setCaps(now: ReadonlyMap<string, string>): void {
  moved = now;
  for (const cap of document.querySelectorAll("[data-cap]")) cap.textContent = capNow(cap.getAttribute("data-cap") ?? "");
}

export function keycap(...keys: string[]): HTMLElement {
  const group = el("span", { class: "rd-caps", "aria-hidden": "true" });
  if (keys.length === 1) group.append(el("kbd", { class: "keycap", "data-cap": keys[0] }, capNow(keys[0] ?? "")));
  else group.append(...keys.map((key) => el("kbd", { class: "keycap" }, key)));
  return group;
}

export function button(attributes: Attributes, onClick: () => void, ...children: Child[]): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", (event) => {
    onClick();
    // After a mouse click the keys belong to the page again.
    if (event.detail > 0) made.blur();
  });
  return made;
}

/** Once, 180 ms: the answer that a key or click gave. */
export function flash(element: Element): void {
  element.classList.remove("is-flash");
  void element.getBoundingClientRect();
  element.classList.add("is-flash");
}

/** Line icons of 16 px, drawn for this page. */
const ICONS: Record<string, string> = {
  select: "M4 2.5L12.5 8 8.7 9 10.8 13.2 9 14 7 9.8 4 12.4Z",
  caliper: "M3 13L13 3M1.5 11.5L4.5 14.5M11.5 1.5L14.5 4.5",
  brush: "M13.5 2.5L7 9M7.2 8.6C5.4 8.2 3.9 9.2 3.8 11 3.7 12.4 3 13 2 13.3 3.6 14.4 6 14.3 7.2 13 8.3 11.8 8.4 10 7.2 8.6Z",
  eraser: "M6 13.5L2.5 10 9.5 3 13.5 7 7 13.5ZM6 6.5L10 10.5M6 13.5H13",
  polygon: "M8 2L14 6.5 11.7 13.5H4.3L2 6.5Z",
  threshold: "M2 13.5H14M3.5 13V10M6 13V7.5M8.5 13V3M11 13V6M13 13V11",
  grow: "M8 5.5A2.5 2.5 0 1 1 8 10.5 2.5 2.5 0 1 1 8 5.5M8 1.5V3.5M8 12.5V14.5M1.5 8H3.5M12.5 8H14.5",
  wall: "M8 2A6 6 0 1 1 8 14 6 6 0 1 1 8 2M8 5A3 3 0 1 1 8 11 3 3 0 1 1 8 5",
  scale: "M2 5.5H14V10.5H2ZM5 5.5V8M8 5.5V9M11 5.5V8",
  between: "M2 4H5V12H2ZM11 4H14V12H11ZM6.5 8H9.5M8.3 6.5L9.8 8 8.3 9.5",
  carry: "M2 8C4 4 6 4 8 8 10 12 12 12 14 8M11.5 7.2L14 8 14.6 5.6",
  copy: "M2.5 5.5H9.5V13H2.5ZM6 5.5V3H13.5V10.5H9.5",
  loupe: "M7 2.5A4.5 4.5 0 1 1 7 11.5 4.5 4.5 0 1 1 7 2.5M10.3 10.3L14 14",
  hide: "M1.5 8C4 4 12 4 14.5 8 12 12 4 12 1.5 8M8 6A2 2 0 1 1 8 10 2 2 0 1 1 8 6M2 14L14 2",
  play: "M5 3L13 8 5 13Z",
  pause: "M5 3V13M11 3V13",
  back: "M10 3L5 8 10 13",
  forward: "M6 3L11 8 6 13",
  waits: "M8 2A6 6 0 1 1 8 14 6 6 0 1 1 8 2",
  half: "M8 2A6 6 0 1 1 8 14 6 6 0 1 1 8 2",
  done: "M8 2A6 6 0 1 1 8 14 6 6 0 1 1 8 2M5.3 8.2L7.3 10.2 10.8 6.2",
  arc: "M8 2A6 6 0 0 1 14 8",
  clock: "M8 2A6 6 0 1 1 8 14 6 6 0 1 1 8 2M8 4.8V8L10.2 9.6",
  ask: "M8 1.5L14.5 8 8 14.5 1.5 8ZM8 5V8.6M8 10.6V11",
  bad: "M5.3 1.8H10.7L14.2 5.3V10.7L10.7 14.2H5.3L1.8 10.7V5.3ZM5.8 5.8L10.2 10.2M10.2 5.8L5.8 10.2",
  none: "M5.5 3H10.5V13H5.5Z",
  marked: "M5.5 3H10.5V13H5.5Z",
  logo: "M8 1.5A6.5 6.5 0 1 1 8 14.5 6.5 6.5 0 1 1 8 1.5M8 4A4 4 0 0 1 12 8",
};

export function icon(name: string, className = ""): SVGSVGElement {
  const d = ICONS[name] ?? "";
  const root = svg("svg", { class: `rd-icon rd-icon-${name} ${className}`.trim(), viewBox: "0 0 16 16", "aria-hidden": "true" });
  root.append(svg("path", { d }));
  if (name === "half") root.append(svg("path", { class: "rd-solid", d: "M8 2A6 6 0 0 1 8 14Z" }));
  return root;
}
