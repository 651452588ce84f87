/** What the round's policy means for signing on this page. */
import { gettext } from "../viewer/words.ts";
import type { Assignment } from "./types.ts";

/** Whether each case is signed here, because its signature reveals something at once. */
export function signsHere({ round, stage }: Assignment): boolean {
  return round.reveal === "after_each" || round.policy === "practice" || (round.policy === "ai_assisted" && stage === 1);
}

/** What a signature now reveals, in one sentence. */
export function revealWords({ round, stage }: Assignment): string {
  if (round.policy === "practice") return gettext("The known answer of this practice case, at once.");
  if (round.policy === "ai_assisted" && stage === 1) {
    return gettext("The model’s result on this case, at once. You then answer once more; this answer stays as you sign it.");
  }
  if (round.demo && round.reveal === "after_each") {
    return gettext("The comparison with the model, at once. This is a demo round: a blinded round reveals nothing before its end.");
  }
  return round.reveal_words;
}

/** What the signature says. */
export function meaningWords({ arm }: Assignment): string {
  if (arm === "blind") return gettext("“I read this case myself, blinded, and these are my answers.”");
  return gettext("“I read this case myself, with the model’s result in sight, and these are my answers.”");
}
