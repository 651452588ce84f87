import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Unsent, forgetUnsent, unsentPlaces } from "../unsent.ts";

/** A tab's storage; `full` refuses as a browser does. */
class TabStorage {
  full = false;
  private readonly held = new Map<string, string>();
  get length(): number {
    return this.held.size;
  }
  key(at: number): string | null {
    return [...this.held.keys()][at] ?? null;
  }
  getItem(key: string): string | null {
    return this.held.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.held.set(key, value);
  }
  removeItem(key: string): void {
    this.held.delete(key);
  }
}

let tab = new TabStorage();
beforeEach(() => {
  tab = new TabStorage();
  vi.stubGlobal("sessionStorage", tab);
});
afterEach(() => vi.unstubAllGlobals());

describe("what was not sent yet", () => {
  it("comes back after a reload, to the same person and place only", () => {
    new Unsent<{ note: string }>("ann", "error/1").put({ note: "thin rim" });

    expect(new Unsent("ann", "error/1").get()).toEqual({ note: "thin rim" });
    expect(new Unsent("ben", "error/1").get()).toBeNull();
    expect(new Unsent("ann", "error/2").get()).toBeNull();
  });

  it("is gone once it was sent", () => {
    const kept = new Unsent<number>("ann", "error/1");
    kept.put(1);
    kept.forget();

    expect(kept.get()).toBeNull();
    expect(unsentPlaces()).toBe(0);
  });

  it("is counted and thrown away at log-out, and nothing else is", () => {
    sessionStorage.setItem("somebody-else", "x");
    new Unsent<number>("ann", "error/1").put(1);
    new Unsent<number>("ann", "adjudication/2").put(2);

    expect(unsentPlaces()).toBe(2);
    forgetUnsent();
    expect(unsentPlaces()).toBe(0);
    expect(sessionStorage.getItem("somebody-else")).toBe("x");
  });

  it("takes rubbish for nothing and a full storage without an error", () => {
    sessionStorage.setItem("plaqueweb-unsent/ann/error/1", "{not json");
    const kept = new Unsent<number>("ann", "error/1");
    expect(kept.get()).toBeNull();

    tab.full = true;
    expect(() => kept.put(1)).not.toThrow();
  });
});

describe("a browser without storage", () => {
  it("keeps nothing and fails nowhere", () => {
    vi.stubGlobal("sessionStorage", undefined);
    const kept = new Unsent<number>("ann", "error/1");
    kept.put(1);
    kept.forget();

    expect(kept.get()).toBeNull();
    expect(unsentPlaces()).toBe(0);
    expect(() => forgetUnsent()).not.toThrow();
  });
});
