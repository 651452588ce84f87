import { describe, expect, it } from "vitest";
import { frameAtX, linePath, niceTop, tickFrames, xOf } from "../curve.ts";

describe("the scale of the curve", () => {
  it.each([
    [0, 1],
    [-3, 1],
    [0.9, 1],
    [1, 1],
    [1.1, 2],
    [2.1, 2.5],
    [26, 50],
    [100, 100],
    [104.3, 200],
    [6026, 10000],
  ])("ends for %s at %s", (value, top) => expect(niceTop(value)).toBeCloseTo(top));

  it("puts the first and last frame on the edges and a still in the middle", () => {
    expect(xOf(1, 18, 40, 380)).toBe(40);
    expect(xOf(18, 18, 40, 380)).toBe(380);
    expect(xOf(1, 1, 40, 380)).toBe(210);
  });

  it("finds every frame again at its place, and stays within the clip beyond the edges", () => {
    for (let frame = 1; frame <= 48; frame++) expect(frameAtX(xOf(frame, 48, 40, 380), 48, 40, 380)).toBe(frame);
    expect(frameAtX(-100, 48, 40, 380)).toBe(1);
    expect(frameAtX(9999, 48, 40, 380)).toBe(48);
    expect(frameAtX(50, 1, 40, 380)).toBe(1);
  });

  it("numbers the first and the last frame and no frame twice", () => {
    for (const frames of [1, 2, 3, 7, 18, 48, 96, 500]) {
      const ticks = tickFrames(frames);
      expect(ticks[0]).toBe(1);
      expect(ticks[ticks.length - 1]).toBe(frames);
      expect(new Set(ticks).size).toBe(ticks.length);
      expect([...ticks].sort((a, b) => a - b)).toEqual(ticks);
    }
  });
});

describe("the line of the model", () => {
  const x = (frame: number): number => frame * 10;
  const y = (value: number): number => 100 - value;

  it("runs through every known frame", () => {
    expect(linePath([1, 2, 3], x, y)).toBe("M10.0 99.0L20.0 98.0L30.0 97.0");
  });

  it("breaks where the model said nothing, instead of bridging the gap", () => {
    expect(linePath([1, 2, null, 4, 5], x, y)).toBe("M10.0 99.0L20.0 98.0M40.0 96.0L50.0 95.0");
  });

  it("shows a lone frame as a dash and nothing as nothing", () => {
    expect(linePath([null, 2, null], x, y)).toBe("M17.0 98.0h6");
    expect(linePath([7], x, y)).toBe("M7.0 93.0h6");
    expect(linePath([], x, y)).toBe("");
  });
});
