/** The model beside an answer given with it: its result in the panel, its masks, chord and key frame on the picture. */
import { ModelLayer } from "../compare/layers.ts";
import { get, lengthWords, type Chord, type Clip, type Mark, type Point } from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el, keycap } from "./dom.ts";
import type { Assignment } from "./types.ts";

interface ShownClip {
  clip: string;
  region: number;
  key_frame: number | null;
  no_result_reason: string;
  no_result_words: string;
  masks_url: string | null;
}

export interface ShownModel {
  state: "ready" | "waiting" | "none";
  words: string;
  pipeline: string | null;
  predicted_class?: 0 | 1 | null;
  thickness_mm?: number | null;
  thickness_px?: number | null;
  decision_words?: string;
  key?: { clip: string; frame: number; region: number } | null;
  chord?: [Point, Point] | null;
  clips: ShownClip[];
}

export interface AidEvents {
  /** The model or its masks came: draw again. */
  changed(): void;
  go(clip: string, frame: number): void;
  failed(words: string): void;
}

const CLASSES: Record<number, () => string> = { 0: () => gettext("Not complex"), 1: () => gettext("Complex"), 9: () => gettext("Can’t assess") };
const WAIT_MS = 4000;

export function classWords(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value === 9 ? "–" : value} ${CLASSES[value]?.() ?? ""}`;
}

function said(value: number | null | undefined, mm: number | null | undefined, px: number | null | undefined): string {
  const length = mm == null && px == null ? "" : lengthWords({ mm: mm ?? null, px: px ?? null });
  return [classWords(value), length].filter((part) => part !== "").join(" · ");
}

export class Aid {
  readonly root = el("section", { class: "rd-section rd-model", "aria-label": gettext("Model") });
  model: ShownModel | null = null;
  private readonly assignment: Assignment;
  private readonly events: AidEvents;
  private readonly layers = new Map<string, ModelLayer>();
  private readonly url: string;

  constructor(assignment: Assignment, url: string, events: AidEvents) {
    this.assignment = assignment;
    this.url = url;
    this.events = events;
    this.show();
  }

  /** Fetch the result; one that is still being worked out is asked for again. */
  async load(): Promise<void> {
    try {
      this.model = await get<ShownModel>(this.url);
    } catch (error) {
      this.events.failed(error instanceof Error ? error.message : String(error));
      return;
    }
    this.show();
    this.events.changed();
    if (this.model.state === "waiting") window.setTimeout(() => void this.load(), WAIT_MS);
  }

  /** The model's masks on a clip, once they are here. */
  layer(clip: Clip): ModelLayer | null {
    if (this.model?.state !== "ready") return null;
    let layer = this.layers.get(clip.id);
    if (!layer) {
      layer = new ModelLayer(clip, this.model);
      this.layers.set(clip.id, layer);
      layer.load().then(() => this.events.changed(), (error: unknown) => this.events.failed(String(error)));
    }
    return layer;
  }

  chords(clip: string, frame: number): Chord[] {
    const { key, chord, thickness_mm, thickness_px } = this.model ?? {};
    if (!chord || key?.clip !== clip || key.frame !== frame) return [];
    return [{ id: "model", who: "model", points: chord, label: lengthWords({ mm: thickness_mm ?? null, px: thickness_px ?? null }) }];
  }

  marks(clip: string): Mark[] {
    const key = this.model?.key;
    return key?.clip === clip ? [{ frame: key.frame, kind: "model" }] : [];
  }

  /** Y: the frame the model's thickness stands on. */
  goToKey(): void {
    const key = this.model?.key;
    if (key) this.events.go(key.clip, key.frame);
  }

  private show(): void {
    const { model } = this;
    const { first_answer, arm } = this.assignment;
    const name = model?.pipeline ?? gettext("Model");
    const state = arm === "aided" ? gettext("shown after your blind answer") : gettext("shown from the start");
    const head = el("header", {}, el("h2", {}, el("span", { class: "rd-model-glyph", "aria-hidden": "true" }, "◆"), ` ${name}`), el("span", { class: "rd-faint" }, state));
    const lines: (HTMLElement | null)[] = [head];
    if (!model) lines.push(el("p", { class: "rd-faint", role: "status" }, gettext("The model’s result is being fetched.")));
    else if (model.state !== "ready") lines.push(el("p", { role: "status" }, model.words));
    else lines.push(...this.result(model));
    if (first_answer) {
      const words = said(first_answer.reader_class, first_answer.thickness_mm, first_answer.thickness_px);
      lines.push(el("p", { class: "rd-model-first" }, interpolate(gettext("Your blind answer: %(words)s. It stays as you signed it."), { words })));
    }
    this.root.replaceChildren(...lines.filter((line) => line !== null));
  }

  private result(model: ShownModel): (HTMLElement | null)[] {
    const key = model.key;
    const clip = key ? this.assignment.clips.find(({ id }) => id === key.clip) : undefined;
    const place = clip && key ? interpolate(gettext("clip %(clip)s · frame %(frame)s"), { clip: clip.number, frame: key.frame }) : "";
    const go = place ? button({ class: "rd-link is-plain" }, () => this.goToKey(), place, " ", keycap("Y")) : null;
    return [
      el("p", { class: "rd-model-said" }, el("strong", {}, said(model.predicted_class, model.thickness_mm, model.thickness_px)), go),
      model.words ? el("p", { class: "rd-faint" }, model.words) : el("p", { class: "rd-faint" }, model.decision_words ?? ""),
    ];
  }
}

/** The model's part of the panel, first in it, where this case is answered with the model. */
export function aidOf(assignment: Assignment, panel: HTMLElement, events: AidEvents): Aid | null {
  if (!assignment.model_url) return null;
  const aid = new Aid(assignment, assignment.model_url, events);
  panel.prepend(aid.root);
  return aid;
}
