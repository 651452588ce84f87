/** The table of frames as data: order, filter, words of a cell, and the walk through the largest disagreements. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { Place } from "./types.ts";

export interface FrameCell {
  px?: number;
  mm2?: number;
  mm?: number;
  length_px?: number;
  sd_mm?: number;
  source?: string;
  words?: string;
}

export interface FrameRow {
  clip: string;
  clip_number: number;
  frame: number;
  region: number;
  left: FrameCell;
  right: FrameCell;
  area?: number;
  area_unit?: string;
  thickness?: number;
  thickness_unit?: string;
  dice?: number;
  compared: boolean;
}

export type Column = "frame" | "left_area" | "right_area" | "area" | "left_thickness" | "right_thickness" | "thickness" | "dice";

const VALUES: Record<Column, (row: FrameRow) => number | null> = {
  frame: place,
  left_area: (row) => row.left.mm2 ?? row.left.px ?? null,
  right_area: (row) => row.right.mm2 ?? row.right.px ?? null,
  area: (row) => size(row.area),
  left_thickness: (row) => row.left.mm ?? row.left.length_px ?? null,
  right_thickness: (row) => row.right.mm ?? row.right.length_px ?? null,
  thickness: (row) => size(row.thickness),
  dice: (row) => row.dice ?? null,
};

function place(row: FrameRow): number {
  return row.clip_number * 1e7 + row.frame * 100 + row.region;
}

/** Differences are ordered by how large they are, whichever way they go. */
function size(value: number | undefined): number | null {
  return value === undefined ? null : Math.abs(value);
}

/** A sorted copy; rows without the value stay at the end in both directions, and equal ones keep the order of frames. */
export function sortRows(rows: readonly FrameRow[], column: Column, descending: boolean): FrameRow[] {
  const value = VALUES[column];
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || place(a) - place(b);
    return (descending ? y - x : x - y) || place(a) - place(b);
  });
}

const MINUS = "−";

function signed(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  return `${value < 0 ? MINUS : "+"}${text}`;
}

export function areaWords(cell: FrameCell): string {
  if (cell.mm2 !== undefined) return `${cell.mm2.toFixed(1)} mm²`;
  return cell.px === undefined ? "" : `${cell.px} px`;
}

/** To the displayed 0.1 mm, halves up as everywhere; an uncertainty is rounded up, so that it never looks better than it is. */
export function thicknessWords(cell: FrameCell): string {
  if (cell.mm === undefined) return cell.length_px === undefined ? "" : `${cell.length_px.toFixed(0)} px`;
  const shown = (Math.floor(cell.mm * 10 + 0.5 + 1e-9) / 10).toFixed(1);
  if (cell.sd_mm === undefined) return `${shown} mm`;
  return `${shown} ± ${(Math.ceil(cell.sd_mm * 10 - 1e-6) / 10).toFixed(1)} mm`;
}

export function gapWords(value: number | undefined, unit: string | undefined): string {
  return value === undefined || !unit ? "" : `${signed(value, unit === "px" ? 0 : 1)} ${unit}`;
}

export function diceWords(row: FrameRow): string {
  if (row.dice !== undefined) return row.dice.toFixed(2);
  return row.compared ? gettext("both empty") : "";
}

/** Where a walk through the disagreements stands: the place after (or before) the present one, the largest first; it goes round. */
export function walk(places: readonly Place[], at: Place | null, by: 1 | -1): { place: Place; words: string } | null {
  if (places.length === 0) return null;
  const here = places.findIndex((one) => at !== null && one.clip === at.clip && one.frame === at.frame);
  const next = here === -1 ? (by === 1 ? 0 : places.length - 1) : (here + by + places.length) % places.length;
  const found = places[next];
  if (!found) return null;
  const values = { n: next + 1, of: places.length };
  return { place: found, words: next === 0 ? gettext("largest difference") : interpolate(gettext("difference %(n)s of %(of)s"), values) };
}
