/** Plaque area by frame: the model's line on every frame, the reader's dots where marked, key frames, the beat, the playhead. */
import { placeOf, tracePath, type Heart } from "../viewer/heart.ts";
import { svg } from "../viewer/overlay.ts";
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import type { LayerStyle } from "../viewer/paint.ts";
import type { ClipCurve } from "./types.ts";

/** Smallest "nice" number (1, 2, 2.5 or 5 times a power of ten) at or above a value; 1 for nothing. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** x of a frame between two edges; a single frame stands in the middle. */
export function xOf(frame: number, frames: number, left: number, right: number): number {
  return frames < 2 ? (left + right) / 2 : left + ((frame - 1) / (frames - 1)) * (right - left);
}

/** The frame nearest to x, kept within the clip. */
export function frameAtX(x: number, frames: number, left: number, right: number): number {
  if (frames < 2 || right <= left) return 1;
  return Math.min(frames, Math.max(1, Math.round(((x - left) / (right - left)) * (frames - 1)) + 1));
}

/** Path through the known values; a frame without one breaks the line. A lone value becomes a short dash. */
export function linePath(values: readonly (number | null)[], x: (frame: number) => number, y: (value: number) => number): string {
  let d = "";
  let down = false;
  values.forEach((value, i) => {
    if (value === null) {
      down = false;
      return;
    }
    const here = x(i + 1).toFixed(1);
    const high = y(value).toFixed(1);
    const alone = !down && (values[i + 1] ?? null) === null;
    d += alone ? `M${(x(i + 1) - 3).toFixed(1)} ${high}h6` : `${down ? "L" : "M"}${here} ${high}`;
    down = true;
  });
  return d;
}

/** Frames that get a number: first, last, and round steps between, none nearer than 6 % to its neighbour. */
export function tickFrames(frames: number, wanted = 6): number[] {
  if (frames < 2) return [1];
  const step = Math.max(1, Math.round((frames - 1) / (wanted - 1)));
  const ticks = [1];
  for (let at = 1 + step; at < frames - step / 2; at += step) ticks.push(at);
  return [...ticks, frames];
}

/** One side of the curve: how it is called and drawn, and its key frame on this clip. */
export interface CurveSay {
  noun: string;
  isModel: boolean;
  style: LayerStyle;
  key: number | null;
}

const EMPTY: ClipCurve = { region: 1, view: "", unit: "px", left: { line: [], dots: [] }, right: { line: [], dots: [] } };

const LEFT = 40;
const RIGHT = 24;
const TOP = 8;
const BOTTOM = 40;
/** The ECG below the frame numbers, in px. */
const STRIP = 32;

export class Curve {
  private readonly host: HTMLElement;
  private readonly onSeek: (frame: number) => void;
  private readonly root = svg("svg", { class: "cmp-curve-svg", "aria-hidden": "true" });
  /** In a layer of its own: moving it leaves the lines and words below as they are painted. */
  private readonly head = Object.assign(document.createElement("div"), { className: "cmp-playhead" });
  private readonly observer: ResizeObserver;
  private curve: ClipCurve = EMPTY;
  private comments: readonly { frame: number; open: number; all: number }[] = [];
  private says: readonly [CurveSay, CurveSay] | null = null;
  private heart: Heart | null = null;
  private starts: readonly number[] = [];
  private frames = 1;
  private frame = 1;
  private size: [number, number] = [400, 100];

