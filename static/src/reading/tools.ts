/** The drawing tools. Each works on the active lesion of the draft, in picture pixels, and leaves one undo step. */
import { crossesRegions, distance, type Clip, type Point, type PointerAt, type Tool, type Viewport } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import type { Draft } from "./draft.ts";
import { withLength } from "./ownscales.ts";
import type { Caliper, CaliperKind, MaskSource } from "./types.ts";

export interface ToolSettings {
  /** Brush radius in picture pixels. */
  radius: number;
  kind: CaliperKind;
  /** Grey values (0 to 255, of the file) that the threshold brush paints, both included. */
  low: number;
  high: number;
  /** How far from the seed's grey a region grows. */
  tolerance: number;
}

export interface ToolContext {
  readonly draft: Draft;
  readonly pane: Viewport;
  readonly settings: ToolSettings;
  clip(): Clip;
  frame(): number;
  /** Drawing begins: the loop stops. */
  began(): void;
  /** A stroke ended: digits answer again. */
  ended(): void;
  editable(): boolean;
  /** Grey of the frame on screen without speckle, row-major; null while it is not decoded. */
  grey(): Uint8Array | null;
  /** A setting changed: the options show it. */
  changed(): void;
  /** A line was drawn over a length that is known: its mm are asked for. */
  known(points: [Point, Point]): void;
  /** What was drawn is not kept, and why. */
  refused(words: string): void;
}

export interface Selected {
  id: string;
  /** Which end the arrow keys move; null: the whole caliper. */
  end: 0 | 1 | null;
}

export const HANDLE = 11;

/** Keep a point inside the picture. */
export function inside(clip: Clip, [x, y]: Point): Point {
  return [Math.min(clip.columns, Math.max(0, x)), Math.min(clip.rows, Math.max(0, y))];
}

/** What of the calipers lies under the pointer. */
export function hit(calipers: readonly Caliper[], screen: Point, toScreen: (p: Point) => Point): Selected | null {
  let best: { selected: Selected; far: number } | null = null;
  for (const caliper of calipers) {
    caliper.points.forEach((point, i) => {
      const far = distance(toScreen(point), screen);
      if (far <= HANDLE && far < (best?.far ?? Infinity)) best = { selected: { id: caliper.id, end: i === 0 ? 0 : 1 }, far };
    });
  }
  const handle = best as { selected: Selected } | null;
  if (handle) return handle.selected;
  const line = calipers.find((c) => toSegment(screen, toScreen(c.points[0]), toScreen(c.points[1])) <= 6);
  return line ? { id: line.id, end: null } : null;
}

export function toSegment(p: Point, a: Point, b: Point): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length2 = dx * dx + dy * dy || 1;
  const t = Math.min(1, Math.max(0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2));
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

/** Selecting and moving calipers; the base of the caliper tool. */
export class SelectTool implements Tool {
  readonly name: string = "select";
  readonly cursor: Tool["cursor"] = "default";
  selected: Selected | null = null;
  protected readonly context: ToolContext;
  private drag: { from: Point; before: Caliper[]; clip: Clip; frame: number } | null = null;

  constructor(context: ToolContext) {
    this.context = context;
  }

  protected calipers(): Caliper[] {
    return this.context.draft.calipers(this.context.clip().id, this.context.frame());
  }

  down(at: PointerAt): boolean {
    this.selected = hit(this.calipers(), at.screen, this.context.pane.toScreen);
    this.context.pane.redraw();
    if (!this.selected || !this.context.editable()) return false;
    this.context.began();
    this.drag = { from: at.point, before: structuredClone(this.calipers()), clip: this.context.clip(), frame: this.context.frame() };
    return true;
  }

  move(points: PointerAt[], held: boolean): void {
    const last = points.at(-1);
    const drag = this.drag;
    if (!held || !drag || !last) return;
    this.context.pane.lens = this.selected?.end !== null;
    this.show(drag.before, [last.point[0] - drag.from[0], last.point[1] - drag.from[1]]);
  }

