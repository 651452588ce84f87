/** Error review: why the model was wrong. Keys toggle reasons; saving adds a row and goes on. Nothing typed is lost. */
import { Unsent } from "../base/unsent.ts";
import { ApiError, post } from "../viewer/api.ts";
import { gettext } from "../viewer/words.ts";
import { part } from "./page.ts";
import type { ErrorPart } from "./types.ts";

export interface Kept {
  reasons: string[];
  note: string;
}

/** What was chosen and typed, and whether that differs from what is saved. No DOM. */
export class ErrorAnswer {
  reasons: Set<string>;
  note: string;
  private readonly saved: Kept;
  private readonly order: string[];

  constructor(order: string[], saved: Kept, kept: Kept | null) {
    this.order = order;
    this.saved = saved;
    const first = kept ?? saved;
    this.reasons = new Set(first.reasons.filter((key) => order.includes(key)));
    this.note = first.note;
  }

  toggle(key: string): void {
    if (!this.reasons.delete(key)) this.reasons.add(key);
  }

  get value(): Kept {
    return { reasons: this.order.filter((key) => this.reasons.has(key)), note: this.note };
  }

  get changed(): boolean {
    return JSON.stringify(this.value) !== JSON.stringify(this.saved);
  }
}

export class Errors {
  private readonly root: HTMLElement;
  private readonly data: ErrorPart;
  private readonly answer: ErrorAnswer;
  private readonly unsent: Unsent<Kept>;
  private readonly buttons: HTMLButtonElement[];
  private readonly note: HTMLTextAreaElement;
  private busy = false;

  constructor(page: HTMLElement, data: ErrorPart) {
    this.root = part(page, "[data-errors]");
    this.data = data;
    this.unsent = new Unsent<Kept>(data.user, `error/${data.case}/${data.pipeline}`);
    const order = data.reasons.map((one) => one.key);
    this.answer = new ErrorAnswer(order, { reasons: data.chosen, note: data.note }, this.unsent.get());
    this.buttons = [...this.root.querySelectorAll<HTMLButtonElement>("[data-error-reason]")];
    this.note = part(this.root, "[data-error-note]") as HTMLTextAreaElement;
    this.note.value = this.answer.note;
    this.wire();
    this.show();
  }

  /** The nth reason, from 1. */
  press(n: number): void {
    const reason = this.data.reasons[n - 1];
    if (reason) this.toggle(reason.key);
  }

  ask(): void {
    this.note.focus();
  }

  /** Save what changed, then go on; without a change just go on. */
  async save(): Promise<void> {
    if (this.busy) return;
    const { value } = this.answer;
    if (!value.reasons.length) return this.say(gettext("Give at least one reason."));
    if (this.answer.changed || this.data.review === null) {
      this.busy = true;
      try {
        const { project, pipeline } = this.data;
        await post("/api/v1/error-reviews/", { project, case: this.data.case, pipeline, ...value });
      } catch (error) {
        this.busy = false;
        return this.say(error instanceof ApiError ? error.message : gettext("Not saved: the server cannot be reached."));
      }
    }
    this.unsent.forget();
    this.go(this.data.next_url);
  }

  /** Another case; what is not saved waits here until one comes back. */
  step(by: 1 | -1): void {
    const to = by > 0 ? this.data.next_url : this.data.previous_url;
    if (to) window.location.assign(to);
    else this.say(by > 0 ? gettext("This is the last case.") : gettext("This is the first case."));
  }

  private go(to: string | null): void {
    if (to) window.location.assign(to);
    else document.querySelector<HTMLAnchorElement>("[data-back]")?.click();
  }

  private toggle(key: string): void {
    this.answer.toggle(key);
    this.keep();
    this.show();
  }

  private keep(): void {
    if (this.answer.changed) this.unsent.put(this.answer.value);
    else this.unsent.forget();
  }

  private wire(): void {
    for (const button of this.buttons) button.addEventListener("click", () => this.toggle(button.dataset["errorReason"] ?? ""));
    this.note.addEventListener("input", () => {
      this.answer.note = this.note.value;
      this.keep();
      this.show();
    });
    this.note.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && event.ctrlKey)) {
        event.preventDefault();
        event.stopPropagation();
        this.note.blur();
        if (event.key === "Enter") void this.save();
      }
    });
    part(this.root, "[data-error-save]").addEventListener("click", () => void this.save());
  }

  private say(words: string): void {
    part(this.root, "[data-error-said]").textContent = words;
  }

  private show(): void {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(this.answer.reasons.has(button.dataset["errorReason"] ?? "")));
    this.say(this.answer.changed ? gettext("not saved yet") : "");
  }
}
