/** Which answers are still missing, at once, by the server's own rules; at completion the server decides. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { Asked } from "./asked.ts";
import type { Draft } from "./draft.ts";
import { missingOwn } from "./own.ts";
import { REASONS } from "./reasons.ts";
import type { Lesion, Missing } from "./types.ts";

/** In the order of the page. */
export function missingOf(draft: Draft, asked: Asked | null = null): Missing[] {
  const frames = onlyOnce([...(asked?.missing ?? []), ...missingOnFrames(draft)]);
  if (asked?.only) return frames;
  const { required } = draft.protocol;
  const answers: [string, boolean, string][] = [
    ["class", draft.answers.reader_class === null, gettext("Class")],
    ["quality", !draft.answers.quality, gettext("Quality")],
    ["confidence", !draft.answers.confidence, gettext("Confidence")],
  ];
  return [
    ...(required.includes("findings") ? missingFindings(draft) : []),
    ...missingReasons(draft),
    ...frames,
    ...answers
      .filter(([name, missing]) => missing && required.includes(name))
      .map(([name, , words]) => ({ field: name === "class" ? "reader_class" : name, words })),
    ...missingOwn(draft),
  ];
}

function onlyOnce(all: Missing[]): Missing[] {
  return all.filter((one, at) => all.findIndex(({ field }) => field === one.field) === at);
}

function missingFindings(draft: Draft): Missing[] {
  return draft.protocol.segments.flatMap(({ key, label }) => {
    const { visibility, plaque } = draft.finding(key);
    const out: Missing[] = [];
    if (visibility === null) out.push({ field: `findings.${key}.visibility`, words: interpolate(gettext("%(segment)s seen"), { segment: label }) });
    if (visibility !== "not" && plaque === null) {
      out.push({ field: `findings.${key}.plaque`, words: interpolate(gettext("%(segment)s plaque"), { segment: label }) });
    }
    return out;
  });
}

function missingReasons(draft: Draft): Missing[] {
  const index = draft.index;
  if (!index) return draft.lesions.length ? [{ field: "lesions.index", words: gettext("Index lesion") }] : [];
  const { rule, grading } = draft.protocol;
  const counted = new Set([...rule.reasons, ...(grading?.grades.flatMap(({ reasons }) => reasons) ?? [])]);
  const reasons = REASONS.filter(({ key }) => counted.has(key) && index[key] === null).map(({ key, words }) => ({
    field: `lesions.${index.number}.${key}`,
    words: interpolate(gettext("Lesion %(n)s: %(reason)s"), { n: index.number, reason: words() }),
  }));
  return [...reasons, ...missingMarks(draft, index)];
}

/** What the protocol asks to be marked of the index lesion, on its key frame. */
function missingMarks(draft: Draft, { number, key_clip, key_frame }: Lesion): Missing[] {
  const { marks: asked, thickness_from: from } = draft.protocol;
  if (!asked.length) return [];
  const held = draft.clips.flatMap((clip) => draft.marks.held(clip.id).map(({ marks }) => marks));
  const onKey = held.filter(({ clip, frame }) => clip === key_clip && frame === key_frame);
  const places = key_clip === null ? held : onKey;
  const painted = places.some(({ clip, frame, region }) => draft.marks.labels(clip, frame, region).includes(number));
  const caliper = places.some(({ calipers }) => calipers.some((one) => one.kind === "thickness" && one.lesion === number));
  const there: Record<string, boolean> = {
    thickness: (from !== "mask" && caliper) || (from !== "caliper" && painted),
    mask: key_clip !== null && painted,
    wall: onKey.some(({ outline }) => outline !== null),
  };
  const words: Record<string, string> = {
    thickness: gettext("thickness"), mask: gettext("painted on its key frame"), wall: gettext("outer wall on its key frame"),
  };
  return asked.filter((key) => !there[key]).map((key) => ({
    field: `lesions.${number}.${key}`,
    words: interpolate(gettext("Lesion %(n)s: %(mark)s"), { n: number, mark: words[key] ?? key }),
  }));
}

/** A painted frame says what it holds; a frame that says plaque is marked has some painted. */
function missingOnFrames(draft: Draft): Missing[] {
  return draft.clips.flatMap((clip) =>
    draft.marked(clip.id).flatMap(({ frame, region, extent, painted }): Missing[] => {
      const several = draft.marks.regions(clip.id).length > 1;
      const where = interpolate(several ? gettext("Clip %(clip)s, frame %(frame)s, region %(region)s") : gettext("Clip %(clip)s, frame %(frame)s"), { clip: clip.number, frame, region });
      if (painted && extent === null) {
        return [{ field: `frames.${clip.id}.${frame}.${region}.extent`, words: interpolate(gettext("%(frame)s: extent"), { frame: where }) }];
      }
      if (!painted && (extent === "all_marked" || extent === "index_only")) {
        return [{ field: `frames.${clip.id}.${frame}.${region}.masks`, words: interpolate(gettext("%(frame)s: no plaque is painted"), { frame: where }) }];
      }
      return [];
    }),
  );
}
