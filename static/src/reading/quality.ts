/** Quality of the study and of the clip in hand, with reasons where it is not good. */
import { gettext, interpolate } from "../viewer/words.ts";
import { Row, Segmented, type Choice } from "./controls.ts";
import { button, el } from "./dom.ts";
import type { Draft } from "./draft.ts";
import type { QualityAnswer, QualityReason } from "./types.ts";

const REASONS: readonly [QualityReason, () => string][] = [
  ["gain", () => gettext("Gain")],
  ["shadow", () => gettext("Shadow")],
  ["near_field", () => gettext("Near field")],
  ["oblique", () => gettext("Oblique cut")],
  ["motion", () => gettext("Motion")],
  ["cut_off", () => gettext("Cut off")],
  ["overlay", () => gettext("Colour or text over it")],
];

/** Whether a quality has reasons. */
export function isLess(quality: QualityAnswer | null): boolean {
  return quality === "limited" || quality === "unusable";
}

/** Several may hold: chips that go on and off. */
class Chips {
  readonly root: HTMLElement;
  private readonly chips = new Map<QualityReason, HTMLButtonElement>();
  private locked = false;

  constructor(label: string, toggle: (reason: QualityReason) => void) {
    this.root = el("div", { class: "rd-chips", role: "group", "aria-label": label });
    for (const [reason, words] of REASONS) {
      const chip = button({ class: "rd-chip", "aria-pressed": "false" }, () => {
        if (!this.locked) toggle(reason);
      }, words());
      this.chips.set(reason, chip);
      this.root.append(chip);
    }
  }

  set(on: readonly QualityReason[], shown: boolean, locked: boolean): void {
    this.root.hidden = !shown;
    this.locked = locked;
    for (const [reason, chip] of this.chips) {
      chip.setAttribute("aria-pressed", String(on.includes(reason)));
      chip.setAttribute("aria-disabled", String(locked));
    }
  }
}

export function toggled(reasons: readonly QualityReason[], reason: QualityReason): QualityReason[] {
  return reasons.includes(reason) ? reasons.filter((one) => one !== reason) : [...reasons, reason];
}

export class QualityPart {
  readonly root: HTMLElement;
  private readonly draft: Draft;
  private readonly study: { row: Row; control: Segmented<QualityAnswer>; chips: Chips };
  private readonly clip: { row: Row; control: Segmented<QualityAnswer>; chips: Chips };
  private readonly clipName = el("span", {});

  constructor(draft: Draft, here: () => { clip: string }) {
    this.draft = draft;
    const choices = (keys: boolean): Choice<QualityAnswer>[] => [
      { value: "good", words: gettext("Good"), ...(keys ? { key: "6" } : {}) },
      { value: "limited", words: gettext("Limited"), ...(keys ? { key: "7" } : {}) },
      { value: "unusable", words: gettext("Unusable"), ...(keys ? { key: "8" } : {}) },
    ];
    const study = new Segmented(gettext("Quality"), choices(true), (value) => draft.answer("quality", value), "seg-wide");
    const studyChips = new Chips(gettext("Why the study is not good"), (reason) => draft.answer("quality_reasons", toggled(draft.answers.quality_reasons, reason)));
    const of = (): string => here().clip;
    const clip = new Segmented(gettext("Quality of this clip"), choices(false), (value) => {
      const now = draft.clipQuality(of());
      // The same again takes it back: nobody has to judge each clip.
      draft.setClipQuality(of(), now.quality === value ? null : value, now.reasons);
    }, "seg-wide");
    const clipChips = new Chips(gettext("Why this clip is not good"), (reason) => {
      const now = draft.clipQuality(of());
      draft.setClipQuality(of(), now.quality, toggled(now.reasons, reason));
    });
    this.study = { row: new Row(gettext("Quality"), study.root), control: study, chips: studyChips };
    this.clip = { row: new Row(this.clipName, clip.root), control: clip, chips: clipChips };
    this.root = el("div", { class: "rd-quality", "data-about": "quality" }, this.study.row.root, studyChips.root, this.clip.row.root, clipChips.root);
  }

  render(clip: string, missing: ReadonlySet<string>, locked: boolean): void {
    const { quality, quality_reasons } = this.draft.answers;
    this.study.control.set(quality);
    this.study.control.lock(locked);
    this.study.row.missing(missing.has("quality"));
    this.study.chips.set(quality_reasons, isLess(quality), locked);
    const here = this.draft.clipQuality(clip);
    this.clipName.textContent = interpolate(gettext("Clip %(n)s"), { n: this.draft.clip(clip)?.number ?? "" });
    this.clip.control.set(here.quality);
    this.clip.control.lock(locked);
    this.clip.chips.set(here.reasons, isLess(here.quality), locked);
  }

  focus(): void {
    this.study.control.focus();
  }
}