  up(): void {
    const drag = this.drag;
    this.drag = null;
    this.context.pane.lens = false;
    if (!drag) return;
    const after = structuredClone(this.calipers());
    if (JSON.stringify(after) !== JSON.stringify(drag.before)) {
      this.context.draft.stepCalipers(drag.clip, drag.frame, drag.before, after);
    }
    this.context.ended();
  }

  cancel(): void {
    const drag = this.drag;
    this.drag = null;
    this.context.pane.lens = false;
    if (drag) this.context.draft.putCalipers(drag.clip, drag.frame, drag.before, false);
  }

  get dragging(): boolean {
    return this.drag !== null;
  }

  /** Arrow keys: move the selected end (or the whole caliper) by a part of a picture pixel. */
  nudge(dx: number, dy: number): boolean {
    if (!this.selected || !this.context.editable()) return false;
    const before = structuredClone(this.calipers());
    if (!before.some((caliper) => caliper.id === this.selected?.id)) return false;
    this.show(before, [dx, dy]);
    this.context.draft.stepCalipers(this.context.clip(), this.context.frame(), before, structuredClone(this.calipers()));
    return true;
  }

  /** Delete the selected caliper. */
  remove(): boolean {
    const all = this.calipers();
    const left = all.filter((caliper) => caliper.id !== this.selected?.id);
    if (left.length === all.length || !this.context.editable()) return false;
    this.selected = null;
    this.context.draft.putCalipers(this.context.clip(), this.context.frame(), left);
    return true;
  }

  private show(before: readonly Caliper[], [dx, dy]: Point): void {
    const { draft } = this.context;
    const clip = this.context.clip();
    const moved = before.map((caliper): Caliper => {
      if (caliper.id !== this.selected?.id) return caliper;
      const shift = (point: Point, end: 0 | 1): Point =>
        this.selected?.end === null || this.selected?.end === end ? inside(clip, [point[0] + dx, point[1] + dy]) : point;
      const points: [Point, Point] = [shift(caliper.points[0], 0), shift(caliper.points[1], 1)];
      return crossesRegions(clip.regions, ...points) ? caliper : withLength(clip, { ...caliper, points });
    });
    draft.putCalipers(clip, this.context.frame(), moved, false);
  }
}

/** Drag, or click and click again. A second thickness of the same lesion on the frame takes the first one's place. */
export class CaliperTool extends SelectTool {
  override readonly name: string = "caliper";
  override readonly cursor = "cross";
  sketch: [Point, Point] | null = null;
  private start: Point | null = null;

  override down(at: PointerAt): boolean {
    if (!this.context.editable()) return false;
    if (this.sketch) {
      this.sketch[1] = inside(this.context.clip(), at.point);
      this.start = null;
      return true;
    }
    const over = hit(this.calipers(), at.screen, this.context.pane.toScreen);
    if (over && over.end !== null) return super.down(at);
    this.selected = null;
    this.context.began();
    const point = inside(this.context.clip(), at.point);
    this.sketch = [point, point];
    this.start = at.screen;
    return true;
  }

  override move(points: PointerAt[], held: boolean): void {
    const last = points.at(-1);
    if (this.sketch && last) {
      this.context.pane.lens = held;
      this.sketch[1] = inside(this.context.clip(), last.point);
      this.context.pane.redraw();
      return;
    }
    super.move(points, held);
  }

  override up(at?: PointerAt): void {
    this.context.pane.lens = false;
    if (!this.sketch || !at) {
      super.up();
      return;
    }
    if (this.start && distance(this.start, at.screen) < 4) {
      this.start = null;
      return;
    }
    const points = this.sketch;
    this.sketch = null;
    this.start = null;
    if (distance(points[0], points[1]) >= 0.5) this.place(points);
    this.context.ended();
  }

  override cancel(): void {
    this.sketch = null;
    this.start = null;
    super.cancel();
    this.context.pane.redraw();
  }

  protected place(points: [Point, Point]): void {
    const { draft, settings } = this.context;
    const mark = draft.history.mark;
    const lesion = settings.kind === "diameter" ? null : draft.activeLesion(this.context.clip()).number;
    const caliper = placeCaliper(this.context, settings.kind, lesion, points);
    if (caliper) this.selected = { id: caliper.id, end: 1 };
    draft.history.join(mark, this.context.clip().id, this.context.frame());
  }
}

