import { describe, expect, it } from "vitest";
import type { Region } from "../../viewer/calibration.ts";
import { RegionInView, curveOf, unitWords } from "../regions.ts";
import type { ClipCurve } from "../types.ts";

const curve = (region: number, unit: "mm²" | "px" = "mm²", view = "SAX"): ClipCurve => ({
  region, view, unit, left: { line: [], dots: [] }, right: { line: [region], dots: [] },
});
const half = (number: number, x0: number): Region => ({
  id: String(number), number, kind: "tissue", x0, y0: 0, x1: x0 + 99, y1: 99, row_mm: 0.2, col_mm: 0.2, source: "us_region", valid: true, reason: "", view: "SAX",
});
const nowhere = { querySelector: () => null } as unknown as ParentNode;

describe("the region in view", () => {
  it("is the first one until a place names another, and stays where a place names none", () => {
    const view = new RegionInView(nowhere, () => undefined);
    view.setClip([curve(1), curve(2)]);
    expect(view.number).toBe(1);
    expect(view.choose(2)).toBe(true);
    expect(view.choose(0)).toBe(false);
    expect(view.choose(7)).toBe(false);
    expect(view.curve?.right.line).toEqual([2]);
  });

  it("follows a closer look when that comes to another region, and no look at the whole", () => {
    const view = new RegionInView(nowhere, () => undefined);
    const regions = [half(1, 0), half(2, 100)];
    view.setClip([curve(1), curve(2)]);
    expect(view.follow(regions, [150, 50], false)).toBe(false);
    expect(view.follow(regions, [150, 50], true)).toBe(true);
    expect(view.number).toBe(2);
    view.choose(1); // by button: the look did not move
    expect(view.follow(regions, [151, 50], true)).toBe(false);
    expect(view.number).toBe(1);
  });

  it("tells its unit, and why there is no area", () => {
    expect(unitWords(curve(1))).toBe("mm²");
    expect(unitWords(curve(1, "px"))).toContain("no scale");
    expect(unitWords(curve(1, "px", "LAX"))).toContain("long axis");
    expect(curveOf([curve(3)], 1)?.region).toBe(3);
  });
});
