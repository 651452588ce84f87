import { afterEach, describe, expect, it, vi } from "vitest";
import type { Clip } from "../../viewer/types.ts";
import { ModelLayer, ReaderLayer } from "../layers.ts";
import type { Prediction, Read, ReadFrame } from "../types.ts";

const clip = { id: "c", rows: 2, columns: 3 } as Clip;
const frame = (change: Partial<ReadFrame>): ReadFrame => ({
  clip: "c", frame: 1, region: 1, extent: null, outline: null, calipers: [], masks: {}, ...change,
});
const read = (...frames: ReadFrame[]): Read => ({ id: "r", reader: "A", lesions: [], frames, thickness_mm: null, thickness_px: null });
const mask = (...rle: number[]) => ({ size: [2, 3] as [number, number], rle });

describe("the reader's layer", () => {
  it("is empty of knowledge where nothing was said", () => {
    const layer = new ReaderLayer(clip, read(frame({ masks: { "1": mask(0, 1, 5) } })));
    expect(layer.labels(2)).toBeNull();
    expect(layer.extent(2)).toBeNull();
    expect(layer.marked).toEqual([1]);
  });

  it("tells whether anything is painted without drawing it", () => {
    const layer = new ReaderLayer(clip, read(frame({ masks: { "1": mask(0, 1, 5) } }), frame({ frame: 2, masks: { "1": mask(6) } }), frame({ frame: 3 })));
    expect([1, 2, 3, 4].map((at) => layer.has(at))).toEqual([true, false, false, false]);
  });

  it("joins two regions of one frame and leaves other clips out", () => {
    const layer = new ReaderLayer(
      clip,
      read(
        frame({ masks: { "1": mask(0, 1, 5) } }),
        frame({ region: 2, extent: "all_marked", masks: { "2": mask(5, 1) } }),
        frame({ clip: "other", masks: { "1": mask(0, 6) } }),
      ),
    );
    expect([...(layer.labels(1) ?? [])]).toEqual([1, 0, 0, 0, 0, 2]);
    expect(layer.extent(1)).toBe("all_marked");
  });
});

describe("the model's layer", () => {
  const prediction = (masks_url: string | null, no_result_reason = ""): Prediction =>
    ({ clips: [{ clip: "c", region: 1, key_frame: 1, masks_url, no_result_reason }] }) as unknown as Prediction;

  afterEach(() => vi.unstubAllGlobals());

  it("knows nothing on a clip without masks or without a result", () => {
    expect(new ModelLayer(clip, null).exists).toBe(false);
    expect(new ModelLayer(clip, prediction(null)).exists).toBe(false);
    expect(new ModelLayer(clip, prediction("/m", "no aorta")).exists).toBe(false);
  });

  it("fetches once and reads plaque by frame; an empty list is no plaque", async () => {
    const answer = { size: [2, 3], frames: { "1": { plaque: [1, 2, 3] }, "2": { plaque: [] } } };
    const fetched = vi.fn(() => Promise.resolve(new Response(JSON.stringify(answer))));
    vi.stubGlobal("fetch", fetched);
    const layer = new ModelLayer(clip, prediction("/m"));
    expect(layer.labels(1)).toBeNull();
    await Promise.all([layer.load(), layer.load()]);
    expect(fetched).toHaveBeenCalledTimes(1);
    expect([...(layer.labels(1) ?? [])]).toEqual([0, 1, 1, 0, 0, 0]);
    expect(layer.labels(2)).toBeNull();
  });
});
