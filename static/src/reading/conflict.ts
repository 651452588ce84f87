/** Words for what differs between the read saved elsewhere and the one here. */
import { gettext, interpolate } from "../viewer/words.ts";
import { lengthWords } from "../viewer/calibration.ts";
import type { Draft } from "./draft.ts";
import { ownWords } from "./own.ts";
import type { Answers, Lesion, Question, Read } from "./types.ts";

type Lines = Map<string, string>;

function answerLines(answers: Answers, segments: { key: string; label: string }[], questions: readonly Question[]): Lines {
  const lines: Lines = new Map();
  for (const { key, label } of segments) {
    const finding = answers.findings[key];
    lines.set(label, `${finding?.visibility ?? "–"}, ${finding?.plaque ?? "–"}`);
  }
  lines.set(gettext("Class"), answers.reader_class === null ? "–" : String(answers.reader_class));
  lines.set(gettext("Quality"), [answers.quality ?? "–", ...answers.quality_reasons].join(", "));
  lines.set(gettext("Confidence"), answers.confidence ?? "–");
  lines.set(gettext("Note"), answers.note || "–");
  for (const question of questions) lines.set(question.words, ownWords(question, answers.own[question.key] ?? null) || "–");
  return lines;
}

function lesionLines(lesions: readonly Lesion[]): Lines {
  return new Map(
    lesions.map((lesion) => [
      interpolate(gettext("Lesion %(n)s"), { n: lesion.number }),
      [lesion.segment ?? "–", lesion.ulceration ?? "–", lesion.mobile ?? "–", lesion.thrombus ?? "–", lengthWords({ mm: lesion.thickness_mm ?? null, px: lesion.thickness_px ?? null })].join(", "),
    ]),
  );
}

/** Only the lines that differ, each with its name; frames as a list of numbers by clip. */
export function differenceWords(draft: Draft, current: Read): { theirs: string[]; mine: string[] } {
  const { segments, questions } = draft.protocol;
  const theirs = new Map([...answerLines(current.answers, segments, questions), ...lesionLines(current.lesions)]);
  const mine = new Map([...answerLines(draft.answers, segments, questions), ...lesionLines(draft.lesions)]);
  const out = { theirs: [] as string[], mine: [] as string[] };
  for (const name of new Set([...theirs.keys(), ...mine.keys()])) {
    const [there, here] = [theirs.get(name) ?? "–", mine.get(name) ?? "–"];
    if (there === here) continue;
    out.theirs.push(`${name}: ${there}`);
    out.mine.push(`${name}: ${here}`);
  }
  const count = draft.clips.reduce((sum, clip) => sum + draft.marked(clip.id).length, 0);
  out.theirs.push(interpolate(gettext("Marked frames: %(n)s"), { n: current.frames.length }));
  out.mine.push(interpolate(gettext("Marked frames: %(n)s"), { n: count }));
  return out;
}
