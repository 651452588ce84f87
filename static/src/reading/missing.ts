/** Which answers are still missing, at once; the server's list (at every save and at completion) decides. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { Draft } from "./draft.ts";
import type { Missing } from "./types.ts";

export function missingOf(draft: Draft): Missing[] {
  const { required, segments } = draft.protocol;
  const out: Missing[] = [];
  if (required.includes("findings")) {
    for (const { key, label } of segments) {
      const { visibility, plaque } = draft.finding(key);
      if (visibility === null) out.push({ field: `findings.${key}.visibility`, words: interpolate(gettext("%(segment)s seen"), { segment: label }) });
      if (visibility !== "not" && plaque === null) {
        out.push({ field: `findings.${key}.plaque`, words: interpolate(gettext("%(segment)s plaque"), { segment: label }) });
      }
    }
  }
  if (required.includes("class") && draft.answers.reader_class === null) out.push({ field: "reader_class", words: gettext("Class") });
  if (required.includes("quality") && !draft.answers.quality) out.push({ field: "quality", words: gettext("Quality") });
  if (required.includes("confidence") && !draft.answers.confidence) out.push({ field: "confidence", words: gettext("Confidence") });
  return out;
}
