import { beforeEach, describe, expect, it } from "vitest";
import type { Clip } from "../../viewer/index.ts";
import { Draft } from "../draft.ts";
import { missingOf } from "../missing.ts";
import { againstFinding } from "../nothing.ts";
import { mergeBodies } from "../patch.ts";
import type { Protocol, Read } from "../types.ts";

const clip: Clip = {
  id: "c1", number: 1, kind: "cine", frames: 10, rows: 40, columns: 50, frame_times_ms: [], stored_as: "png_lossless", synthetic: true,
  segment: "descending", view: "SAX", state: "stored", cine_url: "", frame_url: "",
  regions: [{ id: "r", number: 3, kind: "tissue_2d", x0: 0, y0: 0, x1: 49, y1: 39, row_mm: 0.5, col_mm: 0.5, source: "us_region", valid: true, reason: "", view: "SAX" }],
};
const protocol: Protocol = {
  version: 1,
  segments: [{ key: "arch", label: "Arch" }, { key: "descending", label: "Descending" }],
  required: ["findings", "class", "quality", "confidence"],
  questions: [], grading: null, guide: null, thickness_from: "caliper_mask", marks: [],
  rule: { version: "v1", thickness_mm: 4, reasons: ["ulceration", "mobile", "thrombus"], words: "" },
};
let draft: Draft;

function paint(frame: number, label: number, x = 20): void {
  const store = draft.store("c1");
  store.begin(frame);
  store.capsule([x, 20], [x, 20], 3, label);
  store.end();
  draft.painted(clip, frame, [x, 20]);
}

beforeEach(() => {
  draft = new Draft([clip], protocol);
});

describe("a patch", () => {
  it("holds only what changed since the last one", () => {
    draft.answer("reader_class", 1);
    draft.setFinding("arch", { visibility: "well" });
    expect(draft.take()).toEqual({ answers: { reader_class: 1, findings: { arch: { visibility: "well", plaque: null } } } });
    expect(draft.take()).toEqual({});
  });

  it("carries a painted frame with its region and masks, without computed numbers", () => {
    draft.addLesion(clip);
    paint(4, 1);
    draft.putCalipers(clip, 4, [{ id: "k", kind: "thickness", lesion: 1, points: [[1, 1], [5, 5]], mm: 3, px: 5 }]);
    const { frames, lesions } = draft.take();
    expect(frames).toHaveLength(1);
    expect(frames?.[0]).toMatchObject({ clip: "c1", frame: 4, region: 3, extent: null });
    expect(Object.keys(frames?.[0]?.masks ?? {})).toEqual(["1"]);
    expect(frames?.[0]?.calipers).toEqual([{ id: "k", kind: "thickness", lesion: 1, points: [[1, 1], [5, 5]] }]);
    expect(lesions?.[0]).not.toHaveProperty("thickness_mm");
  });

  it("carries the empty frame after everything on it was undone", () => {
    draft.addLesion(clip);
    paint(4, 1);
    draft.take();
    draft.undo();
    expect(draft.take().frames?.[0]).toMatchObject({ frame: 4, masks: {}, calipers: [], extent: null, outline: null });
  });

  it("is merged so that the later one holds", () => {
    const first = { answers: { note: "a", findings: { arch: { visibility: "well" as const, plaque: null } } } };
    const second = { answers: { note: "b", findings: { descending: { visibility: null, plaque: null } } } };
    expect(mergeBodies(first, second).answers).toEqual({ note: "b", findings: { ...first.answers.findings, ...second.answers.findings } });
  });

  it("laid over the saved read brings mine back", () => {
    draft.addLesion(clip);
    paint(4, 1);
    draft.answer("quality", "good");
    const mine = draft.take();
    const other = new Draft([clip], protocol);
    other.load({ state: "draft", answers: { reader_class: 0, quality: "limited", confidence: null, note: "", findings: {} }, lesions: [], frames: [], scales: [], clips: [], missing: [] } as unknown as Read);
    other.apply(mine);
    expect(other.answers).toMatchObject({ reader_class: 0, quality: "good" });
    expect(other.store("c1").labels(4)).toEqual(draft.store("c1").labels(4));
    expect(other.lesions).toHaveLength(1);
  });
});

