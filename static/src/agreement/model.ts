/** What the page hands to the Bland-Altman chart: ready numbers and ready words. */

export interface Limit {
  name: string;
  value: number;
  text: string;
  low: number | null;
  high: number | null;
  dashed: boolean;
}

export interface PairPoint {
  label: string;
  href: string;
  mean: number;
  difference: number;
  crosses: boolean;
  model_text: string;
  reference_text: string;
  difference_text: string;
}

export interface BlandAltmanData {
  points: PairPoint[];
  lines: Limit[];
  near: [number, number];
  rule: number;
  words: { x: string; y: string; near: string };
}

/** Axis from 0 to the next whole millimetre beyond every point, and never empty. */
export function xRange(data: BlandAltmanData): [number, number] {
  const largest = Math.max(data.near[1], ...data.points.map((point) => point.mean));
  return [0, Math.ceil(largest + 0.001)];
}

/** Symmetric about zero and wide enough for every point and every limit with its interval. */
export function yRange(data: BlandAltmanData): [number, number] {
  const ends = data.lines.flatMap((line) => [line.value, line.low ?? line.value, line.high ?? line.value]);
  const all = [...data.points.map((point) => point.difference), ...ends].map(Math.abs);
  const reach = Math.max(1, Math.ceil(Math.max(0, ...all) + 0.001));
  return [-reach, reach];
}

/** A tick with a real minus, and a plus: −1, 0, +1. */
export function signed(value: number): string {
  if (value === 0) return "0";
  return `${value < 0 ? "−" : "+"}${Math.abs(value)}`;
}
