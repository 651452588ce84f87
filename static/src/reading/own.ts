/** The protocol's own questions: which are asked, given the answers so far, and their rows in the answers panel. */
import { gettext, interpolate } from "../viewer/words.ts";
import { Row, Segmented } from "./controls.ts";
import { el } from "./dom.ts";
import type { Draft } from "./draft.ts";
import type { Missing, OwnAnswer, Question } from "./types.ts";

/** Built-in answers on which a question may depend. */
const BUILT_IN = ["reader_class", "quality"] as const;
/** More choices than this, or long words, stand one below the other. */
const MOST_IN_LINE = 26;

/** As the server does: what depends on a question that is not asked is not asked either. */
export function askedQuestions(questions: readonly Question[], answers: Readonly<Record<string, OwnAnswer>>): Question[] {
  const keys = new Set<string>(BUILT_IN);
  return questions.filter(({ key, shown_if: rule }) => {
    if (rule !== null) {
      const answer = answers[rule.question] ?? null;
      if (!keys.has(rule.question) || answer === null || String(answer) !== rule.equals) return false;
    }
    keys.add(key);
    return true;
  });
}

export function askedOf(draft: Draft): Question[] {
  const { own, reader_class, quality } = draft.answers;
  return askedQuestions(draft.protocol.questions, { ...own, reader_class, quality });
}

export function missingOwn(draft: Draft): Missing[] {
  return askedOf(draft)
    .filter(({ key, required }) => required && (draft.answers.own[key] ?? null) === null)
    .map(({ key, words }) => ({ field: `own.${key}`, words }));
}

/** An answer in words; "" where there is none. */
export function ownWords(question: Question, answer: OwnAnswer): string {
  if (answer === null) return "";
  if (question.kind === "choice") return question.choices?.find(({ value }) => value === answer)?.words ?? String(answer);
  if (question.kind === "number") return `${String(answer).replace("-", "−")}${question.unit ? ` ${question.unit}` : ""}`;
  return String(answer);
}

/** A number as typed (a comma counts as a point): the number, null for nothing, or why it is none. */
export function numberOf(question: Question, typed: string): { value: number | null } | { why: string } {
  const text = typed.trim().replace(",", ".").replace("−", "-");
  if (text === "") return { value: null };
  const value = /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) return { why: gettext("This is no number.") };
  const { low, high } = question;
  if ((low != null && value < low) || (high != null && value > high)) return { why: interpolate(gettext("It must be %(range)s."), { range: question.range ?? "" }) };
  return { value };
}

interface Control {
  root: HTMLElement;
  row: Row;
  show(answer: OwnAnswer): void;
  lock(locked: boolean): void;
  focus(): void;
}

export class OwnQuestions {
  readonly root: HTMLElement;
  private readonly draft: Draft;
  private readonly controls = new Map<string, Control>();

  constructor(draft: Draft) {
    this.draft = draft;
    for (const question of draft.protocol.questions) this.controls.set(question.key, this.control(question));
    const rows = [...this.controls.values()].map(({ root }) => root);
    this.root = el("section", { class: "rd-section rd-own" }, el("header", {}, el("h2", {}, gettext("Questions of this protocol"))), ...rows);
    this.root.hidden = rows.length === 0;
  }

  render(missing: ReadonlySet<string>, locked: boolean): void {
    const asked = new Set(askedOf(this.draft).map(({ key }) => key));
    for (const [key, control] of this.controls) {
      control.root.hidden = !asked.has(key);
      control.show(this.draft.answers.own[key] ?? null);
      control.lock(locked);
      control.row.missing(missing.has(`own.${key}`));
    }
    this.root.hidden = asked.size === 0;
  }

  /** What is typed and is no answer: it must not be lost by completing the case. */
  get wrong(): Missing[] {
    const typed = askedOf(this.draft).filter(({ key }) => this.controls.get(key)?.root.querySelector('[aria-invalid="true"]'));
    return typed.map(({ key, words }) => ({ field: `own.${key}`, words }));
  }

  focus(key: string): void {
    const control = this.controls.get(key);
    if (!control) return;
    // It may have come up with the key before this one, and not be drawn yet: what is hidden takes no focus.
    this.root.hidden = control.root.hidden = false;
    control.focus();
  }

  private control(question: Question): Control {
    if (question.kind === "choice") return this.choice(question);
    return question.kind === "number" ? this.number(question) : this.text(question);
  }

  private row(question: Question, ...parts: Node[]): Row {
    const row = new Row(el("span", {}, question.words), ...parts);
    row.root.classList.add("rd-row-own");
    return row;
  }

  private choice(question: Question): Control {
    const choices = (question.choices ?? []).map(({ value, words }) => ({ value, words }));
    const length = choices.reduce((sum, { words }) => sum + words.length, 0);
    const pick = (value: string): void => {
      // The same one again takes an optional answer back.
      const again = !question.required && this.draft.answers.own[question.key] === value;
      this.draft.answerOwn(question.key, again ? null : value);
    };
    const control = new Segmented<string>(question.words, choices, pick, length > MOST_IN_LINE ? "seg-tall" : "seg-wide");
    const row = this.row(question, control.root);
    return { root: row.root, row, show: (answer) => control.set(answer as string | null), lock: (on) => control.lock(on), focus: () => control.focus() };
  }

  private number(question: Question): Control {
    const input = el("input", { class: "rd-input rd-own-number", inputmode: "decimal", maxlength: "16", "aria-label": question.words });
    const said = el("span", { class: "rd-faint", role: "status" });
    const hint = question.range || question.unit || "";
    const row = this.row(question, input, said);
    input.addEventListener("input", () => {
      const found = numberOf(question, input.value);
      const wrong = "why" in found;
      said.textContent = wrong ? found.why : hint;
      said.classList.toggle("is-ask", wrong);
      input.setAttribute("aria-invalid", String(wrong));
      this.draft.answerOwn(question.key, wrong ? null : found.value, false);
    });
    const show = (answer: OwnAnswer): void => {
      // What was typed stays as it was typed, also while it is no answer yet.
      const wrong = input.getAttribute("aria-invalid") === "true";
      if (document.activeElement === input || (wrong && answer === null)) return;
      input.value = answer === null ? "" : String(answer);
      input.setAttribute("aria-invalid", "false");
      said.textContent = hint;
      said.classList.remove("is-ask");
    };
    return { root: row.root, row, show, lock: (on) => (input.readOnly = on), focus: () => input.focus() };
  }

  private text(question: Question): Control {
    const input = el("textarea", { class: "rd-input rd-note", rows: "1", maxlength: "500", "aria-label": question.words });
    input.addEventListener("input", () => this.draft.answerOwn(question.key, input.value.trim() === "" ? null : input.value, false));
    const row = this.row(question, input);
    const show = (answer: OwnAnswer): void => {
      if (document.activeElement !== input) input.value = answer === null ? "" : String(answer);
    };
    return { root: row.root, row, show, lock: (on) => (input.readOnly = on), focus: () => input.focus() };
  }
}