describe("lesions", () => {
  it("take the clip's segment, and plaque is present there", () => {
    draft.addLesion(clip);
    expect(draft.lesion(1)).toMatchObject({ segment: "descending", is_index: true });
    expect(draft.finding("descending").plaque).toBe("present");
  });

  it("go with masks and calipers, and come back with one undo", () => {
    draft.addLesion(clip);
    draft.addLesion(clip);
    paint(4, 1);
    paint(4, 2, 35);
    paint(5, 1);
    draft.putCalipers(clip, 4, [{ id: "k", kind: "thickness", lesion: 1, points: [[1, 1], [5, 5]] }]);
    draft.removeLesion(1);
    expect(draft.store("c1").labelsOn(4)).toEqual([2]);
    expect(draft.store("c1").isEmpty(5)).toBe(true);
    expect(draft.frameMarks("c1", 4)?.calipers).toEqual([]);
    expect(draft.index?.number).toBe(2);
    draft.undo();
    expect(draft.store("c1").labelsOn(4)).toEqual([1, 2]);
    expect(draft.store("c1").isEmpty(5)).toBe(false);
    expect(draft.frameMarks("c1", 4)?.calipers).toHaveLength(1);
    expect(draft.index?.number).toBe(1);
  });

  it("answer a reason with yes, no, cannot tell, yes", () => {
    draft.addLesion(clip);
    const seen = [0, 1, 2, 3].map(() => {
      draft.cycleReason(1, "mobile");
      return draft.lesion(1)?.mobile;
    });
    expect(seen).toEqual(["yes", "no", "unclear", "yes"]);
  });
});

describe("what is missing", () => {
  it("is everything the protocol asks for, at first", () => {
    expect(missingOf(draft).map(({ field }) => field)).toEqual([
      "findings.arch.visibility", "findings.arch.plaque", "findings.descending.visibility", "findings.descending.plaque",
      "reader_class", "quality", "confidence",
    ]);
  });

  it("is no plaque where a segment was not seen", () => {
    draft.setFinding("arch", { visibility: "not" });
    expect(missingOf(draft).map(({ words }) => words)).not.toContain("Arch plaque");
  });

  it("is nothing of the findings after N, and N keeps plaque that is present", () => {
    draft.setFinding("arch", { plaque: "present" });
    draft.noneInAnySeen();
    expect(draft.finding("arch")).toEqual({ visibility: "well", plaque: "present" });
    expect(draft.finding("descending")).toEqual({ visibility: "well", plaque: "none" });
    expect(missingOf(draft).map(({ field }) => field)).toEqual(["reader_class", "quality", "confidence"]);
  });

  it("is nothing at all after N where no plaque is: not complex, good, sure, in one undo step", () => {
    draft.noneInAnySeen();
    expect(draft.answers).toMatchObject({ reader_class: 0, quality: "good", confidence: "sure" });
    expect(missingOf(draft)).toEqual([]);
    draft.undo();
    expect(draft.answers).toMatchObject({ reader_class: null, quality: null, confidence: null });
  });

  it("stays as answered where N comes later, and is not guessed where no segment was seen", () => {
    draft.answer("quality", "limited");
    draft.answer("reader_class", 9);
    draft.noneInAnySeen();
    expect(draft.answers).toMatchObject({ reader_class: 9, quality: "limited", confidence: "sure" });
    const unseen = new Draft([clip], protocol);
    for (const { key } of protocol.segments) unseen.setFinding(key, { visibility: "not" });
    unseen.noneInAnySeen();
    expect(unseen.answers).toMatchObject({ reader_class: null, quality: null, confidence: null });
  });

  it("is no “none” and no “not seen” beside a lesion: both go as it is put there, and come back with undo", () => {
    draft.noneInAnySeen();
    draft.setFinding("arch", { visibility: "not" });
    draft.addLesion(clip);
    expect(draft.finding("descending")).toEqual({ visibility: "well", plaque: "present" });
    draft.changeLesion(1, { segment: "arch" });
    expect(draft.finding("arch")).toEqual({ visibility: null, plaque: "present" });
    expect(missingOf(draft).map(({ field }) => field)).toContain("findings.arch.visibility");
    draft.undo();
    expect(draft.finding("arch")).toEqual({ visibility: "not", plaque: null });
    draft.undo();
    expect(draft.finding("descending")).toEqual({ visibility: "well", plaque: "none" });
  });

  it("is left to the reader where plaque in a lesion's segment cannot be told", () => {
    draft.setFinding("descending", { visibility: "partly", plaque: "unclear" });
    draft.addLesion(clip);
    draft.noneInAnySeen();
    expect(draft.finding("descending")).toEqual({ visibility: "partly", plaque: "unclear" });
    expect(draft.finding("arch").plaque).toBe("none");
  });

  it("is not taken back by “none” or “not seen” while a lesion is there", () => {
    draft.addLesion(clip);
    expect(againstFinding(draft, "descending", { plaque: "none" })).toBe(1);
    expect(againstFinding(draft, "descending", { visibility: "not" })).toBe(1);
    expect(againstFinding(draft, "descending", { plaque: "unclear" })).toBeNull();
    expect(againstFinding(draft, "arch", { plaque: "none" })).toBeNull();
    draft.removeLesion(1);
    expect(againstFinding(draft, "descending", { plaque: "none" })).toBeNull();
  });

  it("is the class of a lesion's case after N, which says that it has no further reason", () => {
    draft.addLesion(clip);
    draft.cycleReason(1, "mobile");
    draft.noneInAnySeen();
    expect(draft.lesions[0]).toMatchObject({ ulceration: "no", mobile: "yes", thrombus: "no" });
    expect(draft.finding("descending")).toEqual({ visibility: "well", plaque: "present" });
    expect(missingOf(draft).map(({ field }) => field)).toEqual(["reader_class", "quality", "confidence"]);
  });

  it("is only the reasons that the rule counts", () => {
    const mobileOnly = new Draft([clip], { ...protocol, rule: { ...protocol.rule, reasons: ["mobile"] } });
    mobileOnly.addLesion(clip);
    const fields = missingOf(mobileOnly).map(({ field }) => field);
    expect(fields).toContain("lesions.1.mobile");
    expect(fields).not.toContain("lesions.1.ulceration");
  });

  it("is the reasons of the index lesion and the extent of a painted frame", () => {
    draft.addLesion(clip);
    paint(4, 1);
    const fields = missingOf(draft).map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(["lesions.1.ulceration", "lesions.1.mobile", "lesions.1.thrombus", "frames.c1.4.3.extent"]));
    draft.setExtent(clip, 4, "all_marked");
    draft.setExtent(clip, 6, "index_only");
    const later = missingOf(draft).map(({ field }) => field);
    expect(later).not.toContain("frames.c1.4.3.extent");
    expect(later).toContain("frames.c1.6.3.masks");
  });
});

