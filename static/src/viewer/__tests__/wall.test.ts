import { describe, expect, it } from "vitest";
import type { Point } from "../geometry.ts";
import { addHandle, circleOver, closedSpline, moveHandle, SAMPLES, thickest, wallChords, wallLine, wallOf } from "../wall.ts";
import { randomFrom } from "./random.ts";

const size = { x0: 0, y0: 0, x1: 200, y1: 200 };

function ring(random: () => number, count: number): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = ((i + 0.6 * random()) / count) * 2 * Math.PI;
    const radius = 30 + 20 * random();
    return [100 + radius * Math.cos(angle), 90 + radius * Math.sin(angle)];
  });
}

describe("a wall through points", () => {
  it("goes through every one of them", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const points = ring(randomFrom(seed), 3 + (seed % 9));
      const line = closedSpline(points);
      points.forEach((p, i) => {
        expect(line[i * SAMPLES]?.[0]).toBeCloseTo(p[0], 9);
        expect(line[i * SAMPLES]?.[1]).toBeCloseTo(p[1], 9);
      });
    }
  });

  it("is nearly round through four points of a circle", () => {
    const line = closedSpline([[60, 0], [0, 60], [-60, 0], [0, -60]]);
    for (const [x, y] of line) expect(Math.abs(Math.hypot(x, y) - 60)).toBeLessThan(2);
  });

  it("can be edited again after it was stored", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed);
      const spline = { kind: "spline" as const, handles: ring(random, 3 + (seed % 9)) };
      expect(wallOf(wallLine(spline))).toEqual(spline);
      const ellipse = circleOver([100 * random(), 100 * random()], [100 + 50 * random(), 100 * random()]);
      const again = wallOf(wallLine(ellipse));
      expect(again.kind).toBe("ellipse");
      again.handles.forEach((p, i) => expect(Math.hypot(p[0] - (ellipse.handles[i]?.[0] ?? 0), p[1] - (ellipse.handles[i]?.[1] ?? 0))).toBeLessThan(1e-6));
    }
  });

  it("from elsewhere gets handles on its line", () => {
    const line = Array.from({ length: 101 }, (_, i): Point => [50 + 30 * Math.cos(i / 16.1), 50 + 30 * Math.sin(i / 16.1)]);
    const wall = wallOf(line);
    expect(wall.handles).toHaveLength(12);
    for (const handle of wall.handles) expect(line).toContain(handle);
  });

  it("takes a new point where it was pressed", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = randomFrom(seed);
      const wall = { kind: "spline" as const, handles: ring(random, 6) };
      const line = wallLine(wall);
      const at = line[Math.floor(random() * line.length)] ?? [0, 0];
      const more = addHandle(wall, at);
      expect(more.wall.handles[more.index]).toEqual(at);
      expect(more.wall.handles.filter((_, i) => i !== more.index)).toEqual(wall.handles);
    }
  });

  it("stays an ellipse about its middle when an axis is pulled", () => {
    for (let index = 0; index < 4; index++) {
      const moved = moveHandle(circleOver([40, 80], [120, 100]), index, [90, 20]);
      expect(moved.handles[index]).toEqual([90, 20]);
      const [a = [0, 0], b = [0, 0], c = [0, 0], d = [0, 0]] = moved.handles;
      expect((a[0] + c[0]) / 2).toBeCloseTo(80);
      expect((b[1] + d[1]) / 2).toBeCloseTo(90);
      expect((a[0] - c[0]) * (b[0] - d[0]) + (a[1] - c[1]) * (b[1] - d[1])).toBeCloseTo(0);
    }
  });
});

describe("thickness along the wall's normal", () => {
  const crescent = (thick: number, sx: number, sy: number) => (x: number, y: number): boolean => {
    const [dx, dy] = [(x + 0.5 - 100) * sx, (y + 0.5 - 100) * sy];
    const radius = Math.hypot(dx, dy);
    return dx > 0 && Math.abs(dy) < 0.6 * radius && radius <= 20 && radius >= 20 - thick;
  };

  it.each([[1, 1], [0.25, 0.25], [0.2, 0.4], [0.5, 0.25]])("is true in mm for pixels of %d × %d mm, at any place", (sy, sx) => {
    const wall = wallLine(circleOver([100 - 20 / sx, 100], [100 + 20 / sx, 100], [sy, sx]));
    const chords = wallChords(wall, crescent(5, sx, sy), { x0: 0, y0: 0, x1: 400, y1: 400 }, [sy, sx]);
    const found = chords.filter((chord) => chord !== null);
    expect(found.length).toBeGreaterThan(8);
    const best = thickest(chords, (2 * Math.PI * 20) / wall.length);
    expect(Math.abs((best?.length ?? 0) - 5)).toBeLessThan(0.75 * Math.max(sx, sy));
    for (const chord of found) {
      const [a, b] = chord.points;
      expect(Math.hypot((a[0] - b[0]) * sx, (a[1] - b[1]) * sy)).toBeCloseTo(chord.length, 6);
    }
  });

  it("does not depend on which way round the wall was drawn", () => {
    const line = wallLine(circleOver([80, 100], [120, 100]));
    const there = thickest(wallChords(line, crescent(6, 1, 1), size, null), 1);
    const back = thickest(wallChords([...line].reverse(), crescent(6, 1, 1), size, null), 1);
    expect(back?.length).toBeCloseTo(there?.length ?? 0, 1);
  });

  it("is nothing where no plaque touches the wall", () => {
    const line = wallLine(circleOver([80, 100], [120, 100]));
    expect(wallChords(line, (x, y) => Math.hypot(x - 100, y - 100) < 8, size, null).every((chord) => chord === null)).toBe(true);
  });

  it("does not take a spike of one pixel for the thickness", () => {
    const line = wallLine(circleOver([80, 100], [120, 100]));
    const spiked = (x: number, y: number): boolean => crescent(5, 1, 1)(x, y) || (y === 100 && x >= 103 && x < 118);
    expect(thickest(wallChords(line, spiked, size, null), (2 * Math.PI * 20) / line.length, 6)?.length).toBeLessThan(7);
  });
});
