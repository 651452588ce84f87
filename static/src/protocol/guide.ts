/** The reading guide in the protocol editor: sections by mouse and keys, pictures uploaded in place. */
import { button, el } from "../reading/dom.ts";
import { call } from "../viewer/api.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { Sections, type EditedSection } from "./sections.ts";

interface About {
  key: string;
  words: string;
}
interface Uploaded {
  sha256: string;
  width: number;
  height: number;
  url: string;
}

const MOST_SECTIONS = 30; // as many as the server takes
const MOST_PICTURES = 4;
const MOST_BYTES = 8 * 1024 ** 2;

export class GuideList {
  private readonly form: HTMLFormElement;
  private readonly field: HTMLTextAreaElement;
  private readonly model: Sections;
  private readonly abouts: readonly About[];
  private readonly changed: () => void;
  private readonly root = el("div", { class: "pq-list" });
  /** What went wrong with a picture, by section. */
  private readonly problems = new Map<number, string>();

  /** Null on a page without the field. */
  static in(form: HTMLFormElement, abouts: readonly About[], changed: () => void): GuideList | null {
    const field = form.querySelector<HTMLTextAreaElement>('textarea[name="guide"]');
    return field && new GuideList(form, field, abouts, changed);
  }

  private constructor(form: HTMLFormElement, field: HTMLTextAreaElement, abouts: readonly About[], changed: () => void) {
    this.form = form;
    this.field = field;
    this.abouts = abouts;
    this.changed = changed;
    this.model = new Sections((sha256) => (form.dataset["pictureUrl"] ?? "").replace("DIGEST", sha256));
    try {
      const found = JSON.parse(field.value || "[]") as unknown;
      if (Array.isArray(found)) this.model.load(found as Partial<EditedSection>[]);
    } catch {
      this.model.load([]);
    }
    field.closest("[data-guide-field]")?.setAttribute("hidden", "");
    const host = form.querySelector<HTMLElement>("[data-guide-here]");
    host?.append(this.root);
    this.render();
  }

  write(): void {
    this.field.value = this.model.list.length ? JSON.stringify(this.model.wire()) : "[]";
  }

  /** The part of it that can be shown, and how many sections or pictures are not finished. */
  finished(): { guide: string; leftOut: number } {
    const done = this.model.finished();
    const count = (list: readonly EditedSection[]): number => list.reduce((sum, { pictures }) => sum + 1 + pictures.length, 0);
    return { guide: JSON.stringify(this.model.wire(done)), leftOut: count(this.model.list) - count(done) };
  }

  /** Whether one writes in it. */
  holds(element: Element): boolean {
    return this.root.contains(element);
  }

  private act(what: () => string): void {
    const focus = what();
    this.changed();
    this.render();
    if (focus) this.root.querySelector<HTMLElement>(`[data-field="${focus}"]`)?.focus();
  }

  private render(): void {
    const { list, undoable } = this.model;
    const add = button({ class: "button small" }, () => this.act(() => `g${this.model.add().id}.title`), list.length ? gettext("Add a section") : gettext("Write a reading guide"));
    add.disabled = list.length >= MOST_SECTIONS;
    const back = undoable && button({ class: "button small quiet" }, () => this.act(() => {
      this.model.undo();
      return `g${undoable.section}.title`;
    }), interpolate(gettext("Undo: bring back “%(words)s”"), { words: undoable.words.slice(0, 40) || gettext("no words yet") }));
    const none = list.length ? null : el("p", { class: "mute" }, gettext("No reading guide yet. In it readers look up, beside the case and with one key, how your group decides: what counts as mobile, how deep an ulcer is measured, when quality is limited. Pictures say it best."));
    this.root.replaceChildren(...(none ? [none] : []), ...list.map((section, at) => this.card(section, at)), el("div", { class: "row-flex" }, add, back));
  }

