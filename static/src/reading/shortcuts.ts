/** All keys of the reading page, by physical code. */
import type { Binding, Keymap } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import type { ReadingPage } from "./page.ts";
import type { ToolName } from "./rail.ts";
import type { ReasonKey } from "./types.ts";

export function bindKeys(keys: Keymap, page: ReadingPage): void {
  keys.bind(...frameKeys(page), ...toolKeys(page), ...lookKeys(page), ...answerKeys(page), ...endKeys(page));
}

function frameKeys(page: ReadingPage): Binding[] {
  const { stage } = page;
  const group = gettext("clips, frames");
  const arrow = (code: string, dx: number, dy: number, move: () => void, keys: string[], words: string): Binding[] => [
    {
      code, group, keys, words, repeat: true,
      run: () => {
        if (!page.nudge(dx * 0.25, dy * 0.25)) move();
      },
    },
  ];
  const shifted = (code: string, dx: number, dy: number, move: () => void, keys: string[], words: string): Binding => ({
    code, shift: true, group, keys, words, repeat: true,
    run: () => {
      if (!page.nudge(dx * 2, dy * 2)) move();
    },
  });
  const none = (): void => undefined;
  return [
    ...arrow("ArrowUp", 0, -1, () => page.clipStep(-1), ["↑", "↓"], gettext("clip")),
    ...arrow("ArrowDown", 0, 1, () => page.clipStep(1), [], ""),
    ...arrow("ArrowLeft", -1, 0, () => stage.step(-1), ["←", "→"], gettext("frame; a selected caliper end by 0.25 px")),
    ...arrow("ArrowRight", 1, 0, () => stage.step(1), [], ""),
    shifted("ArrowLeft", -1, 0, () => page.nextMark(-1), ["⇧", "←", "→"], gettext("previous, next mark; a caliper end by 2 px")),
    shifted("ArrowRight", 1, 0, () => page.nextMark(1), [], ""),
    shifted("ArrowUp", 0, -1, none, [], ""),
    shifted("ArrowDown", 0, 1, none, [], ""),
    { code: "Home", group, keys: ["Home", "End"], words: gettext("first, last frame"), run: () => stage.go(1) },
    { code: "End", group, keys: [], words: "", run: () => stage.go(stage.current.frames) },
    { code: "Space", group, keys: ["Space"], words: gettext("play, pause"), run: () => stage.play() },
    ...(page.asked ? [{ code: "PageDown", group, keys: ["PgDn"], words: gettext("next given frame"), run: () => page.nextAsked() }] : []),
    // Before disclosure the page says nothing of a model, not even in its list of keys.
    ...(page.aid ? [{ code: "KeyY", group, keys: ["Y"], words: gettext("model’s key frame"), when: () => !page.carry.busy, run: () => page.aid?.goToKey() }] : []),
    { code: "Comma", group, keys: [","], words: gettext("slower"), run: () => page.faster(-1) },
    { code: "Period", group, keys: ["."], words: gettext("faster"), run: () => page.faster(1) },
  ];
}

