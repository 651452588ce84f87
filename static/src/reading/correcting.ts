/** A correction of a signed answer on this page: what it is, and how it is given up. */
import { gettext, interpolate } from "../viewer/words.ts";
import { ask, utc } from "./dialogs.ts";
import { el } from "./dom.ts";
import type { Correction } from "./types.ts";

/** Says on top of the panel which answer is corrected, and why. */
export function correctionNote({ kind_words, reason, of_signed_at, informed }: Correction): HTMLElement {
  const stands = informed
    ? gettext("Signed after results were shown: figures use the answer before it.")
    : interpolate(gettext("The answer signed on %(time)s stays."), { time: utc(new Date(of_signed_at)) });
  return el("section", { class: "rd-section rd-correction", "aria-label": gettext("Correction") },
    el("header", {}, el("h2", {}, gettext("Correction")), el("span", { class: "rd-faint" }, kind_words)),
    el("p", {}, reason),
    el("p", { class: "rd-faint" }, stands));
}

export function askDiscard(discard: () => Promise<void>): Promise<boolean> {
  return ask({
    title: gettext("Discard this correction"),
    lead: gettext("Your changes are thrown away. The answer you signed goes on to stand."),
    act: gettext("Discard this correction"),
    run: discard,
  });
}
