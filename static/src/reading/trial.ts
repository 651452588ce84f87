/** A throw-away test read: all answers live here, and go whole with every call; the server stores nothing of them. */
import { post } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import type { AheadClip } from "./ahead.ts";
import type { SaveState } from "./autosave.ts";
import type { Draft } from "./draft.ts";
import { mergeBodies } from "./patch.ts";
import { Session, type Person } from "./session.ts";
import type { Assignment, OwnAnswer, Patch, PatchBody, Protocol, Read, TrialGiven } from "./types.ts";

const CALL = "/api/v1/protocol-tests/";

interface Tried {
  protocol: Protocol;
  clips: Assignment["clips"];
  read: Read;
  /** Why not, in words; null: here it is. */
  refused: string | null;
}

async function ask(sent: object): Promise<Tried> {
  const answer = await post<Tried>(CALL, sent);
  if (answer.refused !== null) throw new Error(answer.refused);
  return answer;
}

/** What of a body a protocol still asks: an answer that it would not take is left out. */
export function stillAsked(body: PatchBody, protocol: Protocol): PatchBody {
  const out = { ...body };
  const segments = new Set(protocol.segments.map(({ key }) => key));
  const graded = protocol.grading !== null;
  if (body.answers) {
    const fits = ([key, answer]: [string, OwnAnswer]): boolean => {
      const asked = protocol.questions.find((one) => one.key === key);
      if (!asked || answer === null) return asked !== undefined;
      if (asked.kind === "choice") return asked.choices?.some(({ value }) => value === answer) ?? false;
      return typeof answer === (asked.kind === "number" ? "number" : "string");
    };
    const { own = {}, findings = {} } = body.answers;
    out.answers = { ...body.answers, own: Object.fromEntries(Object.entries(own).filter(fits)), findings: Object.fromEntries(Object.entries(findings).filter(([key]) => segments.has(key))) };
  }
  if (body.lesions) out.lesions = body.lesions.map((lesion) => ({ ...lesion, segment: lesion.segment !== null && segments.has(lesion.segment) ? lesion.segment : null, grade_given: graded ? lesion.grade_given : null }));
  return out;
}

/** Ask by another protocol from here on; of what was answered stays what is still asked. */
export function askBy(draft: Draft, protocol: Protocol): void {
  const { answers, lesions } = stillAsked({ answers: draft.answers, lesions: draft.lesions }, protocol);
  draft.protocol = protocol;
  draft.answers = { ...draft.answers, ...answers };
  draft.lesions = lesions ?? [];
}

/** The case as it would be opened, under the protocol that the editor holds. */
export async function openTrial(given: TrialGiven): Promise<Assignment> {
  const { protocol, clips, read } = await ask(given);
  return {
    public_id: "test", stage: 1, arm: "blind", frames: null, model_url: null, first_answer: null, number: 1, of: 1, state: "opened",
    round: { name: gettext("test read"), policy: "blinded", reveal: "never", reveal_words: "", demo: false },
    protocol, clips, read, compare_url: null, correct_url: null, worklist_url: `/p/${given.project}/protocol/`, next_url: null, active_seconds: 0, trial: given,
  };
}

class TrialSession extends Session {
  private body: PatchBody = {};

  constructor(...parts: ConstructorParameters<typeof Session>) {
    const [assignment, read, draft, person, onState] = parts;
    super(assignment, read, draft, person, onState, { put: () => Promise.resolve(), get: () => Promise.resolve([]) });
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
    // The protocol of the moment: beside its form it changes under what was answered.
    const { trial, protocol } = this.assignment;
    const body = { save_id: crypto.randomUUID(), ...stillAsked(this.body, protocol) };
    const { read } = await ask({ ...trial, body, complete });
    return { ...read, saved_at: new Date().toISOString() };
  }
}

export function sessionOf(assignment: Assignment, read: Read, draft: Draft, person: Person, onState: (state: SaveState) => void): Session {
  return new (assignment.trial ? TrialSession : Session)(assignment, read, draft, person, onState);
}

export function trialOf(text: string | undefined): TrialGiven | null {
  return text ? (JSON.parse(text) as TrialGiven) : null;
}
