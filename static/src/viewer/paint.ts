/** Drawing of a picture and its mask layers onto a 2D canvas. No state of the page in here. */
import { joinBox, labelBoxes, type Box } from "./geometry.ts";
import { pathOf, traceLoops } from "./contour.ts";

export const PHYSICIAN = "#ff9f2e";
export const MODEL = "#2cc9f5";
export const BOTH = "#cdd3db";

/** Label map of a frame; null or undefined when there is none. `version` counts changes of a map drawn in place. */
export interface MaskLayer {
  labels(frame: number): Uint8Array | null | undefined;
  version?(frame: number): number;
}

export type LayerMode = "fill" | "contour" | "difference" | "hidden";

/** Canvas pixels = picture pixels × scale + (x, y); `dpr` device pixels a CSS pixel. */
export interface Placement {
  scale: number;
  x: number;
  y: number;
  dpr: number;
}

interface Traced {
  version: number;
  path: Path2D;
}

const traced = new WeakMap<Uint8Array, Traced>();

function pathFor(labels: Uint8Array, cols: number, version: number): Path2D {
  const known = traced.get(labels);
  if (known && known.version === version) return known.path;
  const path = new Path2D();
  for (const [label, box] of labelBoxes(labels, cols)) path.addPath(pathOf(traceLoops(labels, cols, label, box)));
  traced.set(labels, { version, path });
  return path;
}

interface Difference {
  both: Path2D;
  physician: Path2D;
  model: Path2D;
}

const differences = new WeakMap<Uint8Array, { other: Uint8Array; version: number; paths: Difference }>();

/** Areas of both, of the physician only, of the model only, as paths. */
export function differenceOf(phys: Uint8Array, model: Uint8Array, cols: number, version: number): Difference {
  const known = differences.get(phys);
  if (known && known.other === model && known.version === version) return known.paths;
  const parts = new Uint8Array(phys.length);
  for (let i = 0; i < parts.length; i++) parts[i] = (phys[i] ? 1 : 0) + (model[i] ? 2 : 0);
  const part = (value: number): Path2D => pathOf(traceLoops(parts, cols, value));
  const paths = { both: part(3), physician: part(1), model: part(2) };
  differences.set(phys, { other: model, version, paths });
  return paths;
}

function place(ctx: CanvasRenderingContext2D, at: Placement): void {
  const s = at.scale * at.dpr;
  ctx.setTransform(s, 0, 0, s, at.x * at.dpr, at.y * at.dpr);
}

export function paintPicture(ctx: CanvasRenderingContext2D, picture: CanvasImageSource, at: Placement): void {
  place(ctx, at);
  ctx.imageSmoothingEnabled = at.scale < 8;
  // Bilinear is enough to enlarge, and without a GPU three times cheaper than the finer ways.
  ctx.imageSmoothingQuality = at.scale * at.dpr < 1 ? "medium" : "low";
  ctx.drawImage(picture, 0, 0);
}

interface LayerPaint {
  who: "physician" | "model";
  fill: boolean;
}

/** Solid orange for a physician, dashed cyan for a model; lines of 2 screen px at every zoom. */
export function paintLayer(
  ctx: CanvasRenderingContext2D,
  labels: Uint8Array,
  cols: number,
  version: number,
  at: Placement,
  paint: LayerPaint,
): void {
  const path = pathFor(labels, cols, version);
  const colour = paint.who === "physician" ? PHYSICIAN : MODEL;
  ctx.save();
  place(ctx, at);
  if (paint.fill) {
    ctx.globalAlpha = paint.who === "physician" ? 0.18 : 0.16;
    ctx.fillStyle = colour;
    ctx.fill(path, "evenodd");
  }
  strokePath(ctx, path, at, paint.who);
  ctx.restore();
}

function strokePath(ctx: CanvasRenderingContext2D, path: Path2D, at: Placement, who: "physician" | "model"): void {
  ctx.globalAlpha = 1;
  ctx.lineWidth = 2 / at.scale;
  ctx.lineJoin = "round";
  ctx.setLineDash(who === "model" ? [6 / at.scale, 4 / at.scale] : []);
  ctx.strokeStyle = who === "physician" ? PHYSICIAN : MODEL;
  ctx.stroke(path);
}

let empty = new Uint8Array(0);

/** One map of zeros, kept, so that the traced difference is found again. */
function emptyMap(length: number): Uint8Array {
  if (empty.length !== length) empty = new Uint8Array(length);
  return empty;
}

