import { describe, expect, it } from "vitest";
import { DraftStore, countWords, framesWith, on, spotWords, type Thread } from "../threads.ts";

const thread = (number: number, frame: number, resolved = false): Thread => ({
  number, id: String(number), by: "A", own: true, at: "2026-01-01T00:00:00Z", text: "x", clip: "c", clip_number: 1, frame, x: 1, y: 2, resolved, answers: [],
});

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
    key: (at) => [...kept.keys()][at] ?? null,
    get length() {
      return kept.size;
    },
  };
}

describe("threads", () => {
  const threads = [thread(1, 9), thread(2, 3, true), thread(3, 9, true)];

  it("belong to a frame of a clip", () => {
    expect(on(threads, "c", 9).map((one) => one.number)).toEqual([1, 3]);
    expect(on(threads, "d", 9)).toEqual([]);
  });

  it("are counted by frame, in the order of frames, with what is still open", () => {
    expect(framesWith(threads, "c")).toEqual([{ frame: 3, open: 0, all: 1 }, { frame: 9, open: 1, all: 2 }]);
  });

  it("say how many there are and how many are open", () => {
    expect(countWords(threads)).toBe("3 comments, 1 open");
    expect(countWords([thread(1, 1)])).toBe("1 comment");
    expect(countWords([])).toBe("0 comments");
  });

  it("name their clip only where there are several", () => {
    const spot = { clip: "c", frame: 4, x: 12.4, y: 7.6 };
    expect(spotWords(spot, [{ id: "c", number: 2 }])).toBe("frame 4, at 12, 8");
    expect(spotWords(spot, [{ id: "b", number: 1 }, { id: "c", number: 2 }])).toBe("clip 2, frame 4, at 12, 8");
  });
});

describe("a text that is not sent yet", () => {
  const draft = { text: "shadow?", spot: { clip: "c", frame: 4, x: 1, y: 2 }, thread: null };

  it("is met again by the same person on the same case, and by nobody else", () => {
    const store = memory();
    new DraftStore(store, "ann", "case").save(draft);
    expect(new DraftStore(store, "ann", "case").load()).toEqual(draft);
    expect(new DraftStore(store, "bob", "case").load()).toBeNull();
    expect(new DraftStore(store, "ann", "other").load()).toBeNull();
  });

  it("is gone once it was sent, and what is damaged is nothing", () => {
    const store = memory();
    const drafts = new DraftStore(store, "ann", "case");
    drafts.save(draft);
    drafts.save(null);
    expect(store.length).toBe(0);
    store.setItem("plaqueweb:comment:ann:case", "{");
    expect(drafts.load()).toBeNull();
  });

  it("stays in its field when nothing can be kept", () => {
    const full = { ...memory(), setItem: () => { throw new Error("full"); } };
    expect(() => new DraftStore(full, "ann", "case").save(draft)).not.toThrow();
  });
});
