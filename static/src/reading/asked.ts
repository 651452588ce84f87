/** Frames that a case names to be marked: which are done, which comes next, and that no other one is drawn on. */
import type { Mark } from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el, icon, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";
import type { Missing } from "./types.ts";

export type Place = readonly [clip: string, frame: number];

export class Asked {
  readonly root = el("section", { class: "rd-section rd-asked", "aria-label": gettext("Given frames") });
  readonly places: readonly Place[];
  /** Whether nothing else is asked (second stage): no class, no segments. */
  readonly only: boolean;
  private readonly draft: Draft;
  private readonly go: (clip: string, frame: number) => void;
  private shape = "";

  constructor(places: readonly Place[], only: boolean, draft: Draft, go: (clip: string, frame: number) => void) {
    this.places = places;
    this.only = only;
    this.draft = draft;
    this.go = go;
  }

  has(clip: string, frame: number): boolean {
    return this.places.some(([id, number]) => id === clip && number === frame);
  }

  done(clip: string, frame: number): boolean {
    const said = this.said(clip, frame);
    return said.length > 0 && said.every(({ extent, painted }) => extent !== null && (painted || extent === "no_plaque" || extent === "unusable"));
  }

  /** What is said of a frame, by region. */
  private said(clip: string, frame: number): ReturnType<Draft["marked"]> {
    return this.draft.marked(clip).filter((row) => row.frame === frame && (row.extent !== null || row.painted));
  }

  get missing(): Missing[] {
    return this.places
      .filter(([clip, frame]) => this.said(clip, frame).length === 0)
      .map(([clip, frame]) => ({ field: `frames.${clip}.${frame}.extent`, words: interpolate(gettext("%(frame)s: extent"), { frame: this.words(clip, frame) }) }));
  }

  /** The next frame in the given order that is not done; else the next one. */
  next(clip: string, frame: number): Place | null {
    const at = this.places.findIndex(([id, number]) => id === clip && number === frame);
    const turn = [...this.places.slice(at + 1), ...this.places.slice(0, Math.max(0, at))];
    return turn.find(([id, number]) => !this.done(id, number)) ?? turn[0] ?? null;
  }

  marks(clip: string): Mark[] {
    return this.places.filter(([id]) => id === clip).map(([, frame]) => ({ frame, kind: "asked" }));
  }

  render(clip: string, frame: number): void {
    const states = this.places.map(([id, number]) => this.done(id, number));
    const shape = JSON.stringify([clip, frame, states]);
    if (shape === this.shape) return;
    this.shape = shape;
    const left = states.filter((done) => !done).length;
    const words = interpolate(gettext("%(done)s of %(of)s marked"), { done: states.length - left, of: states.length });
    const next = this.next(clip, frame);
    const on = next && left ? button({ class: "rd-act" }, () => this.go(...next), keycap("PgDn"), gettext("next frame")) : null;
    const list = el("div", { class: "rd-asked-list" }, ...this.places.map(([id, number], at) => this.item(id, number, states[at] ?? false, id === clip && number === frame)));
    const ask = this.only ? el("p", { class: "rd-faint" }, gettext("Outline all plaque on each given frame, or say that there is none. All readers get the same frames.")) : null;
    this.root.replaceChildren(el("header", {}, el("h2", {}, gettext("Given frames"), " ", el("span", { class: "rd-faint" }, words)), ...(on ? [on] : [])), list, ...(ask ? [ask] : []));
  }

  private item(clip: string, frame: number, done: boolean, here: boolean): HTMLElement {
    const label = `${this.words(clip, frame)}, ${done ? gettext("marked") : gettext("not marked")}`;
    const number = this.draft.clip(clip)?.number ?? 0;
    return button({ class: `rd-asked-item${here ? " is-on" : ""}`, "aria-current": String(here) }, () => this.go(clip, frame), icon(done ? "done" : "waits", done ? "is-ok" : ""), el("span", { class: "visually-hidden" }, label), el("span", { "aria-hidden": "true" }, `${number} · ${frame}`));
  }

  private words(clip: string, frame: number): string {
    return interpolate(gettext("Clip %(clip)s, frame %(frame)s"), { clip: this.draft.clip(clip)?.number ?? 0, frame });
  }
}