function toolKeys(page: ReadingPage): Binding[] {
  const { stage } = page;
  const group = gettext("tools");
  const tool = (code: string, name: ToolName, keys: string[], words: string, shift = false): Binding => ({
    code, shift, group, keys, words,
    run: () => (name === "select" ? stage.setTool(name) : page.editing(() => stage.setTool(name))),
  });
  return [
    tool("KeyV", "select", ["V"], gettext("select")),
    tool("KeyC", "caliper", ["C"], gettext("caliper")),
    { code: "KeyC", shift: true, group, keys: ["⇧", "C"], words: gettext("next kind of caliper"), run: () => page.nextKind() },
    tool("KeyB", "brush", ["B"], gettext("brush")),
    tool("KeyB", "eraser", ["⇧", "B"], gettext("eraser"), true),
    tool("KeyP", "polygon", ["P"], gettext("polygon (drag: contour)")),
    tool("KeyT", "threshold", ["T"], gettext("threshold brush")),
    tool("KeyG", "grow", ["G"], gettext("grow a region")),
    tool("KeyW", "wall", ["W"], gettext("outer wall")),
    tool("KeyQ", "scale", ["Q"], gettext("set the scale on the depth ruler")),
    { code: "BracketLeft", group, keys: ["["], words: gettext("smaller brush"), repeat: true, run: () => stage.setRadius(-1) },
    { code: "BracketRight", group, keys: ["]"], words: gettext("larger brush"), repeat: true, run: () => stage.setRadius(1) },
    { code: "BracketLeft", shift: true, group, keys: ["⇧", "["], words: gettext("lower grey, less tolerance"), repeat: true, run: () => stage.setGrey(-2) },
    { code: "BracketRight", shift: true, group, keys: ["⇧", "]"], words: gettext("higher grey, more tolerance"), repeat: true, run: () => stage.setGrey(2) },
    { code: "KeyJ", group, keys: ["J"], words: gettext("interpolate between two painted frames"), run: () => page.fillBetween() },
    { code: "KeyJ", shift: true, group, keys: ["⇧", "J"], words: gettext("carry over the loop by optical flow"), run: () => page.beginCarry() },
    { code: "KeyY", group, keys: ["Y"], words: gettext("keep the draft, go to the next"), when: () => page.carry.busy, run: () => page.editing(() => page.carry.keep()) },
    { code: "KeyY", shift: true, group, keys: ["⇧", "Y"], words: gettext("leave the draft out"), when: () => page.carry.busy, run: () => page.editing(() => page.carry.leaveOut()) },
    { code: "KeyF", shift: true, group, keys: ["⇧", "F"], words: gettext("fill holes"), run: () => page.mendMask("fill") },
    { code: "KeyK", shift: true, group, keys: ["⇧", "K"], words: gettext("keep the largest part"), run: () => page.mendMask("largest") },
    { code: "KeyS", shift: true, group, keys: ["⇧", "S"], words: gettext("smooth the border"), run: () => page.mendMask("smooth") },
    { code: "KeyK", group, keys: ["K"], words: gettext("copy to next frame"), run: () => page.copyToNext() },
    { code: "Delete", group, keys: ["Del"], words: gettext("remove caliper or painted lesion"), run: () => page.remove() },
    { code: "Backspace", group, keys: [], words: "", run: () => page.remove() },
    { code: "KeyZ", ctrl: true, group, keys: ["Ctrl", "Z"], words: gettext("undo"), repeat: true, run: () => page.undo(true) },
    { code: "KeyZ", ctrl: true, shift: true, group, keys: ["Ctrl", "⇧", "Z"], words: gettext("redo"), repeat: true, run: () => page.undo(false) },
  ];
}

function lookKeys(page: ReadingPage): Binding[] {
  const { stage } = page;
  const group = gettext("look");
  const hint = (keys: string[], words: string): Binding => ({ code: "", group, keys, words, run: () => undefined });
  return [
    { code: "KeyF", group, keys: ["F"], words: gettext("fit; again: the whole frame"), run: () => stage.fit() },
    { code: "Equal", group, keys: ["="], words: gettext("one to one"), run: () => stage.pane.oneToOne() },
    { code: "KeyI", group, keys: ["I"], words: gettext("invert"), run: () => page.invert() },
    { code: "KeyZ", group, keys: ["Z"], words: gettext("hold: loupe"), run: () => page.loupe(true), release: () => page.loupe(false) },
    { code: "KeyO", group, keys: ["O"], words: gettext("hold: hide what is drawn"), run: () => page.hide(true), release: () => page.hide(false) },
    hint([gettext("wheel")], gettext("zoom to the pointer")),
    hint([gettext("middle drag")], gettext("pan")),
    hint(["⇧", gettext("drag")], gettext("window and level")),
  ];
}

