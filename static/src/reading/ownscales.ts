/** The scales that a reader set by hand in this read: lines of known length by clip and region, put into the clips' regions. */
import { hasScale, measure } from "../viewer/calibration.ts";
import { withScales, type Clip, type Region, type ScaleLine } from "../viewer/index.ts";
import type { Draft } from "./draft.ts";
import type { Caliper, OwnScale } from "./types.ts";

export class OwnScales {
  private readonly lines = new Map<string, Map<number, ScaleLine[]>>();
  private readonly files = new Map<string, readonly Region[]>();
  private readonly changed = new Map<string, { clip: string; region: number }>();

  constructor(clips: readonly Clip[]) {
    for (const clip of clips) this.files.set(clip.id, clip.regions);
  }

  /** Forget everything and take what the server holds. */
  load(scales: readonly OwnScale[]): void {
    this.lines.clear();
    this.lay(scales);
    this.changed.clear();
  }

  /** Put these over what is here. */
  lay(scales: readonly OwnScale[]): void {
    for (const { clip, region, lines } of scales) this.of(clip).set(region, lines.map(({ points, mm }) => ({ points, mm })));
  }

  get(clip: string, region: number): ScaleLine[] {
    return this.of(clip).get(region) ?? [];
  }

  /** Set one, to be saved; no line takes it back. */
  set(clip: Clip, region: number, lines: ScaleLine[]): void {
    this.of(clip.id).set(region, lines);
    this.changed.set(`${clip.id}/${region}`, { clip: clip.id, region });
    this.apply(clip);
  }

  /** The clip's regions, as the file has them, with the scales in them. */
  apply(clip: Clip): void {
    clip.regions = withScales(this.files.get(clip.id) ?? clip.regions, this.of(clip.id));
  }

  /** What was set since the last take. */
  take(): OwnScale[] {
    const taken = [...this.changed.values()].map(({ clip, region }) => ({ clip, region, lines: this.get(clip, region) }));
    this.changed.clear();
    return taken;
  }

  private of(clip: string): Map<number, ScaleLine[]> {
    let lines = this.lines.get(clip);
    if (!lines) this.lines.set(clip, (lines = new Map()));
    return lines;
  }
}

/** The caliper with the length shown until the server has computed the stored one. */
export function withLength(clip: Clip, { id, kind, lesion, points }: Caliper): Caliper {
  const { mm, px, why, manual } = measure(clip.regions, points[0], points[1]);
  return { id, kind, lesion, points, mm, px, why_no_mm: why, ...(manual ? { scale: "manual" } : {}) };
}

export interface Area {
  px: number;
  mm2: number | null;
  manual: boolean;
}

/** Area of a lesion on a frame by the scales of the regions it lies in, for display; the server computes the stored one. */
export function areaOf(draft: Draft, clip: Clip, frame: number, number: number): Area {
  const out: Area = { px: 0, mm2: 0, manual: false };
  for (const [at, labels] of draft.marks.counts(clip.id, frame)) {
    const px = labels.get(number) ?? 0;
    if (!px) continue;
    const region = clip.regions.find((one) => one.number === at);
    const cell = region && hasScale(region) ? (region.row_mm ?? 0) * (region.col_mm ?? 0) : null;
    out.px += px;
    out.mm2 = cell === null || out.mm2 === null ? null : out.mm2 + px * cell;
    out.manual ||= region?.source === "manual";
  }
  return out;
}
