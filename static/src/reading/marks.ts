/**
 * Marks: what is drawn and said on frames, by clip, frame and region. A biplane picture has two regions with a scale and
 * an answer each; its masks are one label map on screen and are parted by region on their way to the server.
 */
import { encodeRle, isStrip, regionAt, type Clip, type MaskStore, type Point, type Rle } from "../viewer/index.ts";
import type { Caliper, FrameMarks, WireFrame } from "./types.ts";
import { isBare, keyOf, marksOf } from "./wire.ts";

/** Pixels by lesion, by region. */
type Counts = ReadonlyMap<number, ReadonlyMap<number, number>>;

export class Marks {
  /** Keys of what changed since it was last sent. */
  readonly dirty = new Set<string>();
  private readonly clips: ReadonlyMap<string, Clip>;
  private readonly stores: ReadonlyMap<string, MaskStore>;
  private readonly all = new Map<string, FrameMarks>();
  private readonly inHand = new Map<string, number>();
  private readonly owners = new Map<string, Uint8Array | null>();
  private readonly counted = new Map<string, { version: number; counts: Counts }>();

  constructor(clips: readonly Clip[], stores: ReadonlyMap<string, MaskStore>) {
    this.clips = new Map(clips.map((clip) => [clip.id, clip]));
    this.stores = stores;
  }

  // ---- regions

  /** Numbers of the regions that show tissue; a clip without any counts as one. */
  regions(clip: string): number[] {
    const numbers = this.clips.get(clip)?.regions.filter((region) => !isStrip(region)).map((region) => region.number) ?? [];
    return numbers.length ? numbers : [1];
  }

  /** The region that keys and answers are for: the one last pointed at, else the first. */
  region(clip: string): number {
    return this.inHand.get(clip) ?? this.regions(clip)[0] ?? 1;
  }

  /** The pointer went down there. True when another region is in hand now. */
  pointAt(clip: Clip, point: Point): boolean {
    const before = this.region(clip.id);
    this.inHand.set(clip.id, regionAt(clip.regions, point)?.number ?? before);
    return this.region(clip.id) !== before;
  }

  choose(clip: string, region: number): void {
    if (this.regions(clip).includes(region)) this.inHand.set(clip, region);
  }

  /** The region a point lies in; between regions, the first. */
  at(clip: Clip, point: Point): number {
    return regionAt(clip.regions, point)?.number ?? this.regions(clip.id)[0] ?? 1;
  }

  // ---- marks

  get(clip: string, frame: number, region = this.region(clip)): FrameMarks | undefined {
    return this.all.get(keyOf(clip, frame, region));
  }

  /** Of all regions of a frame. */
  on(clip: string, frame: number): FrameMarks[] {
    return this.regions(clip).flatMap((region) => this.get(clip, frame, region) ?? []);
  }

  of(clip: string): FrameMarks[] {
    return [...this.all.values()].filter((marks) => marks.clip === clip);
  }

  ensure(clip: string, frame: number, region: number): FrameMarks {
    const key = keyOf(clip, frame, region);
    let marks = this.all.get(key);
    if (!marks) {
      marks = { clip, frame, region, extent: null, outline: null, calipers: [], sources: {} };
      this.all.set(key, marks);
    }
    return marks;
  }

  /** Change what stands on a region of a frame; it goes with the next save. */
  change(clip: string, frame: number, region: number, change: Partial<FrameMarks>): void {
    Object.assign(this.ensure(clip, frame, region), change);
    this.dirty.add(keyOf(clip, frame, region));
  }

  calipers(clip: string, frame: number): Caliper[] {
    return this.on(clip, frame).flatMap((marks) => marks.calipers);
  }

  /** Put all calipers of a frame, each with the region it lies in. */
  putCalipers(clip: Clip, frame: number, calipers: readonly Caliper[]): void {
    for (const region of this.regions(clip.id)) {
      const here = calipers.filter((caliper) => this.at(clip, caliper.points[0]) === region);
      const before = this.get(clip.id, frame, region)?.calipers ?? [];
      if (here.length || before.length) this.change(clip.id, frame, region, { calipers: here });
    }
  }

  /** Regions of frames that hold something, in order. */
  held(clip: string): { marks: FrameMarks; painted: boolean }[] {
    const store = this.stores.get(clip);
    const frames = new Set([...(store?.frames() ?? []), ...this.of(clip).map((marks) => marks.frame)]);
    return [...frames]
      .sort((a, b) => a - b)
      .flatMap((frame) =>
        this.regions(clip).flatMap((region) => {
          const marks = this.get(clip, frame, region) ?? { clip, frame, region, extent: null, outline: null, calipers: [], sources: {} };
          const painted = this.labels(clip, frame, region).length > 0;
          return painted || !isBare(marks) ? [{ marks, painted }] : [];
        }),
      );
  }

