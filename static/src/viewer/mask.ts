/**
 * MaskStore: the label maps of one clip, one Uint8Array (rows × cols) a frame, 0 = nothing, n = lesion n.
 *
 *   store.begin(frame)            open a stroke (one undo step)
 *   store.capsule(a, b, r, n)     brush (n > 0) or eraser (n = 0): every pixel centre within r of the segment a–b
 *   store.polygon(points, n)      even-odd fill
 *   store.end()                   close the stroke: a rectangular patch goes onto the history
 *   store.replace(shape, n)       the lesion becomes this shape; add(shape, n) joins it. Other lesions keep their pixels
 *   store.restore()               the open stroke begins anew
 *   store.copy(from, to)          the label map of one frame onto another
 *   store.masks(frame)            {"1": {size, rle}} as the API wants it
 *   store.dirty                   frames changed since takeDirty()
 *
 * A label map cannot hold two lesions on one pixel, so masks of one frame never overlap.
 */
import { clampBox, joinBox, labelBoxes, type Box, type Point } from "./geometry.ts";
import { History } from "./history.ts";
import { encodeRle, labelsFromMasks, type Rle } from "./rle.ts";
import { boxWidth, shapeOf, type Shape } from "./shape.ts";

interface Stroke {
  frame: number;
  before: Uint8Array;
  box: Box | null;
}

interface Patch {
  frame: number;
  box: Box;
  before: Uint8Array;
  after: Uint8Array;
}

export class MaskStore {
  readonly clip: string;
  readonly rows: number;
  readonly cols: number;
  readonly history: History;
  readonly dirty = new Set<number>();
  private readonly maps = new Map<number, Uint8Array>();
  private readonly versions = new Map<number, number>();
  private readonly counted = new Map<number, { version: number; counts: Uint32Array }>();
  private readonly listeners = new Set<(frame: number) => void>();
  private stroke: Stroke | null = null;

  constructor(clip: string, rows: number, cols: number, history = new History()) {
    this.clip = clip;
    this.rows = rows;
    this.cols = cols;
    this.history = history;
  }

  /** The label map of a frame, or undefined when nothing was ever drawn on it. Read only for callers. */
  labels(frame: number): Uint8Array | undefined {
    return this.maps.get(frame);
  }

  version(frame: number): number {
    return this.versions.get(frame) ?? 0;
  }

  frames(): number[] {
    return [...this.maps.keys()].filter((frame) => !this.isEmpty(frame)).sort((a, b) => a - b);
  }

  isEmpty(frame: number): boolean {
    return this.counts(frame)[0] === this.rows * this.cols;
  }

  onChange(listener: (frame: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Put masks of the server in place of what is here, but for pixels that `stay`; no undo step, not dirty. */
  load(frame: number, masks: Record<string, Rle>, stay?: (index: number) => boolean): void {
    const before = this.maps.get(frame);
    const map = labelsFromMasks(masks, this.rows, this.cols);
    if (stay && before) for (let i = 0; i < map.length; i++) if (stay(i)) map[i] = before[i] ?? 0;
    this.maps.set(frame, map);
    this.touch(frame, false);
  }

  masks(frame: number): Record<string, Rle> {
    const map = this.maps.get(frame);
    const out: Record<string, Rle> = {};
    if (!map) return out;
    for (const label of this.labelsOn(frame)) {
      out[String(label)] = { size: [this.rows, this.cols], rle: encodeRle(map, label) };
    }
    return out;
  }

  labelsOn(frame: number): number[] {
    const counts = this.counts(frame);
    const out: number[] = [];
    for (let label = 1; label < 256; label++) if (counts[label]) out.push(label);
    return out;
  }

  /** Pixels of one lesion on one frame. */
  area(frame: number, label: number): number {
    return this.counts(frame)[label] ?? 0;
  }

  begin(frame: number): void {
    this.end();
    this.stroke = { frame, before: this.ensure(frame).slice(), box: null };
  }

  /** Every pixel whose centre lies within `radius` of the segment gets `label`; with `gate`, only those it lets through. */
  capsule(a: Point, b: Point, radius: number, label: number, gate?: (index: number) => boolean): void {
    const stroke = this.open();
    const map = this.ensure(stroke.frame);
    const reach = Math.max(radius, 0.5);
    const box = clampBox(
      {
        x0: Math.min(a[0], b[0]) - reach,
        y0: Math.min(a[1], b[1]) - reach,
        x1: Math.max(a[0], b[0]) + reach + 1,
        y1: Math.max(a[1], b[1]) + reach + 1,
      },
      this.rows,
      this.cols,
    );
    const dx = b[0] - a[0];
    const dy = b[1] - a[1];
    const length2 = dx * dx + dy * dy;
    const limit = reach * reach;
    for (let y = box.y0; y < box.y1; y++) {
      for (let x = box.x0; x < box.x1; x++) {
        const px = x + 0.5 - a[0];
        const py = y + 0.5 - a[1];
        const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length2));
        const ox = px - along * dx;
        const oy = py - along * dy;
        const at = y * this.cols + x;
        if (ox * ox + oy * oy <= limit && (!gate || gate(at))) map[at] = label;
      }
    }
    this.mark(stroke, box);
  }

