/** What the round's policy means for signing on this page. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { SigningFacts } from "./dialogs.ts";
import type { Assignment, Read } from "./types.ts";

/** Whether each case is signed here: because its signature reveals something at once, or because it is a correction. */
export function signsHere({ round, stage, read }: Assignment): boolean {
  return corrects(read) || round.reveal === "after_each" || round.policy === "practice" || (round.policy === "ai_assisted" && stage === 1);
}

export function corrects(read: Read | null): boolean {
  return read?.correction != null && read.state !== "signed";
}

/** What a signature now reveals, in one sentence. */
export function revealWords({ round, stage, read }: Assignment): string {
  if (corrects(read)) return gettext("Nothing. What you could see before, you can see after it.");
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
export function meaningWords({ arm, read }: Assignment): string {
  if (corrects(read)) return gettext("“I correct my own answer for the reason given, and this is my answer now.”");
  if (arm === "blind") return gettext("“I read this case myself, blinded, and these are my answers.”");
  return gettext("“I read this case myself, with the model’s result in sight, and these are my answers.”");
}

/** What the dialog of a signature says. */
export function signingFacts(assignment: Assignment, name: string): Omit<SigningFacts, "sign"> {
  const { round, protocol, read } = assignment;
  return {
    name,
    ground: interpolate(gettext("reader, %(round)s, protocol v%(version)s"), { round: round.name, version: protocol.version }),
    meaning: meaningWords(assignment),
    reveals: revealWords(assignment),
    correction: corrects(read),
  };
}