  constructor(host: HTMLElement, onSeek: (frame: number) => void) {
    this.host = host;
    this.onSeek = onSeek;
    host.setAttribute("role", "slider");
    host.setAttribute("aria-label", gettext("Frame"));
    host.tabIndex = 0;
    host.append(this.root, this.head);
    host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      host.setPointerCapture(event.pointerId);
      this.seek(event);
    });
    host.addEventListener("pointermove", (event) => {
      if (host.hasPointerCapture(event.pointerId)) this.seek(event);
    });
    this.observer = new ResizeObserver(() => {
      this.size = [Math.max(120, host.clientWidth), Math.max(60, host.clientHeight)];
      this.draw();
    });
    this.observer.observe(host);
  }

  setClip(curve: ClipCurve | undefined, frames: number, says: readonly [CurveSay, CurveSay]): void {
    this.curve = curve ?? EMPTY;
    this.frames = frames;
    this.says = says;
    this.draw();
  }

  /** What the file tells of the beat; `starts` are the times of the frames in ms. */
  setBeat(heart: Heart | null, starts: readonly number[]): void {
    this.heart = starts.length > 1 ? heart : null;
    this.starts = starts;
    this.draw();
  }

  /** Frames with comments, told by a mark above the lines. */
  setComments(frames: readonly { frame: number; open: number; all: number }[]): void {
    this.comments = frames;
    this.draw();
  }

  setFrame(frame: number): void {
    this.frame = frame;
    this.head.style.transform = `translateX(${(this.x(frame) - 1).toFixed(1)}px)`;
    this.host.setAttribute("aria-valuemin", "1");
    this.host.setAttribute("aria-valuemax", String(this.frames));
    this.host.setAttribute("aria-valuenow", String(frame));
    this.host.setAttribute("aria-valuetext", this.words(frame));
  }

  private words(frame: number): string {
    const unit = this.curve.unit;
    const say = (value: number): string => (unit === "px" ? value.toFixed(0) : value.toFixed(1));
    const parts = [interpolate(gettext("Frame %(frame)s of %(frames)s"), { frame, frames: this.frames })];
    for (const [side, says] of this.sides) {
      const dot = side.dots.find((point) => point.frame === frame);
      const area = dot?.area ?? side.line[frame - 1] ?? null;
      if (area !== null) parts.push(interpolate(gettext("%(who)s %(area)s %(unit)s"), { who: says.noun, area: say(area), unit }));
    }
    const said = this.comments.find((one) => one.frame === frame);
    if (said) parts.push(interpolate(ngettext("%(n)s comment", "%(n)s comments", said.all), { n: said.all }));
    return parts.join(", ");
  }

  private get sides(): [ClipCurve["left"], CurveSay][] {
    return this.says ? [[this.curve.left, this.says[0]], [this.curve.right, this.says[1]]] : [];
  }

  private get edges(): [number, number] {
    return [LEFT + 8, this.size[0] - RIGHT];
  }

  private x(frame: number): number {
    return xOf(frame, this.frames, ...this.edges);
  }

  private seek(event: PointerEvent): void {
    const box = this.host.getBoundingClientRect();
    const scale = box.width / Math.max(1, this.host.clientWidth);
    this.onSeek(frameAtX((event.clientX - box.left) / scale, this.frames, ...this.edges));
  }

  private draw(): void {
    const [width, height] = this.size;
    const values = this.sides.flatMap(([side]) => [...side.line.filter((value) => value !== null), ...side.dots.map((point) => point.area)]);
    const top = niceTop(Math.max(0, ...values));
    const strip = this.heart?.ecg ? STRIP : 0;
    const floor = height - BOTTOM - strip;
    const y = (value: number): number => floor - (value / top) * (floor - TOP);
    const parts: SVGElement[] = [];
    for (const value of [0, top / 2, top]) {
      const at = y(value).toFixed(1);
      parts.push(svg("path", { class: value === 0 ? "cmp-zero" : "cmp-grid", d: `M${LEFT} ${at}H${width - RIGHT + 8}` }));
      parts.push(text(LEFT - 8, y(value), String(Number(value.toPrecision(3))), "end"));
    }
    parts.push(...this.beat(floor, height - STRIP));
    for (const [side, { style }] of this.sides) {
      const line = { class: "cmp-area-line", stroke: style.colour, "stroke-dasharray": style.dash.join(" ") };
      if (side.line.length) parts.push(svg("path", { ...line, d: linePath(side.line, (f) => this.x(f), y) }));
    }
    this.sides.forEach(([side], at) => {
      for (const point of side.dots) parts.push(this.mark(point.frame, y(point.area), point.extent, floor, at === 1));
    });
    for (const { frame, open } of this.comments) {
      const x = this.x(frame);
      parts.push(svg("path", { class: open ? "cmp-said-mark" : "cmp-said-mark is-resolved", d: `M${x - 4} 0h8v6h-3l-2 3v-3h-3Z` }));
    }
    parts.push(...this.keyMarks(floor));
    this.head.style.height = `${strip ? height : height - BOTTOM + 8}px`;
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.replaceChildren(...parts);
    this.setFrame(this.frame);
  }

  /** R waves through the plot, and the ECG below it, where their times lie among the frames. */
  private beat(floor: number, top: number): SVGElement[] {
    if (!this.heart) return [];
    const [left, right] = this.edges;
    const at = (place: number): number => xOf(place, this.frames, left, right);
    const { r_ms, ecg } = this.heart;
    const waves = r_ms.map((ms) => at(placeOf(this.starts, ms))).filter((x) => x >= left && x <= right);
    const parts: SVGElement[] = [svg("path", { class: "scrub-r-line", d: waves.map((x) => `M${x.toFixed(1)} ${TOP}V${floor}${ecg ? `M${x.toFixed(1)} ${top}v${STRIP - 4}` : ""}`).join("") })];
    if (ecg) parts.push(svg("path", { class: "scrub-ecg", d: tracePath(ecg, this.starts, at, top + 2, STRIP - 8) }));
    return parts;
  }

  private mark(frame: number, y: number, extent: string, floor: number, second: boolean): SVGElement {
    const x = this.x(frame) + (second ? 6 : 0);
    if (extent === "no_plaque") return svg("rect", { class: "cmp-none", x: x - 2.5, y: floor - 9, width: 5, height: 9 });
    if (extent === "unusable") return svg("path", { class: "cmp-none", d: `M${x - 4} ${floor - 4}h8` });
    const name = extent === "all_marked" ? "cmp-dot" : "cmp-dot is-part";
    if (second) return svg("rect", { class: name, x: this.x(frame) - 4, y: y - 4, width: 8, height: 8 });
    return svg("circle", { class: name, cx: x, cy: y, r: 4.5 });
  }

  /** Key frames under the axis with their words; frame numbers give way to them. */
  private keyMarks(floor: number): SVGElement[] {
    const parts: SVGElement[] = [];
    const taken: [number, number][] = [];
    const base = floor + 12;
    const put = (frame: number, says: CurveSay, left: boolean): void => {
      const x = this.x(frame);
      const words = interpolate(says.isModel ? gettext("model key %(frame)s") : gettext("key %(frame)s"), { frame });
      const wide = words.length * 6.6 + 12;
      const flip = left ? x - wide < LEFT : x + wide > this.size[0];
      const end = left !== flip;
      const d = says.isModel ? `M${x} ${base - 5}l6 6l-6 6l-6 -6Z` : `M${x - 6} ${base + 6}h12L${x} ${base - 4}Z`;
      parts.push(svg("path", { class: says.isModel ? "cmp-key-model" : "cmp-key-reader", d }));
      const label = text(end ? x - 10 : x + 10, base + 15, words, end ? "end" : "start");
      label.classList.add(says.isModel ? "is-model" : "is-phys");
      parts.push(label);
      taken.push(end ? [x - 10 - wide, x + 8] : [x - 8, x + 10 + wide]);
    };
    const [first, second] = [this.says?.[0].key ?? null, this.says?.[1].key ?? null];
    if (this.says && first !== null) put(first, this.says[0], second === null || first <= second);
    if (this.says && second !== null) put(second, this.says[1], first !== null && second < first);
    for (const frame of tickFrames(this.frames)) {
      const x = this.x(frame);
      if (taken.some(([from, to]) => x > from - 12 && x < to + 12)) continue;
      parts.push(text(x, base + 15, String(frame), "middle"));
    }
    return parts;
  }
}

function text(x: number, y: number, words: string, anchor: string): SVGTextElement {
  const element = svg("text", { x, y, "text-anchor": anchor, "dominant-baseline": "central" });
  element.textContent = words;
  return element;
}
