import { describe, expect, it } from "vitest";
import { Clock, frameAt, timeline, type Ticker } from "../cine.ts";

class HandClock implements Ticker {
  time = 0;
  private next: (() => void) | null = null;
  now(): number {
    return this.time;
  }
  request(callback: () => void): number {
    this.next = callback;
    return 1;
  }
  cancel(): void {
    this.next = null;
  }
  advance(ms: number): void {
    this.time += ms;
    const go = this.next;
    this.next = null;
    go?.();
  }
}

describe("timeline", () => {
  it("keeps uneven frame times of the file", () => {
    const { starts, total, assumed } = timeline([0, 30, 90, 120], 4);
    expect(starts).toEqual([0, 30, 90, 120]);
    expect(total).toBe(150);
    expect(assumed).toBe(false);
    expect([0, 29, 30, 89, 90, 149, 150].map((t) => frameAt(starts, total, t, true))).toEqual([1, 1, 2, 2, 3, 4, 1]);
  });

  it("says when it had to assume", () => {
    expect(timeline([], 3).assumed).toBe(true);
    expect(timeline([0, 0, 0], 3).assumed).toBe(true);
  });

  it("stops on the last frame without a loop", () => {
    expect(frameAt([0, 10, 20], 30, 400, false)).toBe(3);
  });
});

describe("clock", () => {
  it("skips frames rather than drift", () => {
    const hand = new HandClock();
    const seen: number[] = [];
    const clock = new Clock((frame) => seen.push(frame), undefined, hand);
    clock.setClip([0, 10, 20, 30, 40], 5);
    clock.play(1);
    for (const step of [10, 25, 15, 5]) hand.advance(step);
    expect(seen).toEqual([2, 4, 1, 1]);
  });

  it.each([59.95, 60, 60.05])("shows a clip as fast as the screen without a skip, at %f trembling refreshes a second", (rate) => {
    const waits: ((refresh?: number) => void)[] = [];
    const screen: Ticker = { now: () => 3, request: (callback) => waits.push(callback), cancel: () => undefined };
    const seen: number[] = [];
    const clock = new Clock((frame) => seen.push(frame), undefined, screen);
    clock.setClip(Array.from({ length: 100 }, (_, i) => (i * 1000) / 60), 100);
    clock.play(1);
    for (let i = 0; i < 200; i++) waits.shift()?.(5 + (i * 1000) / rate + 3 * Math.sin(i * 7));
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => (i % 100) + 1));
  });

  it("goes on from the same place when the speed changes", () => {
    const hand = new HandClock();
    const seen: number[] = [];
    const clock = new Clock((frame) => seen.push(frame), undefined, hand);
    clock.setClip(Array.from({ length: 10 }, (_, i) => i * 100), 10);
    clock.play(1);
    hand.advance(450);
    clock.setSpeed(0.5);
    hand.advance(100);
    hand.advance(100);
    expect(seen).toEqual([5, 6, 6]);
  });

  it("does not play a still", () => {
    const clock = new Clock(() => undefined, undefined, new HandClock());
    clock.setClip([0], 1);
    clock.play(1);
    expect(clock.playing).toBe(false);
  });

  it("reports play and pause", () => {
    const states: boolean[] = [];
    const clock = new Clock(() => undefined, (playing) => states.push(playing), new HandClock());
    clock.setClip([0, 10], 2);
    clock.play(1);
    clock.pause();
    clock.pause();
    expect(states).toEqual([true, false]);
  });
});
