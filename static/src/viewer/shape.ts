/**
 * Shapes: the pixels of one lesion on one frame, cut to their box, and what the mask tools do to them.
 *
 *   shapeOf(labels, cols, label)            the lesion's pixels, or null
 *   fillHoles(shape)  keepLargest(shape)  smoothBorder(shape, radius)
 *   growRegion(grey, cols, rows, seed, tolerance, within)
 *
 * Pure: nothing given is changed. Lesions are 8-connected, what lies around them 4-connected.
 */
import { clampBox, joinBox, type Box, type Point } from "./geometry.ts";

export interface Shape {
  box: Box;
  /** 1 inside, 0 outside; row-major over the box. */
  bits: Uint8Array;
}

export function boxWidth(box: Box): number {
  return box.x1 - box.x0;
}

export function shapeArea(shape: Shape): number {
  let n = 0;
  for (const bit of shape.bits) n += bit;
  return n;
}

export function shapeHas({ box, bits }: Shape, x: number, y: number): boolean {
  return x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1 && bits[(y - box.y0) * boxWidth(box) + x - box.x0] === 1;
}

export function shapeOf(labels: Uint8Array, cols: number, label: number): Shape | null {
  let box: Box | null = null;
  for (let i = labels.indexOf(label); i >= 0; i = labels.indexOf(label, i + 1)) {
    const x = i % cols;
    const y = (i - x) / cols;
    box = joinBox(box, { x0: x, y0: y, x1: x + 1, y1: y + 1 });
  }
  if (!box) return null;
  const width = boxWidth(box);
  const bits = new Uint8Array(width * (box.y1 - box.y0));
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) if (labels[y * cols + x] === label) bits[(y - box.y0) * width + x - box.x0] = 1;
  }
  return { box, bits };
}

/** The same pixels in a box that is `by` wider on every side; it may reach beyond the picture. */
export function padded({ box, bits }: Shape, by: number): Shape {
  const wide = { x0: box.x0 - by, y0: box.y0 - by, x1: box.x1 + by, y1: box.y1 + by };
  const from = boxWidth(box);
  const to = boxWidth(wide);
  const out = new Uint8Array(to * (wide.y1 - wide.y0));
  for (let y = 0; y < box.y1 - box.y0; y++) out.set(bits.subarray(y * from, (y + 1) * from), (y + by) * to + by);
  return { box: wide, bits: out };
}

/** Every pixel that the shape encloses belongs to it; with `most`, only holes of at most so many pixels are filled. */
export function fillHoles(shape: Shape, most = Infinity): Shape {
  const { box, bits } = padded(shape, 1);
  const width = boxWidth(box);
  const outside = new Uint8Array(bits.length);
  const stack = [0];
  outside[0] = 1;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const x = at % width;
    for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= bits.length || outside[next] || bits[next]) continue;
      outside[next] = 1;
      stack.push(next);
    }
  }
  const filled = outside.map((out) => 1 - out);
  if (most === Infinity) return { box, bits: filled };
  const holes = filled.map((bit, i) => (bit && !bits[i] ? 1 : 0));
  const parts = new Int32Array(holes.length);
  const sizes = [0];
  for (let at = holes.indexOf(1); at >= 0; at = holes.indexOf(1, at + 1)) {
    if (!parts[at]) sizes.push(flood(holes, parts, width, at, sizes.length));
  }
  return { box, bits: filled.map((bit, i) => (holes[i] && (sizes[parts[i] ?? 0] ?? 0) > most ? 0 : bit)) };
}

/** Only the largest connected part; of equal ones the first from the top. */
export function keepLargest({ box, bits }: Shape): Shape {
  const width = boxWidth(box);
  const parts = new Int32Array(bits.length);
  let best = 0;
  let most = 0;
  let part = 0;
  for (let start = 0; start < bits.length; start++) {
    if (!bits[start] || parts[start]) continue;
    const size = flood(bits, parts, width, start, ++part);
    if (size > most) [best, most] = [part, size];
  }
  return { box, bits: bits.map((bit, i) => (bit && parts[i] === best ? 1 : 0)) };
}

function flood(bits: Uint8Array, parts: Int32Array, width: number, start: number, part: number): number {
  const stack = [start];
  parts[start] = part;
  let size = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    size++;
    const x = at % width;
    for (let dy = -width; dy <= width; dy += width) {
      for (let dx = -1; dx <= 1; dx++) {
        const next = at + dy + dx;
        if (x + dx < 0 || x + dx >= width || next < 0 || next >= bits.length || !bits[next] || parts[next]) continue;
        parts[next] = part;
        stack.push(next);
      }
    }
  }
  return size;
}

