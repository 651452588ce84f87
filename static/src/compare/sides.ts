/** What stands left and right, and the further reads: their marks, and how their lines look. */
import { BOTH, MODEL, PHYSICIAN, STYLES, type LayerStyle, type MaskLayer } from "../viewer/paint.ts";
import type { Clip } from "../viewer/types.ts";
import { ModelLayer, ReaderLayer } from "./layers.ts";
import type { Compare, Prediction, Read, SideDocument } from "./types.ts";

/**
 * Thin lines of further reads: four lightnesses and hues that stay apart for every kind of colour vision and from orange and
 * cyan, and four dashes, so that they differ in grey print too.
 */
export const FURTHER: readonly LayerStyle[] = [
  { colour: "#ffffff", dash: [8, 3], width: 1.25 },
  { colour: "#f2e85c", dash: [2, 3], width: 1.25 },
  { colour: "#c58bff", dash: [9, 3, 2, 3], width: 1.25 },
  { colour: "#7fe08a", dash: [14, 4], width: 1.25 },
];

/** Two of one kind: the right one keeps its colour and takes another line. */
const SECOND: Record<string, LayerStyle> = {
  [PHYSICIAN]: { colour: PHYSICIAN, dash: [10, 3, 2, 3], width: 2 },
  [MODEL]: { colour: MODEL, dash: [2, 3], width: 2 },
};

export function sideStyles(left: Pick<SideDocument, "role">, right: Pick<SideDocument, "role">): [LayerStyle, LayerStyle] {
  const [first, second] = [styleOf(left.role || "physician"), styleOf(right.role || "model")];
  return [first, first.colour === second.colour ? (SECOND[second.colour] ?? second) : second];
}

/** A reference shows marks only where a physician's read was taken. */
function styleOf(role: string): LayerStyle {
  return role === "model" ? STYLES.model : STYLES.physician;
}

/** The colour a role has in words and glyphs; a reference is nobody's. */
export function roleColour(role: string): string {
  return role === "model" ? MODEL : role === "physician" ? PHYSICIAN : BOTH;
}

export function readDocument(data: Compare, id: string | null): Read | null {
  return [data.read, ...data.further_reads].find((row) => row?.id === id) ?? null;
}

export function predictionDocument(data: Compare, id: string | null): Prediction | null {
  return [data.prediction, ...data.further_predictions].find((row) => row?.id === id) ?? null;
}

/** One side of one clip. */
export class SideLayer implements MaskLayer {
  readonly reader: ReaderLayer;
  readonly model: ModelLayer;
  readonly isModel: boolean;
  readonly style: LayerStyle;

  constructor(data: Compare, side: SideDocument, clip: Clip, style: LayerStyle) {
    this.reader = new ReaderLayer(clip, readDocument(data, side.read));
    this.model = new ModelLayer(clip, predictionDocument(data, side.prediction));
    this.isModel = side.prediction !== null;
    this.style = style;
  }

  /** Whether plaque is painted on a frame, without drawing the map. */
  has(frame: number): boolean {
    return this.isModel ? this.model.has(frame) : this.reader.has(frame);
  }

  load(): Promise<void> {
    return this.model.load();
  }

  labels(frame: number): Uint8Array | null {
    return this.isModel ? this.model.labels(frame) : this.reader.labels(frame);
  }

  /** Frames that were marked; a model marked every frame, so none stands out. */
  get marked(): number[] {
    return this.isModel ? [] : this.reader.marked;
  }
}

/** A further read as a thin line; it can be switched off. */
export class FurtherLayer implements MaskLayer {
  readonly style: LayerStyle;
  private readonly reader: ReaderLayer;
  private readonly on: () => boolean;

  constructor(read: Read, clip: Clip, style: LayerStyle, on: () => boolean) {
    this.reader = new ReaderLayer(clip, read);
    this.style = style;
    this.on = on;
  }

  labels(frame: number): Uint8Array | null {
    return this.on() ? this.reader.labels(frame) : null;
  }
}
