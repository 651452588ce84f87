/** The keys of the comparison page, by physical code. */
import { Keymap } from "../viewer/keys.ts";
import { gettext } from "../viewer/words.ts";
import type { Errors } from "./errors.ts";
import type { LinkName } from "./linked.ts";
import type { ComparePage } from "./page.ts";
import type { Reasons } from "./reasons.ts";

export interface Acts {
  help(): void;
  back(): void;
  next(): void;
  /** Marks one step stronger or weaker. */
  strength(by: number): void;
  link(name: LinkName): void;
  /** To the next frame in the order of the disagreements, or back. */
  walk(by: 1 | -1): void;
  /** Show the table of frames, or the numbers again. */
  table(): void;
  /** Begin a comment. */
  say(): void;
}

/** `why` is what the page asks: one reason with a comment, or on error review several with a note. */
export function shortcuts(page: ComparePage, why: Reasons | Errors, acts: Acts): Keymap {
  const keys = new Keymap();
  const frames = gettext("frames");
  const look = gettext("look");
  const case_ = gettext("case");
  const end = Number.MAX_SAFE_INTEGER;
  keys.bind(
    { code: "ArrowLeft", keys: ["←"], words: gettext("frame before"), group: frames, repeat: true, run: () => page.step(-1) },
    { code: "ArrowRight", keys: ["→"], words: gettext("frame after"), group: frames, repeat: true, run: () => page.step(1) },
    { code: "ArrowUp", keys: ["↑"], words: gettext("clip before"), group: frames, run: () => page.stepClip(-1) },
    { code: "ArrowDown", keys: ["↓"], words: gettext("clip after"), group: frames, run: () => page.stepClip(1) },
    { code: "Home", keys: ["Home"], words: gettext("first frame"), group: frames, run: () => page.goFrame(1) },
    { code: "End", keys: ["End"], words: gettext("last frame"), group: frames, run: () => page.goFrame(end) },
    { code: "Space", keys: ["Space"], words: gettext("play, stop"), group: frames, run: () => page.togglePlay() },
    { code: "KeyY", keys: ["Y"], words: gettext("model’s key frame"), group: frames, run: () => jump(page, "model_key") },
    { code: "KeyX", keys: ["X"], words: gettext("largest difference, then the next"), group: frames, run: () => acts.walk(1) },
    { code: "KeyX", shift: true, keys: ["⇧", "X"], words: gettext("the larger difference before"), group: frames, run: () => acts.walk(-1) },
    { code: "KeyT", keys: ["T"], words: gettext("table of frames, and back"), group: frames, run: () => acts.table() },
    { code: "KeyM", keys: ["M"], words: gettext("picture, reconstruction, error, activation"), group: look, run: () => void page.nextMap() },
    {
      code: "KeyO", keys: ["O"], words: gettext("hold to hide the marks"), group: look,
      run: () => page.hideMasks(true), release: () => page.hideMasks(false),
    },
    { code: "KeyW", keys: ["W"], words: gettext("swipe: left and right with a divider"), group: look, run: () => page.swipe.toggle() },
    { code: "BracketLeft", keys: ["["], words: gettext("weaker marks"), group: look, repeat: true, run: () => acts.strength(-1) },
    { code: "BracketRight", keys: ["]"], words: gettext("stronger marks"), group: look, repeat: true, run: () => acts.strength(1) },
    { code: "KeyF", shift: true, keys: ["⇧", "F"], words: gettext("link or unlink the frame"), group: look, run: () => acts.link("frame") },
    { code: "KeyZ", shift: true, keys: ["⇧", "Z"], words: gettext("link or unlink the zoom"), group: look, run: () => acts.link("zoom") },
    { code: "KeyP", shift: true, keys: ["⇧", "P"], words: gettext("link or unlink the pan"), group: look, run: () => acts.link("pan") },
    { code: "KeyF", keys: ["F"], words: gettext("fit"), group: look, run: () => page.fit() },
    { code: "Equal", keys: ["="], words: gettext("one to one"), group: look, run: () => page.oneToOne() },
    { code: "KeyC", keys: ["C"], words: gettext("comment on the place under the cursor"), group: case_, run: () => acts.say() },
    { code: "Slash", keys: ["/"], words: gettext("words on the reason"), group: case_, run: () => why.ask() },
    { code: "Slash", char: "?", keys: ["?"], words: gettext("these keys"), group: case_, run: () => acts.help() },
    { code: "Enter", keys: ["↵"], words: gettext("next case"), group: case_, run: () => acts.next() },
    { code: "Escape", keys: ["Esc"], words: gettext("back to the list"), group: case_, run: () => acts.back() },
  );
  if ("step" in why) {
    bindErrors(keys, why, case_);
    return keys;
  }
  for (let n = 1; n <= 8; n++) {
    const shown = n === 1 ? ["1", "–", "8"] : [];
    for (const code of [`Digit${n}`, `Numpad${n}`]) {
      const caps = code.startsWith("Digit") ? shown : [];
      keys.bind({ code, keys: caps, words: gettext("reason why they differ"), group: case_, run: () => why.press(n) });
    }
  }
  return keys;
}

/** Digits 1 to 9 and 0, then R; the keycaps on the page say the same. */
function bindErrors(keys: Keymap, errors: Errors, group: string): void {
  keys.bind(
    { code: "KeyJ", keys: ["J"], words: gettext("case after, without saving"), group, run: () => errors.step(1) },
    { code: "KeyK", keys: ["K"], words: gettext("case before"), group, run: () => errors.step(-1) },
    { code: "KeyR", keys: [], words: gettext("reason on, off"), group, run: () => errors.press(11) },
  );
  for (let n = 1; n <= 10; n++) {
    for (const code of [`Digit${n % 10}`, `Numpad${n % 10}`]) {
      const caps = n === 1 && code.startsWith("Digit") ? ["1", "–", "0", "R"] : [];
      keys.bind({ code, keys: caps, words: gettext("reason on, off"), group, run: () => errors.press(n) });
    }
  }
}

export function jump(page: ComparePage, where: "model_key"): void {
  const place = page.data[where];
  if (place) void page.go(place);
}
