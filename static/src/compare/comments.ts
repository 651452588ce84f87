/** Comments on the page: the list with its threads, the form, the pins. Everything written stands there as text, never as markup. */
import { ApiError, post } from "../viewer/api.ts";
import type { Pin } from "../viewer/overlay.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { DraftStore, countWords, framesWith, on, placeOf, spotWords, type Draft, type Said, type Spot, type Thread } from "./threads.ts";
import type { Compare, Place } from "./types.ts";

export interface Stage {
  go(place: Place): void;
  /** The place under the cursor, else the middle of what is seen. */
  spot(): Spot | null;
  /** Draw pins and marks anew. */
  redraw(): void;
  /** Bring the list to the front. */
  reveal(): void;
}

export class Comments {
  private readonly panel: HTMLElement;
  private readonly data: Compare;
  private readonly stage: Stage;
  private readonly store: DraftStore;
  private readonly form: HTMLFormElement;
  private readonly text: HTMLTextAreaElement;
  private readonly where: HTMLElement;
  private readonly note: HTMLElement;
  private threads: Thread[];
  private draft: Draft;
  private sending = false;

  constructor(panel: HTMLElement, data: Compare, user: string, stage: Stage) {
    this.panel = panel;
    this.data = data;
    this.stage = stage;
    this.threads = data.comments;
    this.store = new DraftStore(window.sessionStorage, user, data.case.id);
    this.form = find(panel, "form[data-comment-new]");
    this.text = find(panel, "textarea");
    this.where = find(panel, "[data-comment-where]");
    this.note = find(panel, "[data-comment-note]");
    const kept = this.store.load();
    this.draft = kept ?? { text: "", spot: null, thread: null };
    this.text.value = this.draft.text;
    this.listen();
    this.draw();
    if (kept) this.say(gettext("Not sent yet."));
  }

  /** True when a text from before the reload waits. */
  get waiting(): boolean {
    return this.draft.text.trim() !== "";
  }

  /** Begin a comment at the cursor. What was written already goes along. */
  add(): void {
    const spot = this.stage.spot();
    if (!spot) return;
    this.draft = { text: this.text.value, spot, thread: null };
    this.begin();
  }

  pins(clip: string, frame: number): Pin[] {
    const pins: Pin[] = on(this.threads, clip, frame).map((one) => ({ at: [one.x, one.y], label: String(one.number), kind: one.resolved ? "resolved" : "open" }));
    const { spot } = this.draft;
    if (spot && spot.clip === clip && spot.frame === frame) pins.push({ at: [spot.x, spot.y], label: "+", kind: "draft" });
    return pins;
  }

  frames(clip: string): { frame: number; open: number; all: number }[] {
    return framesWith(this.threads, clip);
  }

  private begin(): void {
    this.store.save(this.draft);
    this.stage.reveal();
    this.draw();
    this.text.focus();
  }

  private listen(): void {
    this.text.addEventListener("input", () => {
      this.draft.text = this.text.value;
      if (!this.draft.spot && !this.draft.thread) this.draft.spot = this.stage.spot();
      this.store.save(this.draft);
      this.drawWhere();
      this.stage.redraw();
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.form.requestSubmit();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.text.blur();
      }
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send(this.draft.thread, this.text.value, null);
    });
    find(this.panel, "[data-comment-drop]").addEventListener("click", () => this.clear());
  }

  private clear(): void {
    this.draft = { text: "", spot: null, thread: null };
    this.text.value = "";
    this.store.save(null);
    this.say("");
    this.draw();
  }

  private async send(thread: string | null, text: string, settles: boolean | null): Promise<void> {
    if (this.sending) return;
    const spot = this.draft.spot ?? this.stage.spot();
    if (!thread && !spot) return;
    const body = thread ? { thread, text, ...(settles === null ? {} : { settles }) } : { ...spot, text };
    this.sending = true;
    this.say(gettext("sending"));
    try {
      this.threads = await post<Thread[]>(`/api/v1/cases/${this.data.case.id}/comments/`, body);
      this.say("");
      // Settling sends no text: what is being written stays.
      if (settles === null) {
        this.clear();
        this.text.blur(); // the keys of the page answer again
      } else this.draw();
    } catch (error) {
      this.say(error instanceof ApiError ? error.message : gettext("Not sent: the server cannot be reached. Your text is kept."));
    } finally {
      this.sending = false;
    }
  }

  private say(words: string): void {
    this.note.textContent = words;
  }

  private draw(): void {
    const list = find(this.panel, "[data-threads]");
    list.replaceChildren(...this.threads.map((one) => this.item(one)));
    find(this.panel, "[data-no-comment]").hidden = this.threads.length > 0;
    const count = document.querySelector("[data-comment-count]");
    if (count) count.textContent = String(this.threads.length);
    count?.parentElement?.setAttribute("title", countWords(this.threads));
    this.drawWhere();
    this.stage.redraw();
  }

  private drawWhere(): void {
    const { spot, thread } = this.draft;
    const answered = this.threads.find((one) => one.id === thread);
    if (answered) this.where.textContent = interpolate(gettext("answer to %(number)s"), { number: answered.number });
    else this.where.textContent = spot ? spotWords(spot, this.data.clips) : gettext("C puts the place under the cursor");
  }

  private item(thread: Thread): HTMLElement {
    const item = document.createElement("li");
    item.className = thread.resolved ? "is-resolved" : "";
    item.dataset["thread"] = String(thread.number);
    const jump = button(`${thread.number} · ${spotWords(thread, this.data.clips)}`, () => this.stage.go(placeOf(thread)));
    const acts = element("span", "cmp-thread-acts");
    acts.append(
      button(gettext("Answer"), () => {
        this.draft = { text: this.text.value, spot: null, thread: thread.id };
        this.begin();
      }),
      button(thread.resolved ? gettext("Open again") : gettext("Resolve"), () => void this.send(thread.id, "", !thread.resolved)),
    );
    const head = element("div", "cmp-thread-head");
    head.append(jump, ...(thread.resolved ? [element("span", "badge", gettext("resolved"))] : []), acts);
    item.append(head, said(thread), ...thread.answers.map(said));
    return item;
  }
}

function said(row: Said): HTMLElement {
  const line = element("p", "cmp-said");
  const time = new Date(row.at);
  const stamp = element("time", "faint", `${time.toISOString().slice(0, 10)} ${time.toISOString().slice(11, 16)} UTC`);
  stamp.setAttribute("datetime", row.at);
  const settled = row.settles === true ? gettext("resolved it") : row.settles === false ? gettext("opened it again") : "";
  line.append(element("b", "", row.by), " ", stamp, ...(settled ? [" ", element("i", "faint", settled)] : []));
  if (row.text) line.append(element("span", "cmp-said-text", row.text));
  return line;
}

function element(name: string, className: string, text = ""): HTMLElement {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function button(words: string, run: () => void): HTMLButtonElement {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: words });
  made.addEventListener("click", run);
  return made;
}

function find<T extends HTMLElement>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}
