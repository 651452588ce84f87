import { describe, expect, test } from "vitest";
import { placeOf, sinceR, sinceRWords, tracePath, type Heart } from "../heart.ts";

const heart = (...r_ms: number[]): Heart => ({ r_ms, r_from: "RWaveTimeVector", ecg: null });

describe("ms after R", () => {
  test("is counted from the last R wave, which may be before the first frame", () => {
    expect(sinceR([-200, 600, 1400], 0)).toBe(200);
    expect(sinceR([-200, 600, 1400], 599)).toBe(799);
    expect(sinceR([-200, 600, 1400], 600)).toBe(0);
    expect(sinceR([-200, 600, 1400], 3000)).toBe(1600);
  });

  test("before the first R wave it is said so, and never counted from one that nobody saw", () => {
    expect(sinceR([100], 40)).toBe(-60);
    expect(sinceRWords(heart(100), 40)).toBe("60 ms before the first R");
    expect(sinceRWords(heart(100), 223.4)).toBe("123 ms after R");
  });

  test("a file that tells no R wave says nothing", () => {
    expect(sinceR([], 40)).toBeNull();
    expect(sinceRWords(heart(), 40)).toBe("");
    expect(sinceRWords(null, 40)).toBe("");
    expect(sinceRWords(undefined, 40)).toBe("");
  });
});

describe("times among frames", () => {
  test("each frame's own time is that frame, also where frames are uneven", () => {
    const starts = [0, 40, 120, 160];
    expect(starts.map((at) => placeOf(starts, at))).toEqual([1, 2, 3, 4]);
    expect(placeOf(starts, 80)).toBe(2.5);
    expect(placeOf(starts, -20)).toBe(0.5);
    expect(placeOf(starts, 180)).toBe(4.5);
    expect(placeOf([0], 50)).toBe(1);
  });

  test("a trace begins where it began and reaches from top to bottom", () => {
    const path = tracePath({ start_ms: 40, step_ms: 40, values: [0, 255, 128] }, [0, 40, 80, 120], (frame) => frame * 10, 44, 20);
    expect(path).toBe("M20.0 64.0L30.0 44.0L40.0 54.0");
    expect(tracePath({ start_ms: 130, step_ms: 40, values: [1, 2] }, [0, 40, 80, 120], (frame) => frame * 10, 0, 20)).toBe("M42.5 19.9");
  });
});
