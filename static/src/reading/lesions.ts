/** The lesions part of the answers panel: one line a lesion, the active one with its segment and reasons. */
import { interpolate, gettext } from "../viewer/words.ts";
import { lengthWords } from "../viewer/calibration.ts";
import { Row, Segmented } from "./controls.ts";
import { button, el, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";
import { Grade } from "./grade.ts";
import { REASONS } from "./reasons.ts";
import type { Lesion, ReasonAnswer, ReasonKey } from "./types.ts";

export interface LesionActions {
  go(clip: string, frame: number): void;
  keyFrameHere(number: number): void;
  remove(number: number): void;
  here(): { clip: string; frame: number };
}

const SEGMENT_KEYS: Record<string, string> = { ascending: "A", arch: "R", descending: "D" };

export function reasonChoices(): { value: ReasonAnswer; words: string; spoken?: string }[] {
  return [
    { value: "yes", words: gettext("Yes") },
    { value: "no", words: gettext("No") },
    { value: "unclear", words: "?", spoken: gettext("Cannot tell") },
  ];
}

export class LesionList {
  readonly root = el("div", { class: "rd-lesions" });
  private readonly draft: Draft;
  private readonly actions: LesionActions;
  private shape = "";
  private reasons = new Map<ReasonKey, { row: Row; control: Segmented<ReasonAnswer> }>();
  private grade: Grade | null = null;
  private segment: { row: Row; control: Segmented<string> } | null = null;

  constructor(draft: Draft, actions: LesionActions) {
    this.draft = draft;
    this.actions = actions;
  }

  render(missing: ReadonlySet<string>, locked: boolean): void {
    const { clip, frame } = this.actions.here();
    const shape = JSON.stringify([
      this.draft.lesions.map((l) => [l.number, l.is_index, l.segment, l.key_clip, l.key_frame, l.thickness_mm, l.thickness_px, this.onKey(l, clip, frame)]),
      this.draft.active, this.calipers(), locked,
    ]);
    if (shape !== this.shape) this.rebuild(locked);
    this.shape = shape;
    const active = this.draft.lesion(this.draft.active);
    if (!active) return;
    const path = (name: string): boolean => missing.has(`lesions.${active.number}.${name}`);
    this.segment?.control.set(active.segment);
    this.segment?.control.lock(locked);
    this.segment?.row.missing(path("segment"));
    this.grade?.render(active, locked);
    for (const [key, { row, control }] of this.reasons) {
      control.set(active[key]);
      control.lock(locked);
      row.missing(path(key));
    }
  }

  focus(field: string): void {
    if (field.endsWith("segment")) this.segment?.control.focus();
    for (const [key, { control }] of this.reasons) if (field.endsWith(key)) control.focus();
  }

  private onKey(lesion: Lesion, clip: string, frame: number): boolean {
    return lesion.key_clip === clip && lesion.key_frame === frame;
  }

  /** Lengths shown before the server has answered. */
  private calipers(): unknown[] {
    return this.draft.lesions.map((lesion) => [this.thickness(lesion), this.manual(lesion)]);
  }

  private manual(lesion: Lesion): boolean {
    const caliper = this.draft.keyCaliper(lesion);
    return caliper ? caliper.scale === "manual" : lesion.manual_scale === true;
  }

  private thickness(lesion: Lesion): string {
    const caliper = this.draft.protocol.thickness_from === "mask" ? undefined : this.draft.keyCaliper(lesion);
    if (caliper) return lengthWords({ mm: caliper.mm ?? null, px: caliper.px ?? null });
    if (lesion.thickness_mm != null || lesion.thickness_px != null) {
      return lengthWords({ mm: lesion.thickness_mm ?? null, px: lesion.thickness_px ?? null });
    }
    return "–";
  }

  private rebuild(locked: boolean): void {
    this.reasons.clear();
    this.segment = null;
    this.root.replaceChildren(
      ...this.draft.lesions.flatMap((lesion) => {
        const line = this.line(lesion);
        return lesion.number === this.draft.active ? [line, this.detail(lesion, locked)] : [line];
      }),
    );
  }

  private line(lesion: Lesion): HTMLElement {
    const segment = this.draft.protocol.segments.find(({ key }) => key === lesion.segment)?.label ?? gettext("segment?");
    const clip = lesion.key_clip ? this.draft.clip(lesion.key_clip) : undefined;
    const active = lesion.number === this.draft.active;
    const place =
      clip && lesion.key_frame
        ? button(
            { class: "rd-link", title: gettext("Go to the key frame") },
            () => this.actions.go(clip.id, lesion.key_frame ?? 1),
            interpolate(gettext("clip %(clip)s · frame %(frame)s"), { clip: clip.number, frame: lesion.key_frame }),
          )
        : el("span", { class: "rd-faint" }, gettext("no key frame"));
    const name = button(
      { class: "rd-lesion-name", "aria-pressed": String(active) },
      () => this.draft.choose(lesion.number),
      el("span", { class: "rd-swatch", "aria-hidden": "true" }),
      el("strong", {}, String(lesion.number)),
      el("span", {}, segment),
    );
    const manual = this.manual(lesion) ? el("small", { class: "rd-manual" }, gettext("manual")) : null;
    const thickness = el("span", { class: "rd-thickness", "data-about": "thickness" }, this.thickness(lesion), manual);
    return el("div", { class: `rd-lesion${active ? " is-active" : ""}` }, name, place, thickness);
  }

  private detail(lesion: Lesion, locked: boolean): HTMLElement {
    const pick = (segment: string): void => this.draft.changeLesion(lesion.number, { segment });
    const choices = this.draft.protocol.segments.map(({ key, label }) => ({ value: key, words: label }));
    const caps = this.draft.protocol.segments.flatMap(({ key }) => SEGMENT_KEYS[key] ?? []);
    const segment = new Segmented(gettext("Segment of the lesion"), choices, pick);
    this.segment = { row: new Row(gettext("Segment"), segment.root, keycap(...caps)), control: segment };
    const rows = REASONS.map(({ key, words, cap }) => {
      const control = new Segmented(words(), reasonChoices(), (value) => this.draft.changeLesion(lesion.number, { [key]: value }), "seg-short");
      const row = new Row(words(), control.root, keycap(cap));
      row.root.dataset["about"] = key;
      this.reasons.set(key, { row, control });
      return row.root;
    });
    const { grading } = this.draft.protocol;
    this.grade = grading && new Grade(grading, (grade_given) => this.draft.changeLesion(lesion.number, { grade_given }));
    return el("div", { class: "rd-lesion-detail" }, this.segment.row.root, ...rows, this.grade?.root, locked ? null : this.acts(lesion));
  }

  private acts(lesion: Lesion): HTMLElement {
    const { clip, frame } = this.actions.here();
    const many = this.draft.lesions.length > 1;
    return el(
      "div",
      { class: "rd-lesion-acts" },
      many && lesion.is_index ? el("span", { class: "rd-faint" }, gettext("index lesion")) : null,
      many && !lesion.is_index
        ? button({ class: "rd-link" }, () => this.draft.changeLesion(lesion.number, { is_index: true }), gettext("Make index lesion"))
        : null,
      this.onKey(lesion, clip, frame)
        ? el("span", { class: "rd-faint" }, gettext("key frame is here"))
        : button({ class: "rd-link" }, () => this.actions.keyFrameHere(lesion.number), gettext("Make this the key frame")),
      button({ class: "rd-link" }, () => this.actions.remove(lesion.number), gettext("Remove")),
    );
  }
}
