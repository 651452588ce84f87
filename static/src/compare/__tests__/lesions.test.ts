import { describe, expect, it } from "vitest";
import { bodyOf, nextRow, pressed } from "../lesions.ts";
import type { Lesions } from "../types.ts";

const SIDES: Lesions = {
  left: { read: "r", prediction: null },
  right: { read: null, prediction: "p" },
  may_link: true,
  why: "",
};

describe("same plaque?", () => {
  it("unlinks a pair", () => {
    expect(pressed({ state: "same", left: "1", right: "c.1.2", choice: "" })).toEqual({
      act: "unlink",
      pair: { left: "1", right: "c.1.2" },
    });
  });

  it("links a lesion that stands alone with the chosen one, from either side", () => {
    expect(pressed({ state: "missed", left: "1", right: "", choice: "c.1.2" })?.pair).toEqual({ left: "1", right: "c.1.2" });
    expect(pressed({ state: "extra", left: "", right: "c.1.2", choice: "1" })?.pair).toEqual({ left: "1", right: "c.1.2" });
    expect(pressed({ state: "again", left: "", right: "c.1.2", choice: "1" })?.act).toBe("link");
  });

  it("says nothing where there is nothing to choose", () => {
    expect(pressed({ state: "extra", left: "", right: "c.1.2", choice: "" })).toBeNull();
  });

  it("names the prediction or the other read, and the act's own id", () => {
    const pair = { left: "1", right: "2" };
    expect(bodyOf(SIDES, "link", pair, "id")).toEqual({ act_id: "id", act: "link", read: "r", lesion: "1", prediction: "p", other_lesion: "2" });
    const readers = { ...SIDES, right: { read: "s", prediction: null } };
    expect(bodyOf(readers, "rule", pair, "id")).toEqual({ act_id: "id", act: "rule", read: "r", lesion: "1", other_read: "s", other_lesion: "2" });
  });

  it("puts the read first on whichever side it stands", () => {
    const turned = { ...SIDES, left: SIDES.right, right: SIDES.left };
    const body = bodyOf(turned, "link", { left: "c.1.2", right: "1" }, "id");
    expect(body).toEqual({ act_id: "id", act: "link", read: "r", lesion: "1", prediction: "p", other_lesion: "c.1.2" });
  });

  it("walks the rows round and round", () => {
    expect([nextRow(-1, 3), nextRow(2, 3), nextRow(-1, 0)]).toEqual([0, 0, -1]);
  });
});
