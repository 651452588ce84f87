import { beforeEach, describe, expect, it } from "vitest";
import { Questions, nameFrom, type Edited } from "../model.ts";

const CLASS = { key: "reader_class", words: "Class", choices: [{ value: "0", words: "Not complex" }, { value: "1", words: "Complex" }] };
let model: Questions;

function add(words: string, ...answers: string[]): Edited {
  const question = model.add();
  question.words = words;
  model.rename(question);
  answers.forEach((text, n) => {
    question.choices[n] ??= { value: "", words: "" };
    const choice = question.choices[n];
    if (choice) model.setChoice(question, choice, text);
  });
  return question;
}

beforeEach(() => {
  model = new Questions([CLASS]);
});

describe("a name for exports", () => {
  it.each([
    ["Echogenicity", "echogenicity"], ["  Is it calcified? ", "is_it_calcified"], ["3 mm or more", "mm_or_more"], ["Größe", "gro_e"], ["大動脈", "question"], ["", "question"],
  ])("of “%s” is %s", (words, name) => {
    expect(nameFrom(words, new Set(), "question")).toBe(name);
  });

  it("is one that nobody has, and short", () => {
    expect(nameFrom("Depth", new Set(["depth", "depth_2"]), "question")).toBe("depth_3");
    expect(nameFrom("w".repeat(200), new Set(), "question").length).toBeLessThanOrEqual(32);
  });

  it("follows the words until it was written by hand", () => {
    const question = add("Depth");
    expect(question.key).toBe("depth");
    question.named = true;
    model.setKey(question, "depth_cm");
    question.words = "Depth of the ulcer";
    model.rename(question);
    expect(question.key).toBe("depth_cm");
  });
});

describe("the list", () => {
  it("moves, removes and brings back without losing what was typed", () => {
    const [first, second] = [add("First", "Yes", "No"), add("Second")];
    second.kind = "number";
    second.unit = "mm";
    second.low = "abc";
    expect(model.move(second.id, -1)).toBe(true);
    expect(model.move(second.id, -1)).toBe(false);
    expect(model.list.map(({ words }) => words)).toEqual(["Second", "First"]);
    model.remove(first.id);
    expect(model.list).toHaveLength(1);
    model.undo();
    expect(model.list.map(({ words }) => words)).toEqual(["Second", "First"]);
    expect(model.list[1]?.choices.map(({ words }) => words)).toEqual(["Yes", "No"]);
    second.kind = "text";
    second.kind = "number";
    expect(model.wire()[0]).toMatchObject({ kind: "number", unit: "mm", low: "abc", high: null });
  });

  it("keeps a condition when the question or the answer it names gets other words", () => {
    const [echo, why] = [add("Echo", "Low", "High"), add("Why", "a", "b")];
    why.shown_if = { question: "echo", equals: "low" };
    echo.words = "Echogenicity";
    model.rename(echo);
    const low = echo.choices[0];
    if (low) model.setChoice(echo, low, "Very low");
    expect(why.shown_if).toEqual({ question: "echogenicity", equals: "very_low" });
    expect(model.dangling(why)).toBe(false);
  });

  it("says when a question stands before what it depends on", () => {
    const [echo, why] = [add("Echo", "Low", "High"), add("Why", "a", "b")];
    why.shown_if = { question: "echo", equals: "low" };
    model.move(why.id, -1);
    expect(model.dangling(why)).toBe(true);
    expect(model.sources(why).map(({ key }) => key)).toEqual(["reader_class"]);
    expect(model.finished()[0]?.["shown_if"]).toBeNull();
    model.move(why.id, 1);
    expect(model.dangling(why)).toBe(false);
    expect(model.sources(why).map(({ key }) => key)).toEqual(["reader_class", echo.key]);
  });

  it("stores what the server takes and loads it again", () => {
    add("Echo", "Low", "High");
    const depth = add("Depth");
    Object.assign(depth, { kind: "number", unit: " cm ", low: "0", high: "2,5", required: false, shown_if: { question: "reader_class", equals: "1" } });
    const wire = model.wire();
    expect(wire).toEqual([
      { key: "echo", words: "Echo", kind: "choice", required: true, shown_if: null, choices: [{ value: "low", words: "Low" }, { value: "high", words: "High" }] },
      { key: "depth", words: "Depth", kind: "number", required: false, shown_if: { question: "reader_class", equals: "1" }, unit: "cm", low: 0, high: 2.5 },
    ]);
    const again = new Questions([CLASS]);
    again.load(wire);
    expect(again.wire()).toEqual(wire);
  });

  it("previews only what is finished", () => {
    add("");
    add("No answers yet");
    add("One answer", "Low");
    const echo = add("Echo", "Low", "High", "");
    const why = add("Why", "a", "b");
    why.shown_if = { question: "one_answer", equals: "low" };
    expect(model.finished()).toEqual([
      { key: "echo", words: "Echo", kind: "choice", required: true, shown_if: null, choices: [{ value: "low", words: "Low" }, { value: "high", words: "High" }] },
      { key: "why", words: "Why", kind: "choice", required: true, shown_if: null, choices: [{ value: "a", words: "a" }, { value: "b", words: "b" }] },
    ]);
    why.shown_if = { question: echo.key, equals: "low" };
    expect(model.finished().at(-1)?.["shown_if"]).toEqual({ question: "echo", equals: "low" });
  });
});
