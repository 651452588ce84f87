import { describe, expect, it } from "vitest";
import { Draft } from "../draft.ts";
import { givenBy, gradeWords } from "../grade.ts";
import { missingOf } from "../missing.ts";
import type { Grading } from "../types.ts";
import { clip, protocol } from "./fixtures.ts";

const grading: Grading = {
  id: "common_5mm", name: "Five grades",
  grades: [
    { grade: 1, words: "none", from_mm: null, reasons: [] },
    { grade: 3, words: "below 5 mm", from_mm: 0, reasons: [] },
    { grade: 5, words: "mobile", from_mm: null, reasons: ["mobile"] },
  ],
};

describe("a grade", () => {
  it("is overruled by another one, and taken back by the derived one or by pressing it again", () => {
    expect(givenBy(5, { grade: 3, grade_given: null })).toBe(5);
    expect(givenBy(3, { grade: 3, grade_given: 5 })).toBeNull();
    expect(givenBy(5, { grade: 3, grade_given: 5 })).toBeNull();
    expect(givenBy(1, { grade: null, grade_given: null })).toBe(1);
  });

  it("says both, the own and the derived one", () => {
    expect(gradeWords(grading, { grade: 3, grade_given: null })).toBe("by the scheme: 3, below 5 mm");
    expect(gradeWords(grading, { grade: 3, grade_given: 5 })).toBe("yours: 5, mobile; by the scheme: 3, below 5 mm");
    expect(gradeWords(grading, { grade: null, grade_given: 5 })).toBe("yours: 5, mobile; by the scheme: open");
  });

  it("goes with the lesion, is undone, and is not lost by what the server derives", () => {
    const draft = new Draft([clip], { ...protocol, grading });
    draft.addLesion(clip);
    draft.changeLesion(1, { grade_given: 5 });
    expect(draft.take().lesions?.[0]).toMatchObject({ grade_given: 5 });
    draft.undo();
    expect(draft.take().lesions?.[0]).toMatchObject({ grade_given: null });
    expect(draft.lesion(1)).not.toHaveProperty("grade", 5);
  });

  it("asks for the reasons it stands on, also where the label rule does not", () => {
    const rule = { ...protocol.rule, reasons: [] };
    const draft = new Draft([clip], { ...protocol, required: [], rule, grading });
    draft.addLesion(clip);
    expect(missingOf(draft).map(({ field }) => field)).toEqual(["lesions.1.mobile"]);
  });
});
