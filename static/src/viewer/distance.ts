/**
 * Shapes between two shapes: the mean of their signed distances, each moved along with its middle, so that a plaque that
 * travels with the wall travels in between as well (shape-based interpolation, Raya and Udupa 1990).
 */
import type { Box, Point } from "./geometry.ts";
import { boxWidth, padded, type Shape } from "./shape.ts";

const FAR = 1e12;

export interface DistanceField {
  box: Box;
  /** Pixels to the border, below zero inside; row-major over the box. */
  values: Float32Array;
}

/** Exact Euclidean distance of every pixel centre to the border between the shape and what is not. */
export function signedDistance(shape: Shape): DistanceField {
  const { box, bits } = padded(shape, 2);
  const width = boxWidth(box);
  const toInside = squared(bits, width, 1);
  const toOutside = squared(bits, width, 0);
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    values[i] = bits[i] ? 0.5 - Math.sqrt(toOutside[i] ?? 0) : Math.sqrt(toInside[i] ?? 0) - 0.5;
  }
  return { box, values };
}

/** Squared distance to the nearest pixel that equals `to`, by lower envelopes (Felzenszwalb and Huttenlocher 2012). */
function squared(bits: Uint8Array, width: number, to: number): Float64Array {
  const height = bits.length / width;
  const out = Float64Array.from(bits, (bit) => (bit === to ? 0 : FAR));
  const line = new Float64Array(Math.max(width, height));
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) line[y] = out[y * width + x] ?? 0;
    envelope(line, height, (y, value) => (out[y * width + x] = value));
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) line[x] = out[y * width + x] ?? 0;
    envelope(line, width, (x, value) => (out[y * width + x] = value));
  }
  return out;
}

function envelope(f: Float64Array, n: number, put: (at: number, value: number) => void): void {
  const feet = new Int32Array(n);
  const starts = new Float64Array(n + 1);
  let last = 0;
  starts[0] = -Infinity;
  starts[1] = Infinity;
  const meet = (q: number, p: number): number => ((f[q] ?? 0) + q * q - (f[p] ?? 0) - p * p) / (2 * q - 2 * p);
  for (let q = 1; q < n; q++) {
    let at = meet(q, feet[last] ?? 0);
    while (last > 0 && at <= (starts[last] ?? 0)) at = meet(q, feet[--last] ?? 0);
    feet[++last] = q;
    starts[last] = at;
    starts[last + 1] = Infinity;
  }
  for (let q = 0, k = 0; q < n; q++) {
    while ((starts[k + 1] ?? Infinity) < q) k++;
    const foot = feet[k] ?? 0;
    put(q, (q - foot) ** 2 + (f[foot] ?? 0));
  }
}

/** Bilinear; beyond the box the value at its edge plus the way there. */
function sample({ box, values }: DistanceField, x: number, y: number): number {
  const width = boxWidth(box);
  const cx = Math.min(box.x1 - 1, Math.max(box.x0, x));
  const cy = Math.min(box.y1 - 1, Math.max(box.y0, y));
  const u = Math.min(box.x1 - 2, Math.floor(cx));
  const v = Math.min(box.y1 - 2, Math.floor(cy));
  const [fx, fy] = [cx - u, cy - v];
  const at = (v - box.y0) * width + u - box.x0;
  const top = (values[at] ?? 0) * (1 - fx) + (values[at + 1] ?? 0) * fx;
  const below = (values[at + width] ?? 0) * (1 - fx) + (values[at + width + 1] ?? 0) * fx;
  return top * (1 - fy) + below * fy + Math.hypot(x - cx, y - cy);
}

/** The middle of a shape: mean of its pixels. */
export function middleOf({ box, bits }: Shape): Point {
  const width = boxWidth(box);
  let [x, y, n] = [0, 0, 0];
  bits.forEach((bit, at) => {
    if (!bit) return;
    x += at % width;
    y += Math.floor(at / width);
    n++;
  });
  return [x / Math.max(1, n) + box.x0, y / Math.max(1, n) + box.y0];
}

/** What lies at `part` (0 to 1) of the way from `a` to `b`; 0 gives `a`, 1 gives `b`, pixel by pixel. */
export function between(a: Shape, b: Shape): (part: number) => Shape {
  const [da, db] = [signedDistance(a), signedDistance(b)];
  const [ma, mb] = [middleOf(a), middleOf(b)];
  return (part) => {
    const middle: Point = [ma[0] + (mb[0] - ma[0]) * part, ma[1] + (mb[1] - ma[1]) * part];
    const [ax, ay] = [ma[0] - middle[0], ma[1] - middle[1]];
    const [bx, by] = [mb[0] - middle[0], mb[1] - middle[1]];
    const box = {
      x0: Math.floor(Math.min(a.box.x0 - ax, b.box.x0 - bx)) - 1,
      y0: Math.floor(Math.min(a.box.y0 - ay, b.box.y0 - by)) - 1,
      x1: Math.ceil(Math.max(a.box.x1 - ax, b.box.x1 - bx)) + 1,
      y1: Math.ceil(Math.max(a.box.y1 - ay, b.box.y1 - by)) + 1,
    };
    const width = boxWidth(box);
    const bits = new Uint8Array(width * (box.y1 - box.y0));
    for (let at = 0; at < bits.length; at++) {
      const x = (at % width) + box.x0;
      const y = Math.floor(at / width) + box.y0;
      const value = (1 - part) * sample(da, x + ax, y + ay) + part * sample(db, x + bx, y + by);
      if (value < 0) bits[at] = 1;
    }
    return { box, bits };
  };
}
