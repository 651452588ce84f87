import { beforeEach, describe, expect, it } from "vitest";
import { reasonDue } from "../completing.ts";
import { Draft } from "../draft.ts";
import { mergeBodies } from "../patch.ts";
import { isLess, toggled } from "../quality.ts";
import { clip, protocol } from "./fixtures.ts";

let draft: Draft;

beforeEach(() => {
  draft = new Draft([clip], protocol);
});

describe("a reason for the conflict of class and rule", () => {
  it("is due once, and only where the server has judged that they differ", () => {
    const due = (rule_agrees: boolean | null, conflict_reason: string | null): boolean =>
      reasonDue({ derived: { ...draft.derived, rule_agrees }, answers: { ...draft.answers, conflict_reason } });
    expect([due(false, null), due(false, "near"), due(true, null), due(null, null)]).toEqual([true, false, false, false]);
  });
});

describe("quality", () => {
  it("has reasons only where it is not good", () => {
    expect([null, "good", "limited", "unusable"].map((one) => isLess(one as never))).toEqual([false, false, true, true]);
    expect(toggled(["gain"], "motion")).toEqual(["gain", "motion"]);
    expect(toggled(["gain", "motion"], "gain")).toEqual(["motion"]);
  });

  it("of a clip goes with the next patch, is undone and taken back", () => {
    draft.setClipQuality("c1", "limited", ["gain"]);
    expect(draft.take()).toEqual({ clips: [{ clip: "c1", quality: "limited", reasons: ["gain"] }] });
    expect(draft.take()).toEqual({});
    draft.undo();
    expect(draft.clipQuality("c1").quality).toBeNull();
    expect(draft.take()).toEqual({ clips: [{ clip: "c1", quality: null, reasons: [] }] });
    draft.redo();
    expect(draft.clipQuality("c1")).toEqual({ clip: "c1", quality: "limited", reasons: ["gain"] });
    draft.setClipQuality("c1", null, ["gain"]);
    expect(draft.clipQuality("c1").reasons).toEqual([]);
  });

  it("of a study has its reasons undone with it", () => {
    draft.answer("quality", "limited");
    draft.answer("quality_reasons", ["shadow"]);
    draft.undo();
    expect(draft.answers.quality_reasons).toEqual([]);
    expect(draft.take().answers).toEqual({ quality: "limited", quality_reasons: [] });
  });

  it("of two patches is put together by clip", () => {
    const one = { clip: "c1", quality: "good" as const, reasons: [] };
    const other = { clip: "c2", quality: "limited" as const, reasons: [] };
    expect(mergeBodies({ clips: [one] }, { clips: [other, { ...one, quality: "unusable" }] }).clips).toEqual([{ ...one, quality: "unusable" }, other]);
  });

  it("lies over the server's after a reload", () => {
    draft.apply({ clips: [{ clip: "c1", quality: "good", reasons: [] }] });
    expect(draft.clipQuality("c1").quality).toBe("good");
    expect(draft.take()).toEqual({});
  });
});