function answerKeys(page: ReadingPage): Binding[] {
  const { draft } = page;
  const lesion = gettext("lesion");
  const study = gettext("study");
  const frame = gettext("frame");
  const segment = (code: string, key: string, cap: string): Binding[] => {
    const label = draft.protocol.segments.find((one) => one.key === key)?.label;
    if (label === undefined) return [];
    return [{ code, group: lesion, keys: [cap], words: label, run: () => page.editing(() => draft.changeLesion(draft.active, { segment: key })) }];
  };
  const reason = (code: string, key: ReasonKey, cap: string, words: string): Binding => ({
    code, group: lesion, keys: [cap], words, run: () => page.editing(() => draft.cycleReason(draft.active, key)),
  });
  const digit = (n: number, words: string, act: () => void): Binding => ({
    code: `Digit${n}`, group: study, keys: [String(n)], words, when: () => page.digitsAnswer(), run: () => page.editing(act),
  });
  const digits = [
    digit(0, gettext("not complex"), () => draft.answer("reader_class", 0)),
    digit(1, gettext("complex"), () => draft.answer("reader_class", 1)),
    digit(9, gettext("can’t assess"), () => draft.answer("reader_class", 9)),
    digit(3, gettext("sure"), () => draft.answer("confidence", "sure")),
    digit(4, gettext("probable"), () => draft.answer("confidence", "probable")),
    digit(5, gettext("unsure"), () => draft.answer("confidence", "unsure")),
    digit(6, gettext("good"), () => draft.answer("quality", "good")),
    digit(7, gettext("limited"), () => draft.answer("quality", "limited")),
    digit(8, gettext("unusable"), () => draft.answer("quality", "unusable")),
  ];
  const pad = digits.map((one): Binding => ({ ...one, code: one.code.replace("Digit", "Numpad"), keys: [] }));
  return [
    { code: "KeyX", group: frame, keys: ["X"], words: gettext("all plaque here is marked"), run: () => page.extent("all_marked") },
    { code: "KeyE", group: frame, keys: ["E"], words: gettext("examined, no plaque"), run: () => page.extent("no_plaque") },
    { code: "KeyL", group: lesion, keys: ["L"], words: gettext("add a lesion"), run: () => page.addLesion() },
    ...segment("KeyA", "ascending", "A"),
    ...segment("KeyR", "arch", "R"),
    ...segment("KeyD", "descending", "D"),
    reason("KeyU", "ulceration", "U", gettext("ulceration: yes, no, cannot tell")),
    reason("KeyM", "mobile", "M", gettext("mobile part")),
    reason("KeyH", "thrombus", "H", gettext("thrombus")),
    { code: "KeyN", group: study, keys: ["N"], words: gettext("none in any segment seen, or nothing else found"), run: () => page.editing(() => draft.noneInAnySeen()) },
    ...digits,
    ...pad,
  ];
}

function endKeys(page: ReadingPage): Binding[] {
  const { stage } = page;
  const group = gettext("end");
  return [
    { code: "Enter", group, keys: [], words: "", when: () => stage.toolName === "polygon" || stage.toolName === "wall", run: () => void stage.finishLine() },
    { code: "Enter", ctrl: true, always: true, group, keys: ["Ctrl", "⏎"], words: gettext("complete and next"), run: () => void page.forward() },
    { code: "KeyS", group, keys: ["S"], words: gettext("skip with a reason"), run: () => void page.skip() },
    {
      code: "Escape", always: true, group, keys: ["Esc"], words: gettext("leave the tool, then the case"),
      run: () => {
        if (page.guide?.close()) return;
        const field = document.activeElement;
        if (field instanceof HTMLElement && field !== document.body) field.blur();
        else if (!stage.leaveTool()) void page.leave();
      },
    },
    { code: "Slash", char: "?", group, keys: ["?"], words: gettext("this list"), run: () => page.showKeys() },
    // After the “?”: where the layout has that on this key without Shift, it stays the list.
    ...(page.guide ? [{ code: "Slash", group, keys: ["/"], words: gettext("reading guide, at what you point to or answer"), run: () => page.guide?.toggle() }] : []),
  ];
}