  /** Even-odd fill: a pixel belongs to the polygon when its centre does. */
  polygon(points: readonly Point[], label: number): void {
    const stroke = this.open();
    if (points.length < 3) return;
    const map = this.ensure(stroke.frame);
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    const box = clampBox(
      { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs) + 1, y1: Math.max(...ys) + 1 },
      this.rows,
      this.cols,
    );
    for (let y = box.y0; y < box.y1; y++) {
      const cuts = crossings(points, y + 0.5);
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        const from = Math.max(box.x0, Math.ceil((cuts[i] ?? 0) - 0.5));
        const to = Math.min(box.x1, Math.ceil((cuts[i + 1] ?? 0) - 0.5));
        if (to > from) map.fill(label, y * this.cols + from, y * this.cols + to);
      }
    }
    this.mark(stroke, box);
  }

  /** The pixels of one lesion on a frame, or null. */
  shape(frame: number, label: number): Shape | null {
    const map = this.maps.get(frame);
    return map && this.area(frame, label) ? shapeOf(map, this.cols, label) : null;
  }

  /** The lesion becomes exactly this shape, but for pixels of other lesions and beyond the picture. */
  replace(shape: Shape | null, label: number): void {
    const stroke = this.open();
    const map = this.ensure(stroke.frame);
    const before = labelBoxes(map, this.cols).get(label);
    for (let i = map.indexOf(label); i >= 0; i = map.indexOf(label, i + 1)) map[i] = 0;
    if (before) this.mark(stroke, before);
    if (shape) this.add(shape, label);
  }

  /** The shape joins the lesion; pixels of other lesions stay theirs. */
  add({ box, bits }: Shape, label: number): void {
    const stroke = this.open();
    const map = this.ensure(stroke.frame);
    const inner = clampBox(box, this.rows, this.cols);
    const width = boxWidth(box);
    for (let y = inner.y0; y < inner.y1; y++) {
      for (let x = inner.x0; x < inner.x1; x++) {
        const at = y * this.cols + x;
        if (bits[(y - box.y0) * width + x - box.x0] && !map[at]) map[at] = label;
      }
    }
    this.mark(stroke, inner);
  }

  /** The open stroke begins anew: the frame is as it was before it. */
  restore(): void {
    const stroke = this.open();
    this.ensure(stroke.frame).set(stroke.before);
    if (stroke.box) this.mark(stroke, stroke.box);
  }

  /** Take the label map of `from` over to `to` (an undo step). False when there is nothing to copy. */
  copy(from: number, to: number): boolean {
    const source = this.maps.get(from);
    if (!source || this.isEmpty(from)) return false;
    this.begin(to);
    this.ensure(to).set(source);
    this.mark(this.open(), { x0: 0, y0: 0, x1: this.cols, y1: this.rows });
    this.end();
    return true;
  }

  /** Take a lesion (or, with 0, all) off one frame (an undo step). */
  clear(frame: number, label = 0): void {
    const map = this.maps.get(frame);
    if (!map) return;
    let box: Box | null = null;
    for (const [here, one] of labelBoxes(map, this.cols)) if (label === 0 || here === label) box = joinBox(box, one);
    if (!box) return;
    this.begin(frame);
    for (let i = 0; i < map.length; i++) if (label === 0 || map[i] === label) map[i] = 0;
    this.mark(this.open(), box);
    this.end();
  }

  /** Close the stroke; returns whether anything changed. */
  end(): boolean {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke?.box) return false;
    const patch = this.patchOf(stroke, stroke.box);
    if (!patch) return false;
    this.touch(stroke.frame, true);
    this.history.push({
      clip: this.clip,
      frame: stroke.frame,
      undo: () => this.apply(patch, patch.before),
      redo: () => this.apply(patch, patch.after),
    });
    return true;
  }

  /** Give the stroke up and put the frame back as it was. */
  cancel(): void {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke) return;
    this.ensure(stroke.frame).set(stroke.before);
    this.touch(stroke.frame, false);
  }

  takeDirty(): number[] {
    const frames = [...this.dirty].sort((a, b) => a - b);
    this.dirty.clear();
    return frames;
  }

  /** Pixels by label; counted once a version. */
  private counts(frame: number): Uint32Array {
    const version = this.version(frame);
    const known = this.counted.get(frame);
    if (known?.version === version) return known.counts;
    const counts = new Uint32Array(256);
    const map = this.maps.get(frame);
    if (map) for (const label of map) counts[label] = (counts[label] ?? 0) + 1;
    else counts[0] = this.rows * this.cols;
    this.counted.set(frame, { version, counts });
    return counts;
  }

  private ensure(frame: number): Uint8Array {
    let map = this.maps.get(frame);
    if (!map) {
      map = new Uint8Array(this.rows * this.cols);
      this.maps.set(frame, map);
    }
    return map;
  }

  private open(): Stroke {
    if (!this.stroke) throw new Error("no stroke is open: call begin(frame) first");
    return this.stroke;
  }

  private mark(stroke: Stroke, box: Box): void {
    if (box.x1 > box.x0 && box.y1 > box.y0) stroke.box = joinBox(stroke.box, box);
    this.versions.set(stroke.frame, this.version(stroke.frame) + 1);
    for (const listener of this.listeners) listener(stroke.frame);
  }

  private touch(frame: number, dirty: boolean): void {
    if (dirty) this.dirty.add(frame);
    this.versions.set(frame, this.version(frame) + 1);
    for (const listener of this.listeners) listener(frame);
  }

  private patchOf(stroke: Stroke, box: Box): Patch | null {
    const after = cut(this.ensure(stroke.frame), this.cols, box);
    const before = cut(stroke.before, this.cols, box);
    if (after.every((label, i) => label === before[i])) return null;
    return { frame: stroke.frame, box, before, after };
  }

  private apply(patch: Patch, pixels: Uint8Array): void {
    const map = this.ensure(patch.frame);
    const width = patch.box.x1 - patch.box.x0;
    for (let y = patch.box.y0; y < patch.box.y1; y++) {
      const row = (y - patch.box.y0) * width;
      map.set(pixels.subarray(row, row + width), y * this.cols + patch.box.x0);
    }
    this.touch(patch.frame, true);
  }
}

function cut(map: Uint8Array, cols: number, box: Box): Uint8Array {
  const width = box.x1 - box.x0;
  const out = new Uint8Array(width * (box.y1 - box.y0));
  for (let y = box.y0; y < box.y1; y++) {
    out.set(map.subarray(y * cols + box.x0, y * cols + box.x1), (y - box.y0) * width);
  }
  return out;
}

/** Where the closed polygon crosses the horizontal line at `y`, sorted. */
function crossings(points: readonly Point[], y: number): number[] {
  const cuts: number[] = [];
  let previous = points[points.length - 1];
  for (const point of points) {
    if (previous && (previous[1] <= y) !== (point[1] <= y)) {
      cuts.push(previous[0] + ((y - previous[1]) / (point[1] - previous[1])) * (point[0] - previous[0]));
    }
    previous = point;
  }
  return cuts.sort((a, b) => a - b);
}
