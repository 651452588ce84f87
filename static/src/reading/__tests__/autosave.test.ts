import { beforeEach, describe, expect, it } from "vitest";
import { ApiError, OfflineError } from "../../viewer/api.ts";
import { Autosave, type SaveState, type Timers } from "../autosave.ts";
import type { Patch, PatchBody, Read } from "../types.ts";

class HandTimers implements Timers {
  waiting = new Map<number, { run: () => void; ms: number }>();
  private next = 1;
  set(run: () => void, ms: number): number {
    this.waiting.set(this.next, { run, ms });
    return this.next++;
  }
  clear(handle: number): void {
    this.waiting.delete(handle);
  }
  async fire(): Promise<void> {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { run } of all) run();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
}

/** A server that keeps drafts as the real one does: compare-and-set, the same save_id answered again. */
class Server {
  draftNo = 7;
  lastId = "";
  stored: PatchBody[] = [];
  fail: "" | "offline" | "lost" | "403" | "422" = "";
  read(): Read {
    return { draft_no: this.draftNo, saved_at: "2026-11-24T12:04:00Z" } as Read;
  }
  async send(patch: Patch, draftNo: number): Promise<Read> {
    if (this.fail === "offline") throw new OfflineError();
    if (this.fail === "403") throw new ApiError({ title: "Log in", status: 403 });
    if (this.fail === "422") throw new ApiError({ title: "Invalid", status: 422, detail: "Masks overlap.", rule: "mask-overlap" });
    if (patch.save_id !== this.lastId) {
      if (draftNo !== this.draftNo) throw new ApiError({ title: "Stale", status: 412, current: this.read() });
      this.stored.push(patch.body);
      this.draftNo++;
      this.lastId = patch.save_id;
    }
    if (this.fail === "lost") throw new OfflineError();
    return this.read();
  }
}

let timers: HandTimers;
let server: Server;
let body: PatchBody;
let kept: Patch[];
let states: SaveState[];
let saving: Autosave;

function note(text: string): void {
  body = { ...body, answers: { ...body.answers, note: text } };
  saving.changed();
}

beforeEach(() => {
  timers = new HandTimers();
  server = new Server();
  body = {};
  kept = [];
  states = [];
  let id = 0;
  saving = new Autosave(7, null, {
    send: (patch, draftNo) => server.send(patch, draftNo),
    take: () => {
      const taken = body;
      body = {};
      return taken;
    },
    saved: () => undefined,
    keep: async (queue) => void (kept = [...queue]),
    state: (state) => void states.push(state),
    newId: () => `id-${++id}`,
    timers,
  });
});

describe("autosave", () => {
  it("sends one patch a second after the last change", async () => {
    note("a");
    note("ab");
    expect([...timers.waiting.values()].map(({ ms }) => ms)).toEqual([1000]);
    await timers.fire();
    expect(server.stored).toEqual([{ answers: { note: "ab" } }]);
    expect(saving.draftNo).toBe(8);
    expect(saving.dirty).toBe(false);
    expect(states.at(-1)).toEqual({ kind: "saved", at: "2026-11-24T12:04:00Z" });
  });

  it("keeps what it could not send and counts the changes", async () => {
    server.fail = "offline";
    note("a");
    await timers.fire();
    note("ab");
    expect(states.at(-1)).toMatchObject({ kind: "offline", changes: 2 });
    expect(kept.map((patch) => patch.body)).toEqual([{ answers: { note: "a" } }, { answers: { note: "ab" } }]);
    server.fail = "";
    expect(await saving.flush()).toBe(true);
    expect(server.stored).toHaveLength(2);
    expect(kept).toEqual([]);
  });

  it("stores nothing twice when the answer was lost, and is not in conflict with itself", async () => {
    server.fail = "lost";
    note("a");
    await timers.fire();
    note("ab");
    server.fail = "";
    await saving.flush();
    expect(server.stored).toEqual([{ answers: { note: "a" } }, { answers: { note: "ab" } }]);
    expect(states.some(({ kind }) => kind === "conflict")).toBe(false);
    expect(saving.dirty).toBe(false);
  });

  it("sends a patch of an earlier visit first, with its own id", async () => {
    server.lastId = "earlier";
    server.draftNo = 8;
    saving.draftNo = 8;
    saving.resume([{ save_id: "earlier", base: 7, body: { answers: { note: "old" } }, changes: 1 }]);
    await timers.fire();
    expect(server.stored).toEqual([]);
    expect(saving.dirty).toBe(false);
  });
});

describe("changed in another window", () => {
  beforeEach(async () => {
    server.draftNo = 9;
    note("mine");
    await timers.fire();
  });

  it("asks, stores nothing and keeps mine", () => {
    expect(states.at(-1)).toMatchObject({ kind: "conflict" });
    expect(server.stored).toEqual([]);
    expect(kept.map((patch) => patch.body)).toEqual([{ answers: { note: "mine" } }]);
  });

  it("gathers later changes without sending them", () => {
    note("mine, longer");
    expect(timers.waiting.size).toBe(0);
    expect(kept.map((patch) => patch.body)).toEqual([{ answers: { note: "mine, longer" } }]);
  });

  it("puts mine over theirs under a new id", async () => {
    expect(saving.keepMine(server.read())).toEqual({ answers: { note: "mine" } });
    await timers.fire();
    expect(server.stored).toEqual([{ answers: { note: "mine" } }]);
    expect(saving.draftNo).toBe(10);
  });

  it("forgets mine when theirs is taken", async () => {
    await saving.takeTheirs(server.read());
    expect(saving.dirty).toBe(false);
    expect(saving.draftNo).toBe(9);
    expect(kept).toEqual([]);
  });
});

describe("signed out", () => {
  it("holds all changes until the password was given", async () => {
    server.fail = "403";
    note("a");
    await timers.fire();
    expect(states.at(-1)).toEqual({ kind: "password" });
    note("ab");
    expect(timers.waiting.size).toBe(0);
    server.fail = "";
    expect(await saving.flush()).toBe(true);
    expect(server.stored).toEqual([{ answers: { note: "ab" } }]);
  });
});

describe("refused", () => {
  it("says why, and goes with the change that mends it", async () => {
    server.fail = "422";
    note("a");
    await timers.fire();
    expect(states.at(-1)).toEqual({ kind: "refused", detail: "Masks overlap." });
    server.fail = "";
    note("ab");
    await timers.fire();
    expect(server.stored).toEqual([{ answers: { note: "ab" } }]);
  });
});
