/** What the server hands to a chart: ready numbers, ready words, and the address of the cases behind every mark. */

/** Whose mark it is, or what state: colour belongs to people and models alone. */
export type Tone = "phys" | "model" | "ink" | "mute" | "faint" | "both" | "mid" | "ask" | "bad";

export interface Axis {
  name?: string;
  min?: number;
  max?: number;
  step?: number;
  /** Ticks as given, with a sign, or as percent of a share. */
  ticks?: "plain" | "signed" | "percent" | "none";
}

/** One mark that stands for cases. */
export interface Point {
  x: number;
  y: number;
  label: string;
  href?: string;
  tone?: Tone;
  cross?: boolean;
  /** Out of limits: ringed. */
  ring?: boolean;
}

export interface Rule {
  at: number;
  axis: "x" | "y";
  tone?: Tone;
  dash?: "solid" | "dashed" | "dotted";
  /** Value (600) and name, written at the line's end. */
  text?: string;
  name?: string;
  width?: number;
}

export interface Band {
  axis: "x" | "y";
  from: number;
  to: number;
  tone?: Tone;
  opacity?: number;
  text?: string;
}

/** Points over two numbers: Bland-Altman, scatter, reliability. */
export interface ScatterData {
  points: Point[];
  x: Axis;
  y: Axis;
  rules?: Rule[];
  bands?: Band[];
  /** Straight lines, from (x, y) to (x, y): identity, a fit. */
  lines?: { from: [number, number]; to: [number, number]; tone?: Tone; dash?: Rule["dash"]; name?: string }[];
}

export interface Line {
  name: string;
  tone: Tone;
  points: Point[];
  dash?: Rule["dash"];
  step?: boolean;
  /** Draw a mark on every point: a circle for physicians, a diamond for models. Only marks can be clicked. */
  marks?: boolean;
  /** Size of the marks in pixels, 9 if not given. */
  size?: number;
  /** Name at the line's right end. */
  label?: boolean;
  /** Intervals of the points, [low, high] or null, drawn as bars. */
  intervals?: ([number, number] | null)[];
}

/** Lines over numbers or over named places (weeks): ROC, threshold, calibration, over time. */
export interface LinesData {
  lines: Line[];
  x: Axis & { names?: string[] };
  y: Axis;
  rules?: Rule[];
  bands?: Band[];
}

export interface ForestRow {
  label: string;
  ground: string;
  value: number | null;
  low: number | null;
  high: number | null;
  tone: Tone;
  text: string;
  href?: string;
  /** Draws on the line of the row before it: two raters on one axis. */
  joined?: boolean;
}

/** Estimates with intervals, one row each: ceiling, reliability, subgroups. */
export interface ForestData {
  rows: ForestRow[];
  x: Axis;
  rules?: Rule[];
}

export interface BarsData {
  names: string[];
  series: { name: string; tone: Tone; values: (number | null)[]; hrefs?: string[]; labels?: string[]; hatch?: boolean }[];
  stacked?: boolean;
  horizontal?: boolean;
  x?: Axis;
  y: Axis;
  rules?: Rule[];
}

/** A table of shades: rows by columns, each cell a value with its text. */
export interface HeatData {
  rows: string[];
  columns: string[];
  cells: { row: number; column: number; value: number | null; text: string; href?: string; tone?: "agree" | "differ" | "outside" }[];
  min: number;
  max: number;
  words: { rows: string; columns: string };
}

export interface Payload {
  draw: "scatter" | "lines" | "forest" | "bars" | "heat";
  key: string;
  title: string;
  ground: string;
  notice: string;
  data: unknown;
}

export type Colours = Record<Tone | "raise" | "line" | "grid" | "zero" | "panel", string>;
export type Option = Record<string, unknown>;
