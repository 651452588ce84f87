/** What the difference pane shows of a frame, and why it may show nothing. */
import { joinBox, type Box } from "../viewer/geometry.ts";
import { layersBox } from "../viewer/paint.ts";
import { gettext } from "../viewer/words.ts";
import type { Extent } from "./types.ts";

export interface FrameSay {
  /** Anything at all was said about the frame. */
  annotated: boolean;
  extent: Extent | null;
  hasReaderMask: boolean;
  hasModelMask: boolean;
  modelKnown: boolean;
}

/** Whether areas may be compared on a frame, and the sentence that belongs under it. Unmarked is unknown, never "no plaque". */
export function differenceSay(frame: FrameSay): { compare: boolean; note: string } {
  if (!frame.modelKnown) return { compare: false, note: gettext("No model result on this clip.") };
  if (!frame.annotated) return { compare: false, note: gettext("The reader said nothing about this frame: unknown, not empty.") };
  if (frame.extent === "unusable") return { compare: false, note: gettext("The reader called this frame unusable.") };
  if (frame.extent === "no_plaque") {
    return { compare: true, note: frame.hasModelMask ? gettext("The reader examined this frame: no plaque.") : gettext("Both see no plaque on this frame.") };
  }
  if (!frame.hasReaderMask && frame.extent !== "all_marked") return { compare: false, note: gettext("The reader measured here, without a mask.") };
  if (frame.extent === "index_only") return { compare: true, note: gettext("The reader marked the index lesion only.") };
  if (frame.extent === null) return { compare: true, note: gettext("The reader did not say whether all plaque is marked.") };
  return { compare: true, note: "" };
}

interface Labels {
  labels(frame: number): Uint8Array | null;
}

/** Box around what both marked on the given frames, with a margin, in picture pixels; null when nothing was marked. */
export function differenceBox(frames: readonly number[], rows: number, cols: number, reader: Labels, model: Labels): Box | null {
  let box: Box | null = null;
  for (const frame of frames) {
    const here = layersBox(cols, reader.labels(frame), model.labels(frame));
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
