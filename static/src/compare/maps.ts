/** What explains the model's key frame, laid over its pane: reconstruction, error of it, class activation. */
import { gettext, interpolate } from "../viewer/words.ts";
import type { Place, Prediction } from "./types.ts";

export const MAP_NAMES = ["reconstruction", "error", "activation"] as const;
export type MapName = (typeof MAP_NAMES)[number];

const WORDS: Record<MapName, () => string> = {
  reconstruction: () => gettext("reconstruction by the autoencoder"),
  error: () => gettext("reconstruction error, darkest from 35 % of the grey range"),
  activation: () => gettext("what speaks for complex, darkest where most"),
};

/** Fetches a PNG of the picture's size. */
export type Fetched = (url: string) => Promise<ImageBitmap>;

async function fetched(url: string): Promise<ImageBitmap> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return createImageBitmap(await response.blob());
}

/** Which map is on, if any. Maps exist for one frame only; every other frame shows its picture alone. */
export class Maps {
  private readonly images = new Map<MapName, ImageBitmap | Error>();
  private readonly waiting = new Map<MapName, Promise<void>>();
  private readonly urls: Record<string, string>;
  private readonly get: Fetched;
  readonly place: Place | null;
  on: MapName | null = null;

  constructor(prediction: Prediction | null, get: Fetched = fetched) {
    this.urls = prediction?.maps ?? {};
    this.get = get;
    const there = prediction?.maps && prediction.key_clip && prediction.key_frame !== null;
    this.place = there ? { clip: prediction.key_clip ?? "", frame: prediction.key_frame ?? 1, region: 1 } : null;
  }

  /** Original, reconstruction, error, activation, original. Without maps it stays at the original. */
  next(): MapName | null {
    const at = this.on === null ? -1 : MAP_NAMES.indexOf(this.on);
    this.on = this.place ? (MAP_NAMES[at + 1] ?? null) : null;
    return this.on;
  }

  /** Fetch the map that is on, once; a failure is kept and told by `words`. */
  load(): Promise<void> {
    const name = this.on;
    const url = name === null ? undefined : this.urls[name];
    if (name === null || url === undefined) return Promise.resolve();
    const known = this.waiting.get(name);
    if (known) return known;
    const begun = this.get(url).then(
      (image) => void this.images.set(name, image),
      (error: unknown) => void this.images.set(name, error instanceof Error ? error : new Error(String(error))),
    );
    this.waiting.set(name, begun);
    return begun;
  }

  /** The picture to lay over a frame, or null. */
  cover(clip: string, frame: number): ImageBitmap | null {
    if (this.on === null || !this.isAt(clip, frame)) return null;
    const image = this.images.get(this.on);
    return image instanceof Error ? null : (image ?? null);
  }

  /** What the pane says while a map is on; empty for the original. */
  words(clip: string, frame: number): string {
    if (this.on === null || !this.place) return "";
    if (!this.isAt(clip, frame)) return interpolate(gettext("maps exist for the model’s key frame %(frame)s only"), { frame: this.place.frame });
    const image = this.images.get(this.on);
    if (image instanceof Error) return interpolate(gettext("the map did not load: %(words)s"), { words: image.message });
    return image ? WORDS[this.on]() : gettext("map on its way");
  }

  private isAt(clip: string, frame: number): boolean {
    return this.place?.clip === clip && this.place.frame === frame;
  }
}
