/** What the adjudicator has answered so far, and what is still missing. No DOM. */
import type { Point } from "../viewer/geometry.ts";

export const QUESTIONS = ["ulceration", "mobile", "thrombus"] as const;
export type Question = (typeof QUESTIONS)[number];
export type Said = "yes" | "no" | "unclear";
const ROUND: readonly (Said | null)[] = ["yes", "no", "unclear", null];

export interface CaliperMark {
  clip: string;
  frame: number;
  region: number;
  points: [Point, Point];
}

export interface Finding {
  reader_class: number;
  reasons: Partial<Record<Question, Said>>;
  caliper: CaliperMark | null;
}

/** What is kept of an answer that was not sent, over a reload. */
export interface Kept {
  readerClass: number | null;
  reasons: Partial<Record<Question, Said>>;
  caliper: CaliperMark | null;
  take: string | null;
  reasonCode: string | null;
}

/** What the page offers now: a kept answer to something else is not taken back. */
export interface Offered {
  clips: readonly { id: string; frames: number }[];
  reads: number;
  reasonCodes: readonly string[];
}

export type Missing = "take" | "class" | "reason";

export class Answer {
  readerClass: number | null = null;
  reasons: Partial<Record<Question, Said>> = {};
  caliper: CaliperMark | null = null;
  take: string | null = null;
  reasonCode: string | null = null;
  /** Step 1 asks for a finding; step 2 for a choice and why, and for a finding only where the answer is new. */
  private readonly deciding: boolean;

  constructor(deciding: boolean) {
    this.deciding = deciding;
  }

  get kept(): Kept {
    const { readerClass, reasons, caliper, take, reasonCode } = this;
    return { readerClass, reasons: { ...reasons }, caliper, take, reasonCode };
  }

  get empty(): boolean {
    const { readerClass, reasons, caliper, take, reasonCode } = this;
    return readerClass === null && !Object.keys(reasons).length && caliper === null && take === null && reasonCode === null;
  }

  /** Take back what was kept, as far as the page still offers it. */
  restore(kept: Kept, offered: Offered): void {
    if ([0, 1, 9].includes(Number(kept.readerClass ?? NaN))) this.readerClass = kept.readerClass;
    for (const question of QUESTIONS) {
      const said = kept.reasons?.[question];
      if (said && ROUND.includes(said)) this.say(question, said);
    }
    const clip = offered.clips.find((one) => one.id === kept.caliper?.clip);
    if (clip && kept.caliper && kept.caliper.frame <= clip.frames) this.caliper = kept.caliper;
    if (!this.deciding) return;
    const takes = ["own", "new", ...Array.from({ length: offered.reads }, (_none, at) => String(at + 1))];
    if (kept.take !== null && takes.includes(kept.take)) this.take = kept.take;
    if (kept.reasonCode !== null && offered.reasonCodes.includes(kept.reasonCode)) this.reasonCode = kept.reasonCode;
  }

  get needsFinding(): boolean {
    return !this.deciding || this.take === "new";
  }

  /** Yes, no, cannot tell, nothing. */
  cycle(question: Question): void {
    const at = ROUND.indexOf(this.reasons[question] ?? null);
    this.say(question, ROUND[(at + 1) % ROUND.length] ?? null);
  }

  say(question: Question, said: Said | null): void {
    const others = Object.entries(this.reasons).filter(([key]) => key !== question);
    this.reasons = Object.fromEntries(said === null ? others : [...others, [question, said]]);
  }

  missing(): Missing[] {
    const out: Missing[] = [];
    if (this.deciding && this.take === null) out.push("take");
    if (this.needsFinding && this.readerClass === null) out.push("class");
    if (this.deciding && this.reasonCode === null) out.push("reason");
    return out;
  }

  finding(): Finding | null {
    if (!this.needsFinding || this.readerClass === null) return null;
    return { reader_class: this.readerClass, reasons: { ...this.reasons }, caliper: this.caliper };
  }
}
