/** SVG over the canvas: calipers, chords, outlines, a drawing in progress, the depth ruler, the brush ring. Screen pixels. */
import type { Point } from "./geometry.ts";

const NS = "http://www.w3.org/2000/svg";

export interface Chord {
  id: string;
  who: "physician" | "model";
  /** Ends in picture pixels. */
  points: readonly [Point, Point];
  /** Text beside it; empty for none. */
  label: string;
  selected?: boolean;
  /** Which end the arrow keys move: 0 or 1. */
  end?: number | null;
  /** Worked out while one looks, not kept: dotted. */
  live?: boolean;
}

export interface Line {
  points: readonly Point[];
  closed: boolean;
  kind: "sketch" | "outline" | "region" | "draft";
  /** Points that can be dragged, and which of them the arrow keys move. */
  handles?: readonly Point[];
  active?: number | null;
  who?: "physician" | "model";
}

/** A numbered mark on a place, for a comment. */
export interface Pin {
  at: Point;
  label: string;
  kind: "open" | "resolved" | "draft";
}

export interface RulerTick {
  at: Point;
  label: string;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

type ToScreen = (point: Point) => Point;

export function chordElement(chord: Chord, toScreen: ToScreen): SVGGElement {
  const [a, b] = [toScreen(chord.points[0]), toScreen(chord.points[1])];
  const group = svg("g", { class: `vp-chord vp-${chord.who}${chord.selected ? " is-selected" : ""}${chord.live ? " is-live" : ""}`, "data-id": chord.id });
  const ends = [bar(a, b), bar(b, a)];
  const d = `M${xy(a)}L${xy(b)}${ends.join("")}`;
  group.append(svg("path", { class: "vp-halo", d }), svg("path", { class: "vp-line", d }));
  if (chord.selected) {
    [a, b].forEach((at, i) => {
      const active = chord.end === i ? " is-active" : "";
      group.append(svg("circle", { class: `vp-handle${active}`, cx: at[0], cy: at[1], r: 5.5 }));
    });
  }
  if (chord.label) group.append(labelElement(chord.label, a, b));
  return group;
}

/** The short bar across an end. */
function bar(at: Point, other: Point): string {
  const length = Math.hypot(other[0] - at[0], other[1] - at[1]) || 1;
  const nx = (-(other[1] - at[1]) / length) * 6;
  const ny = ((other[0] - at[0]) / length) * 6;
  return `M${xy([at[0] - nx, at[1] - ny])}L${xy([at[0] + nx, at[1] + ny])}`;
}

/** Box with the text, beyond the right or lower end so that it covers neither end. */
function labelElement(label: string, a: Point, b: Point): SVGGElement {
  const far = b[0] >= a[0] ? b : a;
  const width = label.length * 7.6 + 12;
  const x = far[0] + 14;
  const y = far[1] + 4;
  const text = svg("text", { x: x + width / 2, y: y + 12 });
  text.textContent = label;
  return svg("g", { class: "vp-label" }, svg("rect", { x, y, width, height: 24, rx: 3 }), text);
}

export function lineElement(line: Line, toScreen: ToScreen): SVGGElement {
  const points = line.points.map(toScreen);
  const d = points.map((p, i) => `${i ? "L" : "M"}${xy(p)}`).join("") + (line.closed ? "Z" : "");
  const group = svg("g", { class: `vp-${line.kind} vp-${line.who ?? "physician"}` });
  group.append(svg("path", { class: "vp-halo", d }), svg("path", { class: "vp-line", d }));
  line.handles?.map(toScreen).forEach((p, i) => {
    group.append(svg("circle", { class: `vp-handle${line.active === i ? " is-active" : ""}`, cx: p[0], cy: p[1], r: 5 }));
  });
  if (line.kind === "sketch") {
    for (const p of points.length < 40 ? points : points.slice(0, 1)) group.append(svg("circle", { class: "vp-corner-mark", cx: p[0], cy: p[1], r: 3 }));
  }
  return group;
}

/** A dot on the place and a disc with the number beside it, so that what is spoken of stays visible. */
export function pinElement(pin: Pin, toScreen: ToScreen): SVGGElement {
  const [x, y] = toScreen(pin.at);
  const [cx, cy] = [x + 14, y - 14];
  const text = svg("text", { x: cx, y: cy });
  text.textContent = pin.label;
  const line = `M${xy([x, y])}L${xy([cx, cy])}`;
  return svg(
    "g", { class: `vp-pin is-${pin.kind}`, "data-pin": pin.label },
    svg("path", { class: "vp-halo", d: line }), svg("path", { class: "vp-pin-line", d: line }),
    svg("circle", { class: "vp-pin-dot", cx: x, cy: y, r: 2.5 }), svg("circle", { class: "vp-pin-disc", cx, cy, r: 9 }), text,
  );
}

export function rulerElement(ticks: readonly RulerTick[], toScreen: ToScreen, height: number): SVGGElement {
  const group = svg("g", { class: "vp-ruler" });
  for (const tick of ticks) {
    const [x, y] = toScreen(tick.at);
    if (y < 44 || y > height - 44) continue;
    const text = svg("text", { x: x - 14, y });
    text.textContent = tick.label;
    group.append(svg("path", { d: `M${x - 10} ${y}H${x}` }), text);
  }
  return group;
}

function xy(point: Point): string {
  return `${point[0].toFixed(2)} ${point[1].toFixed(2)}`;
}
