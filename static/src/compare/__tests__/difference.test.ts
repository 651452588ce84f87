import { describe, expect, it } from "vitest";
import { differenceBox, differenceSay, type SideSay } from "../difference.ts";

const reader: SideSay = { noun: "physician", isModel: false, known: true, annotated: true, extent: "all_marked", hasMask: true };
const second: SideSay = { ...reader, noun: "Reader B" };
const model: SideSay = { noun: "model", isModel: true, known: true, annotated: true, extent: null, hasMask: true };

describe("what the difference pane may compare", () => {
  it("compares a fully marked frame without further words", () => {
    expect(differenceSay(reader, model)).toEqual({ compare: true, note: "" });
    expect(differenceSay(reader, second)).toEqual({ compare: true, note: "" });
    expect(differenceSay(model, { ...model, hasMask: false })).toEqual({ compare: true, note: "" });
  });

  it("never takes a frame without an annotation for one without plaque, on whichever side it is missing", () => {
    const silent = { ...reader, annotated: false, extent: null, hasMask: false };
    for (const say of [differenceSay(silent, model), differenceSay(model, silent), differenceSay(second, silent)]) {
      expect(say).toEqual({ compare: false, note: "Physician said nothing about this frame: unknown, not empty." });
    }
  });

  it("compares a frame examined without plaque, so that false plaque shows", () => {
    const examined = { ...reader, extent: "no_plaque" as const, hasMask: false };
    expect(differenceSay(examined, model)).toEqual({ compare: true, note: "Physician examined this frame: no plaque." });
    expect(differenceSay(examined, { ...model, hasMask: false }).note).toBe("Both see no plaque on this frame.");
    expect(differenceSay(examined, second).note).toBe("Physician examined this frame: no plaque.");
  });

  it("says for each side that only the index lesion was marked, or that nobody said", () => {
    expect(differenceSay({ ...reader, extent: "index_only" }, model)).toEqual({ compare: true, note: "Physician marked the index lesion only." });
    const both = differenceSay({ ...reader, extent: "index_only" }, { ...second, extent: null });
    expect(both.note).toBe("Physician marked the index lesion only. Reader B did not say whether all plaque is marked.");
  });

  it.each([
    [{ ...reader, extent: "unusable" as const }, model],
    [reader, { ...model, known: false }],
    [{ ...reader, extent: null, hasMask: false }, model],
    [reader, { ...second, known: false }],
  ])("compares nothing for %o and %o", (left, right) => {
    expect(differenceSay(left, right).compare).toBe(false);
    expect(differenceSay(left, right).note).not.toBe("");
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
