import { beforeEach, describe, expect, it } from "vitest";
import { traceLoops } from "../contour.ts";
import { labelBoxes } from "../geometry.ts";
import { History } from "../history.ts";
import { MaskStore } from "../mask.ts";

const ROWS = 60;
const COLS = 80;
let history: History;
let store: MaskStore;

beforeEach(() => {
  history = new History();
  store = new MaskStore("clip", ROWS, COLS, history);
});

function dab(frame: number, x: number, y: number, radius: number, label: number): void {
  store.begin(frame);
  store.capsule([x, y], [x, y], radius, label);
  store.end();
}

describe("brush", () => {
  it("sets every pixel whose centre lies within the radius, and no other", () => {
    dab(1, 20, 30, 5, 1);
    const map = store.labels(1);
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < COLS; x++) {
        expect(map?.[y * COLS + x]).toBe(Math.hypot(x + 0.5 - 20, y + 0.5 - 30) <= 5 ? 1 : 0);
      }
    }
  });

  it("leaves no gap between two far points", () => {
    store.begin(1);
    store.capsule([5, 10], [75, 50], 2, 1);
    store.end();
    expect(traceLoops(store.labels(1) ?? new Uint8Array(), COLS, 1)).toHaveLength(1);
  });

  it("stays inside the picture", () => {
    dab(1, -3, -3, 6, 1);
    dab(1, COLS + 2, ROWS + 2, 6, 1);
    expect(store.area(1, 1)).toBeGreaterThan(0);
  });

  it("gives a pixel to one lesion only", () => {
    dab(1, 20, 30, 6, 1);
    const before = store.area(1, 1);
    dab(1, 24, 30, 6, 2);
    expect(store.area(1, 1)).toBeLessThan(before);
    expect(store.labelsOn(1)).toEqual([1, 2]);
  });

  it("erases with label 0", () => {
    dab(1, 20, 30, 6, 1);
    dab(1, 20, 30, 8, 0);
    expect(store.isEmpty(1)).toBe(true);
    expect(store.masks(1)).toEqual({});
  });
});

describe("polygon", () => {
  it("fills a rectangle to its exact pixels", () => {
    store.begin(1);
    store.polygon([[10, 20], [30, 20], [30, 25], [10, 25]], 1);
    store.end();
    expect(store.area(1, 1)).toBe(100);
  });

  it("fills even-odd: the middle of a crossing star stays empty", () => {
    const star = [0, 2, 4, 1, 3].map((k): [number, number] => [
      40 + 25 * Math.sin((k * 2 * Math.PI) / 5),
      30 - 25 * Math.cos((k * 2 * Math.PI) / 5),
    ]);
    store.begin(1);
    store.polygon(star, 1);
    store.end();
    expect(store.labels(1)?.[30 * COLS + 40]).toBe(0);
    expect(store.area(1, 1)).toBeGreaterThan(300);
  });
});

describe("undo", () => {
  it("takes back more than a hundred strokes one by one and does them again", () => {
    for (let i = 0; i < 120; i++) dab(1, 5 + (i % 60), 10 + Math.floor(i / 3), 2, 1);
    const full = store.labels(1)?.slice();
    for (let i = 0; i < 120; i++) expect(history.undo()).not.toBeNull();
    expect(store.isEmpty(1)).toBe(true);
    expect(history.undo()).toBeNull();
    while (history.redo()) continue;
    expect(store.labels(1)).toEqual(full);
  });

  it("forgets what was undone when something new is drawn", () => {
    dab(1, 20, 20, 3, 1);
    history.undo();
    dab(2, 20, 20, 3, 1);
    expect(history.redo()).toBeNull();
  });

  it("marks the frame dirty again, so that the undo is saved too", () => {
    dab(3, 20, 20, 3, 1);
    expect(store.takeDirty()).toEqual([3]);
    history.undo();
    expect(store.takeDirty()).toEqual([3]);
  });

  it("makes no step of a stroke that changed nothing", () => {
    dab(1, 20, 20, 3, 0);
    expect(history.depth).toBe(0);
    expect(store.dirty.size).toBe(0);
  });

  it("puts a cancelled stroke back", () => {
    dab(1, 20, 20, 3, 1);
    const before = store.labels(1)?.slice();
    store.begin(1);
    store.capsule([40, 40], [50, 50], 4, 1);
    store.cancel();
    expect(store.labels(1)).toEqual(before);
    expect(history.depth).toBe(1);
  });
});

