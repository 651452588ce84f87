/** The grading scheme in the editor: one of the shipped ones in words, or an own one written grade by grade. */
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el } from "../reading/dom.ts";
import { REASONS } from "../reading/reasons.ts";
import type { Grading } from "../reading/types.ts";
import { gradesFrom, gradesWire, type EditedGrade } from "./model.ts";

const MOST = 9;
const OWN = "own";

export class GradeList {
  private readonly select: HTMLSelectElement;
  private readonly field: HTMLTextAreaElement;
  private readonly schemes: readonly Grading[];
  private readonly changed: () => void;
  private readonly root = el("div", { class: "pq-grades" });
  private grades: EditedGrade[] = [];

  /** Null on a page without the fields. */
  static in(form: HTMLFormElement, schemes: readonly Grading[], changed: () => void): GradeList | null {
    const select = form.querySelector<HTMLSelectElement>('select[name="scheme"]');
    const field = form.querySelector<HTMLTextAreaElement>('textarea[name="grades"]');
    return select && field && new GradeList(select, field, schemes, changed);
  }

  private constructor(select: HTMLSelectElement, field: HTMLTextAreaElement, schemes: readonly Grading[], changed: () => void) {
    this.select = select;
    this.field = field;
    this.schemes = schemes;
    this.changed = changed;
    try {
      const found = JSON.parse(field.value || "[]") as unknown;
      if (Array.isArray(found)) this.grades = gradesFrom(found as Partial<EditedGrade>[]);
    } catch {
      this.grades = [];
    }
    field.closest("[data-grades-field]")?.setAttribute("hidden", "");
    field.closest("form")?.querySelector("[data-grades-here]")?.append(this.root);
    select.addEventListener("change", () => {
      if (select.value === OWN && !this.grades.length) this.begin();
      this.render();
      this.changed();
    });
    this.render();
  }

  /** An own scheme begins with two grades at the rule's limit. */
  private begin(): void {
    const limit = this.field.form?.querySelector<HTMLInputElement>('input[name="limit"]')?.value ?? "4.0";
    this.grades = [{ words: gettext("no plaque, or below the limit"), from_mm: "0", reasons: [] }, { words: gettext("from the limit on"), from_mm: limit, reasons: [] }];
  }

  write(): void {
    this.field.value = this.grades.length ? JSON.stringify(gradesWire(this.grades)) : "[]";
  }

  private act(what: () => number): void {
    const focus = what();
    this.render();
    this.changed();
    this.root.querySelectorAll<HTMLInputElement>("[data-grade]")[focus]?.focus();
  }

  private render(): void {
    if (this.select.value === OWN) this.root.replaceChildren(...this.grades.map((grade, at) => this.row(grade, at)), this.add());
    else this.root.replaceChildren(...this.lines());
  }

  private lines(): HTMLElement[] {
    const grading = this.schemes.find(({ id }) => id === this.select.value);
    if (!grading) return [];
    const list = el("ol", { class: "pq-scheme mute small" }, ...grading.grades.map(({ words }) => el("li", {}, words)));
    return [list, el("p", { class: "faint small" }, gettext("The grade follows from thickness and reasons of the index lesion; grade 1 where there is no plaque. A reader may overrule it, and both are kept."))];
  }

  private row(grade: EditedGrade, at: number): HTMLElement {
    const words = el("input", { class: "input", maxlength: "60", value: grade.words, "data-grade": String(at), "aria-label": interpolate(gettext("Grade %(n)s in words"), { n: at + 1 }) });
    words.addEventListener("input", () => (grade.words = words.value));
    const limit = el("input", { class: "input pq-mm", maxlength: "6", inputmode: "decimal", value: grade.from_mm, "aria-label": interpolate(gettext("Grade %(n)s from mm"), { n: at + 1 }) });
    limit.addEventListener("input", () => (grade.from_mm = limit.value));
    const reasons = REASONS.map(({ key, words: name }) => {
      const box = el("input", { type: "checkbox" });
      box.checked = grade.reasons.includes(key);
      box.addEventListener("change", () => (grade.reasons = box.checked ? [...grade.reasons, key] : grade.reasons.filter((one) => one !== key)));
      return el("label", { class: "pq-check small nowrap" }, box, name());
    });
    const remove = button({ class: "button small quiet", "aria-label": interpolate(gettext("Remove grade %(n)s"), { n: at + 1 }) }, () => this.act(() => {
      this.grades.splice(at, 1);
      return Math.max(0, at - 1);
    }), "×");
    remove.disabled = this.grades.length <= 2;
    return el("div", { class: "pq-grade" }, el("b", {}, String(at + 1)), words, el("label", { class: "pq-mm-label faint small" }, gettext("from mm"), limit), el("span", { class: "pq-line" }, el("span", { class: "faint small" }, gettext("with")), ...reasons), remove);
  }

  private add(): HTMLElement {
    const made = button({ class: "button small" }, () => this.act(() => this.grades.push({ words: "", from_mm: "", reasons: [] }) - 1), gettext("Add a grade"));
    made.disabled = this.grades.length >= MOST;
    return el("div", {}, made, el("p", { class: "faint small" }, gettext("Limits rise, as displayed to 0.1 mm. A grade with reasons holds when one of them is yes, from its limit on.")));
  }
}
