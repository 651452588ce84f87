import { describe, expect, it } from "vitest";
import { placeOf } from "../place.ts";
import type { Assignment, Read } from "../types.ts";

type Given = Parameters<typeof placeOf>[0];

function given(more: Partial<Pick<Read, "state" | "place" | "lesions">> = {}, frames: Assignment["frames"] = null): Given {
  const read = { state: "draft", place: null, lesions: [], ...more } as unknown as Read;
  return { read, frames, clips: [{ id: "a" }, { id: "b" }] as Assignment["clips"] };
}

const index = { is_index: true, key_clip: "b", key_frame: 7 } as Read["lesions"][number];

describe("where a case opens", () => {
  it("is the first frame of the first clip, when nothing is known", () => {
    expect(placeOf(given())).toEqual({ clip: "a", frame: 1 });
    expect(placeOf({ ...given(), read: null })).toEqual({ clip: "a", frame: 1 });
    expect(placeOf({ ...given(), clips: [] })).toBeNull();
  });

  it("is the key frame of the index lesion, before the first clip", () => {
    expect(placeOf(given({ lesions: [index] }))).toEqual({ clip: "b", frame: 7 });
    expect(placeOf(given({ lesions: [{ ...index, key_clip: "gone" }] }))).toEqual({ clip: "a", frame: 1 });
    expect(placeOf(given({ lesions: [{ ...index, is_index: false }] }))).toEqual({ clip: "a", frame: 1 });
  });

  it("is the first frame that the case names, before the key frame", () => {
    expect(placeOf(given({ lesions: [index] }, [["b", 3], ["a", 9]]))).toEqual({ clip: "b", frame: 3 });
  });

  it("is where a draft was left, before all others; not so for a completed case", () => {
    const place = { clip: "b", frame: 11 };
    expect(placeOf(given({ place, lesions: [index] }, [["a", 3]]))).toBe(place);
    expect(placeOf(given({ place, state: "completed" }))).toEqual({ clip: "a", frame: 1 });
    expect(placeOf(given({ place: { clip: "gone", frame: 2 } }))).toEqual({ clip: "a", frame: 1 });
  });
});
