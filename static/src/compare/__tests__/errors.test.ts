import { describe, expect, it } from "vitest";
import { ErrorAnswer } from "../errors.ts";

const ORDER = ["quality", "wall", "missed"];
const NOTHING = { reasons: [], note: "" };

describe("why the model was wrong", () => {
  it("holds several reasons, in the order of the list whatever the order of keys", () => {
    const answer = new ErrorAnswer(ORDER, NOTHING, null);
    answer.toggle("missed");
    answer.toggle("quality");

    expect(answer.value).toEqual({ reasons: ["quality", "missed"], note: "" });
    expect(answer.changed).toBe(true);
  });

  it("is unchanged again once a reason was taken back", () => {
    const answer = new ErrorAnswer(ORDER, { reasons: ["wall"], note: "x" }, null);
    answer.toggle("quality");
    answer.toggle("quality");

    expect(answer.changed).toBe(false);
  });

  it("starts from what was typed before a reload, not from what is saved", () => {
    const answer = new ErrorAnswer(ORDER, { reasons: ["wall"], note: "" }, { reasons: ["missed", "gone"], note: "thin rim" });

    expect(answer.value).toEqual({ reasons: ["missed"], note: "thin rim" });
    expect(answer.changed).toBe(true);
  });
});
