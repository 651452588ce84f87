/** Same plaque? The rows of paired lesions: walk them, link and unlink by button or key, take the last act back. */
import { toast } from "../base/toasts.ts";
import { ApiError, post } from "../viewer/api.ts";
import type { Keymap } from "../viewer/keys.ts";
import { gettext } from "../viewer/words.ts";
import type { Lesions } from "./types.ts";

export type Act = "link" | "unlink" | "rule";

/** Names of a lesion on the left and of one on the right. */
export interface Pair {
  left: string;
  right: string;
}

/** What a press on a row says: unlink a pair, link a lesion that stands alone with the chosen one. Null: nothing to say. */
export function pressed(row: { state: string; left: string; right: string; choice: string }): { act: Act; pair: Pair } | null {
  if (row.state === "same") return { act: "unlink", pair: { left: row.left, right: row.right } };
  if (!row.choice) return null;
  return { act: "link", pair: row.left ? { left: row.left, right: row.choice } : { left: row.choice, right: row.right } };
}

/** The body of one act: a read first, then the prediction or the other read. The same `id` again stores nothing twice. */
export function bodyOf(lesions: Lesions, act: Act, pair: Pair, id: string): Record<string, string> {
  const left = { side: lesions.left, lesion: pair.left };
  const right = { side: lesions.right, lesion: pair.right };
  const [read, other] = left.side?.read ? [left, right] : [right, left];
  const named: Record<string, string> = other.side?.prediction ? { prediction: other.side.prediction } : { other_read: other.side?.read ?? "" };
  return { act_id: id, act, read: read.side?.read ?? "", lesion: read.lesion, ...named, other_lesion: other.lesion };
}

/** The row after `at`, round and round; -1 where there is none. */
export function nextRow(at: number, rows: number): number {
  return rows === 0 ? -1 : (at + 1) % rows;
}

export class LesionPairs {
  private readonly holder: HTMLElement;
  private readonly lesions: Lesions;
  private readonly caseId: string;
  private readonly go: (clip: string, frame: number) => void;
  /** Bring the rows into sight: they stand in one of several tabs. */
  private readonly reveal: () => void;
  private readonly done: Pair[] = [];
  /** The id of an act whose answer never came: the same act tried again is not stored twice. */
  private unsure: { act: string; id: string } | null = null;
  private busy = false;

  constructor(holder: HTMLElement, caseId: string, lesions: Lesions, go: (clip: string, frame: number) => void, reveal: () => void) {
    this.holder = holder;
    this.caseId = caseId;
    this.lesions = lesions;
    this.go = go;
    this.reveal = reveal;
    holder.addEventListener("click", (event) => this.clicked(event));
  }

  bind(keys: Keymap): void {
    const group = gettext("lesions");
    keys.bind(
      { code: "KeyL", keys: ["L"], words: gettext("next lesion"), group, run: () => this.next() },
      { code: "KeyS", keys: ["S"], words: gettext("same plaque, or not the same"), group, run: () => void this.press() },
      { code: "KeyZ", keys: ["Z"], words: gettext("take back the last “same plaque?”"), group, run: () => void this.undo() },
    );
  }

  private get rows(): HTMLTableRowElement[] {
    return [...this.holder.querySelectorAll<HTMLTableRowElement>("tr[data-pair]")];
  }

  private get chosen(): HTMLTableRowElement | null {
    return this.holder.querySelector<HTMLTableRowElement>("tr[data-pair][aria-current]");
  }

  /** Choose the next row and show its frame. */
  next(): void {
    this.reveal();
    const { rows } = this;
    const row = rows[nextRow(rows.findIndex((one) => one === this.chosen), rows.length)];
    if (row) this.choose(row, true);
  }

  /** Link or unlink the chosen row; the first press chooses one. */
  async press(): Promise<void> {
    const row = this.chosen;
    if (!row) {
      this.next();
      return;
    }
    this.reveal();
    if (!this.lesions.may_link) {
      toast(this.lesions.why || gettext("Coordinators and adjudicators say which lesions are the same."));
      return;
    }
    const said = pressed(read(row));
    if (said) await this.say(said.act, said.pair);
  }

  /** Leave the last judged pair to the rule again. */
  async undo(): Promise<void> {
    const pair = this.done.at(-1);
    if (!pair) {
      toast(gettext("Nothing to take back: no pair was judged on this page."));
      return;
    }
    if (await this.say("rule", pair, false)) this.done.pop();
  }

  private choose(row: HTMLTableRowElement, show: boolean): void {
    for (const one of this.rows) one.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    row.scrollIntoView({ block: "nearest" });
    if (!show) return;
    const [clip = "", frame = ""] = (row.querySelector<HTMLElement>("[data-at]")?.dataset["at"] ?? "").split(".");
    if (clip && frame) this.go(clip, Number(frame));
  }

  private clicked(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest<HTMLTableRowElement>("tr[data-pair]");
    if (!row || !target) return;
    const at = target.closest<HTMLElement>("[data-at]")?.dataset["at"];
    this.choose(row, false);
    if (at) {
      const [clip = "", frame = "1"] = at.split(".");
      this.go(clip, Number(frame));
    }
    if (target.closest("[data-pair-act]")) void this.press();
  }

  private async say(act: Act, pair: Pair, keep = true): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    const name = JSON.stringify([act, pair]);
    const id = this.unsure?.act === name ? this.unsure.id : crypto.randomUUID();
    this.unsure = { act: name, id };
    try {
      await post(`/api/v1/cases/${this.caseId}/matches/`, bodyOf(this.lesions, act, pair, id));
      this.unsure = null;
      await this.renew(pair);
    } catch (error) {
      if (error instanceof ApiError) this.unsure = null;
      toast(error instanceof ApiError ? error.message : gettext("Not saved: the server cannot be reached."), "bad");
      return false;
    } finally {
      this.busy = false;
    }
    if (keep) {
      this.done.push(pair);
      const words = act === "link" ? gettext("Same plaque: saved.") : gettext("Not the same plaque: saved.");
      toast(words, "info", { label: gettext("Undo"), run: () => void this.undo() });
    } else {
      toast(gettext("Left to the rule again."));
    }
    return true;
  }

  /** The sentence on top stands on the pairs: it changes with them. */
  private verdict(): void {
    const said = this.holder.querySelector<HTMLElement>("[data-said]")?.dataset ?? {};
    const [text, ground] = ["[data-verdict]", "[data-verdict-ground]"].map((name) => document.querySelector(name));
    if (text && said["said"]) text.textContent = said["said"];
    if (ground && said["said"]) ground.textContent = said["ground"] ?? "";
  }

  /** Fetch the rows anew and choose the one that was judged. */
  private async renew(pair: Pair): Promise<void> {
    const path = window.location.pathname.replace(/\/?$/, "/lesions/");
    const response = await fetch(`${path}${window.location.search}`, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    const made = new DOMParser().parseFromString(await response.text(), "text/html");
    this.holder.replaceChildren(...made.body.childNodes);
    this.verdict();
    const row = this.rows.find((one) => one.dataset["left"] === pair.left || one.dataset["right"] === pair.right);
    if (row) this.choose(row, false);
  }
}

function read(row: HTMLTableRowElement): { state: string; left: string; right: string; choice: string } {
  const { pair = "", left = "", right = "" } = row.dataset;
  return { state: pair, left, right, choice: row.querySelector<HTMLSelectElement>("[data-pair-choice]")?.value ?? "" };
}
