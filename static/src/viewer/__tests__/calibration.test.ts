import { describe, expect, it } from "vitest";
import { crossesRegions, lengthWords, measure, regionAt, scaleWords, type Region } from "../calibration.ts";

function region(part: Partial<Region> = {}): Region {
  return {
    id: "r", number: 1, kind: "tissue_2d", x0: 0, y0: 0, x1: 99, y1: 99, row_mm: 0.2, col_mm: 0.3, source: "us_region", valid: true, reason: "", view: "SAX",
    ...part,
  };
}

describe("a length", () => {
  it("uses each axis with its own spacing", () => {
    expect(measure([region()], [10, 10], [40, 10]).mm).toBeCloseTo(9);
    expect(measure([region()], [10, 10], [10, 40]).mm).toBeCloseTo(6);
    expect(measure([region()], [10, 10], [40, 50]).mm).toBeCloseTo(Math.hypot(9, 8));
  });

  it("includes the last pixel of the box and nothing beyond it", () => {
    expect(regionAt([region()], [99.9, 99.9])).not.toBeNull();
    expect(regionAt([region()], [100, 50])).toBeNull();
  });

  it("has no mm across two regions, and says so", () => {
    const two = [region(), region({ id: "s", number: 2, x0: 100, x1: 199 })];
    const length = measure(two, [90, 50], [110, 50]);
    expect(length.mm).toBeNull();
    expect(length.px).toBeCloseTo(20);
    expect(length.why).toBe("the ends lie in two regions");
    expect(crossesRegions(two, [90, 50], [110, 50])).toBe(true);
    expect(crossesRegions(two, [90, 50], [300, 50])).toBe(false);
  });

  it.each([
    ["without a region", []],
    ["in a region without a source", [region({ source: "none", row_mm: null, col_mm: null })]],
    ["in a region that is not valid", [region({ valid: false, reason: "outside the picture" })]],
  ])("is in pixels %s", (_, regions) => {
    const length = measure(regions, [10, 10], [40, 50]);
    expect(length.mm).toBeNull();
    expect(lengthWords(length)).toBe("50.0 px, no scale in the file");
  });

  it("has no mm when an end lies outside", () => {
    expect(measure([region()], [10, 10], [150, 10]).mm).toBeNull();
  });

  it("is shown with one decimal", () => {
    expect(lengthWords({ mm: 6.949, px: 60 })).toBe("6.9 mm");
  });
});

describe("the scale", () => {
  it("names both axes when they differ, and its source", () => {
    expect(scaleWords(region())).toEqual(["0.200 × 0.300 mm/px", "scale from the file"]);
    expect(scaleWords(region({ col_mm: 0.2, source: "manual" }))).toEqual(["0.200 mm/px", "scale set by hand"]);
    expect(scaleWords(null)).toEqual(["no scale in the file", "pixels only"]);
  });
});
