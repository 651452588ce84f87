import { describe, expect, test } from "vitest";
import { blocksOf, sectionFor, type GuideSection } from "../guide.ts";

const about = (name: string): GuideSection => ({ title: name || "General", about: name, text: "", pictures: [] });

describe("text of a guide", () => {
  test("a blank line parts paragraphs, dashes make a list, the rest stays as it was written", () => {
    const text = "One\nstill one.\n\n\nTwo < three & <b>four</b>.\n- first\n-  second\nnot a list\n-4 mm is a number";
    expect(blocksOf(text)).toEqual([
      { kind: "text", lines: ["One", "still one."] },
      { kind: "text", lines: ["Two < three & <b>four</b>."] },
      { kind: "list", lines: ["first", "second"] },
      { kind: "text", lines: ["not a list", "-4 mm is a number"] },
    ]);
    expect(blocksOf(" \n\n")).toEqual([]);
  });
});

describe("the section that fits", () => {
  const guide = [about(""), about("lesions"), about("quality"), about("lesions")];

  test("the nearest thing that has one", () => {
    expect(sectionFor(guide, ["mobile", "lesions"])).toBe(1);
    expect(sectionFor(guide, ["quality", "lesions"])).toBe(2);
  });

  test("none is not the general one: the guide stays where it was left", () => {
    expect(sectionFor(guide, ["class"])).toBe(-1);
    expect(sectionFor(guide, [""])).toBe(-1);
    expect(sectionFor([], ["quality"])).toBe(-1);
  });
});
