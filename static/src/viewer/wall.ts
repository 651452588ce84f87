/**
 * The outer wall of the aorta as a closed line through a few points, and thickness perpendicular to it.
 *
 * What is stored is the line itself, with SAMPLES points from one handle to the next: handles are every SAMPLES-th point, so a
 * stored wall can be edited again. Thickness runs inward from the wall along its normal, taken in millimetres where
 * there is a scale (in pixels otherwise), through the first run of plaque, to the lumen edge: as the server computes it.
 */
import type { Box, Point } from "./geometry.ts";

/** Points of the line from one handle to the next. */
export const SAMPLES = 24;
const ELLIPSE_POINTS = 8 * SAMPLES;
/** Plaque that begins within this many pixels of the wall belongs to it. */
const NEAR = 3;

export interface Wall {
  kind: "ellipse" | "spline";
  /** Ellipse: the ends of both axes in turn (long, short, long, short). Spline: the points it goes through. */
  handles: Point[];
}

/** Closed cubic spline through the points, by chord length: round between far points, calm between near ones. */
export function closedSpline(points: readonly Point[]): Point[] {
  const n = points.length;
  if (n < 3) return points.map((point) => [...point]);
  const next = (i: number): Point => points[(i + 1) % n] ?? [0, 0];
  const steps = points.map((p, i) => Math.max(1e-6, Math.hypot(next(i)[0] - p[0], next(i)[1] - p[1])));
  const bends = [0, 1].map((axis) => bendsOf(points.map((p) => p[axis] ?? 0), steps));
  const out: Point[] = [];
  for (let i = 0; i < n; i++) {
    const h = steps[i] ?? 1;
    for (let k = 0; k < SAMPLES; k++) {
      const t = k / SAMPLES;
      out.push([0, 1].map((axis) => {
        const [a, b] = [points[i]?.[axis] ?? 0, next(i)[axis] ?? 0];
        const [ma, mb] = [bends[axis]?.[i] ?? 0, bends[axis]?.[(i + 1) % n] ?? 0];
        const u = 1 - t;
        return a * u + b * t + ((u ** 3 - u) * ma + (t ** 3 - t) * mb) * ((h * h) / 6);
      }) as Point);
    }
  }
  return out;
}

/** Second derivatives of the closed spline at its points: a small cyclic system, by elimination. */
function bendsOf(values: readonly number[], steps: readonly number[]): number[] {
  const n = values.length;
  const rows = values.map((value, i) => {
    const [before, after] = [(i + n - 1) % n, (i + 1) % n];
    const [ha, hb] = [steps[before] ?? 1, steps[i] ?? 1];
    const row = new Array<number>(n + 1).fill(0);
    row[before] = (row[before] ?? 0) + ha;
    row[i] = (row[i] ?? 0) + 2 * (ha + hb);
    row[after] = (row[after] ?? 0) + hb;
    row[n] = 6 * (((values[after] ?? 0) - value) / hb - (value - (values[before] ?? 0)) / ha);
    return row;
  });
  for (let i = 0; i < n; i++) {
    const pivot = rows[i] ?? [];
    for (let k = 0; k < n; k++) {
      const row = rows[k];
      if (!row || k === i) continue;
      const factor = (row[i] ?? 0) / (pivot[i] ?? 1);
      if (factor) for (let j = i; j <= n; j++) row[j] = (row[j] ?? 0) - factor * (pivot[j] ?? 0);
    }
  }
  return rows.map((row, i) => (row[n] ?? 0) / (row[i] ?? 1));
}

/** The closed line of a wall; every SAMPLES-th point is a handle of a spline. */
export function wallLine({ kind, handles }: Wall): Point[] {
  if (kind === "spline") return closedSpline(handles);
  const [a = [0, 0], b = [0, 0], c = [0, 0], d = [0, 0]] = handles;
  const middle: Point = [(a[0] + c[0]) / 2, (a[1] + c[1]) / 2];
  const u: Point = [(a[0] - c[0]) / 2, (a[1] - c[1]) / 2];
  const v: Point = [(b[0] - d[0]) / 2, (b[1] - d[1]) / 2];
  return Array.from({ length: ELLIPSE_POINTS }, (_, i) => {
    const angle = (2 * Math.PI * i) / ELLIPSE_POINTS;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return [middle[0] + u[0] * cos + v[0] * sin, middle[1] + u[1] * cos + v[1] * sin];
  });
}