/**
 * The border drawn calmly: blurred by about `radius` pixels and cut where the area stays what it was.
 * A shape too small to survive stays as it is.
 */
export function smoothBorder(shape: Shape, radius: number): Shape {
  const reach = Math.max(1, Math.round(radius));
  const wide = padded(shape, 3 * reach);
  const width = boxWidth(wide.box);
  let soft = Float32Array.from(wide.bits);
  for (let pass = 0; pass < 3; pass++) soft = boxMean(boxMean(soft, width, reach, false), width, reach, true);
  const cutoff = cutFor(soft, shapeArea(shape));
  const bits = new Uint8Array(soft.length);
  for (let i = 0; i < soft.length; i++) bits[i] = (soft[i] ?? 0) >= cutoff ? 1 : 0;
  return bits.includes(1) ? { box: wide.box, bits } : shape;
}

/** The value that leaves about `area` pixels at or above it, between 0.3 and 0.7. */
function cutFor(soft: Float32Array, area: number): number {
  const counts = new Uint32Array(1001);
  for (const value of soft) {
    const bin = Math.round(value * 1000);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  let above = 0;
  for (let bin = 1000; bin > 300; bin--) {
    above += counts[bin] ?? 0;
    if (above >= area && bin <= 700) return (bin - 0.5) / 1000;
  }
  return 0.3;
}

/** Running mean over 2 · reach + 1 pixels along rows or columns; zero beyond the box. */
function boxMean(values: Float32Array, width: number, reach: number, down: boolean): Float32Array<ArrayBuffer> {
  const height = values.length / width;
  const [lines, length, step, jump] = down ? [width, height, width, 1] : [height, width, 1, width];
  const out = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    let sum = 0;
    for (let i = -reach; i < length; i++) {
      sum += i + reach < length ? (values[line * jump + (i + reach) * step] ?? 0) : 0;
      if (i - reach - 1 >= 0) sum -= values[line * jump + (i - reach - 1) * step] ?? 0;
      if (i >= 0) out[line * jump + i * step] = sum / (2 * reach + 1);
    }
  }
  return out;
}

/** Mean grey of 3 × 3 pixels (fewer at the edge): takes the speckle out before grey values are compared. */
export function calmGrey(grey: Uint8Array, cols: number): Uint8Array {
  const rows = grey.length / cols;
  const out = new Uint8Array(grey.length);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < cols; x++) {
      let sum = 0;
      let n = 0;
      for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(cols - 1, x + 1); u++, n++) sum += grey[v * cols + u] ?? 0;
      }
      out[y * cols + x] = Math.round(sum / n);
    }
  }
  return out;
}

/**
 * Connected pixels around `seed` whose grey differs by at most `tolerance` from the seed's, small holes filled. It spreads
 * through places at least three pixels wide only: the edge of a bright wall has every grey in between, and would lead around
 * the whole vessel.
 * `free` tells which pixels may be taken (another lesion's may not); `within` bounds the search.
 */
export function growRegion(
  grey: Uint8Array, cols: number, seed: Point, tolerance: number, within: Box, free: (index: number) => boolean,
): Shape | null {
  const box = clampBox(within, grey.length / cols, cols);
  const [x, y] = [Math.floor(seed[0]), Math.floor(seed[1])];
  if (x < box.x0 || x >= box.x1 || y < box.y0 || y >= box.y1) return null;
  const like = grey[y * cols + x] ?? 0;
  const width = boxWidth(box);
  const height = box.y1 - box.y0;
  const alike = new Uint8Array(width * height);
  for (let at = 0; at < alike.length; at++) {
    const index = (Math.floor(at / width) + box.y0) * cols + (at % width) + box.x0;
    if (Math.abs((grey[index] ?? 0) - like) <= tolerance && free(index)) alike[at] = 1;
  }
  const seedAt = (y - box.y0) * width + x - box.x0;
  if (!alike[seedAt]) return null;
  const bits = spread(alike, width, height, seedAt);
  const area = shapeArea({ box, bits });
  return fillHoles({ box, bits }, Math.max(64, 0.05 * area));
}

/** From the seed through pixels whose neighbours are all alike; every alike neighbour of those belongs to it. */
function spread(alike: Uint8Array, width: number, height: number, seed: number): Uint8Array {
  const bits = new Uint8Array(alike.length);
  const seen = new Uint8Array(alike.length);
  const stack = [seed];
  seen[seed] = 1;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const [x, y] = [at % width, Math.floor(at / width)];
    let whole = true;
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) if (!alike[v * width + u]) whole = false;
    }
    bits[at] = 1;
    if (!whole && at !== seed) continue;
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const next = v * width + u;
        if (!alike[next] || seen[next]) continue;
        seen[next] = 1;
        stack.push(next);
      }
    }
  }
  return bits;
}
