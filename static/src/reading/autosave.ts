/**
 * Autosave: one second after the last change the patch goes out with If-Match and a client-made id.
 *
 * One patch is in flight at a time and keeps its id until the server has answered, so that nothing is stored twice and
 * nothing is lost: while it waits (offline, signed out, changed elsewhere) new changes gather behind it, and all of it
 * is kept in the browser through `keep`. No DOM, no fetch in here.
 */
import { ApiError, OfflineError } from "../viewer/api.ts";
import { isEmptyBody, mergeBodies } from "./patch.ts";
import type { Patch, PatchBody, Read } from "./types.ts";

export type SaveState =
  | { kind: "saved"; at: string | null }
  | { kind: "waiting" }
  | { kind: "saving" }
  | { kind: "offline"; since: Date; changes: number }
  | { kind: "conflict"; current: Read }
  | { kind: "password" }
  | { kind: "refused"; detail: string };

export interface Timers {
  set(callback: () => void, ms: number): number;
  clear(handle: number): void;
}

export interface AutosaveParts {
  /** PATCH; throws ApiError or OfflineError. */
  send(patch: Patch, draftNo: number): Promise<Read>;
  /** What changed since the last take(), or an empty body. */
  take(): PatchBody;
  /** The server's answer to a patch: derived numbers, missing answers, draft_no. */
  saved(read: Read): void;
  /** Keep what is not yet on the server, oldest first (empty: nothing is left). */
  keep(queue: readonly Patch[]): Promise<void>;
  state(state: SaveState): void;
  newId(): string;
  timers?: Timers;
  delay?: number;
  retry?: number;
}

const browserTimers: Timers = {
  set: (callback, ms) => window.setTimeout(callback, ms),
  clear: (handle) => window.clearTimeout(handle),
};

export class Autosave {
  draftNo: number;
  private readonly parts: AutosaveParts;
  private readonly timers: Timers;
  /** Oldest first. The first one may have reached the server, so it stays as it is once it was sent. */
  private queue: Patch[] = [];
  private sent: Patch | null = null;
  private running: Promise<boolean> | null = null;
  private timer: number | null = null;
  private changes = 0;
  private offlineSince: Date | null = null;
  private held = false;
  private now: SaveState;

  constructor(draftNo: number, savedAt: string | null, parts: AutosaveParts) {
    this.draftNo = draftNo;
    this.parts = parts;
    this.timers = parts.timers ?? browserTimers;
    this.now = { kind: "saved", at: savedAt };
  }

  get state(): SaveState {
    return this.now;
  }

  /** Whether anything is not on the server yet. */
  get dirty(): boolean {
    return this.changes > 0 || this.queue.length > 0;
  }

  /** Something changed: save a second after the last change. */
  changed(): void {
    this.changes++;
    if (this.offlineSince || this.held) {
      this.gather();
      if (this.offlineSince) this.show({ kind: "offline", since: this.offlineSince, changes: this.count });
    } else if (this.now.kind !== "saving") {
      this.show({ kind: "waiting" });
    }
    if (!this.held && !this.offlineSince) this.plan(this.parts.delay ?? 1000);
  }

  /** Patches found in the browser's store: they go first, with their own ids. */
  resume(queue: readonly Patch[]): void {
    if (queue.length === 0) return;
    this.queue = [...queue];
    this.sent = this.queue[0] ?? null;
    this.show({ kind: "waiting" });
    this.plan(0);
  }

  /** Save now. True when nothing is left unsaved. */
  async flush(): Promise<boolean> {
    this.stop();
    while (this.running) await this.running;
    this.held = false;
    while (this.dirty) {
      this.running = this.sendOne().finally(() => (this.running = null));
      if (!(await this.running)) return false;
    }
    return true;
  }

  /** Their version is taken: what was kept here goes; the caller loads theirs. */
  async takeTheirs(current: Read): Promise<void> {
    await this.close();
    this.held = false;
    this.draftNo = current.draft_no;
    this.show({ kind: "saved", at: current.saved_at });
  }

  /** Mine goes on top of theirs: only the parts changed here overwrite. Returns what the caller lays over `current`. */
  keepMine(current: Read): PatchBody {
    this.gather();
    const body = this.queue.reduce<PatchBody>((all, patch) => mergeBodies(all, patch.body), {});
    this.draftNo = current.draft_no;
    this.queue = [{ save_id: this.parts.newId(), base: current.draft_no, body, changes: this.count }];
    this.sent = null;
    this.held = false;
    this.plan(0);
    return body;
  }

  /** End of use: the read is signed, or theirs was taken. */
  async close(): Promise<void> {
    this.stop();
    this.parts.take();
    this.queue = [];
    this.sent = null;
    this.changes = 0;
    await this.parts.keep([]);
  }

  private get count(): number {
    return this.queue.reduce((sum, patch) => sum + patch.changes, this.changes);
  }

  private plan(ms: number): void {
    this.stop();
    this.timer = this.timers.set(() => {
      this.timer = null;
      void this.flush();
    }, ms);
  }

  private stop(): void {
    if (this.timer !== null) this.timers.clear(this.timer);
    this.timer = null;
  }

  /** Put the changes behind what waits: into the last patch, unless the server may have seen that one. */
  private gather(): void {
    const body = this.parts.take();
    const changes = this.changes;
    this.changes = 0;
    if (isEmptyBody(body)) return;
    const last = this.queue.at(-1);
    const patch: Patch = { save_id: this.parts.newId(), base: this.draftNo, body, changes };
    if (last && last !== this.sent) {
      this.queue[this.queue.length - 1] = {
        ...patch,
        body: mergeBodies(last.body, body),
        changes: last.changes + changes,
      };
    } else {
      this.queue.push(patch);
    }
    void this.parts.keep(this.queue);
  }

  private async sendOne(): Promise<boolean> {
    this.gather();
    const patch = this.queue[0];
    if (!patch) {
      this.show({ kind: "saved", at: this.now.kind === "saved" ? this.now.at : null });
      return true;
    }
    if (!this.offlineSince) this.show({ kind: "saving" });
    this.sent = patch;
    try {
      const read = await this.parts.send(patch, this.draftNo);
      this.queue.shift();
      this.sent = null;
      this.offlineSince = null;
      this.draftNo = read.draft_no;
      this.parts.saved(read);
      await this.parts.keep(this.queue);
      this.show(this.dirty ? { kind: "waiting" } : { kind: "saved", at: read.saved_at });
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  private failed(error: unknown): void {
    void this.parts.keep(this.queue);
    if (error instanceof OfflineError || (error instanceof ApiError && error.status >= 502)) {
      this.offlineSince ??= new Date();
      this.show({ kind: "offline", since: this.offlineSince, changes: this.count });
      this.plan(this.parts.retry ?? 5000);
      return;
    }
    // The server answered and stored nothing: the patch may be put together with what comes later.
    this.offlineSince = null;
    this.sent = null;
    const problem = error instanceof ApiError ? error : null;
    const current = problem?.status === 412 ? (problem.problem["current"] as Read | undefined) : undefined;
    if (current) {
      this.held = true;
      this.show({ kind: "conflict", current });
    } else if (problem && (problem.status === 401 || problem.status === 403)) {
      this.held = true;
      this.show({ kind: "password" });
    } else {
      this.show({ kind: "refused", detail: error instanceof Error ? error.message : String(error) });
    }
  }

  private show(state: SaveState): void {
    this.now = state;
    this.parts.state(state);
  }
}