describe("masks of a frame", () => {
  it("come back as they were saved", () => {
    dab(4, 20, 20, 5, 1);
    dab(4, 50, 40, 5, 2);
    const other = new MaskStore("clip", ROWS, COLS);
    other.load(4, store.masks(4));
    expect(other.labels(4)).toEqual(store.labels(4));
    expect(other.dirty.size).toBe(0);
  });

  it("are copied to another frame in one step", () => {
    dab(4, 20, 20, 5, 1);
    expect(store.copy(4, 5)).toBe(true);
    expect(store.labels(5)).toEqual(store.labels(4));
    history.undo();
    expect(store.isEmpty(5)).toBe(true);
    expect(store.copy(9, 10)).toBe(false);
  });
});

describe("outline", () => {
  it("has one loop for the edge and one for the hole", () => {
    dab(1, 40, 30, 12, 1);
    dab(1, 40, 30, 5, 0);
    expect(traceLoops(store.labels(1) ?? new Uint8Array(), COLS, 1)).toHaveLength(2);
  });

  it("keeps two areas that touch at a corner apart", () => {
    const map = new Uint8Array(16);
    map[0] = 1;
    map[5] = 1;
    expect(traceLoops(map, 4, 1)).toHaveLength(2);
  });
});

describe("boxes", () => {
  it("are found for every label in one pass, also where labels touch", () => {
    const map = Uint8Array.of(0, 1, 1, 2, 0, 0, 1, 2, 3, 0, 0, 0);
    expect([...labelBoxes(map, 4)]).toEqual([
      [1, { x0: 1, y0: 0, x1: 3, y1: 2 }],
      [2, { x0: 3, y0: 0, x1: 4, y1: 2 }],
      [3, { x0: 0, y0: 2, x1: 1, y1: 3 }],
    ]);
  });
});

describe("a stroke", () => {
  it("can begin anew, and then holds only what came last", () => {
    dab(1, 20, 30, 5, 1);
    store.begin(1);
    store.capsule([60, 30], [60, 30], 8, 1);
    store.restore();
    store.capsule([40, 30], [40, 30], 2, 1);
    store.end();
    expect(store.labels(1)?.[30 * COLS + 60]).toBe(0);
    expect(store.labels(1)?.[30 * COLS + 40]).toBe(1);
    history.undo();
    expect(store.labels(1)?.[30 * COLS + 40]).toBe(0);
    expect(store.labels(1)?.[30 * COLS + 20]).toBe(1);
  });

  it("paints through its gate only", () => {
    store.begin(1);
    store.capsule([20, 30], [20, 30], 6, 1, (index) => index % COLS < 20);
    store.end();
    expect(store.labels(1)?.[30 * COLS + 19]).toBe(1);
    expect(store.labels(1)?.[30 * COLS + 20]).toBe(0);
  });

  it("puts a shape in a lesion's place without touching another lesion", () => {
    dab(1, 20, 30, 5, 1);
    dab(1, 40, 30, 5, 2);
    const shape = store.shape(1, 2);
    store.begin(1);
    store.replace({ box: { x0: -2, y0: 20, x1: 45, y1: 40 }, bits: new Uint8Array(47 * 20).fill(1) }, 1);
    store.end();
    expect(store.shape(1, 2)).toEqual(shape);
    expect(store.area(1, 1)).toBe(45 * 20 - store.area(1, 2));
  });
});

describe("history", () => {
  it("takes a hundred and fifty steps back and forth over two frames", () => {
    for (let n = 0; n < 150; n++) dab(1 + (n % 2), 5 + (n % 70), 10 + (n % 40), 3, 1 + (n % 3));
    const after = [store.labels(1)?.slice(), store.labels(2)?.slice()];
    for (let n = 0; n < 150; n++) expect(history.undo()).not.toBeNull();
    expect(store.isEmpty(1) && store.isEmpty(2)).toBe(true);
    for (let n = 0; n < 150; n++) history.redo();
    expect([store.labels(1), store.labels(2)]).toEqual(after);
  });

  it("takes what was done as one act back as one step, even beyond its limit", () => {
    history = new History(5);
    store = new MaskStore("clip", ROWS, COLS, history);
    dab(1, 50, 30, 3, 1);
    history.group("clip", 2, () => {
      for (let n = 2; n < 12; n++) dab(n, 20, 30, 4, 1);
    });
    expect(history.depth).toBe(2);
    expect(history.undo()?.frame).toBe(2);
    for (let n = 2; n < 12; n++) expect(store.isEmpty(n)).toBe(true);
    expect(store.isEmpty(1)).toBe(false);
    history.redo();
    expect(store.isEmpty(11)).toBe(false);
  });
});
