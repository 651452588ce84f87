import { describe, expect, it } from "vitest";
import { CineParser } from "../frames.ts";

function bundle(...frames: number[][]): Uint8Array {
  const size = 8 + frames.reduce((sum, frame) => sum + 4 + frame.length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set([67, 73, 78, 69]);
  view.setUint32(4, frames.length, true);
  let at = 8;
  for (const frame of frames) {
    view.setUint32(at, frame.length, true);
    bytes.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return bytes;
}

function parse(bytes: Uint8Array, step: number): { frames: number[][]; parser: CineParser } {
  const parser = new CineParser();
  const frames: number[][] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const frame of parser.push(bytes.subarray(at, at + step))) frames.push([...frame]);
  }
  return { frames, parser };
}

describe("cine bundle", () => {
  const frames = [[1, 2, 3], [], [4, 5, 6, 7, 8, 9], [255]];

  it.each([1, 2, 3, 5, 7, 11, 1000])("gives the same frames in chunks of %i bytes", (step) => {
    const { frames: got, parser } = parse(bundle(...frames), step);
    expect(got).toEqual(frames);
    expect(parser.complete).toBe(true);
    expect(parser.count).toBe(4);
  });

  it("takes a first chunk larger than its start buffer", () => {
    const big = Array.from({ length: 200_000 }, (_, i) => i % 251);
    const { frames: got } = parse(bundle(big, big), 150_000);
    expect(got.map((frame) => frame.length)).toEqual([200_000, 200_000]);
    expect(got[1]).toEqual(big);
  });

  it("is not complete when the stream ends early", () => {
    const bytes = bundle(...frames);
    expect(parse(bytes.subarray(0, bytes.length - 1), 4).parser.complete).toBe(false);
  });

  it("refuses what is not a bundle", () => {
    expect(() => new CineParser().push(new TextEncoder().encode("<!doctype html>"))).toThrow(/not a cine bundle/);
  });
});
