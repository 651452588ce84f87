/** The protocol editor: own questions, the live preview, and what is not saved yet kept in this tab. */
import "../css/protocol.css";
import { gettext } from "../viewer/words.ts";
import { button, el } from "../reading/dom.ts";
import type { Grading, Question, TrialGiven } from "../reading/types.ts";
import { GradeList } from "./grades.ts";
import { GuideList } from "./guide.ts";
import { Questions, type Source } from "./model.ts";
import { Preview } from "./preview.ts";
import { QuestionList } from "./questions.ts";

/** What a form holds, in order; the token is not kept. */
export function entriesOf(form: HTMLFormElement): [string, string][] {
  return [...new FormData(form)].flatMap(([name, value]): [string, string][] => (typeof value === "string" && name !== "csrfmiddlewaretoken" && name !== "study" ? [[name, value]] : []));
}

/** Fields of which several may be chosen. */
const MANY = ["reasons", "segments", "required", "marks"];

class Editor {
  private readonly form: HTMLFormElement;
  private readonly field: HTMLTextAreaElement;
  private readonly model: Questions;
  private readonly preview: Preview | null;
  private readonly grades: GradeList | null;
  private readonly guide: GuideList | null;
  private first: string;
  private leaving = false;
  /** Where the keys were last in the form. */
  private at: HTMLElement | null = null;

  constructor(form: HTMLFormElement, field: HTMLTextAreaElement) {
    this.form = form;
    this.field = field;
    this.model = new Questions(readJson<Source[]>("protocol-sources") ?? []);
    this.first = JSON.stringify(entriesOf(form));
    const restored = this.restore();
    this.model.load(parsed(field.value));
    const list = new QuestionList(this.model, () => this.changed());
    field.closest("[data-questions-field]")?.setAttribute("hidden", "");
    form.querySelector("[data-questions-here]")?.append(list.root);
    this.grades = GradeList.in(form, readJson<Grading[]>("protocol-schemes") ?? [], () => this.changed());
    this.guide = GuideList.in(form, readJson<{ key: string; words: string }[]>("protocol-abouts") ?? [], () => this.changed());
    // As it stands once it is written in this page's own way: only what differs from that is a change.
    if (!restored) {
      this.write();
      this.first = "refused" in form.dataset ? "" : JSON.stringify(entriesOf(form));
    }
    this.preview = Preview.on(() => this.at?.focus());
    form.addEventListener("input", () => this.changed());
    form.addEventListener("focusin", (event) => {
      const at = event.target instanceof HTMLElement ? event.target : null;
      this.at = at;
      if (at && !at.closest(".card-foot")) this.preview?.write(this.guide?.holds(at) ? "guide" : "answers");
    });
    this.study?.addEventListener("change", () => this.changed());
    form.addEventListener("submit", (event) => {
      this.write();
      // A test read opens beside this page, which stays as it is.
      this.leaving = !event.submitter?.hasAttribute("data-test-read");
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.leaving && this.dirty) event.preventDefault();
    });
    this.changed();
  }

  private get store(): string {
    return `protocol ${window.location.pathname}`;
  }

  private get dirty(): boolean {
    return JSON.stringify(entriesOf(this.form)) !== this.first;
  }

  private write(): void {
    this.field.value = JSON.stringify(this.model.wire());
    this.grades?.write();
    this.guide?.write();
  }

  private changed(): void {
    this.write();
    this.showPreview();
    const words = this.form.querySelector("[data-unsaved]");
    if (words) words.textContent = this.dirty ? gettext("Not saved yet; kept in this tab.") : "";
    if (this.dirty) sessionStorage.setItem(this.store, JSON.stringify(entriesOf(this.form)));
    else sessionStorage.removeItem(this.store);
  }

  /** What an earlier visit of this tab left unsaved, if it was written on the same version. */
  private restore(): boolean {
    const kept = sessionStorage.getItem(this.store);
    if (kept === null || kept === this.first || "refused" in this.form.dataset || window.location.search) return false;
    const entries = JSON.parse(kept) as [string, string][];
    const base = (all: [string, string][]): string | undefined => all.find(([name]) => name === "based_on")?.[1];
    if (base(entries) !== base(JSON.parse(this.first) as [string, string][])) {
      sessionStorage.removeItem(this.store);
      return false;
    }
    for (const input of this.form.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>("[name]")) {
      const values = entries.filter(([name]) => name === input.name).map(([, value]) => value);
      if (input instanceof HTMLInputElement && (input.type === "checkbox" || input.type === "radio")) input.checked = values.includes(input.value);
      else if (input.name !== "csrfmiddlewaretoken" && values[0] !== undefined) input.value = values[0];
    }
    const again = button({ class: "button small" }, () => {
      sessionStorage.removeItem(this.store);
      this.leaving = true;
      window.location.reload();
    }, gettext("Throw them away"));
    this.form.before(el("p", { class: "notice row-flex", role: "status" }, gettext("Changes that were not saved are back."), again));
    return true;
  }

  private get study(): HTMLSelectElement | null {
    return this.form.elements.namedItem("study") as HTMLSelectElement | null;
  }

  /** What stands in the form, as far as it is finished, on the case that is chosen. */
  private showPreview(): void {
    const form: TrialGiven["form"] = {};
    for (const name of MANY) form[name] = [];
    for (const [name, value] of entriesOf(this.form)) {
      const many = form[name];
      if (Array.isArray(many)) many.push(value);
      else if (name !== "based_on") form[name] = value;
    }
    const questions = this.model.finished();
    const { guide, leftOut } = this.guide?.finished() ?? { guide: "[]", leftOut: 0 };
    const given = { project: this.form.dataset["project"] ?? "", form: { ...form, questions: JSON.stringify(questions), guide }, study: this.study?.value || null, preview: true };
    this.preview?.show(given, this.model.list.length - questions.length + leftOut);
  }
}

function readJson<T>(id: string): T | null {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as T) : null;
}

/** What stands in the field; text that is no list of questions (sent by hand, refused) leaves the list empty. */
function parsed(text: string): Partial<Question>[] {
  try {
    const found = JSON.parse(text || "[]") as unknown;
    return Array.isArray(found) ? (found as Partial<Question>[]) : [];
  } catch {
    return [];
  }
}

if (typeof document !== "undefined") {
  const form = document.querySelector<HTMLFormElement>("form[data-protocol-form]");
  const field = form?.querySelector<HTMLTextAreaElement>('textarea[name="questions"]');
  if (form && field) new Editor(form, field);
}
