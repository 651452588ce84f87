import { describe, expect, it } from "vitest";

import { signed, xRange, yRange, type BlandAltmanData } from "../model";

function data(pairs: [number, number][], lines: BlandAltmanData["lines"] = []): BlandAltmanData {
  const points = pairs.map(([mean, difference]) => ({
    label: "S-0001", href: "/", mean, difference, crosses: false, model_text: "", reference_text: "", difference_text: "",
  }));
  return { points, lines, near: [3.5, 4.5], rule: 4, words: { x: "", y: "", near: "" } };
}

describe("the axes of a Bland-Altman chart", () => {
  it("reach beyond the largest mean and always show the band around the rule", () => {
    expect(xRange(data([[8, 0]]))).toEqual([0, 9]);
    expect(xRange(data([[1.2, 0]]))).toEqual([0, 5]);
  });

  it("are symmetric about no difference and hold the limits with their intervals", () => {
    expect(yRange(data([[4, -0.4]]))).toEqual([-1, 1]);
    expect(yRange(data([[4, -2.5]]))).toEqual([-3, 3]);
    const line = { name: "upper limit", value: 1.4, text: "", low: 0.9, high: 3.2, dashed: true };
    expect(yRange(data([[4, 0.1]], [line]))).toEqual([-4, 4]);
  });

  it("write signs with a real minus", () => {
    expect([-2, 0, 2].map(signed)).toEqual(["−2", "0", "+2"]);
  });
});
