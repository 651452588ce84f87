import { describe, expect, it } from "vitest";
import { decodeRle, encodeRle, labelsFromMasks } from "../rle.ts";

describe("rle", () => {
  it("begins with the run of zeros, also when the first pixel is set", () => {
    expect(encodeRle(Uint8Array.of(1, 1, 0, 1))).toEqual([0, 2, 1, 1]);
    expect(encodeRle(Uint8Array.of(0, 0, 0))).toEqual([3]);
  });

  it("takes one lesion out of a label map", () => {
    expect(encodeRle(Uint8Array.of(0, 1, 2, 2, 1), 2)).toEqual([2, 2, 1]);
  });

  it("round-trips any map", () => {
    const map = Uint8Array.from({ length: 997 }, (_, i) => ((i * 7919) % 13 < 5 ? 1 : 0));
    expect(decodeRle(encodeRle(map), new Uint8Array(map.length))).toEqual(map);
  });

  it("refuses runs that do not fill the picture", () => {
    expect(() => decodeRle([3, 2], new Uint8Array(6))).toThrow(/mask-rle.*5.*6/);
    expect(() => decodeRle([8, -2], new Uint8Array(6))).toThrow(/mask-rle/);
  });

  it("puts several masks into one label map and checks their size", () => {
    const masks = { "1": { size: [2, 2], rle: [0, 1, 3] }, "2": { size: [2, 2], rle: [3, 1] } } as const;
    const typed = structuredClone(masks) as unknown as Parameters<typeof labelsFromMasks>[0];
    expect([...labelsFromMasks(typed, 2, 2)]).toEqual([1, 0, 0, 2]);
    expect(() => labelsFromMasks(typed, 4, 1)).toThrow(/mask-size/);
  });
});
