/** Clip as the API shows it, and what every page makes of it. */
import type { Region } from "./calibration.ts";
import { hasScale, depthMm } from "./calibration.ts";
import { FrameStore } from "./frames.ts";
import type { Heart } from "./heart.ts";
import { joinBox, type Box } from "./geometry.ts";
import type { RulerTick } from "./overlay.ts";
import { gettext, interpolate } from "./words.ts";

export interface Clip {
  id: string;
  number: number;
  kind: "cine" | "still";
  frames: number;
  rows: number;
  columns: number;
  frame_times_ms: number[];
  stored_as: string;
  synthetic: boolean;
  segment: string;
  view: string;
  state: string;
  cine_url: string;
  frame_url: string;
  regions: Region[];
  /** What the file tells of the beat; null or absent: nothing. */
  heart?: Heart | null;
}

export function frameStoreOf(clip: Clip, budget?: number): FrameStore {
  return new FrameStore({
    frames: clip.frames,
    rows: clip.rows,
    cols: clip.columns,
    cineUrl: clip.cine_url,
    frameUrl: frameUrl(clip),
    ...(budget === undefined ? {} : { budget }),
  });
}

/** The address pattern with `{n}`, also where the server has percent-encoded the braces. */
function frameUrl(clip: Clip): string {
  return clip.frame_url.replace("%7Bn%7D", "{n}");
}

export function frameAddress(clip: Clip, frame: number): string {
  return frameUrl(clip).replace("{n}", String(frame));
}

export function wholeBoxOf(clip: Clip): Box {
  return { x0: 0, y0: 0, x1: clip.columns, y1: clip.rows };
}

/** What "fit" shows: all regions of the clip, or the whole picture where there is none. */
export function fitBoxOf(clip: Clip): Box {
  let box: Box | null = null;
  for (const r of clip.regions) {
    if (!r.valid) continue;
    box = joinBox(box, { x0: r.x0, y0: r.y0, x1: r.x1 + 1, y1: r.y1 + 1 });
  }
  const whole = wholeBoxOf(clip);
  return box && (box.x1 - box.x0) * (box.y1 - box.y0) > 0.2 * clip.rows * clip.columns ? box : whole;
}

/** A tick every centimetre of depth at the right edge of each region that has a scale. */
export function rulerOf(clip: Clip): RulerTick[] {
  const ticks: RulerTick[] = [];
  for (const region of clip.regions) {
    const depth = depthMm(region);
    if (depth === null || !hasScale(region)) continue;
    for (let cm = 1; cm * 10 < depth; cm++) {
      const label = interpolate(gettext("%(cm)s cm"), { cm });
      ticks.push({ at: [region.x1 + 1, region.y0 + (cm * 10) / (region.row_mm ?? 1)], label });
    }
  }
  return ticks;
}

export function storedWords(clip: Clip): string {
  switch (clip.stored_as) {
    case "as_in_file_jpeg":
      return gettext("stored as in file (JPEG)");
    case "jpeg_blanked":
      return gettext("parts blanked (JPEG)");
    case "png_lossless":
      return gettext("stored without loss (PNG)");
    default:
      return clip.stored_as;
  }
}

export function segmentWords(segment: string): string {
  const words: Record<string, string> = {
    ascending: gettext("ascending"),
    arch: gettext("arch"),
    descending: gettext("descending"),
  };
  return words[segment] ?? segment;
}

export function viewWords(view: string): string {
  const words: Record<string, string> = {
    SAX: gettext("short axis"),
    LAX: gettext("long axis"),
    oblique: gettext("oblique"),
  };
  return words[view] ?? "";
}
