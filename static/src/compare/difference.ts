/** What the difference pane shows of a frame, and why it may show nothing. */
import { joinBox, type Box } from "../viewer/geometry.ts";
import { layersBox } from "../viewer/paint.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import type { Extent } from "./types.ts";

/** What one side says of a frame. */
export interface SideSay {
  noun: string;
  isModel: boolean;
  /** Masks of a model that are still on their way are known to come. */
  known: boolean;
  /** Anything at all was said about the frame. */
  annotated: boolean;
  extent: Extent | null;
  hasMask: boolean;
}

/** Whether areas may be compared on a frame, and the sentence that belongs under it. Unmarked is unknown, never "no plaque". */
export function differenceSay(left: SideSay, right: SideSay): { compare: boolean; note: string } {
  const pair = [left, right];
  for (const side of pair) {
    const note = whyNot(side);
    if (note) return { compare: false, note };
  }
  const examined = pair.filter((side) => !side.isModel && side.extent === "no_plaque");
  if (examined.length > 0 && !pair.some((side) => side.hasMask)) return { compare: true, note: gettext("Both see no plaque on this frame.") };
  const notes = pair.map(reserve).filter((note) => note !== "");
  return { compare: true, note: notes.join(" ") };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function whyNot(side: SideSay): string {
  const who = { who: capital(side.noun) };
  if (side.isModel) return side.known ? "" : interpolate(gettext("%(who)s: no result on this clip."), who);
  if (!side.known) return gettext("Nothing to compare.");
  if (!side.annotated) return interpolate(gettext("%(who)s said nothing about this frame: unknown, not empty."), who);
  if (side.extent === "unusable") return interpolate(gettext("%(who)s called this frame unusable."), who);
  if (!side.hasMask && side.extent !== "all_marked" && side.extent !== "no_plaque") {
    return interpolate(gettext("%(who)s measured here, without a mask."), who);
  }
  return "";
}

function reserve(side: SideSay): string {
  const who = { who: capital(side.noun) };
  if (side.isModel) return "";
  if (side.extent === "no_plaque") return interpolate(gettext("%(who)s examined this frame: no plaque."), who);
  if (side.extent === "index_only") return interpolate(gettext("%(who)s marked the index lesion only."), who);
  if (side.extent === null) return interpolate(gettext("%(who)s did not say whether all plaque is marked."), who);
  return "";
}

interface Labels {
  labels(frame: number): Uint8Array | null;
}

/** Box around what both marked on the given frames, with a margin, in picture pixels; null when nothing was marked. */
export function differenceBox(frames: readonly number[], rows: number, cols: number, left: Labels, right: Labels): Box | null {
  let box: Box | null = null;
  for (const frame of frames) {
    const here = layersBox(cols, left.labels(frame), right.labels(frame));
    if (here) box = joinBox(box, here);
  }
  if (!box) return null;
  const margin = 0.12 * Math.max(box.x1 - box.x0, box.y1 - box.y0) + 8;
  return {
    x0: Math.max(0, box.x0 - margin),
    y0: Math.max(0, box.y0 - margin),
    x1: Math.min(cols, box.x1 + margin),
    y1: Math.min(rows, box.y1 + margin),
  };
}
