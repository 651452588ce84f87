import { describe, expect, it } from "vitest";
import { keyName } from "../keys.ts";

const press = (code: string, key: string, shiftKey = false): KeyboardEvent => ({ code, key, shiftKey }) as KeyboardEvent;

describe("the name of a key", () => {
  it("is its place on the keyboard, whatever the layout writes", () => {
    expect(keyName(press("KeyU", "u"))).toBe("U");
    expect(keyName(press("KeyU", "ㅕ"))).toBe("U");
    expect(keyName(press("Digit1", "&"))).toBe("1");
  });

  it("says Shift for letters and not for named keys", () => {
    expect(keyName(press("KeyS", "S", true))).toBe("Shift+S");
    expect(keyName(press("Escape", "Escape", true))).toBe("Escape");
    expect(keyName(press("Slash", "/"))).toBe("/");
  });
});
