/** The tool rail and the row of options over the picture. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { ViewState } from "../viewer/index.ts";
import { button, el, icon, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";
import type { Mend } from "./maskacts.ts";
import type { ToolSettings } from "./tools.ts";
import type { CaliperKind } from "./types.ts";

export type ToolName = "select" | "caliper" | "brush" | "eraser" | "polygon" | "threshold" | "grow" | "wall" | "scale";

export interface RailActions {
  tool(name: ToolName): void;
  copy(): void;
  between(): void;
  carry(): void;
  loupe(on: boolean): void;
  hide(on: boolean): void;
  keys(): void;
}

export const TOOL_WORDS: Record<ToolName, () => string> = {
  select: () => gettext("Select"),
  caliper: () => gettext("Caliper"),
  brush: () => gettext("Brush"),
  eraser: () => gettext("Eraser"),
  polygon: () => gettext("Polygon"),
  threshold: () => gettext("Threshold brush"),
  grow: () => gettext("Grow a region"),
  wall: () => gettext("Outer wall"),
  scale: () => gettext("Set the scale"),
};

const TOOL_KEYS: [ToolName, string][] = [["select", "V"], ["caliper", "C"], ["brush", "B"], ["eraser", "⇧B"], ["polygon", "P"], ["threshold", "T"], ["grow", "G"], ["wall", "W"], ["scale", "Q"]];

/** The name of a tool: with its key where that is more than a letter, so that what stands on the button is in its name. */
function spoken(words: string, key: string): string {
  return key.length > 1 ? `${words} ${key}` : words;
}

export class Rail {
  readonly root = el("div", { class: "rd-rail", role: "toolbar", "aria-label": gettext("Tools"), "aria-orientation": "vertical" });
  private readonly tools = new Map<ToolName, HTMLButtonElement>();
  private readonly drawing: HTMLButtonElement[] = [];

  constructor(actions: RailActions) {
    for (const [name, key] of TOOL_KEYS) {
      const words = TOOL_WORDS[name]();
      const made = button({ class: "rd-tool", "aria-label": spoken(words, key), title: words, "aria-pressed": "false" }, () => actions.tool(name), icon(name), el("span", { "aria-hidden": "true", "data-cap": key }, key));
      this.tools.set(name, made);
      if (name !== "select") this.drawing.push(made);
      this.root.append(made);
    }
    const copy = this.plain("copy", "K", gettext("Copy to next frame"), actions.copy);
    const between = this.plain("between", "J", gettext("Interpolate between two painted frames"), actions.between);
    const carry = this.plain("carry", "⇧J", gettext("Carry over the loop by optical flow"), actions.carry);
    this.drawing.push(copy, between, carry);
    const loupe = this.held("loupe", "Z", gettext("Loupe, while held"), actions.loupe);
    const hide = this.held("hide", "O", gettext("Hide what is drawn, while held"), actions.hide);
    const keys = button({ class: "rd-tool rd-tool-keys", "aria-label": gettext("Keys"), title: gettext("Keys") }, actions.keys, keycap("?"));
    const rule = (): HTMLElement => el("div", { class: "rd-rail-rule" });
    this.root.append(rule(), copy, between, carry, rule(), loupe, hide, el("div", { class: "rd-gap" }), keys);
  }

  setTool(name: ToolName, editable: boolean): void {
    for (const [own, element] of this.tools) {
      element.classList.toggle("is-on", own === name);
      element.setAttribute("aria-pressed", String(own === name));
    }
    for (const element of this.drawing) element.disabled = !editable;
  }

  private plain(name: string, key: string, words: string, run: () => void): HTMLButtonElement {
    return button({ class: "rd-tool", "aria-label": spoken(words, key), title: words }, run, icon(name), el("span", { "aria-hidden": "true", "data-cap": key }, key));
  }

