import { beforeEach, describe, expect, it } from "vitest";
import type { PointerAt, Viewport } from "../../viewer/index.ts";
import { Draft } from "../draft.ts";
import { GrowTool } from "../growtool.ts";
import { clear, copyToNext, fillBetween, gapAround, mend } from "../maskacts.ts";
import { BrushTool, type ToolContext } from "../tools.ts";
import { clip, protocol } from "./fixtures.ts";

let draft: Draft;
let context: ToolContext;
let frame: number;
let grey: Uint8Array;
let refused: string[];

const at = (x: number, y: number, more: Partial<PointerAt> = {}): PointerAt => ({ point: [x, y], screen: [x, y], shift: false, ctrl: false, touch: false, ...more });

beforeEach(() => {
  draft = new Draft([clip], protocol);
  frame = 1;
  refused = [];
  grey = new Uint8Array(clip.rows * clip.columns).fill(10);
  for (let y = 20; y < 40; y++) for (let x = 20; x < 50; x++) grey[y * clip.columns + x] = 150;
  context = {
    draft,
    // Of the pane the tools use the way to the screen only; here one picture pixel is one of the screen.
    pane: { redraw: () => undefined, toScreen: (point: [number, number]) => point } as unknown as Viewport,
    settings: { radius: 5, kind: "thickness", low: 40, high: 255, tolerance: 20 },
    clip: () => clip, frame: () => frame, began: () => undefined, ended: () => undefined, editable: () => true,
    grey: () => grey, changed: () => undefined, known: () => undefined, refused: (words) => refused.push(words),
  };
});

function stroke(on: number, x: number, y: number, name: "brush" | "eraser" | "threshold" = "brush"): void {
  frame = on;
  const tool = new BrushTool(context, name);
  tool.down(at(x, y));
  tool.up();
}

const sources = (on: number): unknown => draft.frameMarks("c1", on)?.sources;

describe("one stroke", () => {
  it("is one undo step, with the lesion, its key frame and the source it made", () => {
    stroke(4, 30, 30);
    expect(draft.lesions[0]).toMatchObject({ number: 1, key_frame: 4 });
    draft.undo();
    expect(draft.lesions).toEqual([]);
    expect(draft.store("c1").isEmpty(4)).toBe(true);
    expect(draft.undo()).toBeNull();
    draft.redo();
    expect(draft.lesions[0]).toMatchObject({ number: 1, key_frame: 4 });
    expect(sources(4)).toEqual({ 1: "drawn" });
  });

  it("takes “examined, no plaque” back, and undo brings it again", () => {
    draft.setExtent(clip, 4, "no_plaque");
    stroke(4, 30, 30);
    expect(draft.frameMarks("c1", 4)?.extent).toBeNull();
    draft.undo();
    expect(draft.frameMarks("c1", 4)?.extent).toBe("no_plaque");
  });
});

describe("threshold brush", () => {
  it("paints only what lies in the range of grey", () => {
    stroke(1, 20, 30, "threshold");
    const map = draft.store("c1").labels(1);
    expect(map?.[30 * clip.columns + 22]).toBe(1);
    expect(map?.[30 * clip.columns + 17]).toBe(0);
    expect(sources(1)).toEqual({ 1: "threshold" });
  });

  it("takes its range from the grey under the ring with Ctrl", () => {
    const tool = new BrushTool(context, "threshold");
    tool.down(at(35, 30, { ctrl: true }));
    tool.up();
    expect(context.settings.low).toBeGreaterThan(130);
    expect(context.settings.high).toBeLessThan(170);
  });
});

describe("region grow", () => {
  it("takes the plaque and nothing else, and a drag changes how much", () => {
    const tool = new GrowTool(context);
    tool.down(at(30, 30));
    tool.up();
    expect(draft.store("c1").area(1, 1)).toBe(20 * 30);
    expect(sources(1)).toEqual({ 1: "grown" });
    draft.undo();
    tool.down(at(30, 30));
    tool.move([at(400, 30)], true);
    expect(context.settings.tolerance).toBe(128);
    tool.move([at(-400, 30)], true);
    expect(context.settings.tolerance).toBe(1);
    tool.cancel();
    expect(draft.store("c1").isEmpty(1)).toBe(true);
  });

  it("says so when another lesion is in the way", () => {
    stroke(1, 30, 30);
    draft.addLesion(clip);
    new GrowTool(context).down(at(30, 30));
    const tool = new GrowTool(context);
    tool.down(at(30, 30));
    tool.up();
    expect(refused).toHaveLength(1);
    expect(draft.store("c1").labelsOn(1)).toEqual([1]);
  });
});

