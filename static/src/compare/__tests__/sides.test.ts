import { describe, expect, it } from "vitest";
import { FURTHER, sideStyles } from "../sides.ts";
import { clampSplit, splitAfter } from "../swipe.ts";

describe("lines of the two sides", () => {
  it("are solid orange for a physician and dashed cyan for a model, whichever side they stand on", () => {
    const [left, right] = sideStyles({ role: "physician" }, { role: "model" });
    expect([left.colour, left.dash.length, right.colour, right.dash.length]).toEqual(["#ff9f2e", 0, "#2cc9f5", 2]);
    expect(sideStyles({ role: "model" }, { role: "physician" })).toEqual([right, left]);
  });

  it.each(["physician", "model", "reference"] as const)("differ by their dashes where both are a %s", (role) => {
    const [left, right] = sideStyles({ role }, { role });
    expect(left.colour).toBe(right.colour);
    expect(left.dash).not.toEqual(right.dash);
  });

  it("of further reads differ from each other and from both sides by colour and by dash", () => {
    const all = [...sideStyles({ role: "physician" }, { role: "model" }), ...FURTHER];
    expect(new Set(all.map((style) => style.colour)).size).toBe(all.length);
    expect(new Set(all.map((style) => style.dash.join(" "))).size).toBe(all.length);
    expect(Math.max(...FURTHER.map((style) => style.width))).toBeLessThan(2);
  });
});

describe("the divider", () => {
  it("moves by keys and never leaves the picture", () => {
    expect(splitAfter(0.5, "ArrowRight", false)).toBeCloseTo(0.52);
    expect(splitAfter(0.5, "ArrowLeft", true)).toBeCloseTo(0.4);
    expect(splitAfter(0.5, "Home", false)).toBe(0.02);
    expect(splitAfter(0.97, "PageUp", false)).toBe(0.98);
    expect(splitAfter(0.5, "y", false)).toBeNull();
    expect(clampSplit(-3)).toBe(0.02);
  });
});
