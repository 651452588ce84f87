/** Putting patches together, oldest first: what the later one says holds. */
import type { PatchBody } from "./types.ts";

export function mergeBodies(first: PatchBody, second: PatchBody): PatchBody {
  const out: PatchBody = {};
  if (first.answers || second.answers) {
    const findings = { ...first.answers?.findings, ...second.answers?.findings };
    const own = { ...first.answers?.own, ...second.answers?.own };
    out.answers = { ...first.answers, ...second.answers };
    if (Object.keys(own).length) out.answers.own = own;
    if (Object.keys(findings).length) out.answers.findings = findings;
  }
  const lesions = second.lesions ?? first.lesions;
  if (lesions) out.lesions = lesions;
  if (first.frames || second.frames) {
    const frames = new Map((first.frames ?? []).map((frame) => [`${frame.clip}/${frame.frame}/${frame.region}`, frame]));
    for (const frame of second.frames ?? []) frames.set(`${frame.clip}/${frame.frame}/${frame.region}`, frame);
    out.frames = [...frames.values()];
  }
  if (first.scales || second.scales) {
    const scales = new Map((first.scales ?? []).map((scale) => [`${scale.clip}/${scale.region}`, scale]));
    for (const scale of second.scales ?? []) scales.set(`${scale.clip}/${scale.region}`, scale);
    out.scales = [...scales.values()];
  }
  if (first.clips || second.clips) out.clips = [...new Map([...(first.clips ?? []), ...(second.clips ?? [])].map((one) => [one.clip, one])).values()];
  return out;
}

export function isEmptyBody(body: PatchBody): boolean {
  return !body.answers && !body.lesions && !body.frames && !body.scales && !body.clips;
}
