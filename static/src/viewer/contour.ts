/** Outlines of label maps as closed lines in picture pixels, for drawing only: what is measured is the label map. */
import { labelBoxes, type Box, type Point } from "./geometry.ts";

const RIGHT = 1;
const DOWN = 2;
const LEFT = 4;
const UP = 8;
const STEP: Record<number, [number, number]> = { [RIGHT]: [1, 0], [DOWN]: [0, 1], [LEFT]: [-1, 0], [UP]: [0, -1] };
/** At a corner where two pixels touch, turn right first: they stay two areas. */
const ORDER: Record<number, number[]> = {
  [RIGHT]: [DOWN, RIGHT, UP],
  [DOWN]: [LEFT, DOWN, RIGHT],
  [LEFT]: [UP, LEFT, DOWN],
  [UP]: [RIGHT, UP, LEFT],
};

/** Closed loops around the pixels of one label (holes are loops of their own: fill even-odd). */
export function traceLoops(labels: Uint8Array, cols: number, label: number, known?: Box): Point[][] {
  const box = known ?? labelBoxes(labels, cols).get(label);
  if (!box) return [];
  const width = box.x1 - box.x0 + 1;
  const edges = edgesOf(labels, cols, box, width, label);
  const loops: Point[][] = [];
  for (let at = 0; at < edges.length; at++) {
    while (edges[at]) loops.push(follow(edges, at, width, box));
  }
  return loops;
}

/** Outgoing edges of every pixel corner of the box, the area always on the right hand. */
function edgesOf(labels: Uint8Array, cols: number, box: Box, width: number, label: number): Uint8Array {
  const edges = new Uint8Array(width * (box.y1 - box.y0 + 1));
  for (let y = box.y0; y < box.y1; y++) {
    const row = y * cols;
    let at = (y - box.y0) * width;
    for (let x = box.x0; x < box.x1; x++, at++) {
      if (labels[row + x] !== label) continue;
      if (y === box.y0 || labels[row - cols + x] !== label) edges[at] = (edges[at] ?? 0) | RIGHT;
      if (x === box.x1 - 1 || labels[row + x + 1] !== label) edges[at + 1] = (edges[at + 1] ?? 0) | DOWN;
      if (y === box.y1 - 1 || labels[row + cols + x] !== label) edges[at + width + 1] = (edges[at + width + 1] ?? 0) | LEFT;
      if (x === box.x0 || labels[row + x - 1] !== label) edges[at + width] = (edges[at + width] ?? 0) | UP;
    }
  }
  return edges;
}

function follow(edges: Uint8Array, start: number, width: number, box: Box): Point[] {
  const loop: Point[] = [];
  let at = start;
  let heading = 0;
  do {
    const bits = edges[at] ?? 0;
    const choices = ORDER[heading] ?? [RIGHT, DOWN, LEFT, UP];
    const next = choices.find((bit) => bits & bit);
    if (next === undefined) break;
    edges[at] = bits & ~next;
    const [dx, dy] = STEP[next] ?? [0, 0];
    const x = (at % width) + box.x0;
    const y = Math.floor(at / width) + box.y0;
    loop.push([x + dx / 2, y + dy / 2]);
    at += dx + dy * width;
    heading = next;
  } while (at !== start);
  return loop;
}

/** Running mean over five neighbours: takes the stair steps out of a traced line. Small loops stay as they are. */
export function smoothLoop(loop: Point[]): Point[] {
  const n = loop.length;
  if (n < 16) return loop;
  return loop.map((_, i) => {
    let x = 0;
    let y = 0;
    for (let k = -2; k <= 2; k++) {
      const point = loop[(i + k + n) % n];
      if (!point) continue;
      x += point[0];
      y += point[1];
    }
    return [x / 5, y / 5];
  });
}

/** A canvas path of the loops, in picture pixels. */
export function pathOf(loops: Point[][]): Path2D {
  const path = new Path2D();
  for (const loop of loops) {
    smoothLoop(loop).forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
  }
  return path;
}
