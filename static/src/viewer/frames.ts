/**
 * FrameStore: the frames of one clip.
 *
 * The cine bundle streams in ("CINE" | u32 n | n × (u32 length | bytes), little endian); every frame is kept compressed
 * as a Blob and decoded on demand and ahead, within a byte budget, so that a loop that fits is held whole.
 *
 *   store.load()        start the stream (once); first(frame) paints before it through the single-frame address
 *   store.peek(frame)   the decoded picture or undefined; store.want(frame) a promise of it
 *   store.focus(frame)  where the reader is: decode-ahead starts there
 *   store.rest()        close all pictures (clip left); store.dispose() end of use
 */

import { fetchPicture, takeEarly } from "./early.ts";

const MAGIC = "CINE";

/** Takes the bundle in chunks of any size and gives out whole frames. */
export class CineParser {
  /** Frames the bundle announces; null until the header has arrived. */
  count: number | null = null;
  private buffer = new Uint8Array(1 << 16);
  private filled = 0;
  private given = 0;

  /** Frames that became complete with this chunk. Throws when the bundle is not one. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer>[] {
    this.append(chunk);
    const view = new DataView(this.buffer.buffer);
    let at = 0;
    if (this.count === null) {
      if (this.filled < 8) return [];
      const magic = String.fromCharCode(...this.buffer.subarray(0, 4));
      if (magic !== MAGIC) throw new Error(`not a cine bundle: it begins with ${JSON.stringify(magic)}`);
      this.count = view.getUint32(4, true);
      at = 8;
    }
    const frames: Uint8Array<ArrayBuffer>[] = [];
    while (this.given < this.count && this.filled - at >= 4) {
      const length = view.getUint32(at, true);
      if (this.filled - at - 4 < length) break;
      frames.push(this.buffer.slice(at + 4, at + 4 + length));
      this.given++;
      at += 4 + length;
    }
    this.buffer.copyWithin(0, at, this.filled);
    this.filled -= at;
    return frames;
  }

  get complete(): boolean {
    return this.count !== null && this.given === this.count;
  }

  private append(chunk: Uint8Array): void {
    const need = this.filled + chunk.length;
    if (need > this.buffer.length) {
      const grown = new Uint8Array(Math.max(need, this.buffer.length * 2));
      grown.set(this.buffer.subarray(0, this.filled));
      this.buffer = grown;
    }
    this.buffer.set(chunk, this.filled);
    this.filled = need;
  }
}

export interface FrameStoreOptions {
  frames: number;
  rows: number;
  cols: number;
  cineUrl: string;
  /** Address of one frame with `{n}` for its number. */
  frameUrl: string;
  /** Bytes of decoded pictures to hold; 256 MiB unless told. */
  budget?: number;
}

type Event = { kind: "frame" | "broken"; frame: number } | { kind: "progress"; received: number } | { kind: "failed"; error: Error };

export class FrameStore {
  readonly frames: number;
  readonly rows: number;
  readonly cols: number;
  private readonly options: FrameStoreOptions;
  private readonly blobs = new Map<number, Blob>();
  private readonly pictures = new Map<number, ImageBitmap>();
  private readonly decoding = new Map<number, Promise<ImageBitmap | undefined>>();
  private readonly singles = new Map<number, Promise<void>>();
  private readonly waiting = new Map<number, (() => void)[]>();
  private readonly broken = new Set<number>();
  private readonly listeners = new Set<(event: Event) => void>();
  private readonly abort = new AbortController();
  private readonly capacity: number;
  private loading: Promise<void> | null = null;
  private failed = false;
  private streamed = 0;
  private at = 1;
  private awake = true;

  constructor(options: FrameStoreOptions) {
    this.options = options;
    this.frames = options.frames;
    this.rows = options.rows;
    this.cols = options.cols;
    const bytes = Math.max(1, options.rows * options.cols * 4);
    this.capacity = Math.max(4, Math.floor((options.budget ?? 256 * 1024 * 1024) / bytes));
  }

