/**
 * Key N: nothing beyond what is marked. Segments are seen well where nothing was said and hold no plaque but where it was
 * found; a lesion has no reason but those given. With no plaque at all the other answers follow where they are still
 * open: not complex, good, sure.
 */
import type { Draft } from "./draft.ts";
import { REASONS } from "./reasons.ts";
import type { Finding } from "./types.ts";

export function nothingBeyond(draft: Draft): void {
  const { required, rule, segments } = draft.protocol;
  const held = new Set(draft.lesions.map(({ segment }) => segment));
  for (const { key } of segments) {
    const { visibility, plaque } = draft.finding(key);
    if (visibility === "not") continue;
    draft.setFinding(key, { visibility: visibility ?? "well", plaque: plaque === "present" || held.has(key) ? (plaque ?? "present") : "none" });
  }
  for (const lesion of draft.lesions) {
    const open = REASONS.filter(({ key }) => rule.reasons.includes(key) && lesion[key] === null);
    if (open.length) draft.changeLesion(lesion.number, Object.fromEntries(open.map(({ key }) => [key, "no"])));
  }
  if (draft.lesions.length || !seenFree(draft)) return;
  draft.answer("reader_class", draft.answers.reader_class ?? 0);
  if (required.includes("quality")) draft.answer("quality", draft.answers.quality ?? "good");
  if (required.includes("confidence")) draft.answer("confidence", draft.answers.confidence ?? "sure");
}

/** The lesion that stands against “no plaque” or “not seen” in its segment; null: it may be said. */
export function againstFinding(draft: Draft, segment: string, { plaque, visibility }: Partial<Finding>): number | null {
  if (plaque !== "none" && visibility !== "not") return null;
  return draft.lesions.find((lesion) => lesion.segment === segment)?.number ?? null;
}

/** Whether segments were seen and all of those are free of plaque. */
function seenFree(draft: Draft): boolean {
  const seen = draft.protocol.segments.map(({ key }) => draft.finding(key)).filter(({ visibility }) => visibility !== "not");
  return seen.length > 0 && seen.every(({ plaque }) => plaque === "none");
}
