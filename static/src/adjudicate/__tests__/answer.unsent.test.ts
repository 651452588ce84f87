import { describe, expect, it } from "vitest";
import { Answer, type Kept } from "../answer.ts";

const CLIPS = [{ id: "c1", frames: 4 }];
const OFFERED = { clips: CLIPS, reads: 2, reasonCodes: ["quality", "missed"] };
const CALIPER = { clip: "c1", frame: 3, region: 1, points: [[1, 2], [3, 4]] as [[number, number], [number, number]] };

function answered(deciding: boolean): Answer {
  const answer = new Answer(deciding);
  answer.readerClass = 1;
  answer.say("mobile", "unclear");
  answer.caliper = CALIPER;
  return answer;
}

/** As it comes back from the tab's storage. */
function reloaded(answer: Answer): Kept {
  return JSON.parse(JSON.stringify(answer.kept)) as Kept;
}

describe("an answer that was not sent", () => {
  it("stands there again after a reload, ready to be sent", () => {
    const again = new Answer(false);
    again.restore(reloaded(answered(false)), OFFERED);

    expect(again.finding()).toEqual({ reader_class: 1, reasons: { mobile: "unclear" }, caliper: CALIPER });
    expect(again.missing()).toEqual([]);
  });

  it("keeps a decision with its new answer and its reason", () => {
    const first = answered(true);
    first.take = "new";
    first.reasonCode = "missed";
    const again = new Answer(true);
    again.restore(reloaded(first), OFFERED);

    expect([again.take, again.reasonCode]).toEqual(["new", "missed"]);
    expect(again.finding()?.reader_class).toBe(1);
  });

  it("is not taken back where the page does not offer it any more", () => {
    const first = answered(true);
    first.take = "3";
    first.reasonCode = "gone";
    first.caliper = { ...CALIPER, frame: 9 };
    const again = new Answer(true);
    again.restore({ ...reloaded(first), readerClass: 5, reasons: { mobile: "perhaps" as never } }, OFFERED);

    expect(again.empty).toBe(true);
  });

  it("never brings a decision into the blind step", () => {
    const first = answered(true);
    first.take = "1";
    first.reasonCode = "missed";
    const again = new Answer(false);
    again.restore(reloaded(first), OFFERED);

    expect([again.take, again.reasonCode]).toEqual([null, null]);
  });

  it("is empty before anything was said, and class 0 is something", () => {
    const answer = new Answer(false);
    expect(answer.empty).toBe(true);
    answer.readerClass = 0;
    expect(answer.empty).toBe(false);
    const again = new Answer(false);
    again.restore(reloaded(answer), OFFERED);
    expect(again.readerClass).toBe(0);
  });
});
