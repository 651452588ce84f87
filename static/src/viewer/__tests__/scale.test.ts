import { describe, expect, it } from "vitest";
import type { Region } from "../calibration.ts";
import type { Point } from "../geometry.ts";
import { regionOfLine, scalable, spacingOf, withScales, type ScaleLine } from "../scale.ts";
import { randomFrom } from "./random.ts";

function region(part: Partial<Region> = {}): Region {
  return { id: "r", number: 1, kind: "tissue_2d", x0: 0, y0: 0, x1: 99, y1: 99, row_mm: null, col_mm: null, source: "none", valid: false, reason: "", view: "SAX", ...part };
}

function line(dx: number, dy: number, row: number, col: number): ScaleLine {
  return { points: [[5, 5], [5 + dx, 5 + dy]], mm: Math.hypot(dx * col, dy * row) };
}

describe("the scale from lines of known length", () => {
  it("comes back from one down and one across, however tilted", () => {
    const next = randomFrom(11);
    for (let n = 0; n < 200; n++) {
      const [row, col] = [0.05 + next(), 0.05 + next()];
      const [one, two] = [0.6 * next() - 0.3, 0.6 * next() - 0.3];
      const size = 40 + 300 * next();
      const found = spacingOf([line(size * Math.sin(one), size * Math.cos(one), row, col), line(size * Math.cos(two), size * Math.sin(two), row, col)]);
      expect(found?.[0]).toBeCloseTo(row, 8);
      expect(found?.[1]).toBeCloseTo(col, 8);
    }
  });

  it("is the same both ways from one line", () => {
    expect(spacingOf([{ points: [[0, 0], [30, 40]], mm: 10 }])).toEqual([0.2, 0.2]);
  });

  it("is not told by a short line, no length, or two lines the same way", () => {
    expect(spacingOf([{ points: [[0, 0], [0, 19]], mm: 10 }])).toBeNull();
    expect(spacingOf([{ points: [[0, 0], [0, 50]], mm: 0 }])).toBeNull();
    expect(spacingOf([])).toBeNull();
    expect(spacingOf([{ points: [[0, 0], [0, 50]], mm: 10 }, { points: [[9, 0], [9, 50]], mm: 10 }])).toBeNull();
  });
});

describe("whose scale a line sets", () => {
  const left = region({ x1: 49 });
  const right = region({ id: "s", number: 2, x0: 50 });
  const at = (...points: Point[]): [Point, Point] => [points[0] ?? [0, 0], points[1] ?? [0, 0]];

  it("is the region that holds it, never two", () => {
    expect(regionOfLine([left, right], at([60, 0], [60, 90]))).toBe(right);
    expect(regionOfLine([left, right], at([10, 0], [60, 90]))).toBeNull();
  });

  it("is the only one where the ruler stands beside it, and none where there are several", () => {
    expect(regionOfLine([left], at([70, 0], [70, 90]))).toBe(left);
    expect(regionOfLine([left, region({ number: 2, x0: 50, x1: 60 })], at([70, 0], [70, 90]))).toBeNull();
  });

  it("is never one with a scale in the file, nor a strip", () => {
    const scaled = region({ source: "us_region", row_mm: 0.2, col_mm: 0.2, valid: true });
    const ecg = region({ number: 3, kind: "ecg" });
    expect(scalable([scaled, ecg, left])).toEqual([left]);
    expect(regionOfLine([scaled], at([10, 0], [10, 90]))).toBeNull();
  });

  it("is put into that region alone, and the file's own stay as they are", () => {
    const now = withScales([left, right], new Map([[2, [{ points: at([60, 0], [60, 50]), mm: 10 }]]]));
    expect(now[0]).toBe(left);
    expect(now[1]).toMatchObject({ source: "manual", valid: true, row_mm: 0.2, col_mm: 0.2 });
    expect(right.row_mm).toBeNull();
  });
});
