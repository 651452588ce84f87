/** The heart's beat as the file tells it: R waves, an ECG trace, and how long after an R wave a frame is. No DOM. */
import { gettext, interpolate } from "./words.ts";

export interface Trace {
  start_ms: number;
  step_ms: number;
  /** 0 to 255, lowest to highest. */
  values: number[];
}

export interface Heart {
  /** In ms from the first frame, rising; may begin before it. Empty: the file tells none. */
  r_ms: number[];
  r_from: string;
  ecg: Trace | null;
}

/** Ms from the last R wave before or at a time; negative before the first one: then it is the time until it. Null: no R. */
export function sinceR(waves: readonly number[], at: number): number | null {
  let last: number | undefined;
  for (const wave of waves) {
    if (wave > at) break;
    last = wave;
  }
  const from = last ?? waves[0];
  return from === undefined ? null : at - from;
}

export function sinceRWords(heart: Heart | null | undefined, at: number): string {
  const ms = heart ? sinceR(heart.r_ms, at) : null;
  if (ms === null) return "";
  const words = ms < 0 ? gettext("%(ms)s ms before the first R") : gettext("%(ms)s ms after R");
  return interpolate(words, { ms: Math.abs(Math.round(ms)) });
}

/** Words of a frame, and how long after R it is where that is known. */
export function withBeat(words: string, heart: Heart | null | undefined, at: number): string {
  return [words, sinceRWords(heart, at)].filter(Boolean).join(" · ");
}

/**
 * Where a time lies among frames, as a frame number with a fraction: the time of a frame is that frame, between two it
 * is in between, outside them it goes on as the first or last frame does.
 */
export function placeOf(starts: readonly number[], at: number): number {
  const last = starts.length - 1;
  if (last < 1) return 1;
  let n = 0;
  while (n < last - 1 && at >= (starts[n + 1] ?? 0)) n++;
  const from = starts[n] ?? 0;
  const step = (starts[n + 1] ?? from) - from;
  return n + 1 + (step > 0 ? (at - from) / step : 0);
}

/** A path through the trace as far as there are frames; `x` takes a frame with a fraction. */
export function tracePath(trace: Trace, starts: readonly number[], x: (frame: number) => number, top: number, height: number): string {
  const points: string[] = [];
  trace.values.forEach((value, n) => {
    const place = placeOf(starts, trace.start_ms + n * trace.step_ms);
    if (place >= 0.5 && place <= starts.length + 0.5) points.push(`${x(place).toFixed(1)} ${(top + height * (1 - value / 255)).toFixed(1)}`);
  });
  return points.length ? `M${points.join("L")}` : "";
}
