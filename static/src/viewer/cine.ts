/**
 * Clock: plays a clip by its true frame times. It picks the frame from the time that passed, so it skips, never drifts.
 *
 * It looks at the time in the middle of a frame's, not at its edge: a clip as fast as the screen then shows every frame
 * once, however the time of a screen's refresh trembles.
 */

/** Start times in ms of each frame; where the file gives none, 30 frames a second are assumed and `assumed` says so. */
export function timeline(times: readonly number[], frames: number): { starts: number[]; total: number; assumed: boolean } {
  const usable = times.length === frames && times.every((t, i) => i === 0 || t > (times[i - 1] ?? Infinity));
  const starts = usable ? times.map((t) => t - (times[0] ?? 0)) : Array.from({ length: frames }, (_, i) => (i * 1000) / 30);
  const gaps = starts.slice(1).map((t, i) => t - (starts[i] ?? 0));
  const middle = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1000 / 30;
  return { starts, total: (starts[starts.length - 1] ?? 0) + middle, assumed: !usable };
}

/** Frame number (from 1) shown `elapsed` ms after frame 1 began. */
export function frameAt(starts: readonly number[], total: number, elapsed: number, loop: boolean): number {
  if (starts.length === 0) return 1;
  if (!loop && elapsed >= total) return starts.length;
  const at = ((elapsed % total) + total) % total;
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

export interface Ticker {
  now(): number;
  /** Calls back once; a screen tells the time of the refresh. */
  request(callback: (refresh?: number) => void): number;
  cancel(handle: number): void;
}

/** Half the time between two refreshes of a usual screen, in ms. */
const HALF_REFRESH = 8;

const browserTicker: Ticker = {
  now: () => performance.now(),
  request: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
};

export const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2] as const;

export class Clock {
  loop = true;
  private starts: number[] = [0];
  private total = 1000 / 30;
  private rate = 1;
  private base = 0;
  private since = 0;
  private aligned = false;
  private handle: number | null = null;
  private readonly ticker: Ticker;
  private readonly onFrame: (frame: number) => void;
  private readonly onState: (playing: boolean) => void;

  constructor(onFrame: (frame: number) => void, onState: (playing: boolean) => void = () => undefined, ticker = browserTicker) {
    this.onFrame = onFrame;
    this.onState = onState;
    this.ticker = ticker;
  }

  get playing(): boolean {
    return this.handle !== null;
  }

  get speed(): number {
    return this.rate;
  }

  /** Frames a second the file asks for. */
  get fps(): number {
    return (this.starts.length * 1000) / this.total;
  }

  setClip(times: readonly number[], frames: number): void {
    this.pause();
    const { starts, total } = timeline(times, frames);
    this.starts = starts;
    this.total = total;
  }

  /** When each frame begins, in ms. */
  get times(): readonly number[] {
    return this.starts;
  }

  startOf(frame: number): number {
    return this.starts[frame - 1] ?? 0;
  }

  play(from: number): void {
    if (this.playing || this.starts.length < 2) return;
    this.base = this.startOf(from >= this.starts.length && !this.loop ? 1 : from);
    this.since = this.ticker.now();
    this.aligned = false;
    this.handle = this.ticker.request(this.tick);
    this.onState(true);
  }

  pause(): void {
    if (this.handle === null) return;
    this.ticker.cancel(this.handle);
    this.handle = null;
    this.onState(false);
  }

  /** One step up (1) or down (-1) the list of speeds. */
  faster(step: 1 | -1): number {
    const at = SPEEDS.findIndex((s) => s === this.rate);
    return this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + step))] ?? 1);
  }

  setSpeed(speed: number): number {
    if (this.playing) {
      this.base = this.elapsed(this.ticker.now());
      this.since = this.ticker.now();
      this.aligned = false;
    }
    this.rate = speed;
    return speed;
  }

  private elapsed(now: number): number {
    return this.base + (now - this.since) * this.rate;
  }

  /** From the first refresh on, time is counted so that refreshes fall into the middle of frames. */
  private align(refresh: number): void {
    const gap = this.total / this.starts.length / this.rate;
    this.since = refresh - Math.min(HALF_REFRESH, gap / 2);
    this.aligned = true;
  }

  private readonly tick = (refresh?: number): void => {
    if (refresh !== undefined && !this.aligned) this.align(refresh);
    const elapsed = this.elapsed(refresh ?? this.ticker.now());
    this.onFrame(frameAt(this.starts, this.total, elapsed, this.loop));
    if (!this.loop && elapsed >= this.total) {
      this.handle = null;
      this.onState(false);
      return;
    }
    if (this.handle !== null) this.handle = this.ticker.request(this.tick);
  };
}
