import { describe, expect, it } from "vitest";
import { between, signedDistance } from "../distance.ts";
import { boxWidth, calmGrey, fillHoles, growRegion, keepLargest, shapeArea, shapeHas, shapeOf, smoothBorder, type Shape } from "../shape.ts";
import { forShapes } from "./random.ts";

const pixels = (shape: Shape): string[] => {
  const out: string[] = [];
  shape.bits.forEach((bit, i) => bit && out.push(`${(i % boxWidth(shape.box)) + shape.box.x0},${Math.floor(i / boxWidth(shape.box)) + shape.box.y0}`));
  return out;
};

function disc(x: number, y: number, r: number, size = 64): Shape {
  const bits = new Uint8Array(size * size);
  for (let i = 0; i < bits.length; i++) if (Math.hypot((i % size) - x, Math.floor(i / size) - y) <= r) bits[i] = 1;
  return { box: { x0: 0, y0: 0, x1: size, y1: size }, bits };
}

describe("a shape", () => {
  it("is what the label map holds, cut to its box", () => {
    forShapes((shape) => {
      const [rows, cols] = [110, 110];
      const labels = new Uint8Array(rows * cols).fill(1);
      for (const at of pixels(shape)) {
        const [x = 0, y = 0] = at.split(",").map(Number);
        labels[y * cols + x] = 7;
      }
      const cut = shapeOf(labels, cols, 7);
      expect(cut && pixels(cut)).toEqual(pixels(shape));
    });
  });

  it("is null where the lesion has no pixel", () => {
    expect(shapeOf(new Uint8Array(12), 4, 1)).toBeNull();
  });
});

describe("fill holes", () => {
  it("keeps every pixel, adds none outside the box, and leaves nothing to fill", () => {
    forShapes((shape) => {
      const filled = fillHoles(shape);
      const held = new Set(pixels(filled));
      expect(pixels(shape).every((at) => held.has(at))).toBe(true);
      expect(pixels(fillHoles(filled))).toEqual(pixels(filled));
    }, 20);
  });

  it("fills a ring and leaves an open bay", () => {
    const ring = disc(20, 20, 12);
    const hole = disc(20, 20, 6);
    ring.bits.forEach((_, i) => hole.bits[i] && (ring.bits[i] = 0));
    expect(shapeArea(fillHoles(ring))).toBe(shapeArea(disc(20, 20, 12)));
    for (let x = 20; x < 40; x++) ring.bits[20 * 64 + x] = 0;
    for (let x = 20; x < 40; x++) ring.bits[21 * 64 + x] = 0;
    expect(shapeArea(fillHoles(ring))).toBe(shapeArea(ring));
  });
});

describe("keep largest", () => {
  it("leaves one connected part that was there before", () => {
    forShapes((shape) => {
      const kept = keepLargest(shape);
      expect(shapeArea(kept)).toBeGreaterThan(0);
      expect(kept.bits.every((bit, i) => bit <= (shape.bits[i] ?? 0))).toBe(true);
      expect(pixels(keepLargest(kept))).toEqual(pixels(kept));
    });
  });

  it("drops the smaller of two", () => {
    const two = disc(15, 15, 8);
    disc(45, 45, 5).bits.forEach((bit, i) => bit && (two.bits[i] = 1));
    expect(pixels(keepLargest(two))).toEqual(pixels(disc(15, 15, 8)));
  });

  it("does not join parts over the edge of the box", () => {
    const bits = Uint8Array.from([0, 0, 1, 1, 0, 0, 0, 0, 0]);
    expect([...keepLargest({ box: { x0: 0, y0: 0, x1: 3, y1: 3 }, bits }).bits]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0]);
  });
});

describe("smooth border", () => {
  it("keeps the area of a disc within three per cent and its middle in place", () => {
    for (const r of [6, 9, 14, 20]) {
      const before = disc(31, 30, r);
      const after = smoothBorder(before, 2);
      expect(Math.abs(shapeArea(after) / shapeArea(before) - 1)).toBeLessThan(0.03);
      expect(shapeHas(after, 31, 30)).toBe(true);
      expect(shapeHas(after, 31 + r + 3, 30)).toBe(false);
    }
  });

  it("takes a spike of one pixel off", () => {
    const spiked = disc(20, 30, 10);
    for (let x = 30; x < 42; x++) spiked.bits[30 * 64 + x] = 1;
    expect(shapeHas(smoothBorder(spiked, 2), 40, 30)).toBe(false);
  });

  it("never leaves nothing", () => {
    forShapes((shape) => expect(shapeArea(smoothBorder(shape, 3))).toBeGreaterThan(0));
  });
});