  private held(name: string, key: string, words: string, set: (on: boolean) => void): HTMLButtonElement {
    const made = this.plain(name, key, words, () => undefined);
    made.addEventListener("pointerdown", (event) => {
      made.setPointerCapture(event.pointerId);
      set(true);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) made.addEventListener(end, () => set(false));
    return made;
  }
}

export interface OptionActions {
  kind(kind: CaliperKind): void;
  lesion(number: number): void;
  radius(change: number): void;
  grey(change: number, end: "low" | "high"): void;
  mend(how: Mend): void;
  clear(): void;
  fit(): void;
  oneToOne(): void;
  invert(): void;
  resetWindow(): void;
}

export const KINDS: [CaliperKind, () => string][] = [
  ["thickness", () => gettext("Thickness")],
  ["protrusion", () => gettext("Protrusion")],
  ["ulcer_depth", () => gettext("Ulcer depth")],
  ["ulcer_width", () => gettext("Ulcer width")],
  ["diameter", () => gettext("Aortic diameter")],
];

export class Options {
  readonly root = el("div", { class: "rd-options" });
  private readonly left = el("div", { class: "rd-options-left" });
  private readonly zoom = el("span", { class: "rd-num" });
  private readonly window = el("span", { class: "rd-num rd-window" });
  private readonly size = el("span", { class: "rd-num" });
  private readonly low = el("span", { class: "rd-num" });
  private readonly high = el("span", { class: "rd-num" });
  private readonly tolerance = el("span", { class: "rd-num" });
  private readonly reset: HTMLButtonElement;
  private readonly invert: HTMLButtonElement;
  private readonly draft: Draft;
  private readonly actions: OptionActions;
  private shape = "";

  constructor(draft: Draft, actions: OptionActions) {
    this.draft = draft;
    this.actions = actions;
    this.invert = button({ class: "rd-act", "aria-pressed": "false" }, actions.invert, keycap("I"), gettext("invert"));
    this.reset = button({ class: "rd-act rd-window", title: gettext("Shift+drag changes the window; press to set it back") }, actions.resetWindow, this.window);
    this.root.append(
      this.left, el("span", { class: "rd-gap" }), this.zoom,
      button({ class: "rd-act" }, actions.fit, keycap("F"), gettext("fit")),
      button({ class: "rd-act rd-onetoone" }, actions.oneToOne, keycap("="), gettext("1:1")),
      this.invert, this.reset,
    );
  }

  render(tool: ToolName, { kind, radius, low, high, tolerance }: ToolSettings): void {
    const shape = JSON.stringify([tool, kind, this.draft.lesions.map((lesion) => lesion.number), this.draft.active]);
    this.size.textContent = interpolate(gettext("%(px)s px"), { px: Math.round(radius * 2) });
    this.low.textContent = String(low);
    this.high.textContent = String(high);
    this.tolerance.textContent = `± ${tolerance}`;
    if (shape === this.shape) return;
    this.shape = shape;
    const parts: Node[] = [el("strong", {}, TOOL_WORDS[tool]())];
    const hint = (...children: (Node | string)[]): HTMLElement => el("span", { class: "rd-hint" }, ...children);
    if (tool === "caliper") parts.push(this.kindSelect(kind), this.lesionSelect(), hint(keycap("←", "→"), gettext("nudge 0.25 px")));
    if (tool === "brush") parts.push(this.sizeControl(), this.lesionSelect(), this.mends());
    if (tool === "eraser") parts.push(this.sizeControl(), this.mends());
    if (tool === "threshold") parts.push(this.sizeControl(), this.greyControl(), hint(keycap("Ctrl"), gettext("press: take the grey here")));
    if (tool === "grow") parts.push(this.toleranceControl(), this.lesionSelect(), hint(gettext("press on plaque, drag for more or less")));
    if (tool === "wall") {
      parts.push(this.lesionSelect(), hint(gettext("drag a diameter, or click points"), keycap("⏎"), gettext("close, keep the thickness"), keycap("Ctrl"), gettext("drag: move it")));
    }
    if (tool === "polygon") parts.push(this.lesionSelect(), this.mends(), hint(gettext("click corners or drag a contour"), keycap("⏎"), gettext("close")));
    if (tool === "scale") parts.push(hint(gettext("drag over a known length of the depth ruler, or click both ends")));
    if (tool === "select") parts.push(hint(gettext("drag a caliper end, or the picture")));
    this.left.replaceChildren(...parts);
  }

