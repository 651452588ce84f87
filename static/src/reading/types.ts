/** The reading page's part of the API, word for word. */
import type { GuideSection } from "../guide/guide.ts";
import type { Clip, Point, Rle, ScaleLine } from "../viewer/index.ts";

export type Extent = "all_marked" | "index_only" | "no_plaque" | "unusable";
export type ReasonAnswer = "yes" | "no" | "unclear";
export type Visibility = "well" | "partly" | "not";
export type PlaqueAnswer = "none" | "present" | "unclear";
export type ReaderClass = 0 | 1 | 9;
export type CaliperKind = "thickness" | "protrusion" | "ulcer_depth" | "ulcer_width" | "diameter";
export type MaskSource = "drawn" | "copied" | "interpolated" | "threshold" | "grown" | "propagated";
export type ReasonKey = "ulceration" | "mobile" | "thrombus";

export interface Finding {
  visibility: Visibility | null;
  plaque: PlaqueAnswer | null;
}

export type QualityAnswer = "good" | "limited" | "unusable";
export type QualityReason = "gain" | "shadow" | "near_field" | "oblique" | "motion" | "cut_off" | "overlay";

/** How well one clip can be read; null: not judged. */
export interface ClipQuality {
  clip: string;
  quality: QualityAnswer | null;
  reasons: QualityReason[];
}

export interface Answers {
  reader_class: ReaderClass | null;
  quality: QualityAnswer | null;
  quality_reasons: QualityReason[];
  confidence: "sure" | "probable" | "unsure" | null;
  /** Why the class is not the rule's verdict, where it was asked. */
  conflict_reason: string | null;
  note: string;
  findings: Record<string, Finding>;
  /** Answers to the protocol's own questions, by key. */
  own: Record<string, OwnAnswer>;
}

export type OwnAnswer = string | number | null;

/** One of the protocol's own questions. */
export interface Question {
  key: string;
  words: string;
  kind: "choice" | "number" | "text";
  required: boolean;
  /** Asked only where another answer (class, quality, or an earlier choice) equals this. */
  shown_if: { question: string; equals: string } | null;
  choices?: { value: string; words: string }[];
  unit?: string;
  low?: number | null;
  high?: number | null;
  /** The range of a number in words. */
  range?: string;
}

export interface Lesion {
  number: number;
  segment: string | null;
  is_index: boolean;
  key_clip: string | null;
  key_frame: number | null;
  key_region: number | null;
  ulceration: ReasonAnswer | null;
  mobile: ReasonAnswer | null;
  thrombus: ReasonAnswer | null;
  /** Derived by the protocol's scheme, on the server. */
  grade?: number | null;
  /** The reader's own, which overrules it. */
  grade_given: number | null;
  thickness_mm?: number | null;
  thickness_px?: number | null;
  thickness_source?: "caliper" | "mask" | null;
  manual_scale?: boolean | null;
}

export interface Caliper {
  id: string;
  kind: CaliperKind;
  lesion: number | null;
  points: [Point, Point];
  mm?: number | null;
  px?: number;
  why_no_mm?: string;
  /** Only where the reader set the scale by hand. */
  scale?: "manual";
}

/** The scale of one region set by hand; no line takes it back. */
export interface OwnScale {
  clip: string;
  region: number;
  lines: ScaleLine[];
}

export interface FrameMarks {
  clip: string;
  frame: number;
  region: number;
  extent: Extent | null;
  outline: Point[] | null;
  calipers: Caliper[];
  /** Where each lesion's mask comes from. */
  sources: Record<string, MaskSource>;
}

/** A frame on the wire: the marks and the masks of its lesions. */
export interface WireFrame extends FrameMarks {
  masks?: Record<string, Rle>;
  areas?: Record<string, { px: number; mm2: number | null }>;
}

export interface Missing {
  field: string;
  words: string;
}

/** Where the reader was when the case was left. */
export interface Place {
  clip: string;
  frame: number;
}

export interface Correction {
  kind: string;
  kind_words: string;
  reason: string;
  of_signed_at: string;
  /** Results were shown before it was signed. */
  informed: boolean;
}

export interface Read {
  id: string;
  state: "draft" | "completed" | "signed";
  draft_no: number;
  revision: number;
  answers: Answers;
  lesions: Lesion[];
  frames: WireFrame[];
  scales: OwnScale[];
  clips: ClipQuality[];
  rule_class: 0 | 1 | null;
  rule_reason: string;
  rule_agrees: boolean | null;
  plaque_present: boolean | null;
  missing: Missing[];
  saved_at: string | null;
  signed_at: string | null;
  place: Place | null;
  /** Of a correction: why, and of which signed read. */
  correction: Correction | null;
}

export interface Grading {
  id: string;
  name: string;
  grades: { grade: number; words: string; from_mm: number | null; reasons: string[] }[];
}

export interface Protocol {
  version: number;
  segments: { key: string; label: string }[];
  required: string[];
  questions: Question[];
  /** What gives the official thickness of a lesion. */
  thickness_from: "caliper_mask" | "caliper" | "mask";
  /** What the index lesion must have: thickness, mask, wall. */
  marks: string[];
  /** Null: no grade is asked. */
  grading: Grading | null;
  /** Null: the version has no reading guide. */
  guide: GuideSection[] | null;
  rule: { version: string; thickness_mm: number; reasons: string[]; words: string };
}

export interface Assignment {
  public_id: string;
  /** 2: the answer with the model, or the same frames for all readers. */
  stage: number;
  arm: "blind" | "aided" | "concurrent" | "unknown";
  /** Clip and frame to mark, in this order; null: the reader's choice. */
  frames: [string, number][] | null;
  /** The model's result, where this case is answered with it. */
  model_url: string | null;
  first_answer: { reader_class: ReaderClass | null; thickness_mm: number | null; thickness_px: number | null } | null;
  number: number;
  of: number;
  state: string;
  round: { name: string; policy: string; reveal: string; reveal_words: string; demo: boolean };
  protocol: Protocol;
  clips: Clip[];
  read: Read | null;
  compare_url: string | null;
  /** Where this signed answer is corrected, while that is possible. */
  correct_url: string | null;
  worklist_url: string;
  next_url: string | null;
  active_seconds: number;
  /** A throw-away test read of a protocol that is not saved: what is sent with every call. */
  trial?: TrialGiven;
  /** The preview beside the protocol's form: where Esc leads, and nothing else leads anywhere. */
  leave?: () => void;
}

export interface TrialGiven {
  project: string;
  form: Record<string, string | string[]>;
  study: string | null;
  /** Beside the form: what cannot be saved yet is said, and no error. */
  preview?: boolean;
}

/** What one PATCH of a read carries; only what changed. */
export interface PatchBody {
  answers?: Partial<Omit<Answers, "findings" | "own">> & { findings?: Record<string, Finding>; own?: Record<string, OwnAnswer> };
  lesions?: Lesion[];
  frames?: WireFrame[];
  scales?: OwnScale[];
  clips?: ClipQuality[];
}

/** A patch on its way: the same `save_id` is sent again until the server has answered. */
export interface Patch {
  save_id: string;
  /** draft_no the patch was made on. */
  base: number;
  body: PatchBody;
  changes: number;
}
