import { describe, expect, it } from "vitest";

import { fit, outlines } from "../draw";
import { walk } from "../walk";

describe("a card's picture", () => {
  it("fills the canvas with the box, centred where the shapes differ", () => {
    expect(fit([10, 20, 110, 120], 200, 300)).toEqual({ scale: 2, left: 0, top: 50 });
  });

  it("outlines a mask on the grid of its box", () => {
    // 4 x 3 box with a 2 x 1 mask in the middle row
    const loops = outlines([5, 2, 5], [100, 50, 104, 53]);
    expect(loops).toHaveLength(1);
    const xs = loops[0]?.map(([x]) => x) ?? [];
    const ys = loops[0]?.map(([, y]) => y) ?? [];
    expect([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]).toEqual([1, 3, 1, 2]);
  });

  it("refuses runs that do not fill the box", () => {
    expect(() => outlines([5, 2], [0, 0, 4, 3])).toThrow(RangeError);
  });
});

describe("walking the wall", () => {
  it("starts at the first card and stops at the edges", () => {
    expect(walk("ArrowRight", -1, 9, 3)).toBe(0);
    expect(walk("ArrowDown", 1, 9, 3)).toBe(4);
    expect(walk("ArrowUp", 1, 9, 3)).toBe(1);
    expect(walk("ArrowRight", 8, 9, 3)).toBe(8);
    expect(walk("ArrowLeft", 3, 9, 3)).toBe(2);
  });

  it("leaves other keys and an empty wall alone", () => {
    expect(walk("Enter", 0, 9, 3)).toBeNull();
    expect(walk("ArrowRight", -1, 0, 3)).toBeNull();
  });
});
