/** The grade of a lesion: the scheme's as the server derives it, and the reader's own where that overrules it. */
import { gettext, interpolate } from "../viewer/words.ts";
import { Row, Segmented } from "./controls.ts";
import { el } from "./dom.ts";
import type { Grading, Lesion } from "./types.ts";

/** What a click on a grade means: the derived one, or the same again, takes the own one back. */
export function givenBy(pressed: number, lesion: Pick<Lesion, "grade" | "grade_given">): number | null {
  return pressed === (lesion.grade ?? null) || pressed === lesion.grade_given ? null : pressed;
}

export function gradeWords(grading: Grading, { grade = null, grade_given }: Pick<Lesion, "grade" | "grade_given">): string {
  const named = (value: number): string => interpolate(gettext("%(grade)s, %(words)s"), { grade: value, words: grading.grades.find((one) => one.grade === value)?.words ?? "" });
  const derived = grade === null ? gettext("open") : named(grade);
  if (grade_given === null) return grade === null ? gettext("by the scheme: open until thickness and reasons are known") : interpolate(gettext("by the scheme: %(grade)s"), { grade: derived });
  return interpolate(gettext("yours: %(own)s; by the scheme: %(grade)s"), { own: named(grade_given), grade: derived });
}

export class Grade {
  readonly root: HTMLElement;
  private readonly grading: Grading;
  private readonly control: Segmented<number>;
  private readonly words = el("span", { class: "rd-faint rd-grade-words", role: "status" });
  private lesion: Lesion | null = null;

  constructor(grading: Grading, give: (grade: number | null) => void) {
    this.grading = grading;
    const choices = grading.grades.map(({ grade, words }) => ({ value: grade, words: String(grade), spoken: `${grade}, ${words}` }));
    this.control = new Segmented(gettext("Grade"), choices, (pressed) => {
      if (this.lesion) give(givenBy(pressed, this.lesion));
    }, "seg-short");
    const row = new Row(gettext("Grade"), this.control.root);
    row.root.title = grading.name;
    this.root = el("div", { class: "rd-grade", "data-about": "grade" }, row.root, this.words);
  }

  render(lesion: Lesion, locked: boolean): void {
    this.lesion = lesion;
    this.control.set(lesion.grade_given ?? lesion.grade ?? null);
    this.control.lock(locked);
    const words = gradeWords(this.grading, lesion);
    if (this.words.textContent !== words) this.words.textContent = words;
    this.root.classList.toggle("is-overruled", lesion.grade_given !== null);
  }
}
