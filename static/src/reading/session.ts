/** The case's line to the server: saving, completing, signing, skipping, time, and logging in again in place. */
import { ApiError, OfflineError, call, cookie, get, post } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import { Autosave, type SaveState } from "./autosave.ts";
import type { Draft } from "./draft.ts";
import { PendingStore } from "./pending.ts";
import type { Assignment, Patch, Read } from "./types.ts";

const API = "/api/v1";

export interface Person {
  /** What the log-in form asks for. */
  username: string;
  name: string;
}

/** Open the case; one that cannot be opened any more (signed, skipped) is shown as it is. */
export async function openAssignment(publicId: string): Promise<Assignment> {
  try {
    return await post<Assignment>(`${API}/assignments/${publicId}/open/`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    return get<Assignment>(`${API}/assignments/${publicId}/`);
  }
}

export class Session {
  readonly autosave: Autosave;
  readId: string;
  private readonly assignment: Assignment;
  private readonly pending: PendingStore;

  constructor(assignment: Assignment, read: Read, draft: Draft, person: Person, onState: (state: SaveState) => void) {
    this.assignment = assignment;
    this.readId = read.id;
    this.pending = new PendingStore(person.username, assignment.public_id);
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

  /** Signs this read; the address of the comparison where the round reveals it now. */
  async sign(password: string): Promise<string | null> {
    const body = { reads: [this.readId], password, meaning: "authored" };
    const answer = await post<{ signed: { read: string; compare_url: string | null }[] }>(`${API}/reads/sign/`, body);
    await this.autosave.close();
    return answer.signed.find(({ read }) => read === this.readId)?.compare_url ?? null;
  }

  async skip(reason: string): Promise<void> {
    await this.autosave.flush();
    await post(`${API}/assignments/${this.assignment.public_id}/skip/`, { reason });
  }

  async activity(seconds: number): Promise<void> {
    await post(`${API}/assignments/${this.assignment.public_id}/activity/`, { seconds }, { keepalive: true });
  }

  /** The read as the server has it now. */
  current(): Promise<Read> {
    return get<Read>(`${API}/reads/${this.readId}/`);
  }

  private async patch(patch: Patch, draftNo: number): Promise<Read> {
    const headers = { "If-Match": `"${draftNo}"` };
    const { data } = await call<Read>("PATCH", `${API}/reads/${this.readId}/`, { headers, body: { save_id: patch.save_id, ...patch.body } });
    return data;
  }

  private async changeState(event: "complete" | "reopen"): Promise<Read> {
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

/** Seconds in which the page was visible and used, sent every 15 s. */
export class Activity {
  private used = Date.now();
  private seconds = 0;
  private readonly timer: number;
  private readonly touch = (): void => {
    this.used = Date.now();
  };

  constructor(send: (seconds: number) => Promise<void>) {
    for (const name of ["pointermove", "pointerdown", "keydown", "wheel"] as const) {
      document.addEventListener(name, this.touch, { passive: true, capture: true });
    }
    let ticks = 0;
    this.timer = window.setInterval(() => {
      if (document.visibilityState === "visible" && Date.now() - this.used < 30_000) this.seconds++;
      if (++ticks % 15 === 0 && this.seconds > 0) this.flush(send);
    }, 1000);
    window.addEventListener("pagehide", () => {
      window.clearInterval(this.timer);
      if (this.seconds > 0) this.flush(send);
    });
  }

  private flush(send: (seconds: number) => Promise<void>): void {
    const seconds = Math.min(60, this.seconds);
    this.seconds -= seconds;
    // Time that could not be sent is counted again.
    send(seconds).catch(() => (this.seconds += seconds));
  }
}
