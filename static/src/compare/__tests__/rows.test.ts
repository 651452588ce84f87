import { describe, expect, it } from "vitest";
import { areaWords, diceWords, gapWords, sortRows, thicknessWords, walk, type FrameRow } from "../rows.ts";

const row = (frame: number, change: Partial<FrameRow> = {}): FrameRow => ({
  clip: "c", clip_number: 1, frame, region: 1, left: {}, right: {}, compared: false, ...change,
});
const frames = (rows: FrameRow[]): number[] => rows.map((one) => one.frame);

describe("the order of frames", () => {
  const rows = [row(1, { dice: 0.9 }), row(2), row(3, { dice: 0.4 }), row(4), row(5, { dice: 0.9 })];

  it("keeps what is unknown at the end, whichever way one sorts", () => {
    expect(frames(sortRows(rows, "dice", false))).toEqual([3, 1, 5, 2, 4]);
    expect(frames(sortRows(rows, "dice", true))).toEqual([1, 5, 3, 2, 4]);
  });

  it("takes differences by their size, not by their sign", () => {
    const gaps = [row(1, { area: 2 }), row(2, { area: -9 }), row(3, { area: 0 })];
    expect(frames(sortRows(gaps, "area", true))).toEqual([2, 1, 3]);
  });

  it("never takes an unknown area for 0", () => {
    const areas = [row(1), row(2, { left: { px: 0 } }), row(3, { left: { px: 7 } })];
    expect(frames(sortRows(areas, "left_area", false))).toEqual([2, 3, 1]);
  });

  it("goes by clip, frame and region, and leaves the given list alone", () => {
    const mixed = [row(9, { clip_number: 2 }), row(3), row(3, { region: 2 }), row(1)];
    expect(sortRows(mixed, "frame", false).map((one) => [one.clip_number, one.frame, one.region])).toEqual([[1, 1, 1], [1, 3, 1], [1, 3, 2], [2, 9, 1]]);
    expect(mixed[0]?.clip_number).toBe(2);
  });
});

describe("the words of a cell", () => {
  it("carry their unit, and are empty where nothing is known", () => {
    expect([areaWords({ px: 20, mm2: 5.04 }), areaWords({ px: 20 }), areaWords({})]).toEqual(["5.0 mm²", "20 px", ""]);
    expect(areaWords({ px: 0, mm2: 0 })).toBe("0.0 mm²");
  });

  it("round a thickness half up, as the rule reads it, and an uncertainty up", () => {
    expect(thicknessWords({ mm: 3.95 })).toBe("4.0 mm");
    expect(thicknessWords({ mm: 3.949 })).toBe("3.9 mm");
    expect(thicknessWords({ mm: 5.6, sd_mm: 0.31 })).toBe("5.6 ± 0.4 mm");
    expect([thicknessWords({ length_px: 52.4 }), thicknessWords({})]).toEqual(["52 px", ""]);
  });

  it("give a difference its sign, and none to zero", () => {
    expect([gapWords(-0.4, "mm"), gapWords(3, "px"), gapWords(0, "mm²"), gapWords(undefined, undefined)]).toEqual(["−0.4 mm", "+3 px", "0.0 mm²", ""]);
  });

  it("tell two empty frames from frames that were not compared", () => {
    expect([diceWords(row(1, { dice: 0 })), diceWords(row(1, { compared: true })), diceWords(row(1))]).toEqual(["0.00", "both empty", ""]);
  });
});

describe("the walk through the disagreements", () => {
  const places = [4, 9, 2].map((frame) => ({ clip: "c", frame, region: 1 }));

  it("begins with the largest, goes on to the next largest, and goes round", () => {
    expect(walk(places, { clip: "c", frame: 7, region: 1 }, 1)).toEqual({ place: places[0], words: "largest difference" });
    expect(walk(places, places[0] ?? null, 1)).toEqual({ place: places[1], words: "difference 2 of 3" });
    expect(walk(places, places[2] ?? null, 1)?.place.frame).toBe(4);
    expect(walk(places, places[0] ?? null, -1)?.place.frame).toBe(2);
    expect(walk(places, null, -1)?.place.frame).toBe(2);
  });

  it("leads nowhere when nothing differs", () => {
    expect(walk([], null, 1)).toBeNull();
  });
});
