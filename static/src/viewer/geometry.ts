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

/** Box around every label of a map but 0, in one pass. */
export function labelBoxes(labels: Uint8Array, cols: number): Map<number, Box> {
  const boxes = new Map<number, Box>();
  const rows = labels.length / cols;
  // Most rows of a map are empty: four pixels at a time tell so.
  const whole = labels.byteOffset % 4 === 0 && cols % 4 === 0 ? new Uint32Array(labels.buffer, labels.byteOffset, Math.floor(labels.length / 4)) : null;
  for (let y = 0; y < rows; y++) {
    const base = y * cols;
    if (whole && isEmpty(whole, base / 4, (base + cols) / 4)) continue;
    let label = 0;
    for (let x = 0; x < cols; x++) {
      const here = labels[base + x] ?? 0;
      if (here === label) continue;
      // Runs begin and end here: only their ends can widen a box.
      if (label !== 0) widen(boxes, label, x - 1, y);
      if (here !== 0) widen(boxes, here, x, y);
      label = here;
    }
    if (label !== 0) widen(boxes, label, cols - 1, y);
  }
  return boxes;
}

function isEmpty(words: Uint32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== 0) return false;
  return true;
}

function widen(boxes: Map<number, Box>, label: number, x: number, y: number): void {
  const box = boxes.get(label);
  if (!box) boxes.set(label, { x0: x, y0: y, x1: x + 1, y1: y + 1 });
  else {
    if (x < box.x0) box.x0 = x;
    if (x >= box.x1) box.x1 = x + 1;
    if (y >= box.y1) box.y1 = y + 1;
  }
}
