/** The list of own questions in the editor: one card a question, by mouse and keys. */
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el } from "../reading/dom.ts";
import type { Edited, Kind, Questions } from "./model.ts";

const KINDS: [Kind, () => string][] = [
  ["choice", () => gettext("one of several")],
  ["number", () => gettext("number")],
  ["text", () => gettext("text")],
];
const MOST_CHOICES = 12;

export class QuestionList {
  readonly root = el("div", { class: "pq-list" });
  private readonly model: Questions;
  private readonly changed: () => void;

  constructor(model: Questions, changed: () => void) {
    this.model = model;
    this.changed = changed;
    this.render();
  }

  /** `focus` names the field that has the keys afterwards: "<id>.<field>". */
  render(focus = ""): void {
    const { list, undoable } = this.model;
    const cards = list.map((question, at) => this.card(question, at));
    const add = button({ class: "button small", "data-add-question": "" }, () => this.act(() => `${this.model.add().id}.words`), gettext("Add a question"));
    const back = undoable && button({ class: "button small quiet" }, () => this.act(() => {
      this.model.undo();
      return `${undoable.id}.words`;
    }), interpolate(gettext("Undo: bring back “%(words)s”"), { words: undoable.words.slice(0, 40) || gettext("no words yet") }));
    const none = list.length ? null : el("p", { class: "mute" }, gettext("No own question. Segments, lesions, class, quality and confidence are asked as chosen above."));
    this.root.replaceChildren(...(none ? [none] : []), ...cards, el("div", { class: "row-flex" }, add, back));
    if (focus) this.root.querySelector<HTMLElement>(`[data-field="${focus}"]`)?.focus();
  }

  private act(what: () => string): void {
    const focus = what();
    this.changed();
    this.render(focus);
  }

