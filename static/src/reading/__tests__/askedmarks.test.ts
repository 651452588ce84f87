import { beforeEach, describe, expect, it } from "vitest";
import { Draft } from "../draft.ts";
import { missingOf } from "../missing.ts";
import type { Protocol } from "../types.ts";
import { clip, protocol } from "./fixtures.ts";

let draft: Draft;

function begin(change: Partial<Protocol>): void {
  draft = new Draft([clip], { ...protocol, required: [], rule: { ...protocol.rule, reasons: [] }, ...change });
  draft.addLesion(clip);
  draft.setKeyFrame(1, clip, 4, 3);
}

function paint(frame: number): void {
  const store = draft.store("c1");
  store.begin(frame);
  store.capsule([20, 20], [20, 20], 3, 1);
  store.end();
  draft.painted(clip, frame, [20, 20]);
  draft.setExtent(clip, frame, "all_marked");
}

const measure = (frame: number): void => draft.putCalipers(clip, frame, [{ id: "k", kind: "thickness", lesion: 1, points: [[1, 1], [5, 5]] }]);
const missing = (): string[] => missingOf(draft).map(({ field }) => field);

beforeEach(() => begin({ marks: ["thickness", "mask", "wall"] }));

describe("marks that the protocol asks for", () => {
  it("are missing until they stand on the key frame", () => {
    expect(missing()).toEqual(["lesions.1.thickness", "lesions.1.mask", "lesions.1.wall"]);
    measure(5);
    paint(5);
    expect(missing()).toEqual(["lesions.1.thickness", "lesions.1.mask", "lesions.1.wall"]);
    measure(4);
    expect(missing()).toEqual(["lesions.1.mask", "lesions.1.wall"]);
    paint(4);
    draft.putOutline(clip, 4, [[1, 1], [30, 1], [30, 30]]);
    expect(missing()).toEqual([]);
  });

  it("take the thickness only from what the protocol names", () => {
    begin({ marks: ["thickness"], thickness_from: "mask" });
    measure(4);
    expect(missing()).toEqual(["lesions.1.thickness"]);
    paint(4);
    expect(missing()).toEqual([]);
    begin({ marks: ["thickness"], thickness_from: "caliper" });
    paint(4);
    expect(missing()).toEqual(["lesions.1.thickness"]);
  });

  it("are not asked where there is no lesion", () => {
    draft.removeLesion(1);
    expect(missing()).toEqual([]);
  });
});
