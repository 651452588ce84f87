/** Masks of one clip as label maps: the reader's from the document, the model's fetched once per clip. */
import { decodeRle, labelsFromMasks } from "../viewer/rle.ts";
import type { MaskLayer } from "../viewer/viewport.ts";
import type { Clip } from "../viewer/types.ts";
import type { ClipPrediction, Extent, Read, ReadFrame } from "./types.ts";

/** What the reader marked on one clip. A frame without an annotation is unknown: null, never an empty map. */
export class ReaderLayer implements MaskLayer {
  private readonly frames = new Map<number, ReadFrame[]>();
  private readonly maps = new Map<number, Uint8Array | null>();
  private readonly clip: Clip;

  constructor(clip: Clip, read: Pick<Read, "frames"> | null) {
    this.clip = clip;
    for (const frame of read?.frames ?? []) {
      if (frame.clip === clip.id) this.frames.set(frame.frame, [...(this.frames.get(frame.frame) ?? []), frame]);
    }
  }

  /** Frames the reader said anything about. */
  get marked(): number[] {
    return [...this.frames.keys()].sort((a, b) => a - b);
  }

  at(frame: number): ReadFrame[] {
    return this.frames.get(frame) ?? [];
  }

  /** What the reader declared of a frame; null where nothing was said. */
  extent(frame: number): Extent | null {
    return this.at(frame).find((part) => part.extent)?.extent ?? null;
  }

  labels(frame: number): Uint8Array | null {
    const known = this.maps.get(frame);
    if (known !== undefined) return known;
    const map = this.decode(frame);
    this.maps.set(frame, map);
    return map;
  }

  /** Whether the reader painted plaque on a frame, without drawing the map. */
  has(frame: number): boolean {
    return this.at(frame).some((part) => Object.values(part.masks).some(({ rle }) => paints(rle)));
  }

  private decode(frame: number): Uint8Array | null {
    const parts = this.at(frame).filter((part) => Object.keys(part.masks).length > 0);
    if (parts.length === 0) return null;
    const whole = new Uint8Array(this.clip.rows * this.clip.columns);
    for (const part of parts) {
      const labels = labelsFromMasks(part.masks, this.clip.rows, this.clip.columns);
      for (let i = 0; i < whole.length; i++) if (labels[i]) whole[i] = labels[i] ?? 0;
    }
    return whole;
  }
}

/** Whether run lengths, zeros first, hold any painted pixel. */
function paints(runs: readonly number[]): boolean {
  return runs.some((run, i) => i % 2 === 1 && run > 0);
}

interface MaskDocument {
  size: [number, number];
  frames: Record<string, { plaque?: number[] }>;
}

/** The model's plaque on one clip. `load` fetches it; before that there is nothing to show. */
export class ModelLayer implements MaskLayer {
  private readonly documents: MaskDocument[] = [];
  private readonly maps = new Map<number, Uint8Array | null>();
  private readonly urls: string[];
  private loading: Promise<void> | null = null;
  ready = false;

  constructor(clip: Clip, prediction: { clips: Pick<ClipPrediction, "clip" | "masks_url" | "no_result_reason">[] } | null) {
    const parts = prediction?.clips.filter((part) => part.clip === clip.id) ?? [];
    this.urls = [...new Set(parts.flatMap((part) => (part.masks_url && !part.no_result_reason ? [part.masks_url] : [])))];
  }

  /** True when the model gave masks on this clip. */
  get exists(): boolean {
    return this.urls.length > 0;
  }

  load(): Promise<void> {
    this.loading ??= this.fetch();
    return this.loading;
  }

  labels(frame: number): Uint8Array | null {
    const known = this.maps.get(frame);
    if (known !== undefined) return known;
    if (!this.ready) return null;
    let map: Uint8Array | null = null;
    for (const { size, frames } of this.documents) {
      const runs = frames[String(frame)]?.plaque;
      if (!runs?.length) continue;
      map ??= new Uint8Array(size[0] * size[1]);
      decodeRle(runs, map);
    }
    this.maps.set(frame, map);
    return map;
  }

  /** Whether the model painted plaque on a frame, without drawing the map. */
  has(frame: number): boolean {
    const key = String(frame);
    return this.ready && this.documents.some(({ frames }) => paints(frames[key]?.plaque ?? []));
  }

  private async fetch(): Promise<void> {
    for (const url of this.urls) {
      const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
      this.documents.push((await response.json()) as MaskDocument);
    }
    this.ready = true;
  }
}