  // ---- masks by region

  labels(clip: string, frame: number, region: number): number[] {
    return [...(this.counts(clip, frame).get(region)?.keys() ?? [])].sort((a, b) => a - b);
  }

  counts(clip: string, frame: number): Counts {
    const store = this.stores.get(clip);
    const version = store?.version(frame) ?? 0;
    const key = `${clip}/${frame}`;
    const known = this.counted.get(key);
    if (known?.version === version) return known.counts;
    const counts = this.count(clip, frame);
    this.counted.set(key, { version, counts });
    return counts;
  }

  private count(clip: string, frame: number): Counts {
    const store = this.stores.get(clip);
    const owner = this.owner(clip);
    if (!store) return new Map();
    if (!owner) return new Map([[this.regions(clip)[0] ?? 1, new Map(store.labelsOn(frame).map((label) => [label, store.area(frame, label)]))]]);
    const counts = new Map<number, Map<number, number>>();
    store.labels(frame)?.forEach((label, i) => {
      if (!label) return;
      const region = owner[i] ?? 0;
      let here = counts.get(region);
      if (!here) counts.set(region, (here = new Map()));
      here.set(label, (here.get(label) ?? 0) + 1);
    });
    return counts;
  }

  /** The region of every pixel; null where there is only one. Pixels between regions belong to the first. */
  private owner(clip: string): Uint8Array | null {
    const known = this.owners.get(clip);
    if (known !== undefined) return known;
    const { rows = 0, columns = 0, regions = [] } = this.clips.get(clip) ?? {};
    const numbers = this.regions(clip);
    let map: Uint8Array | null = null;
    if (numbers.length > 1) {
      map = new Uint8Array(rows * columns).fill(numbers[0] ?? 1);
      for (const region of [...regions].reverse()) {
        if (isStrip(region)) continue;
        for (let y = region.y0; y <= Math.min(rows - 1, region.y1); y++) map.fill(region.number, y * columns + region.x0, y * columns + Math.min(columns - 1, region.x1) + 1);
      }
    }
    this.owners.set(clip, map);
    return map;
  }

  // ---- to and from the wire

  clear(): void {
    for (const { clip, frame } of this.all.values()) this.stores.get(clip)?.load(frame, {});
    this.all.clear();
  }

  put(frame: WireFrame): void {
    this.all.set(keyOf(frame.clip, frame.frame, frame.region), structuredClone(marksOf(frame)));
    const store = this.stores.get(frame.clip);
    if (!frame.masks || !store) return;
    const owner = this.owner(frame.clip);
    store.load(frame.frame, frame.masks, owner ? (index) => owner[index] !== frame.region : undefined);
  }

  /** Masks that changed since the last call are to be sent, in every region they touch. */
  collect(): void {
    for (const [clip, store] of this.stores) {
      for (const frame of store.takeDirty()) {
        const regions = this.regions(clip);
        const touched = regions.filter((region) => this.labels(clip, frame, region).length > 0 || this.get(clip, frame, region));
        for (const region of touched.length ? touched : regions.slice(0, 1)) this.change(clip, frame, region, {});
      }
    }
  }

  /** All that changed, as the server takes it. */
  take(): WireFrame[] {
    this.collect();
    const frames = [...this.dirty].flatMap((key) => this.wire(key));
    this.dirty.clear();
    return frames;
  }

  private wire(key: string): WireFrame[] {
    const marks = this.all.get(key);
    if (!marks) return [];
    const calipers = marks.calipers.map(({ id, kind, lesion, points }) => ({ id, kind, lesion, points }));
    const masks = this.masks(marks);
    const sources: FrameMarks["sources"] = {};
    for (const label of Object.keys(masks)) sources[label] = marks.sources[label] ?? "drawn";
    return [{ ...marks, calipers, masks, sources }];
  }

  private masks({ clip, frame, region }: FrameMarks): Record<string, Rle> {
    const store = this.stores.get(clip);
    const owner = this.owner(clip);
    const map = store?.labels(frame);
    if (!store || !owner || !map) return store?.masks(frame) ?? {};
    const own = map.map((label, i) => (owner[i] === region ? label : 0));
    const size: [number, number] = [store.rows, store.cols];
    return Object.fromEntries(this.labels(clip, frame, region).map((label) => [String(label), { size, rle: encodeRle(own, label) }]));
  }
}
