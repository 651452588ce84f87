/** The case's line to the server: saving, completing, signing, skipping, time, and logging in again in place. */
import { ApiError, OfflineError, call, cookie, get, post } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import { Ahead, browserLine, keep, type AheadClip } from "./ahead.ts";
import { Autosave, type SaveState } from "./autosave.ts";
import type { Draft } from "./draft.ts";
import { PendingStore } from "./pending.ts";
import type { Assignment, Patch, Place, Read } from "./types.ts";

const API = "/api/v1";
/** The largest save takes 48 s at 2 Mb/s. */
const SAVE_TIMEOUT = 60_000;

export interface Person {
  /** What the log-in form asks for. */
  username: string;
  name: string;
}

export class Session {
  readonly autosave: Autosave;
  /** The next case's pictures, while this one is read. */
  readonly ahead: Ahead;
  readId: string;
  protected readonly assignment: Assignment;
  private readonly pending: Pick<PendingStore, "put" | "get">;

  constructor(assignment: Assignment, read: Read, draft: Draft, person: Person, onState: (state: SaveState) => void, pending?: Pick<PendingStore, "put" | "get">) {
    this.assignment = assignment;
    this.readId = read.id;
    this.pending = pending ?? new PendingStore(person.username, assignment.public_id);
    this.ahead = new Ahead({
      list: () => this.coming(),
      fetch: keep,
      line: browserLine,
    });
    this.autosave = new Autosave(read.draft_no, read.saved_at, {
      send: (patch, draftNo) => this.patch(patch, draftNo),
      take: () => draft.take(),
      saved: (answer) => draft.adopt(answer),
      keep: (queue) => this.pending.put(queue),
      state: onState,
      newId: () => crypto.randomUUID(),
    });
  }

  /** What an earlier visit could not save. */
  kept(): Promise<Patch[]> {
    return this.pending.get();
  }

  async complete(): Promise<Read> {
    return this.changeState("complete");
  }

  async reopen(): Promise<Read> {
    return this.changeState("reopen");
  }

  /** Signs this read; the address of the answer with the model, or of the comparison, where the round shows it now. */
  async sign(password: string): Promise<string | null> {
    const body = { reads: [this.readId], password, meaning: "authored" };
    const answer = await post<{ signed: { read: string; compare_url: string | null; second_url: string | null }[] }>(`${API}/reads/sign/`, body);
    await this.autosave.close();
    const mine = answer.signed.find(({ read }) => read === this.readId);
    return mine?.second_url ?? mine?.compare_url ?? null;
  }

  async skip(reason: string): Promise<void> {
    this.ahead.taken();
    await this.autosave.flush();
    await post(`${API}/assignments/${this.assignment.public_id}/skip/`, { reason });
  }

  /** Gives a correction up. */
  async discard(): Promise<void> {
    await post(`${API}/reads/${this.readId}/discard/`);
    await this.autosave.close();
  }

  async activity(seconds: number, place: Place): Promise<void> {
    await post(`${API}/assignments/${this.assignment.public_id}/activity/`, { seconds, place }, { keepalive: true });
  }

  /** The read as the server has it now. */
  current(): Promise<Read> {
    return get<Read>(`${API}/reads/${this.readId}/`);
  }

  protected async patch(patch: Patch, draftNo: number): Promise<Read> {
    const headers = { "If-Match": `"${draftNo}"` };
    // A server that took the request and never answers counts as away; the save id keeps the next try from storing twice.
    const signal = AbortSignal.timeout(SAVE_TIMEOUT);
    const { data } = await call<Read>("PATCH", `${API}/reads/${this.readId}/`, { headers, signal, body: { save_id: patch.save_id, ...patch.body } });
    return data;
  }

  /** The clips of the next case. */
  protected coming(): Promise<AheadClip[]> {
    return get<AheadClip[]>(`${API}/assignments/${this.assignment.public_id}/ahead/`);
  }

  protected async changeState(event: "complete" | "reopen"): Promise<Read> {
    // A case that is no longer open leads to no other: nothing more is asked for ahead of it.
    this.ahead.taken();
    const headers = { "If-Match": `"${this.autosave.draftNo}"` };
    const { data } = await call<Read>("POST", `${API}/reads/${this.readId}/${event}/`, { headers, body: {} });
    this.autosave.draftNo = data.draft_no;
    return data;
  }
}

/** Log in again without leaving the page, as the same person. Throws with words when it fails. */
export async function logIn(username: string, password: string): Promise<void> {
  let response: Response;
  try {
    // The form's own cookie may be gone with the session: asking for the form sets it again.
    if (!cookie("csrftoken")) await fetch("/login/", { credentials: "same-origin" });
    const body = new URLSearchParams({ username, password, csrfmiddlewaretoken: cookie("csrftoken") });
    response = await fetch("/login/", { method: "POST", body, credentials: "same-origin", redirect: "manual", headers: { "X-CSRFToken": cookie("csrftoken") } });
  } catch {
    throw new OfflineError();
  }
  if (response.type === "opaqueredirect" || response.redirected) return;
  if (response.status === 429) throw new Error(gettext("Too many tries. Wait a minute."));
  throw new Error(gettext("This password is not right."));
}

/** Whether the server still knows who we are. */
export async function signedIn(): Promise<boolean> {
  try {
    await get(`${API}/me/`);
    return true;
  } catch (error) {
    return !(error instanceof ApiError && (error.status === 401 || error.status === 403));
  }
}

/** Seconds in which the page was visible and used, and the place in the case, sent every 15 s and when the page goes. */
export class Activity {
  private used = Date.now();
  private seconds = 0;
  private readonly timer: number;
  private readonly place: () => Place;
  private kept = "";
  private readonly touch = (): void => {
    this.used = Date.now();
  };

  constructor(place: () => Place, send: (seconds: number, place: Place) => Promise<void>) {
    this.place = place;
    this.kept = JSON.stringify(place());
    for (const name of ["pointermove", "pointerdown", "keydown", "wheel"] as const) {
      document.addEventListener(name, this.touch, { passive: true, capture: true });
    }
    let ticks = 0;
    this.timer = window.setInterval(() => {
      if (document.visibilityState === "visible" && Date.now() - this.used < 30_000) this.seconds++;
      if (++ticks % 15 === 0) this.flush(send);
    }, 1000);
    window.addEventListener("pagehide", () => {
      window.clearInterval(this.timer);
      this.flush(send);
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.flush(send);
    });
  }

  private flush(send: (seconds: number, place: Place) => Promise<void>): void {
    const seconds = Math.min(60, this.seconds);
    const place = this.place();
    const words = JSON.stringify(place);
    if (seconds === 0 && words === this.kept) return;
    this.seconds -= seconds;
    const before = this.kept;
    this.kept = words;
    // Time and place that could not be sent go with the next call.
    send(seconds, place).catch(() => {
      this.seconds += seconds;
      this.kept = before;
    });
  }
}
