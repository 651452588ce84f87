/** Drawing of a picture and its mask layers onto a 2D canvas. No state of the page in here. */
import { joinBox, labelBoxes, type Box } from "./geometry.ts";
import { pathOf, traceLoops } from "./contour.ts";

export const PHYSICIAN = "#ff9f2e";
export const MODEL = "#2cc9f5";
export const BOTH = "#cdd3db";

/** How a layer's line looks; dashes and width in screen pixels. */
export interface LayerStyle {
  colour: string;
  dash: readonly number[];
  width: number;
}

/** A physician's line is solid orange, a model's dashed cyan. */
export const STYLES: Record<"physician" | "model", LayerStyle> = {
  physician: { colour: PHYSICIAN, dash: [], width: 2 },
  model: { colour: MODEL, dash: [6, 4], width: 2 },
};

/** Label map of a frame; null or undefined when there is none. `version` counts changes of a map drawn in place. */
export interface MaskLayer {
  labels(frame: number): Uint8Array | null | undefined;
  version?(frame: number): number;
  /** Without one it looks like the place it stands on. */
  style?: LayerStyle;
}

export interface Layers {
  physician?: MaskLayer | null;
  model?: MaskLayer | null;
  /** Further layers, as thin lines over the others. */
  more?: readonly MaskLayer[];
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
  // Bilinear is enough down to half the size, and without a GPU three times cheaper than the finer ways.
  ctx.imageSmoothingQuality = at.scale * at.dpr < 0.5 ? "medium" : "low";
  ctx.drawImage(picture, 0, 0);
}

/**
 * A picture that stands still while one draws on it is scaled once and copied from then on: without a GPU a third of
 * the cost. A picture seen for the first time is painted straight, so that a loop pays nothing.
 */
export class Scaled {
  private canvas: HTMLCanvasElement | null = null;
  private key = "";
  private kept = "";

  paint(ctx: CanvasRenderingContext2D, picture: CanvasImageSource, name: string, at: Placement): void {
    const { width, height } = ctx.canvas;
    const key = `${name}/${at.scale}/${at.x}/${at.y}/${at.dpr}/${width}/${height}`;
    if (key !== this.key) {
      this.key = key;
      return paintPicture(ctx, picture, at);
    }
    this.canvas ??= document.createElement("canvas");
    if (this.kept !== key) {
      this.canvas.width = width;
      this.canvas.height = height;
      const own = this.canvas.getContext("2d", { alpha: false });
      if (!own) return paintPicture(ctx, picture, at);
      paintPicture(own, picture, at);
      this.kept = key;
    }
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.canvas, 0, 0);
  }

  /** Another clip: what was kept is of no use. */
  clear(): void {
    this.key = this.kept = "";
  }
}

export interface Painting {
  mode: LayerMode;
  layers: Layers;
  /** 0 to 1, on top of how strong fills and lines are by themselves. */
  opacity: number;
  /** A place on the pane, in its pixels: the first layer shows left of it only, the second right of it. */
  split: number | null;
}

const FILLS = { physician: 0.18, model: 0.16 };

/** All layers of a frame; what stands first lies lowest. */
export function paintMasks(ctx: CanvasRenderingContext2D, painting: Painting, frame: number, cols: number, at: Placement): void {
  const { mode, layers, opacity, split } = painting;
  if (mode === "hidden" || opacity <= 0) return;
  const { physician, model } = layers;
  const of = (layer: MaskLayer | null | undefined): Uint8Array | null => layer?.labels(frame) ?? null;
  if (mode === "difference") paintDifference(ctx, layers, frame, cols, at, opacity);
  else {
    for (const [layer, who] of [[physician, "physician"], [model, "model"]] as const) {
      const labels = of(layer);
      if (!layer || !labels) continue;
      ctx.save();
      if (split !== null) clipTo(ctx, who === "physician" ? [0, split] : [split, ctx.canvas.width], at.dpr);
      const path = pathFor(labels, cols, layer.version?.(frame) ?? 0);
      place(ctx, at);
      if (mode === "fill") {
        ctx.globalAlpha = FILLS[who] * opacity;
        ctx.fillStyle = (layer.style ?? STYLES[who]).colour;
        ctx.fill(path, "evenodd");
      }
      strokePath(ctx, path, at, layer.style ?? STYLES[who], opacity);
      ctx.restore();
    }
  }
  for (const layer of layers.more ?? []) {
    const labels = of(layer);
    if (!labels) continue;
    ctx.save();
    place(ctx, at);
    strokePath(ctx, pathFor(labels, cols, layer.version?.(frame) ?? 0), at, layer.style ?? STYLES.physician, opacity);
    ctx.restore();
  }
}