/** A circle over a diameter, as an ellipse whose second axis can be pulled; round in mm where the axes differ. */
export function circleOver(a: Point, b: Point, [rowMm, colMm]: readonly [number, number] = [1, 1]): Wall {
  const middle: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const across: Point = [-((b[1] - a[1]) / 2) * (rowMm / colMm), ((b[0] - a[0]) / 2) * (colMm / rowMm)];
  return { kind: "ellipse", handles: [a, [middle[0] + across[0], middle[1] + across[1]], b, [middle[0] - across[0], middle[1] - across[1]]] };
}

/** The wall that a stored line was made of; a line from elsewhere gets twelve handles along it. */
export function wallOf(line: readonly Point[]): Wall {
  if (line.length === ELLIPSE_POINTS) {
    const ellipse: Wall = { kind: "ellipse", handles: [0, 1, 2, 3].map((k) => line[(k * ELLIPSE_POINTS) / 4] ?? [0, 0]) };
    if (same(wallLine(ellipse), line)) return ellipse;
  }
  if (line.length % SAMPLES === 0 && line.length >= 3 * SAMPLES) {
    const spline: Wall = { kind: "spline", handles: line.filter((_, i) => i % SAMPLES === 0) };
    if (same(wallLine(spline), line)) return spline;
  }
  const count = Math.min(12, line.length);
  return { kind: "spline", handles: Array.from({ length: count }, (_, k) => line[Math.floor((k * line.length) / count)] ?? [0, 0]) };
}

function same(a: readonly Point[], b: readonly Point[]): boolean {
  return a.length === b.length && a.every((p, i) => Math.hypot(p[0] - (b[i]?.[0] ?? 0), p[1] - (b[i]?.[1] ?? 0)) < 0.02);
}

/** The wall with one handle moved. An ellipse stays one: its middle stays, the other axis keeps its length and turns along. */
export function moveHandle(wall: Wall, index: number, to: Point): Wall {
  if (wall.kind === "spline") return { kind: "spline", handles: wall.handles.map((p, i) => (i === index ? to : p)) };
  const end = (k: number): Point => wall.handles[(index + k) % 4] ?? [0, 0];
  const [a, b, c] = [end(0), end(1), end(2)];
  const middle: Point = [(a[0] + c[0]) / 2, (a[1] + c[1]) / 2];
  const u: Point = [to[0] - middle[0], to[1] - middle[1]];
  const old: Point = [a[0] - middle[0], a[1] - middle[1]];
  const [w0, w1] = [b[0] - middle[0], b[1] - middle[1]];
  const turn = Math.atan2(u[1], u[0]) - Math.atan2(old[1], old[0]);
  const v: Point = [w0 * Math.cos(turn) - w1 * Math.sin(turn), w0 * Math.sin(turn) + w1 * Math.cos(turn)];
  const ends: Point[] = [to, [middle[0] + v[0], middle[1] + v[1]], [middle[0] - u[0], middle[1] - u[1]], [middle[0] - v[0], middle[1] - v[1]]];
  return { kind: "ellipse", handles: [0, 1, 2, 3].map((k) => ends[(k - index + 4) % 4] ?? [0, 0]) };
}

/** A new point on the line of a spline, between its neighbours; an ellipse becomes a spline of eight points first. */
export function addHandle(wall: Wall, at: Point): { wall: Wall; index: number } {
  const handles = wall.kind === "spline" ? [...wall.handles] : wallLine(wall).filter((_, i) => i % SAMPLES === 0);
  const line = closedSpline(handles);
  const index = Math.floor(nearestOn(line, at) / SAMPLES) + 1;
  handles.splice(index, 0, at);
  return { wall: { kind: "spline", handles }, index };
}