/** A line over a known length of the depth ruler: where the file has no scale, it sets one. */
export class ScaleTool extends CaliperTool {
  override readonly name = "scale";

  /** Calipers are not moved with this tool. */
  protected override calipers(): Caliper[] {
    return [];
  }

  protected override place(points: [Point, Point]): void {
    this.context.known(points);
  }
}

/**
 * Put a caliper on the frame as one undo step; null (and the reason told) when its ends lie in two regions. A thickness
 * takes the place of the lesion's other one in this region, and the first makes this its key frame.
 */
export function placeCaliper(context: ToolContext, kind: CaliperKind, lesion: number | null, points: [Point, Point]): Caliper | null {
  const { draft } = context;
  const clip = context.clip();
  const frame = context.frame();
  if (crossesRegions(clip.regions, ...points)) {
    context.refused(gettext("Both ends of a caliper must lie in one region."));
    return null;
  }
  const mark = draft.history.mark;
  const caliper = withLength(clip, { id: crypto.randomUUID(), kind, lesion, points });
  const here = draft.calipers(clip.id, frame);
  const home = draft.marks.at(clip, points[0]);
  const same = (other: Caliper): boolean => other.kind === "thickness" && other.lesion === lesion && draft.marks.at(clip, other.points[0]) === home;
  const others = here.filter((other) => kind !== "thickness" || !same(other));
  draft.putCalipers(clip, frame, [...others, caliper]);
  if (lesion !== null && kind === "thickness" && !keyHasCaliper(draft, lesion)) {
    draft.setKeyFrame(lesion, clip, frame, home);
  }
  draft.history.join(mark, clip.id, frame);
  return caliper;
}

/** Whether the lesion's key frame already carries a thickness: then it stays the key frame. */
function keyHasCaliper(draft: Draft, number: number): boolean {
  const lesion = draft.lesion(number);
  return lesion !== undefined && draft.keyCaliper(lesion) !== undefined;
}

/** Brush (the active lesion) and eraser (any lesion); with a range of grey, the brush paints only what lies in it. */
export class BrushTool implements Tool {
  readonly name: "brush" | "eraser" | "threshold";
  readonly cursor = "none";
  private readonly context: ToolContext;
  private last: Point | null = null;
  private label = 0;
  private mark = 0;
  private gate: ((index: number) => boolean) | undefined;

  constructor(context: ToolContext, name: BrushTool["name"]) {
    this.context = context;
    this.name = name;
  }

  down(at: PointerAt): boolean {
    if (!this.context.editable()) return false;
    const { draft, settings } = this.context;
    this.context.began();
    this.gate = undefined;
    if (this.name === "threshold") {
      const grey = this.context.grey();
      if (!grey) return true;
      if (at.ctrl) this.takeRange(grey, at.point);
      const { low, high } = settings;
      this.gate = (index) => (grey[index] ?? 0) >= low && (grey[index] ?? 0) <= high;
    }
    this.mark = draft.history.mark;
    this.label = this.name === "eraser" ? 0 : draft.activeLesion(this.context.clip()).number;
    this.store.begin(this.context.frame());
    this.last = at.point;
    this.store.capsule(at.point, at.point, settings.radius, this.label, this.gate);
    return true;
  }

  /** The grey under the ring becomes what is painted: its mean ± two standard deviations. */
  private takeRange(grey: Uint8Array, [x, y]: Point): void {
    const { settings } = this.context;
    const { columns, rows } = this.context.clip();
    const reach = Math.max(1, settings.radius);
    const values: number[] = [];
    for (let v = Math.max(0, Math.floor(y - reach)); v < Math.min(rows, y + reach); v++) {
      for (let u = Math.max(0, Math.floor(x - reach)); u < Math.min(columns, x + reach); u++) {
        if (distance([u + 0.5, v + 0.5], [x, y]) <= reach) values.push(grey[v * columns + u] ?? 0);
      }
    }
    if (!values.length) return;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    settings.low = Math.max(0, Math.floor(mean - Math.max(4, 2 * sd)));
    settings.high = Math.min(255, Math.ceil(mean + Math.max(4, 2 * sd)));
    this.context.changed();
  }