describe("a scale set by hand", () => {
  const bare: Clip = { ...clip, regions: [{ ...(clip.regions[0] as Clip["regions"][number]), row_mm: null, col_mm: null, source: "none", valid: false }] };
  const down = { points: [[40, 0], [40, 40]] as [[number, number], [number, number]], mm: 20 };

  it("measures what was drawn, is saved, and undone as one step", () => {
    const own: Clip = { ...bare };
    const draft = new Draft([own], protocol);
    draft.putCalipers(own, 2, [{ id: "k", kind: "diameter", lesion: null, points: [[1, 1], [1, 11]], px: 10, mm: null }]);
    draft.take();
    draft.setScale(own, 3, [down]);
    expect(draft.frameMarks("c1", 2)?.calipers[0]).toMatchObject({ mm: 5, scale: "manual", why_no_mm: "" });
    expect(draft.take()).toEqual({ scales: [{ clip: "c1", region: 3, lines: [down] }] });
    draft.undo();
    expect(draft.frameMarks("c1", 2)?.calipers[0]).toMatchObject({ mm: null, px: 10 });
    expect(draft.take()).toEqual({ scales: [{ clip: "c1", region: 3, lines: [] }] });
  });

  it("comes back from the server, and from what was kept here", () => {
    const own: Clip = { ...bare };
    const draft = new Draft([own], protocol);
    draft.load({ state: "draft", answers: { reader_class: null, quality: null, confidence: null, note: "", findings: {} }, lesions: [], frames: [], scales: [{ clip: "c1", region: 3, lines: [down] }], clips: [] } as unknown as Read);
    expect(own.regions[0]).toMatchObject({ source: "manual", row_mm: 0.5 });
    draft.apply({ scales: [{ clip: "c1", region: 3, lines: [] }] });
    expect(own.regions[0]).toMatchObject({ source: "none", row_mm: null });
    expect(mergeBodies({ scales: [{ clip: "c1", region: 3, lines: [down] }] }, { scales: [{ clip: "c1", region: 3, lines: [] }] }).scales).toHaveLength(1);
  });
});