  on(listener: (event: Event) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Frames of the stream that have arrived, still compressed or not. */
  get received(): number {
    return this.blobs.size;
  }

  isBroken(frame: number): boolean {
    return this.broken.has(frame);
  }

  load(): Promise<void> {
    this.loading ??= this.stream().catch((error: unknown) => {
      if (this.abort.signal.aborted) return;
      this.failed = true;
      this.emit({ kind: "failed", error: error instanceof Error ? error : new Error(String(error)) });
      for (const waiters of this.waiting.values()) for (const go of waiters) go();
      this.waiting.clear();
    });
    return this.loading;
  }

  peek(frame: number): ImageBitmap | undefined {
    const picture = this.pictures.get(frame);
    if (picture) {
      this.pictures.delete(frame);
      this.pictures.set(frame, picture);
    }
    return picture;
  }

  /** Fetch one frame by its own address, so that it paints before the stream reaches it. */
  async first(frame: number): Promise<ImageBitmap | undefined> {
    if (!this.blobs.has(frame)) await this.single(frame);
    return this.decode(frame);
  }

  async want(frame: number): Promise<ImageBitmap | undefined> {
    this.awake = true;
    const picture = this.peek(frame);
    if (picture) return picture;
    if (!this.blobs.has(frame)) {
      if (this.loading && !this.failed) await this.arrival(frame);
      if (!this.blobs.has(frame)) await this.single(frame);
    }
    return this.decode(frame);
  }

  /** The reader is here: decode from this frame on, round the loop. */
  focus(frame: number): void {
    this.at = frame;
    this.awake = true;
    this.pump();
  }

  rest(): void {
    this.awake = false;
    for (const picture of this.pictures.values()) picture.close();
    this.pictures.clear();
  }

  dispose(): void {
    this.abort.abort();
    this.rest();
    this.blobs.clear();
    this.listeners.clear();
  }

  private async stream(): Promise<void> {
    const response = await fetch(this.options.cineUrl, { credentials: "same-origin", signal: this.abort.signal });
    if (!response.ok || !response.body) throw new Error(`${response.status} ${response.statusText}`.trim());
    const parser = new CineParser();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const bytes of parser.push(value)) this.arrived(++this.streamed, new Blob([bytes]));
      this.emit({ kind: "progress", received: this.blobs.size });
    }
    if (!parser.complete) throw new Error("the cine bundle ended too early");
  }

  private arrived(frame: number, blob: Blob): void {
    this.blobs.set(frame, blob);
    for (const go of this.waiting.get(frame) ?? []) go();
    this.waiting.delete(frame);
    this.pump();
  }

  private arrival(frame: number): Promise<void> {
    return new Promise((resolve) => this.waiting.set(frame, [...(this.waiting.get(frame) ?? []), resolve]));
  }

  private single(frame: number): Promise<void> {
    let running = this.singles.get(frame);
    if (!running) {
      running = this.fetchOne(frame).finally(() => this.singles.delete(frame));
      this.singles.set(frame, running);
    }
    return running;
  }

  private async fetchOne(frame: number): Promise<void> {
    try {
      const url = this.options.frameUrl.replace("{n}", String(frame));
      const blob = await (takeEarly(url) ?? fetchPicture(url, this.abort.signal));
      if (!this.blobs.has(frame)) this.arrived(frame, blob);
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.emit({ kind: "failed", error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  private decode(frame: number): Promise<ImageBitmap | undefined> {
    const ready = this.peek(frame);
    if (ready) return Promise.resolve(ready);
    let running = this.decoding.get(frame);
    if (!running) {
      running = this.decodeOne(frame).finally(() => {
        this.decoding.delete(frame);
        this.pump();
      });
      this.decoding.set(frame, running);
    }
    return running;
  }

  private async decodeOne(frame: number): Promise<ImageBitmap | undefined> {
    const blob = this.blobs.get(frame);
    if (!blob || this.broken.has(frame)) return undefined;
    let picture: ImageBitmap;
    try {
      picture = await createImageBitmap(blob);
    } catch {
      this.broken.add(frame);
      this.emit({ kind: "broken", frame });
      return undefined;
    }
    if (!this.awake || this.abort.signal.aborted) {
      picture.close();
      return undefined;
    }
    this.pictures.set(frame, picture);
    this.evict(frame);
    this.emit({ kind: "frame", frame });
    return picture;
  }

  private evict(keep: number): void {
    for (const [frame, picture] of this.pictures) {
      if (this.pictures.size <= this.capacity) return;
      if (frame === keep || frame === this.at) continue;
      picture.close();
      this.pictures.delete(frame);
    }
  }

  /** Keep two decodes running on the next frames that have arrived and fit the budget. */
  private pump(): void {
    if (!this.awake) return;
    const reach = Math.min(this.frames, this.capacity - 1);
    for (let i = 0; i < reach && this.decoding.size < 2; i++) {
      const frame = ((this.at - 1 + i) % this.frames) + 1;
      if (this.pictures.has(frame) || this.decoding.has(frame) || this.broken.has(frame) || !this.blobs.has(frame)) continue;
      void this.decode(frame);
    }
  }

  private emit(event: Event): void {
    for (const listener of this.listeners) listener(event);
  }
}