  move(points: PointerAt[], held: boolean): void {
    if (!held || !this.last) return;
    for (const { point } of points) {
      this.store.capsule(this.last, point, this.context.settings.radius, this.label, this.gate);
      this.last = point;
    }
  }

  up(): void {
    const at = this.last;
    this.last = null;
    const source = this.name === "threshold" ? "threshold" : "drawn";
    finishStroke(this.context, { at, label: this.label, mark: this.mark, source });
  }

  cancel(): void {
    if (this.last) this.store.cancel();
    this.last = null;
  }

  private get store() {
    return this.context.draft.store(this.context.clip().id);
  }
}

/** Corners by click, or a contour by dragging; closes on the first corner, a double click or Enter. */
export class PolygonTool implements Tool {
  readonly name = "polygon";
  readonly cursor = "cross";
  points: Point[] = [];
  /** Where the pointer is: the open end of the line. */
  hover: Point | null = null;
  private readonly context: ToolContext;
  private lastScreen: Point | null = null;
  private dragged = 0;

  constructor(context: ToolContext) {
    this.context = context;
  }

  down(at: PointerAt): boolean {
    if (!this.context.editable()) return false;
    this.context.began();
    const first = this.points[0];
    const before = this.points.at(-1);
    const { toScreen } = this.context.pane;
    const closes = first && this.points.length > 2 && distance(toScreen(first), at.screen) < HANDLE;
    const doubled = before && this.points.length > 2 && distance(toScreen(before), at.screen) < 4;
    if (closes || doubled) {
      this.finish();
      return true;
    }
    this.points.push(inside(this.context.clip(), at.point));
    this.lastScreen = at.screen;
    this.dragged = 0;
    return true;
  }

  move(points: PointerAt[], held: boolean): void {
    for (const at of points) {
      this.hover = inside(this.context.clip(), at.point);
      if (!held || !this.lastScreen || distance(this.lastScreen, at.screen) < 3) continue;
      this.dragged += distance(this.lastScreen, at.screen);
      this.points.push(this.hover);
      this.lastScreen = at.screen;
    }
    if (this.points.length) this.context.pane.redraw();
  }

  up(): void {
    this.lastScreen = null;
    if (this.dragged > 24) this.finish();
    this.dragged = 0;
  }

  finish(): boolean {
    const points = this.points;
    this.points = [];
    this.lastScreen = null;
    this.dragged = 0;
    if (points.length < 3) return false;
    const clip = this.context.clip();
    const mark = this.context.draft.history.mark;
    const label = this.context.draft.activeLesion(clip).number;
    const store = this.context.draft.store(clip.id);
    store.begin(this.context.frame());
    store.polygon(points, label);
    finishStroke(this.context, { at: points[0] ?? null, label, mark, source: "drawn" });
    return true;
  }

  cancel(): void {
    this.points = [];
    this.lastScreen = null;
    this.context.pane.redraw();
  }
}

export interface Stroke {
  /** Where it began: tells the region. */
  at: Point | null;
  /** The lesion; 0 for the eraser. */
  label: number;
  /** history.mark before it. */
  mark: number;
  source: MaskSource;
}

/** Close a stroke as one undo step; the first painted frame of a lesion becomes its key frame. */
export function finishStroke(context: ToolContext, { at, label, mark, source }: Stroke): void {
  const { draft } = context;
  const clip = context.clip();
  const frame = context.frame();
  if (draft.store(clip.id).end()) {
    draft.painted(clip, frame, at, label ? { [label]: source } : {});
    const lesion = draft.lesion(label);
    if (lesion && lesion.key_frame === null) draft.setKeyFrame(label, clip, frame, at ? draft.marks.at(clip, at) : draft.marks.region(clip.id));
  }
  draft.history.join(mark, clip.id, frame);
  context.ended();
}