  private card(section: EditedSection, at: number): HTMLElement {
    const { id } = section;
    const name = interpolate(gettext("Section %(n)s"), { n: at + 1 });
    const mover = (by: -1 | 1, sign: string, words: string, off: boolean): HTMLElement => {
      const made = button({ class: "button small", "data-field": `g${id}.${by}`, "aria-label": words, title: `${words} (Alt+${sign})` }, () => {
        if (this.model.move(id, by)) this.act(() => `g${id}.${by}`);
      }, sign);
      made.disabled = off;
      return made;
    };
    const head = el("div", { class: "pq-head" }, el("b", {}, name), el("span", { class: "push row-flex" },
      mover(-1, "↑", interpolate(gettext("Move section %(n)s up"), { n: at + 1 }), at === 0),
      mover(1, "↓", interpolate(gettext("Move section %(n)s down"), { n: at + 1 }), at === this.model.list.length - 1),
      button({ class: "button small quiet" }, () => this.act(() => {
        this.model.remove(id);
        return "";
      }), gettext("Remove"))));
    const title = this.typed(el("input", { class: "input", maxlength: "80", value: section.title, placeholder: gettext("Title"), "data-field": `g${id}.title`, "aria-label": interpolate(gettext("Title of section %(n)s"), { n: at + 1 }) }), (value) => (section.title = value));
    const about = el("select", { "data-field": `g${id}.about`, "aria-label": interpolate(gettext("What section %(n)s is about"), { n: at + 1 }) }, ...this.abouts.map(({ key, words }) => {
      const option = el("option", { value: key }, words);
      option.selected = key === section.about;
      return option;
    }));
    about.addEventListener("change", () => {
      section.about = about.value;
      this.changed();
    });
    const text = this.typed(el("textarea", { class: "input pg-text", rows: "5", maxlength: "4000", placeholder: gettext("Text. A blank line begins a paragraph; “- ” at the start of a line makes a list."), "data-field": `g${id}.text`, "aria-label": interpolate(gettext("Text of section %(n)s"), { n: at + 1 }) }), (value) => (section.text = value));
    text.value = section.text;
    const card = el("fieldset", { class: "pq-card", "data-section": String(id) }, el("legend", { class: "visually-hidden" }, name), head, el("div", { class: "pg-line" }, title, el("label", { class: "filter" }, gettext("Opens at"), about)), text, ...section.pictures.map((_one, n) => this.picture(section, n)), this.adder(section, at));
    card.addEventListener("keydown", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      const field = (event.target as HTMLElement).dataset["field"] ?? `g${id}.title`;
      if (this.model.move(id, event.key === "ArrowUp" ? -1 : 1)) this.act(() => field);
    });
    return card;
  }

  private typed<E extends HTMLInputElement | HTMLTextAreaElement>(field: E, set: (value: string) => void): E {
    field.addEventListener("input", () => {
      set(field.value);
      this.changed();
    });
    return field;
  }

  private picture(section: EditedSection, n: number): HTMLElement {
    const picture = section.pictures[n];
    if (!picture) return el("div");
    const caption = this.typed(el("input", { class: "input", maxlength: "300", value: picture.caption, placeholder: gettext("Caption (optional)"), "data-field": `g${section.id}.caption.${n}`, "aria-label": interpolate(gettext("Caption of picture %(n)s"), { n: n + 1 }) }), (value) => (picture.caption = value));
    const alt = this.typed(el("input", { class: "input", maxlength: "300", value: picture.alt, placeholder: gettext("What it shows, for somebody who cannot see it"), "data-field": `g${section.id}.alt.${n}`, "aria-label": interpolate(gettext("Alternative text of picture %(n)s"), { n: n + 1 }) }), (value) => (picture.alt = value));
    const remove = button({ class: "button small quiet", "aria-label": interpolate(gettext("Remove picture %(n)s"), { n: n + 1 }) }, () => this.act(() => {
      this.model.removePicture(section.id, n);
      return `g${section.id}.file`;
    }), "×");
    return el("div", { class: "pg-picture" }, el("img", { src: picture.url, alt: "", loading: "lazy" }), el("div", { class: "pg-words" }, caption, alt), remove);
  }

  private adder(section: EditedSection, at: number): HTMLElement {
    const file = el("input", { type: "file", accept: "image/png,image/jpeg,image/webp", class: "visually-hidden", "data-field": `g${section.id}.file`, "aria-label": interpolate(gettext("Picture for section %(n)s"), { n: at + 1 }) });
    file.disabled = section.pictures.length >= MOST_PICTURES;
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) void this.upload(section, chosen, words);
    });
    const problem = this.problems.get(section.id);
    const words = el("span", { class: problem ? "pq-problem small" : "faint small", role: problem ? "alert" : "status" }, problem ?? gettext("PNG, JPEG or WebP, at most 8 MB; stored without EXIF. No patient’s name in it."));
    return el("div", { class: "pq-line" }, el("label", { class: `button small pg-file${file.disabled ? " is-off" : ""}` }, file, gettext("Add a picture")), words);
  }

  private async upload(section: EditedSection, file: File, status: HTMLElement): Promise<void> {
    this.problems.delete(section.id);
    status.className = "faint small";
    status.textContent = gettext("Uploading…");
    try {
      if (file.size > MOST_BYTES) throw new Error(gettext("A picture of a guide may have at most 8 MB."));
      const form = new FormData();
      form.append("project", this.form.dataset["project"] ?? "");
      form.append("file", file);
      const { data } = await call<Uploaded>("POST", "/api/v1/guide-pictures/", { form });
      section.pictures.push({ ...data, caption: "", alt: "" });
    } catch (error) {
      this.problems.set(section.id, interpolate(gettext("%(name)s is not added: %(detail)s"), { name: file.name, detail: error instanceof Error ? error.message : String(error) }));
    }
    const failed = this.problems.has(section.id);
    this.act(() => `g${section.id}.${failed ? "file" : `alt.${section.pictures.length - 1}`}`);
  }
}
