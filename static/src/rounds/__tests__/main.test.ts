import { describe, expect, it } from "vitest";
import { applies } from "../main.ts";

const chosen = (values: Record<string, string>) => (name: string) => values[name] ?? "";

describe("parts of the form", () => {
  it("stand where one of the values is chosen", () => {
    expect(applies("policy=ai_assisted,concurrent", chosen({ policy: "concurrent" }))).toBe(true);
    expect(applies("policy=ai_assisted,concurrent", chosen({ policy: "blinded" }))).toBe(false);
  });

  it("stand where nothing, or anything, is chosen", () => {
    expect(applies("list=", chosen({ list: "" }))).toBe(true);
    expect(applies("list=", chosen({ list: "x" }))).toBe(false);
    expect(applies("repeat=*", chosen({ repeat: "x" }))).toBe(true);
    expect(applies("repeat=*", chosen({}))).toBe(false);
  });
});
