/** What is done to a lesion's mask by one key, besides strokes. Each is one undo step; refusals come back as words. */
import { between, fillHoles, keepLargest, shapeArea, smoothBorder, type Clip, type Shape } from "../viewer/index.ts";
import { gettext, interpolate as words } from "../viewer/words.ts";
import type { Draft } from "./draft.ts";
import type { Extent } from "./types.ts";

/** About the width of the blur in picture pixels: takes steps and spikes off, leaves what is wider than 4 px. */
const SMOOTH = 2;

export type Mend = "fill" | "largest" | "smooth";

const MENDS: Record<Mend, (shape: Shape) => Shape> = {
  fill: fillHoles,
  largest: keepLargest,
  smooth: (shape) => smoothBorder(shape, SMOOTH),
};

/** Fill holes, keep the largest part or smooth the border of the active lesion. Empty when done, else why not. */
export function mend(draft: Draft, clip: Clip, frame: number, how: Mend): string {
  const store = draft.store(clip.id);
  const label = labelHere(draft, clip, frame);
  const shape = label === null ? null : store.shape(frame, label);
  if (label === null || !shape) return gettext("Nothing is painted on this frame.");
  const mark = draft.history.mark;
  store.begin(frame);
  store.replace(MENDS[how](shape), label);
  if (!store.end()) return unchanged(how);
  draft.painted(clip, frame, null);
  draft.history.join(mark, clip.id, frame);
  return "";
}

function unchanged(how: Mend): string {
  if (how === "fill") return gettext("There is no hole to fill.");
  return how === "largest" ? gettext("It is one part already.") : gettext("The border is smooth already.");
}

/** Take the active lesion off the frame. */
export function clear(draft: Draft, clip: Clip, frame: number): void {
  const store = draft.store(clip.id);
  const label = labelHere(draft, clip, frame);
  if (label === null) return;
  const mark = draft.history.mark;
  store.clear(frame, label);
  draft.painted(clip, frame, null);
  draft.history.join(mark, clip.id, frame);
}

/** The label map of this frame onto the next. */
export function copyToNext(draft: Draft, clip: Clip, frame: number): string {
  if (frame >= clip.frames) return gettext("This is the last frame.");
  const mark = draft.history.mark;
  const store = draft.store(clip.id);
  if (!store.copy(frame, frame + 1)) return gettext("Nothing is painted on this frame.");
  const sources = Object.fromEntries(store.labelsOn(frame + 1).map((label) => [label, "copied" as const]));
  draft.painted(clip, frame + 1, null, sources);
  draft.history.join(mark, clip.id, frame + 1);
  return "";
}

/** The active lesion where it is painted here; else the only one that is. */
export function labelHere(draft: Draft, clip: Clip, frame: number): number | null {
  const here = draft.store(clip.id).labelsOn(frame);
  if (here.includes(draft.active)) return draft.active;
  return here.length === 1 ? (here[0] ?? null) : null;
}

export interface Gap {
  from: number;
  to: number;
}

/** The two frames, marked by hand, between which a lesion is to be filled in: those around `frame`, or `frame` and the next. */
export function gapAround(draft: Draft, clip: Clip, frame: number, label: number): Gap | null {
  const store = draft.store(clip.id);
  const made = store
    .frames()
    .filter((at) => store.area(at, label) > 0 && draft.marks.on(clip.id, at).some((marks) => (marks.sources[label] ?? "interpolated") !== "interpolated"));
  const before = made.filter((at) => at <= frame).at(-1);
  const after = made.find((at) => at > frame);
  if (before !== undefined && after !== undefined) return { from: before, to: after };
  const last = made.filter((at) => at < frame).at(-1);
  return after === undefined && before === frame && last !== undefined ? { from: last, to: frame } : null;
}

/**
 * Fill the frames between two marked ones, by signed distance. Frames the reader called free of plaque or unusable stay
 * as they are; where both ends say the same of their extent, the frames between say it too.
 */
export function fillBetween(draft: Draft, clip: Clip, frame: number): string {
  const store = draft.store(clip.id);
  const label = draft.active || (store.labelsOn(frame)[0] ?? 0);
  const gap = label ? gapAround(draft, clip, frame, label) : null;
  if (!gap) return gettext("Paint the lesion on two frames: those between are filled.");
  const { from, to } = gap;
  const [a, b] = [store.shape(from, label), store.shape(to, label)];
  if (to - from < 2 || !a || !b) return gettext("No frame lies between the two that are painted.");
  const shapeAt = between(a, b);
  const said = (at: number, region: number): Extent | null => draft.frameMarks(clip.id, at, region)?.extent ?? null;
  const regions = draft.marks.regions(clip.id);
  let filled = 0;
  draft.history.group(clip.id, frame, () => {
    for (let at = from + 1; at < to; at++) {
      const shape = shapeAt((at - from) / (to - from));
      if (regions.some((region) => said(at, region) === "no_plaque" || said(at, region) === "unusable") || shapeArea(shape) === 0) continue;
      store.begin(at);
      store.replace(shape, label);
      store.end();
      draft.painted(clip, at, null, { [label]: "interpolated" });
      for (const region of regions) {
        const extent = said(from, region);
        if (extent !== null && extent === said(to, region) && said(at, region) === null) draft.setExtent(clip, at, extent, region);
      }
      filled++;
    }
  });
  return words(gettext("Frames %(from)s to %(to)s: %(n)s filled in between. Look at each."), { from, to, n: filled });
}
