/** Segmented control: one of a few answers, nothing chosen at first. Buttons as radios, so that arrows stay with the frames. */
import { button, el, flash, keycap } from "./dom.ts";
import { gettext } from "../viewer/words.ts";

export interface Choice<T> {
  value: T;
  words: string;
  key?: string;
  /** Spoken name where the word is a sign ("?"). */
  spoken?: string;
}

export class Segmented<T> {
  readonly root: HTMLElement;
  private readonly buttons: { value: T; element: HTMLButtonElement }[];
  private chosen: T | null = null;
  private locked = false;
  private shown = false;

  constructor(label: string, choices: readonly Choice<T>[], onPick: (value: T) => void, className = "") {
    this.buttons = choices.map(({ value, words, key, spoken }) => {
      const attributes = { class: "seg-part", role: "radio", "aria-checked": "false", "aria-label": spoken ?? words };
      const element = button(attributes, () => {
        if (!this.locked) onPick(value);
      }, el("span", {}, words), key ? keycap(key) : null);
      return { value, element };
    });
    this.root = el("div", { class: `seg ${className}`.trim(), role: "radiogroup", "aria-label": label });
    this.root.append(...this.buttons.map(({ element }) => element));
  }

  set(value: T | null): void {
    if (value !== this.chosen && value !== null) {
      const pressed = this.buttons.find((one) => one.value === value);
      if (pressed && this.shown) flash(pressed.element);
    }
    this.shown = true;
    this.chosen = value;
    for (const { value: own, element } of this.buttons) {
      element.setAttribute("aria-checked", String(own === value));
      element.classList.toggle("is-on", own === value);
    }
  }

  lock(locked: boolean): void {
    this.locked = locked;
    for (const { element } of this.buttons) element.setAttribute("aria-disabled", String(locked));
  }

  /** Not the control's own disabled: the part is not asked now (plaque in a segment that was not seen). */
  quiet(quiet: boolean): void {
    this.root.classList.toggle("is-quiet", quiet);
    this.lock(quiet);
  }

  focus(): void {
    (this.buttons.find(({ value }) => value === this.chosen) ?? this.buttons[0])?.element.focus();
  }
}

/** A row of the answers panel; `missing` puts the violet bar and the word for screen readers. */
export class Row {
  readonly root: HTMLElement;
  private readonly note = el("span", { class: "visually-hidden" });

  constructor(label: Node | string, ...controls: Node[]) {
    this.root = el("div", { class: "rd-row" }, el("div", { class: "rd-row-label" }, label, this.note), ...controls);
  }

  missing(missing: boolean): void {
    this.root.classList.toggle("is-missing", missing);
    this.note.textContent = missing ? ` ${gettext("missing")}` : "";
  }
}
