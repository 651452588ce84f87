import { describe, expect, it } from "vitest";
import { Steps, sampled, shownAt, sums, type Prepared, type SheetClip } from "../model.ts";

const plain: Prepared = { segment: "", view: "unknown", use: "read", use_reason: "", calipers: false };
const clip = (change: Partial<SheetClip>): SheetClip => ({
  ...plain, id: "a", number: 1, frames: 4, rows: 4, columns: 4, frame_times_ms: [], frame_url: "", synthetic: false, hidden: false, ...change,
});

describe("steps", () => {
  it("go back and forth, and a new one forgets the future", () => {
    const steps = new Steps();
    const first = { clip: "a", before: plain, after: { ...plain, segment: "arch" } };
    const second = { clip: "a", before: first.after, after: { ...first.after, view: "SAX" } };
    steps.push(first);
    steps.push(second);
    expect(steps.undo()).toBe(second);
    expect(steps.undo()).toBe(first);
    expect(steps.undo()).toBeNull();
    expect(steps.redo()).toBe(first);
    steps.push({ clip: "b", before: plain, after: { ...plain, use: "reference" } });
    expect(steps.redo()).toBeNull();
  });

  it("keep no step that changes nothing, and none that was refused", () => {
    const steps = new Steps();
    steps.push({ clip: "a", before: plain, after: { ...plain } });
    expect(steps.undo()).toBeNull();
    const refused = { clip: "a", before: plain, after: { ...plain, use: "aside" } };
    steps.push(refused);
    steps.drop(refused);
    expect(steps.undo()).toBeNull();
  });
});

describe("thumbnails", () => {
  it("sample evenly from the first frame on", () => {
    expect(sampled(3, 16)).toEqual([1, 2, 3]);
    expect(sampled(100, 4)).toEqual([1, 26, 51, 76]);
    expect(sampled(1, 16)).toEqual([1]);
  });

  it("show the last sample that is not later", () => {
    const samples = sampled(100, 4);
    expect([1, 25, 26, 99].map((frame) => shownAt(samples, frame))).toEqual([0, 0, 1, 3]);
  });
});

it("sums count uses, flags and what lacks a segment", () => {
  const clips = [clip({}), clip({ use: "reference", calipers: true }), clip({ use: "aside" }), clip({ segment: "arch" })];
  expect(sums(clips)).toEqual({ read: 2, reference: 1, aside: 1, flagged: 1, without: 1 });
});
