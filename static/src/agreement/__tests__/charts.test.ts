import { describe, expect, it } from "vitest";

import { apart, optionOf, shade } from "../charts/draw.ts";
import { tick } from "../charts/parts.ts";
import type { BarsData, Colours, ForestData, Line, LinesData, Payload, ScatterData } from "../charts/types.ts";
import { marksOf, next } from "../charts/walk.ts";

const names = ["phys", "model", "ink", "mute", "faint", "both", "mid", "ask", "bad", "raise", "line", "grid", "zero", "panel"];
const c = Object.fromEntries(names.map((name) => [name, name])) as unknown as Colours;

function payload(draw: Payload["draw"], data: unknown): Payload {
  return { draw, key: "k", title: "t", ground: "g", notice: "n", data };
}

interface Series { type: string; data: { value: number[]; href?: string; symbol?: string; name?: string }[] }

describe("a chart's options", () => {
  it("carry the address of the cases behind every mark", () => {
    const data: ScatterData = {
      points: [{ x: 4, y: 0.5, label: "S-1", href: "/a" }, { x: 4.1, y: 1, label: "S-2", href: "/b", cross: true }],
      x: {}, y: {},
    };
    const series = optionOf(payload("scatter", data), c)["series"] as Series[];
    const points = series.at(-1)?.data ?? [];
    expect(points.map((point) => point.href)).toEqual(["/a", "/b"]);
    expect(points[1]?.symbol).toMatch(/^path:/);
  });

  it("keep the names of lines that end at one place apart, and tell lines of one colour apart", () => {
    const line = (name: string, tone: Line["tone"], end: number): Line => ({ name, tone, label: true, points: [{ x: 0, y: 1, label: "" }, { x: 1, y: end, label: "" }] });
    const all = [line("a", "model", 0), line("b", "model", 0), line("c", "model", 1), line("d", "phys", 0.5)];
    const down = apart(all, { min: 0, max: 1 });
    expect(all.map((one) => down.get(one))).toEqual([-13, 0, 0, 0]);
    const series = optionOf(payload("lines", { lines: all, x: {}, y: { min: 0, max: 1 } }), c)["series"] as { lineStyle: { type: unknown }; endLabel: { offset: number[] } }[];
    expect(series.map((one) => one.lineStyle.type)).toEqual(["solid", [7, 3], [2, 3], "solid"]);
    expect(series.map((one) => one.endLabel.offset[1])).toEqual([-13, 0, 0, 0]);
    const high = [line("a", "model", 1), line("b", "model", 1)];
    expect([...apart(high, { min: 0, max: 1 }).values()]).toEqual([0, 13]);
  });

  it("draw two raters on one line of a forest, circle and diamond", () => {
    const data: ForestData = {
      rows: [
        { label: "Same class", ground: "n = 12", value: 0.8, low: 0.7, high: 0.9, tone: "phys", text: "80 %" },
        { label: "", ground: "", value: 0.82, low: 0.7, high: 0.9, tone: "model", text: "82 %", joined: true },
        { label: "Kappa", ground: "n = 12", value: null, low: null, high: null, tone: "phys", text: "–" },
      ],
      x: { min: 0, max: 1 },
    };
    const series = optionOf(payload("forest", data), c)["series"] as Series[];
    const marks = series.find((one) => one.type === "scatter")?.data ?? [];
    expect(marks.map((mark) => mark.symbol)).toEqual(["circle", "diamond"]);
    expect(marks.every((mark) => Math.abs(mark.value[1] ?? 9) < 0.5)).toBe(true);
    expect(series.filter((one) => one.type === "line")).toHaveLength(2);
  });

  it("refuse a kind that nobody draws, so that the page opens the table", () => {
    expect(() => optionOf(payload("pie" as Payload["draw"], {}), c)).toThrow();
  });
});

describe("marks by keyboard", () => {
  it("are those that open something, points of a scatter from left to right", () => {
    const data: ScatterData = {
      points: [{ x: 4, y: 1, label: "S-1", href: "/a" }, { x: 2, y: 1, label: "S-2", href: "/b" }, { x: 3, y: 1, label: "S-3" }],
      x: {}, y: {}, lines: [{ from: [0, 0], to: [1, 1] }],
    };
    const asked = payload("scatter", data);
    expect(marksOf(asked, optionOf(asked, c))).toEqual([
      { seriesIndex: 1, dataIndex: 1, words: "S-2", href: "/b" }, { seriesIndex: 1, dataIndex: 0, words: "S-1", href: "/a" },
    ]);
  });

  it("are no bars without a value, and no corners of a curve that no case stands at", () => {
    const bars: BarsData = { names: ["4.0", "4.1"], series: [{ name: "Model", tone: "model", values: [2, null], hrefs: ["/a", "/b"] }], y: {} };
    expect(marksOf(payload("bars", bars), optionOf(payload("bars", bars), c)).map((mark) => mark.href)).toEqual(["/a"]);
    const curve: LinesData = {
      lines: [{ name: "Model", tone: "model", marks: true, points: [{ x: 0, y: 0, label: "" }, { x: 1, y: 1, label: "all", href: "/c" }] }],
      x: {}, y: {},
    };
    const asked = payload("lines", curve);
    expect(marksOf(asked, optionOf(asked, c)).map((mark) => mark.words)).toEqual(["all"]);
    expect((optionOf(asked, c)["series"] as Series[])[0]?.data.map((one) => one.symbol)).toEqual(["none", "diamond"]);
  });

  it("are walked to both ends and no further", () => {
    expect([next("ArrowRight", -1, 3), next("ArrowDown", 2, 3), next("ArrowLeft", 0, 3), next("End", 0, 3), next("j", 0, 3)]).toEqual([0, 2, 0, 2, null]);
  });
});

describe("the parts of a chart", () => {
  it("write signs with a real minus, shares as percent", () => {
    expect([-2, 0, 2].map((value) => tick(value, "signed"))).toEqual(["−2", "0", "+2"]);
    expect(tick(0.75, "percent")).toBe("75");
    expect(tick(-1)).toBe("−1");
  });

  it("shade from panel to grey, and never beyond", () => {
    expect(shade(0, 0, 1)).toBe("rgb(28, 33, 39)");
    expect(shade(5, 0, 1)).toBe(shade(1, 0, 1));
    expect(shade(null, 0, 1)).toBe("#1c2127");
  });
});
