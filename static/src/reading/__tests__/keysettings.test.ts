import { describe, expect, it } from "vitest";
import { Keymap } from "../../viewer/index.ts";
import { moved, ownKeys } from "../keysettings.ts";

function keymap(): Keymap {
  const act = { group: "tools", run: () => undefined };
  return new Keymap().bind(
    { ...act, code: "KeyB", keys: ["B"], words: "brush" },
    { ...act, code: "KeyC", keys: ["C"], words: "caliper" },
    { ...act, code: "ArrowUp", keys: ["↑"], words: "clip" },
  );
}

describe("moving an act to another key", () => {
  it("goes where nothing is", () => {
    expect(moved(keymap(), "KeyB", "Shift+KeyQ", false)).toEqual({ map: { KeyB: "Shift+KeyQ" } });
  });

  it("names what holds the key, and changes nothing", () => {
    expect(moved(keymap(), "KeyB", "KeyC", false)).toEqual({ taken: "caliper", fixed: false });
  });

  it("swaps the two when asked, and back again leaves no trace", () => {
    const keys = keymap();
    const swapped = moved(keys, "KeyB", "KeyC", true);
    expect(swapped).toEqual({ map: { KeyB: "KeyC", KeyC: "KeyB" } });
    if ("map" in swapped) keys.remap(swapped.map);
    expect(moved(keys, "KeyB", "KeyB", true)).toEqual({ map: {} });
  });

  it("never takes a fixed key, swapped or not", () => {
    expect(moved(keymap(), "KeyB", "ArrowUp", true)).toEqual({ taken: "clip", fixed: true });
  });
});

describe("keys from the page", () => {
  it("are a map of chords, or none", () => {
    expect(ownKeys('{"KeyB":"KeyQ","KeyC":3}')).toEqual({ KeyB: "KeyQ" });
    for (const text of [undefined, "", "null", "[1", '"x"']) expect(ownKeys(text)).toEqual({});
  });
});