function clipTo(ctx: CanvasRenderingContext2D, [from, to]: readonly [number, number], dpr: number): void {
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx.beginPath();
  ctx.rect(from, 0, Math.max(0, to - from), ctx.canvas.height);
  ctx.clip();
}

/** A line of the same width on the screen at every zoom. */
function strokePath(ctx: CanvasRenderingContext2D, path: Path2D, at: Placement, style: LayerStyle, opacity: number): void {
  ctx.globalAlpha = opacity;
  ctx.lineWidth = style.width / at.scale;
  ctx.lineJoin = "round";
  ctx.setLineDash(style.dash.map((part) => part / at.scale));
  ctx.strokeStyle = style.colour;
  ctx.stroke(path);
}

let empty = new Uint8Array(0);

/** One map of zeros, kept, so that the traced difference is found again. */
function emptyMap(length: number): Uint8Array {
  if (empty.length !== length) empty = new Uint8Array(length);
  return empty;
}

/** Both plain grey, the first only hatched, the second only dotted, with both outlines. */
function paintDifference(ctx: CanvasRenderingContext2D, layers: Layers, frame: number, cols: number, at: Placement, opacity: number): void {
  const { physician, model } = layers;
  const mine = physician?.labels(frame) ?? null;
  const theirs = model?.labels(frame) ?? null;
  if (!mine && !theirs) return;
  const version = physician?.version?.(frame) ?? 0;
  const nothing = emptyMap((mine ?? theirs)?.length ?? 0);
  const parts = differenceOf(mine ?? nothing, theirs ?? nothing, cols, version);
  const [first, second] = [physician?.style ?? STYLES.physician, model?.style ?? STYLES.model];
  ctx.save();
  place(ctx, at);
  ctx.globalAlpha = 0.34 * opacity;
  ctx.fillStyle = BOTH;
  ctx.fill(parts.both, "evenodd");
  ctx.globalAlpha = opacity;
  fillPattern(ctx, parts.physician, at, pattern(ctx, "hatch", first.colour));
  fillPattern(ctx, parts.model, at, pattern(ctx, "dots", second.colour));
  if (mine) strokePath(ctx, pathFor(mine, cols, version), at, first, opacity);
  if (theirs) strokePath(ctx, pathFor(theirs, cols, model?.version?.(frame) ?? 0), at, second, opacity);
  ctx.restore();
}

/** Patterns keep their screen size: their own transform undoes the picture's. Clipping instead costs far more without a GPU. */
function fillPattern(ctx: CanvasRenderingContext2D, path: Path2D, at: Placement, pattern: CanvasPattern | null): void {
  if (!pattern) return;
  pattern.setTransform(new DOMMatrix([1 / at.scale, 0, 0, 1 / at.scale, -at.x / at.scale, -at.y / at.scale]));
  ctx.fillStyle = pattern;
  ctx.fill(path, "evenodd");
}

function cell(draw: (tile: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const ctx = tile.getContext("2d");
  if (ctx) draw(ctx);
  return tile;
}

const tiles = new Map<string, HTMLCanvasElement>();

/** Hatch or dots in a colour, so that areas differ by more than colour. */
function pattern(ctx: CanvasRenderingContext2D, kind: "hatch" | "dots", colour: string): CanvasPattern | null {
  const key = `${kind} ${colour}`;
  let tile = tiles.get(key);
  if (!tile) {
    tile = cell((inner) => (kind === "hatch" ? hatch(inner, colour) : dots(inner, colour)));
    tiles.set(key, tile);
  }
  return ctx.createPattern(tile, "repeat");
}

function hatch(tile: CanvasRenderingContext2D, colour: string): void {
  tile.strokeStyle = colour;
  tile.lineWidth = 2;
  for (const shift of [-6, 0, 6]) {
    tile.beginPath();
    tile.moveTo(shift - 1, 7);
    tile.lineTo(shift + 7, -1);
    tile.stroke();
  }
}

function dots(tile: CanvasRenderingContext2D, colour: string): void {
  tile.fillStyle = colour;
  for (const at of [1.5, 4.5]) {
    tile.beginPath();
    tile.arc(at, at, 1.3, 0, 2 * Math.PI);
    tile.fill();
  }
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
