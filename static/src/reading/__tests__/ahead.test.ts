import { describe, expect, it } from "vitest";
import { Ahead, mbpsOf, planned, spared, type AheadClip, type Line } from "../ahead.ts";

const clip = (name: string, bytes: number): AheadClip => ({ cine_url: `/${name}/cine/`, frame_url: `/${name}/frames/%7Bn%7D/`, bytes });

describe("what is fetched ahead", () => {
  it("is every first picture, then loops while they fit", () => {
    expect(planned([clip("a", 60), clip("b", 50), clip("c", 1)], 100)).toEqual(["/a/frames/1/", "/b/frames/1/", "/c/frames/1/", "/a/cine/"]);
  });

  it.each<[Line, boolean]>([
    [{}, false],
    [{ effectiveType: "4g", mbps: 10 }, false],
    [{ effectiveType: "4g", saveData: true }, true],
    [{ effectiveType: "3g" }, true],
    [{ type: "cellular", effectiveType: "4g" }, true],
    [{ effectiveType: "4g", mbps: 1.4 }, true],
  ])("is nothing on a line to be spared: %o", (line, wanted) => {
    expect(spared(line)).toBe(wanted);
  });
});

describe("the line", () => {
  const took = (name: string, transferSize: number, ms: number) => ({ name, transferSize, requestStart: 100, responseEnd: 100 + ms });

  it("is as fast as this case's largest loop came, whatever came out of the browser's store", () => {
    const entries = [took("/a/cine/", 1_000_000, 2000), took("/b/cine/", 300_000, 10), took("/c/cine/", 0, 1), took("/app.js", 5_000_000, 1)];
    expect(mbpsOf(entries)).toBe(4);
    expect(mbpsOf([took("/a/cine/", 20_000, 900)])).toBeUndefined();
  });
});

describe("fetching ahead", () => {
  class Hand {
    readonly asked: string[] = [];
    readonly open: { url: string; done: () => void }[] = [];
    lists = 0;
    readonly ahead: Ahead;

    constructor(line: Line = {}) {
      this.ahead = new Ahead({
        list: () => (this.lists++, Promise.resolve([clip("a", 1), clip("b", 1)])),
        fetch: (url, signal) =>
          new Promise((resolve, reject) => {
            this.asked.push(url);
            this.open.push({ url, done: resolve });
            signal.addEventListener("abort", () => reject(new Error("stopped")));
          }),
        line: () => line,
      });
    }

    async settle(): Promise<void> {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
  }

  it("goes one by one, stops for the reader and goes on where it stopped", async () => {
    const hand = new Hand();
    void hand.ahead.free();
    await hand.settle();
    hand.open[0]?.done();
    await hand.settle();
    expect(hand.asked).toEqual(["/a/frames/1/", "/b/frames/1/"]);
    hand.ahead.taken();
    await hand.settle();
    void hand.ahead.free();
    await hand.settle();
    expect(hand.asked).toEqual(["/a/frames/1/", "/b/frames/1/", "/b/frames/1/"]);
    expect(hand.lists).toBe(1);
  });

  it("leaves an address that was stopped again and again", async () => {
    const hand = new Hand();
    for (let i = 0; i < 4; i++) {
      void hand.ahead.free();
      await hand.settle();
      hand.ahead.taken();
      await hand.settle();
    }
    expect(hand.asked).toEqual(["/a/frames/1/", "/a/frames/1/", "/a/frames/1/", "/b/frames/1/"]);
  });

  it("asks for nothing on a line to be spared", async () => {
    const hand = new Hand({ saveData: true });
    await hand.ahead.free();
    expect(hand.lists).toBe(0);
  });
});
