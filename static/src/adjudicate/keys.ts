/** Keys of the adjudicator's page. Letters choose whose answer, digits the class (step 1) or the reason (step 2). */
import { Keymap, gettext } from "../viewer/index.ts";
import type { AdjudicatePage } from "./main.ts";

interface Acts {
  help(): void;
  back(): void;
}

export function keysOf(page: AdjudicatePage, acts: Acts): Keymap {
  const keys = new Keymap();
  const { pictures } = page;
  const frames = gettext("frames");
  const answer = gettext("answer");
  const end = Number.MAX_SAFE_INTEGER;
  keys.bind(
    { code: "ArrowLeft", keys: ["←"], words: gettext("frame before"), group: frames, repeat: true, run: () => pictures.step(-1) },
    { code: "ArrowRight", keys: ["→"], words: gettext("frame after"), group: frames, repeat: true, run: () => pictures.step(1) },
    { code: "ArrowUp", keys: ["↑"], words: gettext("clip before"), group: frames, run: () => pictures.stepClip(-1) },
    { code: "ArrowDown", keys: ["↓"], words: gettext("clip after"), group: frames, run: () => pictures.stepClip(1) },
    { code: "Home", keys: ["Home"], words: gettext("first frame"), group: frames, run: () => pictures.goFrame(1) },
    { code: "End", keys: ["End"], words: gettext("last frame"), group: frames, run: () => pictures.goFrame(end) },
    { code: "Space", keys: ["Space"], words: gettext("play, stop"), group: frames, run: () => pictures.togglePlay() },
    { code: "KeyF", keys: ["F"], words: gettext("fit"), group: frames, run: () => pictures.view.fit() },
    { code: "KeyI", keys: ["I"], words: gettext("invert"), group: frames, run: () => pictures.view.set({ invert: !pictures.view.state.invert }) },
    { code: "KeyC", keys: page.deciding ? [] : ["C"], words: gettext("caliper"), group: answer, run: () => page.measure() },
    { code: "Enter", ctrl: true, keys: ["Ctrl", "↵"], words: gettext("send"), group: answer, always: true, run: () => void page.send() },
    { code: "Slash", char: "?", keys: ["?"], words: gettext("these keys"), group: answer, run: () => acts.help() },
    {
      code: "Escape", keys: ["Esc"], words: gettext("leave the tool, then the case"), group: answer,
      run: () => { if (pictures.measuring) page.measure(false); else acts.back(); },
    },
  );
  if (page.deciding) bindDeciding(keys, page, answer);
  else bindBlind(keys, page, answer);
  return keys;
}

function digit(keys: Keymap, n: number, caps: string[], words: string, group: string, run: () => void): void {
  for (const code of [`Digit${n}`, `Numpad${n}`]) keys.bind({ code, keys: code.startsWith("Digit") ? caps : [], words, group, run });
}

function bindBlind(keys: Keymap, page: AdjudicatePage, group: string): void {
  for (const n of [0, 1, 9]) digit(keys, n, n === 0 ? ["0", "1", "9"] : [], gettext("class"), group, () => page.choose("reader_class", String(n)));
  keys.bind(
    { code: "KeyU", keys: ["U"], words: gettext("ulceration: yes, no, cannot tell"), group, run: () => page.cycle("ulceration") },
    { code: "KeyM", keys: ["M"], words: gettext("mobile part: yes, no, cannot tell"), group, run: () => page.cycle("mobile") },
    { code: "KeyH", keys: ["H"], words: gettext("thrombus: yes, no, cannot tell"), group, run: () => page.cycle("thrombus") },
  );
}

function bindDeciding(keys: Keymap, page: AdjudicatePage, group: string): void {
  page.data.reads.forEach((read, at) => {
    // C names the third read, and the caliper only while there is none.
    const first = at === 0 ? page.data.reads.map((one) => one.name) : [];
    keys.bind({
      code: `Key${read.name}`, shift: read.name === "C", keys: first, words: gettext("as this read"), group,
      run: () => page.choose("take", String(at + 1)),
    });
  });
  keys.bind(
    { code: "KeyM", keys: ["M"], words: gettext("as my blind answer"), group, run: () => page.choose("take", "own") },
    { code: "KeyN", keys: ["N"], words: gettext("a new answer"), group, run: () => page.choose("take", "new") },
    { code: "KeyX", keys: ["X"], words: gettext("largest difference"), group, run: () => page.pictures.goWorst() },
    {
      code: "KeyO", keys: ["O"], words: gettext("hold to hide the marks"), group,
      run: () => page.pictures.hideMasks(true), release: () => page.pictures.hideMasks(false),
    },
  );
  for (let n = 1; n <= 8; n++) {
    digit(keys, n, n === 1 ? ["1", "–", "8"] : [], gettext("why they differ"), group, () => {
      const code = [...page.root.querySelectorAll<HTMLInputElement>('input[name="reason_code"]')][n - 1]?.value;
      if (code) page.choose("reason_code", code);
    });
  }
}
