/** The compare document of the API, as far as the page uses it. */
import type { Point } from "../viewer/geometry.ts";
import type { Rle } from "../viewer/rle.ts";
import type { Thread } from "./threads.ts";
import type { Clip } from "../viewer/types.ts";

export interface Place {
  clip: string;
  frame: number;
  /** 0: whichever is in view. */
  region: number;
}

export type Extent = "all_marked" | "index_only" | "no_plaque" | "unusable";

export interface Caliper {
  id: string;
  kind: string;
  lesion: number | null;
  points: [Point, Point];
  mm: number | null;
  px: number;
  why_no_mm?: string;
  /** Only where the physician set the scale by hand. */
  scale?: "manual";
}

export interface ReadFrame {
  clip: string;
  frame: number;
  region: number;
  extent: Extent | null;
  outline: Point[] | null;
  calipers: Caliper[];
  masks: Record<string, Rle>;
}

export interface Lesion {
  number: number;
  is_index: boolean;
  key_clip: string | null;
  key_frame: number | null;
  key_region: number | null;
}

export interface Read {
  id: string;
  reader: string;
  lesions: Lesion[];
  frames: ReadFrame[];
  thickness_mm: number | null;
  thickness_px: number | null;
}

export interface ClipPrediction {
  clip: string;
  region: number;
  key_frame: number | null;
  masks_url: string | null;
  no_result_reason: string;
  no_result_words: string;
}

export interface Prediction {
  id: string;
  pipeline: string;
  thickness_mm: number | null;
  thickness_px: number | null;
  key_clip: string | null;
  key_frame: number | null;
  chord: [Point, Point] | null;
  /** Addresses of the key frame's maps by name; null where there are none. */
  maps: Record<string, string> | null;
  no_result_words: string;
  clips: ClipPrediction[];
}

export interface CurvePoint {
  frame: number;
  area: number;
  extent: Extent | "";
}

export interface CurveSide {
  /** A model's area on every frame; empty for a read. */
  line: (number | null)[];
  dots: CurvePoint[];
}

export interface ClipCurve {
  region: number;
  /** "SAX", "LAX", "oblique", "unknown". */
  view: string;
  unit: "mm²" | "px";
  left: CurveSide;
  right: CurveSide;
}

export interface SideDocument {
  key: string;
  kind: "read" | "reference" | "pipeline" | "none";
  role: "physician" | "reference" | "model" | "";
  title: string;
  name: string;
  /** For the head of a column. */
  short: string;
  /** What it is called in a sentence: "model", or its name beside another model. */
  noun: string;
  key_place: Place | null;
  /** Which of the documents below hold its marks. */
  read: string | null;
  prediction: string | null;
}

export interface Reason {
  chosen: string | null;
  comment: string;
  may_note: boolean;
  choices: { key: string; label: string }[];
}

/** Only on the page of error review. */
export interface ErrorPart {
  user: string;
  case: string;
  project: string;
  pipeline: string;
  reasons: { key: string; label: string; cap: string }[];
  chosen: string[];
  note: string;
  review: string | null;
  next_url: string | null;
  previous_url: string | null;
}

export interface ModelState {
  state: string;
  live: boolean;
  words: string;
}

/** Whose lesions stand in pairs (null: there are no pairs), and whether the user may link them; the rows are on the page. */
export interface Lesions {
  left: { read: string | null; prediction: string | null } | null;
  right: { read: string | null; prediction: string | null } | null;
  may_link: boolean;
  /** Why nobody says here which lesions are the same; "" where somebody may. */
  why: string;
}

export interface Compare {
  lesions: Lesions;
  case: { id: string; number: number; of: number; state: string };
  clips: Clip[];
  left: SideDocument;
  right: SideDocument;
  /** Further reads, laid over both sides as thin lines. */
  more: string[];
  /** The choice as it stands in an address. */
  query: string;
  read: Read | null;
  further_reads: Read[];
  prediction: Prediction | null;
  further_predictions: Prediction[];
  model_hidden: boolean;
  model_state: ModelState | null;
  open_at: Place | null;
  model_key: Place | null;
  largest_difference: Place | null;
  /** By clip, one a region. */
  curve: Record<string, ClipCurve[]>;
  dice: { clip: string; frame: number; region: number; dice: number | null }[];
  /** Frames where both marked something comparable, the largest disagreement first. */
  differing: Place[];
  comments: Thread[];
  next_url: string | null;
  reason: Reason;
  errors?: ErrorPart;
}
