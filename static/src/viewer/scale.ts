/** A scale set by hand: what lines of known length say of a region. Display only: the server works out the stored one. */
import { isStrip, regionAt, type Region } from "./calibration.ts";
import type { Point } from "./geometry.ts";

export interface ScaleLine {
  points: [Point, Point];
  mm: number;
}

/** As short as the server takes. */
export const LEAST_LINE = 20;

/**
 * [row_mm, col_mm] a pixel. One line: the same both ways. Two: mm² = dx²·col² + dy²·row² for each, so lines may be tilted.
 * Null when they tell nothing (too short, both the same way, no length).
 */
export function spacingOf(lines: readonly ScaleLine[]): [number, number] | null {
  const [one, two] = lines.map(({ points: [a, b], mm }) => ({ x: (b[0] - a[0]) ** 2, y: (b[1] - a[1]) ** 2, mm: mm ** 2 }));
  if (!one || lines.some(({ points: [a, b], mm }) => Math.hypot(b[0] - a[0], b[1] - a[1]) < LEAST_LINE || !(mm > 0))) return null;
  if (!two) {
    const both = Math.sqrt(one.mm / (one.x + one.y));
    return [both, both];
  }
  const determinant = one.x * two.y - two.x * one.y;
  const col = (one.mm * two.y - two.mm * one.y) / determinant;
  const row = (one.x * two.mm - two.x * one.mm) / determinant;
  const apart = Math.abs(determinant) / (Math.hypot(one.x, one.y) * Math.hypot(two.x, two.y));
  return apart >= 0.5 && col > 0 && row > 0 ? [Math.sqrt(row), Math.sqrt(col)] : null;
}

/** Regions whose scale a reader may set: they show tissue and have none from the file. */
export function scalable(regions: readonly Region[]): Region[] {
  return regions.filter((region) => !isStrip(region) && region.source !== "us_region");
}

/** Which of them a line is for: the one that holds it; the only one also where the ruler stands beside it. */
export function regionOfLine(regions: readonly Region[], [a, b]: readonly [Point, Point]): Region | null {
  const [first, second] = [regionAt(regions, a), regionAt(regions, b)];
  if (first && second && first !== second) return null;
  const open = scalable(regions);
  const held = first ?? second;
  if (held) return open.includes(held) ? held : null;
  return open.length === 1 ? (open[0] ?? null) : null;
}

/** The regions of a file with a reader's own scales in them. */
export function withScales(regions: readonly Region[], lines: ReadonlyMap<number, readonly ScaleLine[]>): Region[] {
  return regions.map((region) => {
    const spacing = spacingOf(lines.get(region.number) ?? []);
    if (!spacing) return region;
    return { ...region, row_mm: spacing[0], col_mm: spacing[1], source: "manual", valid: true, reason: "" };
  });
}
