/** The glass: a round piece of the picture around the pointer, larger, with masks and calipers. */
import type { Point } from "./geometry.ts";
import type { Chord } from "./overlay.ts";
import { MODEL, PHYSICIAN, type Placement } from "./paint.ts";

export interface Glass {
  /** What it shows, and where its middle is; pane pixels. */
  pointer: Point;
  centre: Point;
  factor: number;
  radius: number;
}

export interface Glassed {
  paint(at: Placement): void;
  chords: readonly Chord[];
}

export function paintLoupe(ctx: CanvasRenderingContext2D, at: Placement, glass: Glass, what: Glassed): void {
  const { pointer, centre, factor, radius } = glass;
  const inner = { ...at, scale: at.scale * factor, x: centre[0] - (pointer[0] - at.x) * factor, y: centre[1] - (pointer[1] - at.y) * factor };
  ctx.save();
  ctx.setTransform(at.dpr, 0, 0, at.dpr, 0, 0);
  ctx.beginPath();
  ctx.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
  ctx.fillStyle = "#000000";
  ctx.fill();
  ctx.save();
  ctx.clip();
  what.paint(inner);
  ctx.setTransform(at.dpr, 0, 0, at.dpr, 0, 0);
  for (const chord of what.chords) {
    ctx.beginPath();
    chord.points.forEach(([x, y], i) => {
      const [sx, sy] = [x * inner.scale + inner.x, y * inner.scale + inner.y];
      if (i) ctx.lineTo(sx, sy);
      else ctx.moveTo(sx, sy);
    });
    ctx.setLineDash([]);
    ctx.lineWidth = 2;
    ctx.strokeStyle = chord.who === "physician" ? PHYSICIAN : MODEL;
    ctx.stroke();
  }
  ctx.restore();
  ctx.setTransform(at.dpr, 0, 0, at.dpr, 0, 0);
  ctx.beginPath();
  ctx.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
  ctx.lineWidth = 1;
  ctx.strokeStyle = "#6f7a86";
  ctx.stroke();
  ctx.restore();
}
