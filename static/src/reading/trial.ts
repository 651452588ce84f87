/** A throw-away test read: all answers live here, and go whole with every call; the server stores nothing of them. */
import { post } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import type { AheadClip } from "./ahead.ts";
import type { SaveState } from "./autosave.ts";
import type { Draft } from "./draft.ts";
import { mergeBodies } from "./patch.ts";
import { Session, type Person } from "./session.ts";
import type { Assignment, Patch, PatchBody, Protocol, Read, TrialGiven } from "./types.ts";

const CALL = "/api/v1/protocol-tests/";

interface Tried {
  protocol: Protocol;
  clips: Assignment["clips"];
  read: Read;
}

/** The case as it would be opened, under the protocol that the editor holds. */
export async function openTrial(given: TrialGiven): Promise<Assignment> {
  const { protocol, clips, read } = await post<Tried>(CALL, given);
  return {
    public_id: "test", stage: 1, arm: "blind", frames: null, model_url: null, first_answer: null, number: 1, of: 1, state: "opened",
    round: { name: gettext("test read"), policy: "blinded", reveal: "never", reveal_words: "", demo: false },
    protocol, clips, read, compare_url: null, correct_url: null, worklist_url: `/p/${given.project}/protocol/`, next_url: null, active_seconds: 0, trial: given,
  };
}

class TrialSession extends Session {
  private readonly given: TrialGiven;
  private body: PatchBody = {};

  constructor(given: TrialGiven, ...parts: ConstructorParameters<typeof Session>) {
    const [assignment, read, draft, person, onState] = parts;
    super(assignment, read, draft, person, onState, { put: () => Promise.resolve(), get: () => Promise.resolve([]) });
    this.given = given;
  }

  override activity(): Promise<void> {
    return Promise.resolve();
  }

  override skip(): Promise<void> {
    return Promise.resolve();
  }

  protected override coming(): Promise<AheadClip[]> {
    return Promise.resolve([]);
  }

  override current(): Promise<Read> {
    return this.send(false);
  }

  override async reopen(): Promise<Read> {
    return this.send(false);
  }

  protected override async patch(patch: Patch): Promise<Read> {
    this.body = mergeBodies(this.body, patch.body);
    return this.send(false);
  }

  protected override changeState(event: "complete" | "reopen"): Promise<Read> {
    return this.send(event === "complete");
  }

  private async send(complete: boolean): Promise<Read> {
    const body = { save_id: crypto.randomUUID(), ...this.body };
    const { read } = await post<Tried>(CALL, { ...this.given, body, complete });
    return { ...read, saved_at: new Date().toISOString() };
  }
}

export function sessionOf(assignment: Assignment, read: Read, draft: Draft, person: Person, onState: (state: SaveState) => void): Session {
  const { trial } = assignment;
  return trial ? new TrialSession(trial, assignment, read, draft, person, onState) : new Session(assignment, read, draft, person, onState);
}

export function trialOf(text: string | undefined): TrialGiven | null {
  return text ? (JSON.parse(text) as TrialGiven) : null;
}