describe("mending a mask", () => {
  it("fills a hole, keeps the source, and is one step", () => {
    const store = draft.store("c1");
    context.settings.radius = 12;
    stroke(1, 40, 30, "threshold");
    store.begin(1);
    store.capsule([40, 30], [40, 30], 3, 0);
    store.end();
    const open = store.area(1, 1);
    expect(mend(draft, clip, 1, "fill")).toBe("");
    expect(store.area(1, 1)).toBeGreaterThan(open);
    expect(sources(1)).toEqual({ 1: "threshold" });
    draft.undo();
    expect(store.area(1, 1)).toBe(open);
  });

  it("keeps the largest part of the active lesion and leaves the other lesion", () => {
    stroke(1, 30, 30);
    context.settings.radius = 2;
    stroke(1, 60, 60);
    draft.addLesion(clip);
    stroke(1, 80, 20);
    draft.choose(1);
    expect(mend(draft, clip, 1, "largest")).toBe("");
    expect(draft.store("c1").labels(1)?.[60 * clip.columns + 60]).toBe(0);
    expect(draft.store("c1").area(1, 2)).toBeGreaterThan(0);
    expect(mend(draft, clip, 1, "largest")).not.toBe("");
  });

  it("says what is missing instead of doing nothing", () => {
    expect(mend(draft, clip, 1, "smooth")).not.toBe("");
    expect(copyToNext(draft, clip, 12)).not.toBe("");
    expect(draft.history.depth).toBe(0);
  });

  it("clears the active lesion, and undo brings mask and source again", () => {
    stroke(2, 30, 30, "threshold");
    clear(draft, clip, 2);
    expect(draft.store("c1").isEmpty(2)).toBe(true);
    draft.undo();
    expect(sources(2)).toEqual({ 1: "threshold" });
  });
});

describe("copy to the next frame", () => {
  it("marks every lesion there as copied, until one is drawn anew", () => {
    stroke(1, 30, 30);
    draft.addLesion(clip);
    stroke(1, 70, 30);
    expect(copyToNext(draft, clip, 1)).toBe("");
    expect(sources(2)).toEqual({ 1: "copied", 2: "copied" });
    stroke(2, 70, 35);
    expect(sources(2)).toEqual({ 1: "copied", 2: "drawn" });
  });
});

describe("interpolation between two frames", () => {
  beforeEach(() => {
    stroke(2, 20, 30);
    stroke(8, 60, 30);
  });

  it("fills every frame between, each with its own source, as one step", () => {
    const depth = draft.history.depth;
    fillBetween(draft, clip, 2);
    for (let on = 3; on < 8; on++) {
      expect(sources(on)).toEqual({ 1: "interpolated" });
      const middle = Math.round(20 + (40 * (on - 2)) / 6);
      expect(draft.store("c1").labels(on)?.[30 * clip.columns + middle]).toBe(1);
    }
    expect(draft.history.depth).toBe(depth + 1);
    draft.undo();
    for (let on = 3; on < 8; on++) expect(draft.store("c1").isEmpty(on)).toBe(true);
    expect(draft.take().frames?.find((one) => one.frame === 5)?.sources).toEqual({});
  });

  it("fills again when an end was changed, but never what was drawn by hand", () => {
    fillBetween(draft, clip, 2);
    stroke(5, 40, 60);
    expect(gapAround(draft, clip, 3, 1)).toEqual({ from: 2, to: 5 });
    expect(gapAround(draft, clip, 6, 1)).toEqual({ from: 5, to: 8 });
    expect(gapAround(draft, clip, 8, 1)).toEqual({ from: 5, to: 8 });
  });

  it("says the extent of both ends where they agree, and leaves a frame that was called free of plaque", () => {
    draft.setExtent(clip, 2, "index_only");
    draft.setExtent(clip, 8, "index_only");
    draft.setExtent(clip, 5, "no_plaque");
    fillBetween(draft, clip, 4);
    expect(draft.frameMarks("c1", 4)?.extent).toBe("index_only");
    expect(draft.frameMarks("c1", 5)?.extent).toBe("no_plaque");
    expect(draft.store("c1").isEmpty(5)).toBe(true);
  });

  it("goes out to the server with its sources", () => {
    fillBetween(draft, clip, 2);
    const sent = draft.take().frames ?? [];
    expect(sent.map(({ frame: on, sources: from }) => [on, from?.[1]])).toContainEqual([5, "interpolated"]);
    expect(sent.find(({ frame: on }) => on === 2)?.sources).toEqual({ 1: "drawn" });
  });
});

describe("undo of answers", () => {
  it("goes back through class, findings, reasons and segment in their order", () => {
    draft.answer("reader_class", 1);
    draft.noneInAnySeen();
    draft.addLesion(clip);
    draft.cycleReason(1, "mobile");
    draft.take();
    draft.undo();
    expect(draft.lesions[0]?.mobile).toBeNull();
    draft.undo();
    draft.undo();
    expect(draft.finding("arch")).toEqual({ visibility: null, plaque: null });
    draft.undo();
    expect(draft.take()).toMatchObject({ answers: { reader_class: null, findings: { arch: { visibility: null, plaque: null } } }, lesions: [] });
  });
});
