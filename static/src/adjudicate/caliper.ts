/** One caliper: drag from end to end, or two clicks. The server measures what is kept. */
import { distance, type Clip, type Point, type PointerAt, type Tool } from "../viewer/index.ts";

export class CaliperTool implements Tool {
  readonly name = "caliper";
  readonly cursor = "cross";
  /** The ends while they are set. */
  live: [Point, Point] | null = null;
  private start: PointerAt | null = null;
  private waiting = false;
  private readonly clip: () => Clip | null;
  private readonly keep: (points: [Point, Point]) => void;
  private readonly redraw: () => void;

  constructor(clip: () => Clip | null, keep: (points: [Point, Point]) => void, redraw: () => void) {
    this.clip = clip;
    this.keep = keep;
    this.redraw = redraw;
  }

  down(at: PointerAt): boolean {
    if (this.waiting && this.live) {
      this.finish(at);
      return true;
    }
    this.start = at;
    this.live = [this.inside(at.point), this.inside(at.point)];
    return true;
  }

  move(points: PointerAt[], held: boolean): void {
    const last = points.at(-1);
    if (!last || !this.live || !(held || this.waiting)) return;
    this.live = [this.live[0], this.inside(last.point)];
    this.redraw();
  }

  up(at: PointerAt): void {
    if (!this.start || !this.live) return;
    // A click sets the first end and waits for the second; a drag sets both.
    if (distance(this.start.screen, at.screen) < 4) {
      this.start = null;
      this.waiting = true;
      return;
    }
    this.finish(at);
  }

  cancel(): void {
    this.start = null;
    this.live = null;
    this.waiting = false;
    this.redraw();
  }

  private finish(at: PointerAt): void {
    const first = this.live?.[0];
    this.cancel();
    if (!first) return;
    const last = this.inside(at.point);
    if (distance(first, last) > 0.5) this.keep([first, last]);
  }

  private inside([x, y]: Point): Point {
    const clip = this.clip();
    return [Math.min(clip?.columns ?? x, Math.max(0, x)), Math.min(clip?.rows ?? y, Math.max(0, y))];
  }
}