  private card(question: Edited, at: number): HTMLElement {
    const { id } = question;
    const last = this.model.list.length - 1;
    const move = (by: -1 | 1): void => {
      if (this.model.move(id, by)) this.act(() => `${id}.${by < 0 ? "up" : "down"}`);
    };
    const head = el(
      "div", { class: "pq-head" },
      el("b", {}, interpolate(gettext("Question %(n)s"), { n: at + 1 })),
      el("span", { class: "push row-flex" },
        this.small(`${id}.up`, "↑", interpolate(gettext("Move question %(n)s up"), { n: at + 1 }), () => move(-1), at === 0),
        this.small(`${id}.down`, "↓", interpolate(gettext("Move question %(n)s down"), { n: at + 1 }), () => move(1), at === last),
        button({ class: "button small quiet" }, () => this.act(() => {
          this.model.remove(id);
          return "";
        }), gettext("Remove"))),
    );
    const words = this.input(question, "words", gettext("Question"), 200, () => this.model.rename(question));
    const kind = el("select", { "data-field": `${id}.kind`, "aria-label": gettext("Kind of answer") }, ...KINDS.map(([value, text]) => option(value, text(), value === question.kind)));
    kind.addEventListener("change", () => this.act(() => {
      question.kind = kind.value as Kind;
      return `${id}.kind`;
    }));
    const required = this.check(question.required, gettext("must be answered"), (on) => (question.required = on));
    const line = el("div", { class: "pq-line" }, el("label", { class: "filter" }, gettext("Answer"), kind), required, this.condition(question));
    const card = el("fieldset", { class: "pq-card", "data-question": String(id) }, el("legend", { class: "visually-hidden" }, interpolate(gettext("Question %(n)s"), { n: at + 1 })), head, words, line, this.detail(question), this.name(question));
    card.addEventListener("keydown", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      const field = (event.target as HTMLElement).dataset["field"] ?? `${id}.words`;
      if (this.model.move(id, event.key === "ArrowUp" ? -1 : 1)) this.act(() => field);
    });
    return card;
  }

  private small(field: string, sign: string, words: string, run: () => void, off: boolean): HTMLElement {
    const made = button({ class: "button small", "data-field": field, "aria-label": words, title: `${words} (Alt+${sign})` }, run, sign);
    made.disabled = off;
    return made;
  }

  private detail(question: Edited): HTMLElement | null {
    if (question.kind === "choice") return this.choices(question);
    if (question.kind === "number") {
      return el("div", { class: "pq-line" }, this.input(question, "unit", gettext("Unit"), 12), this.input(question, "low", gettext("From (empty: any)"), 16), this.input(question, "high", gettext("To (empty: any)"), 16));
    }
    return el("p", { class: "faint small" }, gettext("A text of at most 500 characters. Ask readers for no names in it."));
  }

  private choices(question: Edited): HTMLElement {
    const { id, choices } = question;
    const rows = choices.map((choice, n) => {
      const input = el("input", { class: "input", maxlength: "60", value: choice.words, "data-field": `${id}.choice.${n}`, "aria-label": interpolate(gettext("Answer %(n)s"), { n: n + 1 }) });
      input.addEventListener("input", () => {
        this.model.setChoice(question, choice, input.value);
        this.changed();
        this.conditions();
      });
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.ctrlKey || choices.length >= MOST_CHOICES) return;
        event.preventDefault();
        this.act(() => {
          choices.splice(n + 1, 0, { value: "", words: "" });
          return `${id}.choice.${n + 1}`;
        });
      });
      const remove = button({ class: "button small quiet", "aria-label": interpolate(gettext("Remove answer %(n)s"), { n: n + 1 }) }, () => this.act(() => {
        choices.splice(n, 1);
        return `${id}.choice.${Math.max(0, n - 1)}`;
      }), "×");
      remove.disabled = choices.length <= 2;
      return el("div", { class: "pq-choice" }, input, remove);
    });
    const add = button({ class: "button small quiet" }, () => this.act(() => {
      choices.push({ value: "", words: "" });
      return `${id}.choice.${choices.length - 1}`;
    }), gettext("Add an answer"));
    add.disabled = choices.length >= MOST_CHOICES;
    return el("div", { class: "pq-choices" }, ...rows, add);
  }

  private condition(question: Edited): HTMLElement {
    const host = el("span", { class: "row-flex", "data-condition": String(question.id) });
    this.fillCondition(host, question);
    return host;
  }

  /** Only the conditions anew: words of a question or answer above changed while they are typed. */
  private conditions(): void {
    for (const question of this.model.list) {
      const host = this.root.querySelector<HTMLElement>(`[data-condition="${question.id}"]`);
      if (host && !host.contains(document.activeElement)) this.fillCondition(host, question);
    }
  }

  private fillCondition(host: HTMLElement, question: Edited): void {
    const { id, shown_if: rule } = question;
    const sources = this.model.sources(question);
    const which = el("select", { "data-field": `${id}.if` }, option("", gettext("always"), rule === null), ...sources.map(({ key, words }) => option(key, interpolate(gettext("if “%(words)s” is"), { words: words || key }), rule?.question === key)));
    const lost = this.model.dangling(question);
    if (rule && !sources.some(({ key }) => key === rule.question)) which.append(option(rule.question, rule.question, true));
    which.addEventListener("change", () => this.act(() => {
      const source = sources.find(({ key }) => key === which.value);
      question.shown_if = source ? { question: source.key, equals: source.choices[0]?.value ?? "" } : null;
      return `${id}.${source ? "equals" : "if"}`;
    }));
    const parts: Node[] = [el("label", { class: "filter" }, gettext("Shown"), which)];
    const source = sources.find(({ key }) => key === rule?.question);
    if (rule && source) {
      const equals = el("select", { "data-field": `${id}.equals`, "aria-label": gettext("equals") }, ...source.choices.map(({ value, words }) => option(value, words || value, value === rule.equals)));
      equals.addEventListener("change", () => this.act(() => {
        rule.equals = equals.value;
        return `${id}.equals`;
      }));
      parts.push(el("span", { class: "filter" }, equals));
    }
    if (lost) parts.push(el("span", { class: "pq-problem small" }, gettext("stands before what it depends on")));
    host.replaceChildren(...parts);
  }

  private name(question: Edited): HTMLElement {
    const input = el("input", { class: "input pq-key", maxlength: "32", value: question.key, "data-field": `${question.id}.key`, "aria-label": gettext("Name in exports") });
    input.addEventListener("input", () => {
      question.named = input.value !== "";
      this.model.setKey(question, input.value);
      this.changed();
    });
    return el("label", { class: "pq-name faint small" }, gettext("Name in exports"), input);
  }

  private input(question: Edited, field: "words" | "unit" | "low" | "high", label: string, most: number, then?: () => void): HTMLElement {
    const input = el("input", { class: "input", maxlength: String(most), value: question[field], "data-field": `${question.id}.${field}`, "aria-label": label });
    if (field === "words") input.placeholder = label;
    input.addEventListener("input", () => {
      question[field] = input.value;
      then?.();
      if (field === "words") {
        const key = this.root.querySelector<HTMLInputElement>(`[data-field="${question.id}.key"]`);
        if (key) key.value = question.key;
        this.conditions();
      }
      this.changed();
    });
    return field === "words" ? input : el("label", { class: "pq-small faint small" }, label, input);
  }

  private check(on: boolean, words: string, set: (on: boolean) => void): HTMLElement {
    const box = el("input", { type: "checkbox" });
    box.checked = on;
    box.addEventListener("change", () => {
      set(box.checked);
      this.changed();
    });
    return el("label", { class: "nowrap pq-check" }, box, words);
  }
}

function option(value: string, words: string, chosen: boolean): HTMLOptionElement {
  const made = el("option", { value }, words);
  made.selected = chosen;
  return made;
}
