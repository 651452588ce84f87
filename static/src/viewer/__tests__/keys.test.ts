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
