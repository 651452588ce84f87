import { describe, expect, it } from "vitest";
import { LinkedViews } from "../linked.ts";

const frames = (linked: LinkedViews): number[] => linked.views.map((view) => view.state.frame);

describe("linked panes", () => {
  it("show the same frame, zoom and place whichever pane moves", () => {
    const linked = new LinkedViews(3);
    linked.views[2]?.set({ frame: 7, zoom: 2, panX: 5, panY: -3 });
    expect(linked.views.map((view) => view.state)).toEqual(Array(3).fill(linked.views[2]?.state));
  });

  it("move alone once unlinked, in that one respect only", () => {
    const linked = new LinkedViews(3);
    expect(linked.toggle("frame")).toBe(false);
    linked.views[1]?.set({ frame: 9, zoom: 3 });
    expect(frames(linked)).toEqual([1, 9, 1]);
    expect(linked.views[0]?.state.zoom).toBe(3);
  });

  it("follow the active pane when linked again", () => {
    const linked = new LinkedViews(3);
    linked.toggle("frame");
    linked.views[1]?.set({ frame: 9 });
    linked.activate(1);
    linked.toggle("frame");
    expect(frames(linked)).toEqual([9, 9, 9]);
  });

  it("tell of a change without telling it again for every copy that matters not", () => {
    const linked = new LinkedViews(3);
    const seen: number[] = [];
    linked.onChange(() => seen.push(linked.active.state.frame));
    linked.views[0]?.set({ frame: 4 });
    expect(seen.every((frame) => frame === 4)).toBe(true);
    expect(frames(linked)).toEqual([4, 4, 4]);
  });
});
