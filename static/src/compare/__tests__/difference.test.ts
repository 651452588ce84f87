import { describe, expect, it } from "vitest";
import { differenceBox, differenceSay, type FrameSay } from "../difference.ts";

const marked: FrameSay = { annotated: true, extent: "all_marked", hasReaderMask: true, hasModelMask: true, modelKnown: true };

describe("what the difference pane may compare", () => {
  it("compares a fully marked frame without further words", () => {
    expect(differenceSay(marked)).toEqual({ compare: true, note: "" });
  });

  it("never takes a frame without an annotation for one without plaque", () => {
    const say = differenceSay({ ...marked, annotated: false, extent: null, hasReaderMask: false });
    expect(say.compare).toBe(false);
    expect(say.note).toContain("unknown, not empty");
  });

  it("compares a frame examined without plaque, so that false plaque shows", () => {
    expect(differenceSay({ ...marked, extent: "no_plaque", hasReaderMask: false })).toEqual({
      compare: true,
      note: "The reader examined this frame: no plaque.",
    });
    expect(differenceSay({ ...marked, extent: "no_plaque", hasReaderMask: false, hasModelMask: false }).note).toContain("Both");
  });

  it("says that only the index lesion was marked", () => {
    expect(differenceSay({ ...marked, extent: "index_only" })).toEqual({ compare: true, note: "The reader marked the index lesion only." });
  });

  it.each([
    [{ extent: "unusable" as const }],
    [{ modelKnown: false }],
    [{ extent: null, hasReaderMask: false }],
  ])("compares nothing for %o", (change) => {
    expect(differenceSay({ ...marked, ...change }).compare).toBe(false);
  });
});

describe("the box of the difference pane", () => {
  const rows = 40;
  const cols = 60;
  const layer = (frames: Record<number, [number, number]>) => ({
    labels: (frame: number): Uint8Array | null => {
      const at = frames[frame];
      if (!at) return null;
      const map = new Uint8Array(rows * cols);
      map[at[1] * cols + at[0]] = 1;
      return map;
    },
  });

  it("holds what both marked on all the frames, with a margin that stays in the picture", () => {
    const box = differenceBox([1, 2], rows, cols, layer({ 1: [10, 10] }), layer({ 2: [29, 19], 3: [59, 39] }));
    expect(box).toEqual({ x0: 0, y0: 0, x1: expect.closeTo(40.4), y1: expect.closeTo(30.4) });
  });

  it("is not there when nothing was marked", () => {
    expect(differenceBox([1, 2], rows, cols, layer({}), layer({}))).toBeNull();
    expect(differenceBox([], rows, cols, layer({ 1: [1, 1] }), layer({}))).toBeNull();
  });
});
