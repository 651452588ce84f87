import { describe, expect, it } from "vitest";
import { Draft } from "../draft.ts";
import { askBy, stillAsked } from "../trial.ts";
import type { Protocol, Question } from "../types.ts";
import { clip, protocol } from "./fixtures.ts";

const question = (key: string, kind: Question["kind"], values: string[] = []): Question =>
  ({ key, words: key, kind, required: true, shown_if: null, choices: values.map((value) => ({ value, words: value })), unit: "", low: null, high: null, range: "" });
const asks = (...questions: Question[]): Protocol => ({ ...protocol, questions });

describe("what a protocol still asks", () => {
  it("leaves out answers of questions that went, that have no such choice, or that are of another kind", () => {
    const own = { gone: "a", echo: "low", lost: "x", depth: 2, text: 3, open: null };
    const now = asks(question("echo", "choice", ["low"]), question("lost", "choice", ["y"]), question("depth", "number"), question("text", "text"), question("open", "text"));

    expect(stillAsked({ answers: { own, note: "n" } }, now).answers).toEqual({ own: { echo: "low", depth: 2, open: null }, findings: {}, note: "n" });
  });

  it("keeps a draft under another protocol: its answers as far as they are asked, its lesions without a segment that went", () => {
    const draft = new Draft([clip], asks(question("echo", "choice", ["low"])));
    draft.answerOwn("echo", "low");
    draft.answer("reader_class", 1);
    draft.setFinding("arch", { visibility: "well" });
    draft.addLesion(clip);
    draft.changeLesion(1, { grade_given: 3 });

    askBy(draft, { ...asks(), segments: [{ key: "arch", label: "Arch" }] });
    expect(draft.answers).toMatchObject({ reader_class: 1, own: {}, findings: { arch: { visibility: "well", plaque: null } } });
    expect(draft.answers.findings["descending"]).toBeUndefined();
    expect(draft.lesions.map(({ number, segment, grade_given }) => [number, segment, grade_given])).toEqual([[1, null, null]]);
    expect(draft.active).toBe(1);
  });
});
