/** Lengths by the calibration of the region, per axis. Display only: the server computes every number that is stored. */
import type { Point } from "./geometry.ts";
import { gettext, interpolate } from "./words.ts";

export interface Region {
  id: string;
  number: number;
  /** "tissue_2d", …; an "ecg" or a "depth_ruler" is a strip, nothing is measured in it. */
  kind: string;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  row_mm: number | null;
  col_mm: number | null;
  source: "us_region" | "manual" | "none";
  valid: boolean;
  reason: string;
  view: string;
}

export interface Length {
  mm: number | null;
  px: number;
  region: Region | null;
  /** Why there is no mm; empty when there is. */
  why: string;
  /** The mm come from a scale that the reader set by hand. */
  manual: boolean;
}

/** The box is inclusive, so its last pixel reaches to x1 + 1. */
export function regionAt(regions: readonly Region[], point: Point): Region | null {
  const [x, y] = point;
  return regions.find((r) => !isStrip(r) && x >= r.x0 && x < r.x1 + 1 && y >= r.y0 && y < r.y1 + 1) ?? null;
}

export function isStrip(region: Region): boolean {
  return region.kind === "ecg" || region.kind === "depth_ruler";
}

export function hasScale(region: Region): boolean {
  return region.valid && region.source !== "none" && (region.row_mm ?? 0) > 0 && (region.col_mm ?? 0) > 0;
}

/** Both ends must lie in one calibrated region; otherwise pixels and the reason. */
export function measure(regions: readonly Region[], a: Point, b: Point): Length {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const px = Math.hypot(dx, dy);
  const first = regionAt(regions, a);
  const second = regionAt(regions, b);
  if (!regions.some(hasScale)) return { mm: null, px, region: first, why: gettext("no scale in the file"), manual: false };
  if (!first || !second) return { mm: null, px, region: first ?? second, why: gettext("an end lies outside the scaled part"), manual: false };
  if (first !== second) return { mm: null, px, region: null, why: gettext("the ends lie in two regions"), manual: false };
  if (!hasScale(first)) return { mm: null, px, region: first, why: gettext("no scale in this region"), manual: false };
  return { mm: Math.hypot(dx * (first.col_mm ?? 0), dy * (first.row_mm ?? 0)), px, region: first, why: "", manual: first.source === "manual" };
}

/** Whether the ends lie in two regions: such a caliper measures nothing and is not kept. */
export function crossesRegions(regions: readonly Region[], a: Point, b: Point): boolean {
  const [first, second] = [regionAt(regions, a), regionAt(regions, b)];
  return first !== null && second !== null && first !== second;
}

/** "6.9 mm", "6.9 mm, manual" by a scale set by hand, or "60.2 px, no scale in the file". */
export function lengthWords(length: { mm: number | null; px: number | null; why?: string; manual?: boolean }): string {
  if (length.mm !== null && length.manual) return interpolate(gettext("%(mm)s mm, manual"), { mm: length.mm.toFixed(1) });
  if (length.mm !== null) return interpolate(gettext("%(mm)s mm"), { mm: length.mm.toFixed(1) });
  if (length.px === null) return "–";
  const px = interpolate(gettext("%(px)s px"), { px: length.px.toFixed(1) });
  return length.why ? `${px}, ${length.why}` : px;
}

/** Two lines for the corner: "0.114 mm/px" and where it comes from. */
export function scaleWords(region: Region | null): [string, string] {
  if (!region || !hasScale(region)) return [gettext("no scale in the file"), gettext("pixels only")];
  const row = (region.row_mm ?? 0).toFixed(3);
  const col = (region.col_mm ?? 0).toFixed(3);
  const value = row === col ? row : `${row} × ${col}`;
  const source = region.source === "manual" ? gettext("scale set by hand") : gettext("scale from the file");
  return [interpolate(gettext("%(value)s mm/px"), { value }), source];
}

/** Depth of a region in mm, or null. */
export function depthMm(region: Region | null): number | null {
  return region && hasScale(region) ? (region.y1 + 1 - region.y0) * (region.row_mm ?? 0) : null;
}
