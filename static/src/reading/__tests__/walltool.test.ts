import { beforeEach, describe, expect, it } from "vitest";
import type { Point, PointerAt, Viewport } from "../../viewer/index.ts";
import { Draft } from "../draft.ts";
import type { ToolContext } from "../tools.ts";
import { WallTool } from "../walltool.ts";
import { clip, protocol } from "./fixtures.ts";

let draft: Draft;
let tool: WallTool;
const at = (x: number, y: number, more: Partial<PointerAt> = {}): PointerAt => ({ point: [x, y], screen: [4 * x, 4 * y], shift: false, ctrl: false, touch: false, ...more });
const wall = (): Point[] | null => draft.frameMarks("c1", 1)?.outline ?? null;

function drag(from: PointerAt, to: PointerAt): void {
  tool.down(from);
  tool.move([to], true);
  tool.up();
}

beforeEach(() => {
  draft = new Draft([clip], protocol);
  const context: ToolContext = {
    draft,
    // Of the pane the tool uses the way to the screen only: four screen pixels a picture pixel.
    pane: { redraw: () => undefined, toScreen: ([x, y]: Point): Point => [4 * x, 4 * y], lens: false } as unknown as Viewport,
    settings: { radius: 5, kind: "thickness", low: 0, high: 255, tolerance: 20 },
    clip: () => clip, frame: () => 1, began: () => undefined, ended: () => undefined, editable: () => true,
    grey: () => null, changed: () => undefined, known: () => undefined, refused: () => undefined,
  };
  tool = new WallTool(context);
});

/** A band of plaque, `columns` wide, at the right end of a wall over the diameter x 20 to 80. */
function paint(columns: number): void {
  draft.addLesion(clip);
  const store = draft.store("c1");
  store.begin(1);
  store.polygon([[80 - columns, 30], [80, 30], [80, 50], [80 - columns, 50]], 1);
  store.end();
  draft.painted(clip, 1, [75, 40]);
}

describe("drawing the outer wall", () => {
  it("makes an ellipse over a dragged diameter, round in mm, as one undo step", () => {
    drag(at(20, 40), at(80, 40));
    const ys = (wall() ?? []).map(([, y]) => y);
    // 60 px × 0.25 mm across are 15 mm; 15 mm down are 30 px of 0.5 mm.
    expect(Math.max(...ys) - Math.min(...ys)).toBeCloseTo(30, 1);
    expect(draft.history.depth).toBe(1);
    draft.undo();
    expect(wall()).toBeNull();
  });

  it("closes a line through clicked points, and the server gets it inside the picture", () => {
    for (const [x, y] of [[2, 40], [50, 2], [98, 40], [50, 78]] as const) {
      tool.down(at(x, y));
      tool.up();
    }
    expect(tool.finish()).toBe(true);
    const line = draft.take().frames?.[0]?.outline ?? [];
    expect(line.length).toBeGreaterThan(30);
    expect(line.every(([x, y]) => x >= 0 && x <= 100 && y >= 0 && y <= 80)).toBe(true);
  });

  it("moves a handle, takes a new point on the line, and forgets it all on undo", () => {
    drag(at(20, 40), at(80, 40));
    drag(at(80, 40), at(90, 40));
    expect(Math.max(...(wall() ?? []).map(([x]) => x))).toBeCloseTo(90, 1);
    const on = wall()?.[10] ?? [0, 0];
    drag(at(on[0], on[1]), at(on[0] + 4, on[1] + 4));
    expect(draft.history.depth).toBe(3);
    for (let n = 0; n < 3; n++) draft.undo();
    expect(wall()).toBeNull();
  });

  it("nudges the selected handle by parts of a pixel, and removes the wall", () => {
    drag(at(20, 40), at(80, 40));
    tool.down(at(80, 40));
    tool.up();
    expect(tool.nudge(0.25, 0)).toBe(true);
    expect(wall()?.[0]?.[0] === 80.25 || wall()?.some(([x]) => Math.abs(x - 80.25) < 1e-6)).toBe(true);
    tool.selected = null;
    expect(tool.remove()).toBe(true);
    expect(wall()).toBeNull();
  });

  it("is put back when the drag is given up", () => {
    drag(at(20, 40), at(80, 40));
    const before = wall();
    tool.down(at(80, 40));
    tool.move([at(95, 40)], true);
    tool.cancel();
    expect(wall()).toEqual(before);
  });
});

describe("thickness along the wall's normal", () => {
  it("is shown live in mm of the axis it runs along", () => {
    drag(at(20, 40), at(80, 40));
    paint(12);
    const [chord] = tool.shown();
    expect(chord?.label).toMatch(/^3\.\d mm/);
    draft.undo();
    draft.undo();
    expect(tool.shown()).toEqual([]);
  });

  it("becomes the lesion's thickness caliper where it was dragged to, and its frame the key frame", () => {
    drag(at(20, 40), at(80, 40));
    paint(12);
    const middle = (): Point => {
      const [a, b] = tool.shown()[0]?.points ?? [[0, 0], [0, 0]];
      return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    };
    const [x, y] = middle();
    drag(at(x, y), at(x - 1, y + 6));
    const [caliper] = draft.frameMarks("c1", 1)?.calipers ?? [];
    expect(caliper).toMatchObject({ kind: "thickness", lesion: 1 });
    expect((caliper?.points[0][1] ?? 0)).toBeGreaterThan(y);
    expect(draft.lesion(1)).toMatchObject({ key_clip: "c1", key_frame: 1 });
    draft.undo();
    expect(draft.frameMarks("c1", 1)?.calipers).toEqual([]);
    expect(draft.lesion(1)?.key_frame).toBeNull();
  });

  it("is kept as it stands with Enter", () => {
    drag(at(20, 40), at(80, 40));
    paint(12);
    expect(tool.finish()).toBe(true);
    expect(draft.frameMarks("c1", 1)?.calipers).toHaveLength(1);
  });
});
