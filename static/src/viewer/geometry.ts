/** Points and boxes in picture pixels: x = column, y = row, origin at the top left corner, pixel centres at +0.5. */

export type Point = [number, number];

/** Half-open box of whole pixels: x0 ≤ x < x1, y0 ≤ y < y1. */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export function clampBox(box: Box, rows: number, cols: number): Box {
  return {
    x0: Math.max(0, Math.floor(box.x0)),
    y0: Math.max(0, Math.floor(box.y0)),
    x1: Math.min(cols, Math.ceil(box.x1)),
    y1: Math.min(rows, Math.ceil(box.y1)),
  };
}

export function joinBox(a: Box | null, b: Box): Box {
  if (!a) return { ...b };
  return { x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) };
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** Box around every pixel for which `test` holds, or null. */
export function boxOf(labels: Uint8Array, cols: number, test: (label: number) => boolean): Box | null {
  const rows = labels.length / cols;
  let x0 = cols;
  let y0 = rows;
  let x1 = -1;
  let y1 = -1;
  for (let y = 0; y < rows; y++) {
    const base = y * cols;
    for (let x = 0; x < cols; x++) {
      const label = labels[base + x] ?? 0;
      if (label === 0 || !test(label)) continue;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      y1 = y;
    }
  }
  return x1 < 0 ? null : { x0, y0, x1: x1 + 1, y1: y1 + 1 };
}
