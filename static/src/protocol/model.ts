/** The questions of a protocol while they are written: nothing typed is lost by moving, changing the kind, or undo. No DOM. */
import type { Question } from "../reading/types.ts";

export type Kind = Question["kind"];

export interface Choice {
  value: string;
  words: string;
}

/** A question as typed; what belongs to another kind is kept until it is saved. */
export interface Edited {
  id: number;
  key: string;
  /** Whether the name in exports was written by hand; else it follows the words. */
  named: boolean;
  words: string;
  kind: Kind;
  required: boolean;
  shown_if: { question: string; equals: string } | null;
  choices: Choice[];
  unit: string;
  low: string;
  high: string;
}

/** What a condition can name: a question and its answers. */
export interface Source {
  key: string;
  words: string;
  choices: Choice[];
}

const LONGEST = 32;

/** A name for exports from words: letters, digits, _; not one of `taken`. Words without latin letters give `fallback`. */
export function nameFrom(words: string, taken: ReadonlySet<string>, fallback: string): string {
  const plain = words.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const base = plain.replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "").slice(0, LONGEST - 3).replace(/_+$/, "") || fallback;
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
  return name;
}

export class Questions {
  readonly list: Edited[] = [];
  private readonly reserved: readonly Source[];
  private last = 0;
  private removed: { question: Edited; at: number } | null = null;

  constructor(reserved: readonly Source[]) {
    this.reserved = reserved;
  }

  load(questions: readonly Partial<Question>[]): void {
    this.removed = null;
    this.list.splice(0, this.list.length, ...questions.map((one) => this.edited(one)));
  }

  private edited(one: Partial<Question>): Edited {
    const bound = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
    return {
      id: ++this.last, key: one.key ?? "", named: Boolean(one.key), words: one.words ?? "", kind: one.kind ?? "choice",
      required: one.required ?? false, shown_if: one.shown_if ? { ...one.shown_if } : null,
      choices: one.choices?.map((choice) => ({ ...choice })) ?? [], unit: one.unit ?? "", low: bound(one.low), high: bound(one.high),
    };
  }

  add(): Edited {
    const question = this.edited({ required: true });
    question.choices = [{ value: "", words: "" }, { value: "", words: "" }];
    this.list.push(question);
    this.rename(question);
    return question;
  }

  remove(id: number): void {
    const at = this.list.findIndex((one) => one.id === id);
    const [question] = at < 0 ? [] : this.list.splice(at, 1);
    if (question) this.removed = { question, at };
  }

  get undoable(): Edited | null {
    return this.removed?.question ?? null;
  }

  undo(): void {
    if (this.removed) this.list.splice(this.removed.at, 0, this.removed.question);
    this.removed = null;
  }

  /** Move up (-1) or down (1); tells whether it moved. */
  move(id: number, by: -1 | 1): boolean {
    const at = this.list.findIndex((one) => one.id === id);
    const to = at + by;
    const [here, there] = [this.list[at], this.list[to]];
    if (!here || !there) return false;
    this.list[at] = there;
    this.list[to] = here;
    return true;
  }

  /** The words changed: its name in exports follows until somebody wrote one, and so do the conditions that name it. */
  rename(question: Edited): void {
    if (question.named) return;
    const taken = new Set([...this.reserved.map(({ key }) => key), ...this.list.filter((one) => one !== question).map(({ key }) => key)]);
    this.setKey(question, nameFrom(question.words, taken, "question"));
  }

  setKey(question: Edited, key: string): void {
    const before = question.key;
    question.key = key;
    if (before) for (const one of this.list) if (one.shown_if?.question === before && one !== question) one.shown_if.question = key;
  }

  /** The words of an answer changed: its value follows as long as it came from the words. */
  setChoice(question: Edited, choice: Choice, words: string): void {
    const others = (): Set<string> => new Set(question.choices.filter((one) => one !== choice).map(({ value }) => value));
    const follows = choice.value === "" || choice.value === nameFrom(choice.words, others(), "answer");
    const before = choice.value;
    choice.words = words;
    if (!follows) return;
    choice.value = nameFrom(words, others(), "answer");
    for (const one of this.list) if (one.shown_if?.question === question.key && one.shown_if.equals === before) one.shown_if.equals = choice.value;
  }

  /** What a question may depend on: class, quality, and the choices that stand before it. */
  sources(question: Edited): Source[] {
    const before = this.list.slice(0, this.list.indexOf(question)).filter(({ kind }) => kind === "choice");
    return [...this.reserved, ...before.map(({ key, words, choices }) => ({ key, words, choices }))];
  }

  /** Whether a question depends on something that does not stand before it (any more). */
  dangling(question: Edited): boolean {
    const { shown_if: rule } = question;
    if (!rule) return false;
    const source = this.sources(question).find(({ key }) => key === rule.question);
    return !source?.choices.some(({ value }) => value === rule.equals);
  }

  /** As the server takes it; what is no number goes as it was typed, so that the server names it. */
  wire(): Record<string, unknown>[] {
    return this.list.map((one) => {
      const { key, words, kind, required, shown_if } = one;
      const common = { key, words: words.trim(), kind, required, shown_if };
      if (kind === "choice") return { ...common, choices: one.choices.map(({ value, words: text }) => ({ value, words: text.trim() })) };
      if (kind === "number") return { ...common, unit: one.unit.trim(), low: bound(one.low), high: bound(one.high) };
      return common;
    });
  }

  /** As the server takes it, without what is not finished yet: for the preview. */
  finished(): Record<string, unknown>[] {
    const worded = (words: string): boolean => words.trim() !== "";
    const whole = this.list.filter(({ words, kind, choices }) => worded(words) && (kind !== "choice" || choices.filter((one) => worded(one.words)).length > 1));
    const sources = new Set([...this.reserved.map(({ key }) => key), ...whole.map(({ key }) => key)]);
    const keys = new Set(whole.map(({ key }) => key));
    return this.wire()
      .filter(({ key }) => keys.has(String(key)))
      .map((one, at) => {
        const rule = one["shown_if"] as Edited["shown_if"];
        const edited = whole[at];
        const kept = rule && edited && sources.has(rule.question) && !this.dangling(edited) ? rule : null;
        const choices = one["choices"] as Choice[] | undefined;
        return { ...one, shown_if: kept, ...(choices ? { choices: choices.filter(({ words }) => worded(words)) } : {}) };
      });
  }
}

/** A grade of an own scheme as typed. */
export interface EditedGrade {
  words: string;
  from_mm: string;
  reasons: string[];
}

export function gradesFrom(stored: readonly { words?: string; from_mm?: number | string | null; reasons?: string[] }[]): EditedGrade[] {
  return stored.map(({ words = "", from_mm = null, reasons = [] }) => ({ words, from_mm: from_mm === null ? "" : String(from_mm), reasons: [...reasons] }));
}

export function gradesWire(grades: readonly EditedGrade[]): { words: string; from_mm: number | string | null; reasons: string[] }[] {
  return grades.map(({ words, from_mm, reasons }) => ({ words: words.trim(), from_mm: bound(from_mm), reasons }));
}

function bound(typed: string): number | string | null {
  const text = typed.trim().replace(",", ".").replace("−", "-");
  if (text === "") return null;
  return /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : typed;
}
