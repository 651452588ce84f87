import { describe, expect, it } from "vitest";
import { Keymap } from "../keys.ts";

const press = (code: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent =>
  ({ code, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more }) as KeyboardEvent;

function bound(): Keymap {
  const binding = { keys: ["B"], words: "brush", group: "tools", run: () => undefined };
  return new Keymap().bind(
    { ...binding, code: "KeyB" },
    { ...binding, code: "KeyB", shift: true, words: "eraser" },
    { ...binding, code: "Digit1", when: () => false, words: "class" },
    { ...binding, code: "ArrowLeft", repeat: true, words: "back" },
    { ...binding, code: "Slash", char: "?", words: "help" },
    { ...binding, code: "Enter", ctrl: true, always: true, words: "complete" },
  );
}

describe("keymap", () => {
  it("tells a key from the same key with Shift or Ctrl", () => {
    expect(bound().match(press("KeyB"), false)?.words).toBe("brush");
    expect(bound().match(press("KeyB", { shiftKey: true }), false)?.words).toBe("eraser");
    expect(bound().match(press("KeyB", { ctrlKey: true }), false)).toBeNull();
  });

  it("finds a character wherever the layout puts it", () => {
    expect(bound().match(press("Minus", { key: "?", shiftKey: true }), false)?.words).toBe("help");
    expect(bound().match(press("Slash", { key: "/" }), false)).toBeNull();
  });

  it("is silent while the person types, but for what must always answer", () => {
    expect(bound().match(press("KeyB"), true)).toBeNull();
    expect(bound().match(press("Enter", { ctrlKey: true }), true)?.words).toBe("complete");
  });

  it("does not answer when its condition does not hold", () => {
    expect(bound().match(press("Digit1"), false)).toBeNull();
  });

  it("repeats only where asked", () => {
    expect(bound().match(press("KeyB", { repeat: true }), false)).toBeNull();
    expect(bound().match(press("ArrowLeft", { repeat: true }), false)?.words).toBe("back");
  });
});

describe("keys of one's own", () => {
  it("answer at their new place and no longer at the old one", () => {
    const keys = bound();
    keys.remap({ KeyB: "Shift+KeyQ" });
    expect(keys.match(press("KeyQ", { shiftKey: true }), false)?.words).toBe("brush");
    expect(keys.match(press("KeyB"), false)).toBeNull();
    expect(keys.groups()[0]?.rows.find(({ words }) => words === "brush")?.keys).toEqual(["⇧", "Q"]);
    keys.remap({});
    expect(keys.match(press("KeyB"), false)?.words).toBe("brush");
  });

  it("are named by their place, so that Korean input changes nothing", () => {
    const keys = bound();
    expect(keys.match(press("KeyB", { key: "ㅠ" }), false)?.words).toBe("brush");
  });

  it("leave everything as it was when two acts would share a key or a fixed key would be taken", () => {
    for (const own of [{ KeyB: "Shift+KeyB" }, { KeyB: "ArrowLeft" }, { KeyB: "Ctrl+Enter" }]) {
      const keys = bound();
      keys.remap(own);
      expect(keys.changes).toEqual({});
      expect(keys.match(press("KeyB"), false)?.words).toBe("brush");
    }
  });

  it("can change places", () => {
    const keys = bound();
    keys.remap({ KeyB: "Shift+KeyB", "Shift+KeyB": "KeyB" });
    expect(keys.match(press("KeyB"), false)?.words).toBe("eraser");
    expect(keys.match(press("KeyB", { shiftKey: true }), false)?.words).toBe("brush");
  });

  it("say what holds a key already", () => {
    const keys = bound();
    expect(keys.taken("Shift+KeyB", "KeyB")).toEqual({ words: "eraser", name: "Shift+KeyB", fixed: false });
    expect(keys.taken("ArrowLeft", "KeyB")?.fixed).toBe(true);
    expect(keys.taken("KeyQ", "KeyB")).toBeNull();
  });

  it("offer neither arrows nor help nor the end of the case", () => {
    expect(bound().acts().map(({ name }) => name)).toEqual(["KeyB", "Shift+KeyB", "Digit1"]);
  });
});
