/** The reasons besides thickness that make a plaque complex, with their keys. */
import { gettext } from "../viewer/words.ts";
import type { ReasonKey } from "./types.ts";

export const REASONS: readonly { key: ReasonKey; words: () => string; cap: string }[] = [
  { key: "ulceration", words: () => gettext("Ulceration"), cap: "U" },
  { key: "mobile", words: () => gettext("Mobile part"), cap: "M" },
  { key: "thrombus", words: () => gettext("Thrombus"), cap: "H" },
];