/** Both plain grey, physician only hatched, model only dotted, with both outlines. */
export function paintDifference(
  ctx: CanvasRenderingContext2D,
  phys: Uint8Array | null,
  model: Uint8Array | null,
  cols: number,
  version: number,
  at: Placement,
): void {
  if (!phys && !model) return;
  const nothing = emptyMap((phys ?? model)?.length ?? 0);
  const parts = differenceOf(phys ?? nothing, model ?? nothing, cols, version);
  ctx.save();
  place(ctx, at);
  ctx.globalAlpha = 0.34;
  ctx.fillStyle = BOTH;
  ctx.fill(parts.both, "evenodd");
  ctx.globalAlpha = 1;
  fillPattern(ctx, parts.physician, at, hatch(ctx));
  fillPattern(ctx, parts.model, at, dots(ctx));
  if (phys) strokePath(ctx, pathFor(phys, cols, version), at, "physician");
  if (model) strokePath(ctx, pathFor(model, cols, version), at, "model");
  ctx.restore();
}

/** Patterns keep their screen size: clip in picture pixels, fill in screen pixels. */
function fillPattern(ctx: CanvasRenderingContext2D, path: Path2D, at: Placement, pattern: CanvasPattern | null): void {
  if (!pattern) return;
  ctx.save();
  ctx.clip(path, "evenodd");
  ctx.setTransform(at.dpr, 0, 0, at.dpr, 0, 0);
  ctx.fillStyle = pattern;
  ctx.fillRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  ctx.restore();
}

function cell(draw: (tile: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const ctx = tile.getContext("2d");
  if (ctx) draw(ctx);
  return tile;
}

let hatchTile: HTMLCanvasElement | null = null;
let dotTile: HTMLCanvasElement | null = null;

function hatch(ctx: CanvasRenderingContext2D): CanvasPattern | null {
  hatchTile ??= cell((tile) => {
    tile.strokeStyle = PHYSICIAN;
    tile.lineWidth = 2;
    for (const shift of [-6, 0, 6]) {
      tile.beginPath();
      tile.moveTo(shift - 1, 7);
      tile.lineTo(shift + 7, -1);
      tile.stroke();
    }
  });
  return ctx.createPattern(hatchTile, "repeat");
}

function dots(ctx: CanvasRenderingContext2D): CanvasPattern | null {
  dotTile ??= cell((tile) => {
    tile.fillStyle = MODEL;
    for (const at of [1.5, 4.5]) {
      tile.beginPath();
      tile.arc(at, at, 1.3, 0, 2 * Math.PI);
      tile.fill();
    }
  });
  return ctx.createPattern(dotTile, "repeat");
}

/** Window, level and inversion on the displayed grey, per channel, as a copy of the picture. Null: nothing to change. */
export class GreyWindow {
  private canvas: HTMLCanvasElement | null = null;
  private source: ImageBitmap | null = null;
  private key = "";

  apply(picture: ImageBitmap, window: number, level: number, invert: boolean): CanvasImageSource {
    if (window === 256 && level === 128 && !invert) return picture;
    const key = `${window}/${level}/${invert}`;
    if (this.canvas && this.source === picture && this.key === key) return this.canvas;
    this.canvas ??= document.createElement("canvas");
    this.canvas.width = picture.width;
    this.canvas.height = picture.height;
    const ctx = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!ctx) return picture;
    ctx.drawImage(picture, 0, 0);
    const data = ctx.getImageData(0, 0, picture.width, picture.height);
    const table = windowTable(window, level, invert);
    const pixels = data.data;
    for (let i = 0; i < pixels.length; i += 4) {
      pixels[i] = table[pixels[i] ?? 0] ?? 0;
      pixels[i + 1] = table[pixels[i + 1] ?? 0] ?? 0;
      pixels[i + 2] = table[pixels[i + 2] ?? 0] ?? 0;
    }
    ctx.putImageData(data, 0, 0);
    this.source = picture;
    this.key = key;
    return this.canvas;
  }
}

export function windowTable(window: number, level: number, invert: boolean): Uint8ClampedArray {
  const table = new Uint8ClampedArray(256);
  for (let grey = 0; grey < 256; grey++) {
    const value = Math.min(255, Math.max(0, ((grey - level) / window + 0.5) * 256));
    table[grey] = invert ? 255 - value : value;
  }
  return table;
}

/** Box around everything the layers hold on a frame: what a difference pane zooms to. */
export function layersBox(cols: number, ...maps: (Uint8Array | null | undefined)[]): Box | null {
  let all: Box | null = null;
  for (const map of maps) {
    for (const box of map ? labelBoxes(map, cols).values() : []) all = joinBox(all, box);
  }
  return all;
}