export function nearestOn(line: readonly Point[], at: Point): number {
  let best = 0;
  let least = Infinity;
  line.forEach((p, i) => {
    const far = Math.hypot(p[0] - at[0], p[1] - at[1]);
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

export interface WallChord {
  /** Which point of the line it starts from. */
  index: number;
  /** Outer end at the wall, inner end at the lumen edge; picture pixels. */
  points: [Point, Point];
  /** In millimetres where `spacing` was given, else pixels. */
  length: number;
}

/**
 * The wall-normal chord through the plaque at every point of the line; null where there is none.
 *
 * `inside` tells whether a pixel (column, row) is plaque; `box` holds all of them. `spacing` is [row, column] in mm, or
 * null for pixels.
 */
export function wallChords(line: readonly Point[], inside: (x: number, y: number) => boolean, box: Box, spacing: readonly [number, number] | null): (WallChord | null)[] {
  const [sy, sx] = spacing ?? [1, 1];
  const n = line.length;
  let area = 0;
  line.forEach((p, i) => {
    const q = line[(i + 1) % n] ?? p;
    area += p[0] * q[1] - q[0] * p[1];
  });
  const far = Math.hypot((box.x1 - box.x0) * sx, (box.y1 - box.y0) * sy) + NEAR * Math.max(sx, sy);
  return line.map((p, index) => {
    const [before, after] = [line[(index + n - 1) % n] ?? p, line[(index + 1) % n] ?? p];
    const [tx, ty] = [(after[0] - before[0]) * sx, (after[1] - before[1]) * sy];
    const size = Math.hypot(tx, ty);
    if (size === 0) return null;
    const sign = area > 0 ? 1 : -1;
    const [nx, ny] = [(-ty / size) * sign, (tx / size) * sign];
    const at = (mm: number): Point => [p[0] + (nx * mm) / sx, p[1] + (ny * mm) / sy];
    const run = firstRun((mm) => soft(inside, at(mm)), NEAR * Math.max(sx, sy), far, 0.5 * Math.min(sx, sy));
    return run && { index, points: [at(run[0]), at(run[1])], length: run[1] - run[0] };
  });
}

/** Begin and end of the first run above one half that begins near the wall, between samples by their slope. */
function firstRun(value: (mm: number) => number, near: number, far: number, step: number): [number, number] | null {
  let begin: number | null = null;
  let last = value(-near - step);
  for (let mm = -near; mm <= far + step; mm += step) {
    const now = value(mm);
    const crossing = mm - step * (now === last ? 0 : (now - 0.5) / (now - last));
    if (begin === null && now >= 0.5) begin = last < 0.5 ? crossing : mm;
    else if (begin === null && mm > near) return null;
    else if (begin !== null && now < 0.5) return crossing > begin ? [begin, crossing] : null;
    last = now;
  }
  return null;
}

/** How much of a pixel's surrounding is plaque at a point between pixel centres: bilinear, 0 to 1. */
function soft(inside: (x: number, y: number) => boolean, [x, y]: Point): number {
  const [u, v] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [fx, fy] = [x - 0.5 - u, y - 0.5 - v];
  const value = (dx: number, dy: number): number => (inside(u + dx, v + dy) ? 1 : 0);
  return (value(0, 0) * (1 - fx) + value(1, 0) * fx) * (1 - fy) + (value(0, 1) * (1 - fx) + value(1, 1) * fx) * fy;
}

/**
 * The thickest chord, after a running median over about a millimetre of wall: a peak of one pixel is no thickness.
 * Shown is the chord beside the greatest median whose length comes nearest to it.
 */
export function thickest(chords: readonly (WallChord | null)[], stepLength: number, width = 1): WallChord | null {
  const n = chords.length;
  const half = Math.max(1, Math.floor(width / Math.max(1e-9, stepLength) / 2));
  const around = (index: number): (WallChord | null)[] => Array.from({ length: 2 * half + 1 }, (_, k) => chords[(index + k - half + n) % n] ?? null);
  let best = { index: -1, calm: 0 };
  chords.forEach((chord, index) => {
    const calm = chord ? (around(index).map((one) => one?.length ?? 0).sort((a, b) => a - b)[half] ?? 0) : 0;
    if (calm > best.calm) best = { index, calm };
  });
  if (best.index < 0) return chords.find((chord) => chord !== null) ?? null;
  const off = (chord: WallChord | null): number => (chord ? Math.abs(chord.length - best.calm) : Infinity);
  return around(best.index).reduce((a, b) => (off(b) < off(a) ? b : a));
}
