import { describe, expect, it, vi } from "vitest";
import { MAP_NAMES, Maps } from "../maps.ts";
import type { Prediction } from "../types.ts";

const urls = Object.fromEntries(MAP_NAMES.map((name) => [name, `/maps/${name}/`]));
const prediction = (maps: Record<string, string> | null, key_frame: number | null = 4): Prediction =>
  ({ maps, key_clip: "c", key_frame, clips: [] }) as unknown as Prediction;
const image = {} as ImageBitmap;

describe("the maps of a key frame", () => {
  it("go round from the original and back to it", () => {
    const maps = new Maps(prediction(urls), vi.fn());
    expect([maps.next(), maps.next(), maps.next(), maps.next()]).toEqual([...MAP_NAMES, null]);
  });

  it("stay at the original where the prediction has none, or is hidden", () => {
    for (const row of [null, prediction(null), prediction(urls, null)]) {
      const maps = new Maps(row, vi.fn());
      expect(maps.place).toBeNull();
      expect(maps.next()).toBeNull();
      expect(maps.words("c", 4)).toBe("");
    }
  });

  it("are fetched when they are asked for, once each", async () => {
    const get = vi.fn().mockResolvedValue(image);
    const maps = new Maps(prediction(urls), get);
    await maps.load();
    expect(get).not.toHaveBeenCalled();
    maps.next();
    await Promise.all([maps.load(), maps.load()]);
    expect(get.mock.calls).toEqual([["/maps/reconstruction/"]]);
  });

  it("cover their own frame and no other", async () => {
    const maps = new Maps(prediction(urls), () => Promise.resolve(image));
    maps.next();
    expect(maps.cover("c", 4)).toBeNull();
    expect(maps.words("c", 4)).toContain("on its way");
    await maps.load();
    expect(maps.cover("c", 4)).toBe(image);
    expect(maps.cover("c", 5)).toBeNull();
    expect(maps.cover("other", 4)).toBeNull();
    expect(maps.words("c", 5)).toContain("4");
  });

  it("say so when they do not load", async () => {
    const maps = new Maps(prediction(urls), () => Promise.reject(new Error("404 Not Found")));
    maps.next();
    await maps.load();
    expect(maps.cover("c", 4)).toBeNull();
    expect(maps.words("c", 4)).toContain("404 Not Found");
  });
});
