import { describe, expect, it } from "vitest";
import { countOf, isDone, isSettled, membersOf, type Upload } from "../model.ts";

function upload(change: Partial<Upload>): Upload {
  const rest = { rule: "", tag: "", detail: "", findings: [], progress: { done: 0, total: 0 }, study: null };
  return { id: "01", batch: "b", parent: null, kind: "file", state: "received", working: true, ...rest, ...change };
}

describe("an upload", () => {
  it("is settled only when its state is final and no worker holds it", () => {
    expect(isSettled(null)).toBe(false);
    expect(isSettled(upload({ state: "parsed" }))).toBe(false);
    expect(isSettled(upload({ state: "stored", working: true }))).toBe(false);
    expect(isSettled(upload({ state: "stored", working: false }))).toBe(true);
    expect(isSettled(upload({ state: "refused", working: false }))).toBe(true);
  });
});

describe("a zip", () => {
  const zip = upload({ id: "01", kind: "archive", state: "stored", working: false });
  const late = upload({ id: "03", parent: "01", state: "quarantined", working: false });
  const early = upload({ id: "02", parent: "01", state: "refused", working: false });
  const other = upload({ id: "04", parent: null, state: "stored", working: false });

  it("has its own files only, in the order of the zip", () => {
    expect(membersOf("01", [late, other, early]).map((member) => member.id)).toEqual(["02", "03"]);
  });

  it("is done when the last of its files is", () => {
    const moving = upload({ id: "05", parent: "01", state: "parsed" });
    expect(isDone(zip, [zip, early, late, moving])).toBe(false);
    expect(isDone(zip, [zip, early, late])).toBe(true);
  });

  it("counts what was held and refused apart from what was stored", () => {
    expect(countOf([early, late, other])).toEqual({ total: 3, stored: 1, held: 1, refused: 1 });
  });
});
