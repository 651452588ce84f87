/** One card's three pictures: the frame, the frame with the physician's outline, the frame with the model's. */
import { smoothLoop, traceLoops } from "../viewer/contour.ts";
import type { Point } from "../viewer/geometry.ts";
import { decodeRle } from "../viewer/rle.ts";

/** What the page hands over; runs are on the grid of the box (x0, y0, x1, y1, half open). */
export interface CardPicture {
  url: string;
  box: [number, number, number, number];
  reader: number[] | null;
  model: number[] | null;
}

export type Layer = "image" | "reader" | "model";

export interface Fit {
  scale: number;
  left: number;
  top: number;
}

/** The box as large as fits into a canvas, in its middle. */
export function fit(box: CardPicture["box"], width: number, height: number): Fit {
  const wide = box[2] - box[0];
  const high = box[3] - box[1];
  const scale = Math.min(width / wide, height / high);
  return { scale, left: (width - wide * scale) / 2, top: (height - high * scale) / 2 };
}

/** Outlines of a mask given as runs on the box's grid. */
export function outlines(runs: number[], box: CardPicture["box"]): Point[][] {
  const cols = box[2] - box[0];
  const labels = decodeRle(runs, new Uint8Array(cols * (box[3] - box[1])));
  return traceLoops(labels, cols, 1).map(smoothLoop);
}

function path(loops: Point[][], at: Fit): Path2D {
  const out = new Path2D();
  for (const loop of loops) {
    loop.forEach(([x, y], i) => {
      const px = at.left + x * at.scale;
      const py = at.top + y * at.scale;
      if (i === 0) out.moveTo(px, py);
      else out.lineTo(px, py);
    });
    out.closePath();
  }
  return out;
}

/** Draw one layer; the line is two screen pixels, solid for the physician and dashed for the model. */
export function drawLayer(canvas: HTMLCanvasElement, image: HTMLImageElement, card: CardPicture, layer: Layer): void {
  const ratio = Math.max(1, window.devicePixelRatio);
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  const at = fit(card.box, canvas.width, canvas.height);
  const [x0, y0, x1, y1] = card.box;
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, x0, y0, x1 - x0, y1 - y0, at.left, at.top, (x1 - x0) * at.scale, (y1 - y0) * at.scale);
  const runs = layer === "reader" ? card.reader : layer === "model" ? card.model : null;
  if (!runs) return;
  const shape = path(outlines(runs, card.box), at);
  const style = getComputedStyle(canvas);
  const colour = style.getPropertyValue(layer === "reader" ? "--phys" : "--model").trim();
  context.fillStyle = colour;
  context.globalAlpha = layer === "reader" ? 0.18 : 0.16;
  context.fill(shape, "evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 2 * ratio;
  context.setLineDash(layer === "model" ? [5 * ratio, 3 * ratio] : []);
  context.stroke(shape);
}
