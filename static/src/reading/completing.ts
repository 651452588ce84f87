/** Completing a case; where class and rule differ, one reason is asked for first and goes with it. */
import { ApiError } from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { askConflict } from "./dialogs.ts";
import type { Draft } from "./draft.ts";
import type { Session } from "./session.ts";

const REASONS: readonly [string, () => string][] = [
  ["measure", () => gettext("The measured thickness is not the plaque’s (oblique cut, artefact)")],
  ["elsewhere", () => gettext("Seen better where it could not be measured")],
  ["near", () => gettext("Too near the limit to follow it")],
  ["shape", () => gettext("Shape or movement that the rule does not count")],
  ["impression", () => gettext("The study as a whole says otherwise")],
  ["other", () => gettext("Another reason, in the note")],
];

type Case = Pick<Session, "autosave" | "complete">;

/** Whether a reason is due, as far as the server has judged: of a thickness that only a mask gives it judges at completion. */
export function reasonDue(draft: Pick<Draft, "derived" | "answers">): boolean {
  return draft.derived.rule_agrees === false && draft.answers.conflict_reason === null;
}

export async function completeCase(session: Case, draft: Draft): Promise<void> {
  if (reasonDue(draft)) return askAndComplete(session, draft, draft.derived);
  try {
    draft.adopt(await session.complete());
  } catch (error) {
    const problem = error instanceof ApiError ? (error.problem as { rule?: string; rule_class?: 0 | 1; rule_reason?: string }) : {};
    if (problem.rule !== "conflict-reason") throw error;
    await askAndComplete(session, draft, { rule_class: problem.rule_class ?? null, rule_reason: problem.rule_reason ?? "" });
  }
}

async function askAndComplete(session: Case, draft: Draft, said: Pick<Draft["derived"], "rule_class" | "rule_reason">): Promise<void> {
  const words = (value: number | null): string => (value === 1 ? gettext("complex") : gettext("not complex"));
  const lead = interpolate(gettext("You say %(yours)s; by the rule it is %(verdict)s (%(reason)s). Your class stands. One reason is kept beside it."), {
    yours: words(draft.answers.reader_class), verdict: words(said.rule_class), reason: said.rule_reason,
  });
  await askConflict({
    lead,
    choices: REASONS.map(([value, text]) => ({ value, words: text() })),
    give: async (value) => {
      draft.answer("conflict_reason", value);
      if (!(await session.autosave.flush())) throw new Error(gettext("Not saved yet. Your answers are kept here."));
      draft.adopt(await session.complete());
    },
  });
}
