/** Outlines of label maps as closed lines in picture pixels, for drawing only: what is measured is the label map. */
import { boxOf, type Box, type Point } from "./geometry.ts";

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

/** Closed loops around the pixels for which `test` holds (holes are loops of their own: fill even-odd). */
export function traceLoops(labels: Uint8Array, cols: number, test: (label: number) => boolean): Point[][] {
  const box = boxOf(labels, cols, test);
  if (!box) return [];
  const width = box.x1 - box.x0 + 1;
  const edges = edgesOf(labels, cols, box, width, test);
  const loops: Point[][] = [];
  for (let at = 0; at < edges.length; at++) {
    while (edges[at]) loops.push(follow(edges, at, width, box));
  }
  return loops;
}

/** Outgoing edges of every pixel corner, the area always on the right hand. */
function edgesOf(labels: Uint8Array, cols: number, box: Box, width: number, test: (l: number) => boolean): Uint8Array {
  const height = box.y1 - box.y0 + 1;
  const edges = new Uint8Array(width * height);
  const inside = (x: number, y: number): boolean => {
    if (x < box.x0 || y < box.y0 || x >= box.x1 || y >= box.y1) return false;
    const label = labels[y * cols + x] ?? 0;
    return label !== 0 && test(label);
  };
  const put = (x: number, y: number, bit: number): void => {
    const at = (y - box.y0) * width + (x - box.x0);
    edges[at] = (edges[at] ?? 0) | bit;
  };
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) {
      if (!inside(x, y)) continue;
      if (!inside(x, y - 1)) put(x, y, RIGHT);
      if (!inside(x + 1, y)) put(x + 1, y, DOWN);
      if (!inside(x, y + 1)) put(x + 1, y + 1, LEFT);
      if (!inside(x - 1, y)) put(x, y + 1, UP);
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
