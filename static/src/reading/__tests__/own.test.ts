import { beforeEach, describe, expect, it } from "vitest";
import { Draft } from "../draft.ts";
import { missingOf } from "../missing.ts";
import { askedQuestions, numberOf, ownWords } from "../own.ts";
import { mergeBodies } from "../patch.ts";
import type { Question } from "../types.ts";
import { clip, protocol } from "./fixtures.ts";

const echo: Question = { key: "echo", words: "Echogenicity", kind: "choice", required: true, shown_if: null, choices: [{ value: "low", words: "Low" }, { value: "high", words: "High" }] };
const depth: Question = { key: "depth", words: "Depth", kind: "number", required: false, shown_if: null, unit: "cm", low: 0, high: 20, range: "0 to 20 cm" };
const why: Question = { key: "why", words: "Why", kind: "text", required: true, shown_if: { question: "echo", equals: "low" } };
const after: Question = { ...depth, key: "after", required: true, shown_if: { question: "reader_class", equals: "1" } };
let draft: Draft;

beforeEach(() => {
  draft = new Draft([clip], { ...protocol, required: [], questions: [echo, depth, why, after] });
});

const missing = (): string[] => missingOf(draft).map(({ field }) => field);

describe("what is asked", () => {
  it("follows the answers, the class and the line of conditions", () => {
    const keys = (answers: Record<string, string | number | null>): string[] => askedQuestions([echo, why, after], answers).map(({ key }) => key);
    expect(keys({})).toEqual(["echo"]);
    expect(keys({ echo: "low" })).toEqual(["echo", "why"]);
    expect(keys({ echo: "high", reader_class: 1 })).toEqual(["echo", "after"]);
  });

  it("is not what depends on a question that is itself not asked", () => {
    const inner = { ...echo, key: "inner", shown_if: { question: "echo", equals: "high" } };
    const last = { ...why, shown_if: { question: "inner", equals: "low" } };
    expect(askedQuestions([echo, inner, last], { echo: "low", inner: "low" }).map(({ key }) => key)).toEqual(["echo"]);
  });

  it("is missing while it is required and unanswered", () => {
    expect(missing()).toEqual(["own.echo"]);
    draft.answerOwn("echo", "low");
    expect(missing()).toEqual(["own.why"]);
    draft.answerOwn("echo", "high");
    draft.answer("reader_class", 1);
    expect(missing()).toEqual(["own.after"]);
  });
});

describe("own answers", () => {
  it("go with the patch, only those that changed", () => {
    draft.answerOwn("echo", "low");
    draft.answerOwn("depth", 3, false);
    expect(draft.take()).toEqual({ answers: { own: { echo: "low", depth: 3 } } });
    draft.answerOwn("depth", null, false);
    expect(draft.take()).toEqual({ answers: { own: { depth: null } } });
    expect(draft.take()).toEqual({});
  });

  it("are undone where they were chosen, and stay where they were typed", () => {
    draft.answerOwn("echo", "low");
    draft.answerOwn("depth", 3, false);
    draft.answerOwn("echo", "high");
    draft.undo();
    expect(draft.answers.own).toEqual({ echo: "low", depth: 3 });
    draft.redo();
    expect(draft.answers.own["echo"]).toBe("high");
  });

  it("of two patches are put together", () => {
    const first = { answers: { own: { echo: "low", depth: 1 } } };
    expect(mergeBodies(first, { answers: { own: { depth: null } } }).answers?.own).toEqual({ echo: "low", depth: null });
    expect(mergeBodies(first, { answers: { reader_class: 1 } }).answers).toEqual({ reader_class: 1, own: { echo: "low", depth: 1 } });
  });

  it("lie over the server's after a reload", () => {
    draft.apply({ answers: { own: { echo: "high" } } });
    expect(draft.answers.own).toEqual({ echo: "high" });
  });

  it("are said in words", () => {
    expect([ownWords(echo, "low"), ownWords(depth, -2.5), ownWords(why, "dark"), ownWords(echo, null)]).toEqual(["Low", "−2.5 cm", "dark", ""]);
  });
});

describe("a typed number", () => {
  it.each([["", null], ["3", 3], [" 2,5 ", 2.5], ["0", 0], ["20", 20], [".5", 0.5]])("%s is %s", (typed, value) => {
    expect(numberOf(depth, typed)).toEqual({ value });
  });

  it.each(["x", "1e3", "3 cm", "-1", "20.01", "0x10", "Infinity"])("%s is none in the range", (typed) => {
    expect(numberOf(depth, typed)).toHaveProperty("why");
  });
});
