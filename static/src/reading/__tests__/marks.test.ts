import { beforeEach, describe, expect, it } from "vitest";
import type { Clip } from "../../viewer/index.ts";
import { encodeRle } from "../../viewer/rle.ts";
import { randomFrom } from "../../viewer/__tests__/random.ts";
import { Draft } from "../draft.ts";
import { missingOf } from "../missing.ts";
import { areaOf } from "../ownscales.ts";
import type { Caliper, Protocol, Read, WireFrame } from "../types.ts";

const protocol: Protocol = { version: 1, segments: [], required: [], questions: [], grading: null, guide: null, thickness_from: "caliper_mask", marks: [], rule: { version: "1", thickness_mm: 4, reasons: [], words: "" } };
let clip: Clip;
let draft: Draft;

/** Two halves, 20 × 20 each, the right one with twice the scale. */
function biplane(): Clip {
  const half = { id: "r", number: 1, kind: "tissue_2d", x0: 0, y0: 0, x1: 19, y1: 19, row_mm: 0.5, col_mm: 0.5, source: "us_region" as const, valid: true, reason: "", view: "SAX" };
  return {
    id: "b", number: 1, kind: "cine", frames: 5, rows: 20, columns: 40, frame_times_ms: [], stored_as: "", synthetic: true, segment: "", view: "",
    state: "stored", cine_url: "", frame_url: "", regions: [half, { ...half, number: 2, x0: 20, x1: 39, row_mm: 1, col_mm: 1, view: "LAX" }],
  };
}

function stroke(from: [number, number], to: [number, number], label = 1, frame = 2): void {
  const store = draft.store("b");
  store.begin(frame);
  store.capsule(from, to, 2, label);
  store.end();
  draft.painted(clip, frame, from, { [label]: "threshold" });
}

const caliper = (id: string, x: number, length: number): Caliper => ({ id, kind: "thickness", lesion: 1, points: [[x, 2], [x, 2 + length]] });

beforeEach(() => {
  clip = biplane();
  draft = new Draft([clip], protocol);
  draft.addLesion(clip);
  draft.take();
});

describe("two regions on one frame", () => {
  it("each have an answer, for the one last pointed at", () => {
    draft.setExtent(clip, 2, "no_plaque");
    draft.marks.pointAt(clip, [30, 5]);
    draft.setExtent(clip, 2, "all_marked");
    expect(draft.take().frames?.map(({ region, extent }) => [region, extent])).toEqual([[1, "no_plaque"], [2, "all_marked"]]);
    draft.undo();
    expect(draft.frameMarks("b", 2, 2)?.extent).toBeNull();
    expect(draft.frameMarks("b", 2, 1)?.extent).toBe("no_plaque");
  });

  it("part a stroke across both, each with its own area", () => {
    stroke([10, 10], [30, 10]);
    const frames = draft.take().frames ?? [];
    expect(frames.map(({ region }) => region)).toEqual([1, 2]);
    const pixels = frames.map(({ masks }) => (masks?.["1"]?.rle ?? []).reduce((sum, run, i) => sum + (i % 2 ? run : 0), 0));
    expect((pixels[0] ?? 0) + (pixels[1] ?? 0)).toBe(draft.store("b").area(2, 1));
    expect(areaOf(draft, clip, 2, 1).mm2).toBeCloseTo((pixels[0] ?? 0) * 0.25 + (pixels[1] ?? 0));
    expect(missingOf(draft).map(({ field }) => field)).toEqual(expect.arrayContaining(["frames.b.2.1.extent", "frames.b.2.2.extent"]));
  });

  it("keep a thickness each, and the lesion that of its key region", () => {
    draft.putCalipers(clip, 2, [caliper("l", 5, 8), caliper("r", 25, 6)]);
    draft.setKeyFrame(1, clip, 2, 2);
    expect(draft.take().frames?.map(({ region, calipers }) => [region, calipers[0]?.id])).toEqual([[1, "l"], [2, "r"]]);
    const lesion = draft.lesions[0];
    expect(lesion && draft.keyCaliper(lesion)?.id).toBe("r");
    draft.putCalipers(clip, 2, [caliper("r", 25, 6)]);
    expect(draft.take().frames).toMatchObject([{ region: 1, calipers: [] }, { region: 2, calipers: [{ id: "r" }] }]);
  });

  it("keep the source of a mask in the region that was not painted", () => {
    stroke([10, 10], [30, 10]);
    draft.painted(clip, 2, [30, 10], { 1: "grown" });
    expect(draft.frameMarks("b", 2, 1)?.sources).toEqual({ 1: "threshold" });
    expect(draft.frameMarks("b", 2, 2)?.sources).toEqual({ 1: "grown" });
  });

  it("come back from the wire as they went, whatever was painted", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed);
      draft = new Draft([clip], protocol);
      for (let n = 0; n < 4; n++) stroke([40 * random(), 20 * random()], [40 * random(), 20 * random()], 1 + Math.floor(3 * random()));
      const frames = (draft.take().frames ?? []) as WireFrame[];
      const other = new Draft([clip], protocol);
      other.load({ state: "draft", answers: { reader_class: null, quality: null, confidence: null, note: "", findings: {} }, lesions: [], frames, scales: [], clips: [] } as unknown as Read);
      const [mine, theirs] = [draft.store("b").labels(2), other.store("b").labels(2)];
      for (const label of [1, 2, 3]) expect(encodeRle(theirs as Uint8Array, label)).toEqual(encodeRle(mine as Uint8Array, label));
    }
  });
});