  setView(state: ViewState, scale: number): void {
    this.zoom.textContent = interpolate(gettext("%(zoom)s %"), { zoom: Math.round(scale * 100) });
    this.window.textContent = `W ${Math.round(state.window)} L ${Math.round(state.level)}`;
    this.invert.setAttribute("aria-pressed", String(state.invert));
    this.invert.classList.toggle("is-on", state.invert);
  }

  private kindSelect(kind: CaliperKind): HTMLElement {
    const select = el("select", { class: "rd-select", "aria-label": gettext("Kind") });
    for (const [value, words] of KINDS) select.append(new Option(words(), value, false, value === kind));
    select.addEventListener("change", () => {
      this.actions.kind(select.value as CaliperKind);
      select.blur();
    });
    return el("label", { class: "rd-pick" }, el("span", {}, gettext("Kind")), select);
  }

  private lesionSelect(): HTMLElement {
    const select = el("select", { class: "rd-select", "aria-label": gettext("Lesion") });
    const numbers = this.draft.lesions.map((lesion) => lesion.number);
    for (const number of numbers.length ? numbers : [1]) {
      select.append(new Option(String(number), String(number), false, number === this.draft.active));
    }
    select.addEventListener("change", () => {
      this.actions.lesion(Number(select.value));
      select.blur();
    });
    return el("label", { class: "rd-pick" }, el("span", {}, gettext("Lesion")), select);
  }

  private sizeControl(): HTMLElement {
    return this.stepper(gettext("Size"), this.size, (by) => this.actions.radius(by), ["[", "]"]);
  }

  private toleranceControl(): HTMLElement {
    return this.stepper(gettext("Tolerance"), this.tolerance, (by) => this.actions.grey(by * 2, "low"), ["⇧[", "⇧]"]);
  }

  private greyControl(): Node {
    const parts = document.createDocumentFragment();
    const high = this.stepper(gettext("to"), this.high, (by) => this.actions.grey(by * 5, "high"), ["−", "+"]);
    high.classList.add("rd-high");
    parts.append(this.stepper(gettext("Grey from"), this.low, (by) => this.actions.grey(by * 5, "low"), ["⇧[", "⇧]"]), high);
    return parts;
  }

  private stepper(name: string, value: HTMLElement, step: (by: -1 | 1) => void, caps: [string, string]): HTMLElement {
    const press = (by: -1 | 1, words: string): HTMLElement =>
      button({ class: "rd-act", "aria-label": `${name}: ${words}` }, () => step(by), keycap(caps[by === -1 ? 0 : 1]));
    return el("span", { class: "rd-pick" }, name, press(-1, gettext("less")), value, press(1, gettext("more")));
  }

  private mends(): Node {
    const act = (run: () => void, key: string, words: string, title: string): HTMLElement =>
      button({ class: "rd-act rd-mend", title, "aria-label": title }, run, keycap(key), el("span", { class: "rd-mend-words" }, words));
    return el(
      "span",
      { class: "rd-mends" },
      act(() => this.actions.mend("fill"), "⇧F", gettext("fill"), gettext("Fill holes")),
      act(() => this.actions.mend("largest"), "⇧K", gettext("largest"), gettext("Keep the largest part")),
      act(() => this.actions.mend("smooth"), "⇧S", gettext("smooth"), gettext("Smooth the border")),
      act(this.actions.clear, "Del", gettext("clear"), gettext("Clear this lesion on this frame")),
    );
  }
}