describe("region grow", () => {
  const cols = 40;
  const grey = new Uint8Array(cols * 30).fill(20);
  for (let y = 5; y < 20; y++) for (let x = 5; x < 20; x++) grey[y * cols + x] = y === 12 && x === 12 ? 0 : 120;
  for (let y = 5; y < 20; y++) for (let x = 25; x < 35; x++) grey[y * cols + x] = 120;
  const whole = { x0: 0, y0: 0, x1: cols, y1: 30 };

  it("takes the connected pixels of like grey, holes included, and not the island beside", () => {
    const grown = growRegion(grey, cols, [8.5, 8.5], 30, whole, () => true);
    expect(grown && shapeArea(grown)).toBe(15 * 15);
    expect(grown && shapeHas(grown, 12, 12)).toBe(true);
    expect(grown && shapeHas(grown, 28, 10)).toBe(false);
  });

  it("never shrinks when the tolerance widens", () => {
    const calm = calmGrey(grey, cols);
    let last = 0;
    for (let tolerance = 0; tolerance <= 255; tolerance += 15) {
      const grown = growRegion(calm, cols, [8, 8], tolerance, whole, () => true);
      expect(grown ? shapeArea(grown) : 0).toBeGreaterThanOrEqual(last);
      last = grown ? shapeArea(grown) : 0;
    }
    expect(last).toBe(cols * 30);
  });

  it("does not creep around a vessel along the edge of its bright wall", () => {
    const size = 120;
    const vessel = new Uint8Array(size * size).map((_, i) => {
      const [dx, dy] = [(i % size) - 60, Math.floor(i / size) - 60];
      const radius = Math.hypot(dx, dy);
      if (radius > 45) return 60;
      if (radius > 38) return 170;
      return dx > 0 && Math.abs(dy) < 20 && radius > 26 ? 110 : 5;
    });
    const grown = growRegion(calmGrey(vessel, size), size, [92, 60], 25, { x0: 0, y0: 0, x1: size, y1: size }, () => true);
    expect(grown && shapeHas(grown, 92, 60)).toBe(true);
    expect(grown && shapeHas(grown, 60, 60)).toBe(false);
    expect(grown && shapeHas(grown, 60, 98)).toBe(false);
  });

  it("leaves a large hole open", () => {
    const ring = new Uint8Array(cols * 30).map((_, i) => (Math.hypot((i % cols) - 20, Math.floor(i / cols) - 15) > 9 ? 100 : 0));
    const grown = growRegion(ring, cols, [2, 2], 10, whole, () => true);
    expect(grown && shapeHas(grown, 20, 15)).toBe(false);
  });

  it("stays in its bounds and off what is taken", () => {
    const grown = growRegion(grey, cols, [8, 8], 10, { x0: 0, y0: 0, x1: 10, y1: 30 }, (i) => i % cols !== 7);
    expect(grown && shapeHas(grown, 10, 10)).toBe(false);
    expect(grown && shapeHas(grown, 7, 10)).toBe(false);
    expect(growRegion(grey, cols, [39.5, 2], 10, { x0: 0, y0: 0, x1: 10, y1: 30 }, () => true)).toBeNull();
  });
});

describe("interpolation", () => {
  it("gives the two shapes themselves at its ends", () => {
    forShapes((shape, random) => {
      const other = disc(20 + random() * 20, 30, 4 + random() * 10);
      const at = between(shape, other);
      expect(pixels(at(0))).toEqual(pixels(shape));
      expect(pixels(at(1))).toEqual(pixels(other));
    }, 30);
  });

  it("moves a disc along and lets it grow evenly", () => {
    const half = between(disc(15, 30, 6), disc(45, 30, 10))(0.5);
    expect(Math.abs(shapeArea(half) - shapeArea(disc(30, 30, 8)))).toBeLessThan(12);
    expect(shapeHas(half, 30, 30)).toBe(true);
    expect(shapeHas(half, 15, 30)).toBe(false);
  });

  it("measures the distance to the border exactly", () => {
    forShapes((shape) => {
      const field = signedDistance(shape);
      const width = boxWidth(field.box);
      for (let at = 0; at < field.values.length; at += 97) {
        const [x, y] = [(at % width) + field.box.x0, Math.floor(at / width) + field.box.y0];
        const inside = shapeHas(shape, x, y);
        let nearest = Infinity;
        for (let v = field.box.y0; v < field.box.y1; v++) {
          for (let u = field.box.x0; u < field.box.x1; u++) if (shapeHas(shape, u, v) !== inside) nearest = Math.min(nearest, Math.hypot(u - x, v - y));
        }
        expect(field.values[at]).toBeCloseTo(inside ? 0.5 - nearest : nearest - 0.5, 4);
      }
    }, 15);
  });
});
