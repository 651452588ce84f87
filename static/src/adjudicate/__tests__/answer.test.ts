import { describe, expect, it } from "vitest";
import { Answer } from "../answer.ts";

describe("the adjudicator's answer", () => {
  it("asks for a class first, and for nothing of the reads", () => {
    const answer = new Answer(false);
    expect(answer.missing()).toEqual(["class"]);
    answer.readerClass = 9;
    expect(answer.missing()).toEqual([]);
    expect(answer.finding()).toEqual({ reader_class: 9, reasons: {}, caliper: null });
  });

  it("asks for a choice and a reason in the second step, and for a class only where the answer is new", () => {
    const answer = new Answer(true);
    expect(answer.missing()).toEqual(["take", "reason"]);
    answer.take = "1";
    answer.reasonCode = "missed";
    expect(answer.missing()).toEqual([]);
    expect(answer.finding()).toBeNull();
    answer.take = "new";
    expect(answer.missing()).toEqual(["class"]);
  });

  it("goes round yes, no, cannot tell and nothing by one key", () => {
    const answer = new Answer(false);
    const seen = [0, 1, 2, 3].map(() => {
      answer.cycle("mobile");
      return answer.reasons.mobile ?? null;
    });
    expect(seen).toEqual(["yes", "no", "unclear", null]);
    expect("mobile" in answer.reasons).toBe(false);
  });
});
