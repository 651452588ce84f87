/** Pieces that all charts share: axes, rules, bands, marks. Pure: they return ECharts options. */

import type { Axis, Band, Colours, Option, Point, Rule, Tone } from "./types.ts";

export const CROSS = "path://M1 0L5 4L9 0L10 1L6 5L10 9L9 10L5 6L1 10L0 9L4 5L0 1Z";
const MINUS = "−";

/** A tick with a real minus, and a plus where signs are asked for: −1, 0, +1. */
export function tick(value: number, ticks: Axis["ticks"] = "plain"): string {
  if (ticks === "none") return "";
  if (ticks === "percent") return tick(Math.round(value * 100));
  const text = String(Math.abs(Math.round(value * 1000) / 1000));
  if (text === "0") return "0";
  return (value < 0 ? MINUS : ticks === "signed" ? "+" : "") + text;
}

export function axis(c: Colours, of: Axis, more: Option = {}): Option {
  return {
    type: "value",
    name: of.name ?? "",
    nameLocation: "middle",
    nameTextStyle: { color: c.faint, fontSize: 11, fontFamily: "inherit" },
    axisLabel: { color: c.faint, fontSize: 11, fontFamily: "inherit", hideOverlap: true, formatter: (value: number) => tick(value, of.ticks) },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: c.grid, width: 1 } },
    ...(of.min === undefined ? {} : { min: of.min }),
    ...(of.max === undefined ? {} : { max: of.max }),
    ...(of.step === undefined ? {} : { interval: of.step }),
    ...more,
  };
}

export function named(c: Colours, names: string[], of: Axis = {}): Option {
  return {
    ...axis(c, of),
    type: "category",
    data: names,
    axisLabel: { color: c.faint, fontSize: 11, fontFamily: "inherit", hideOverlap: true },
    splitLine: { show: false },
  };
}

/** Rules as ECharts mark lines; the label stands at the end: value bold, name below. */
export function markLines(c: Colours, rules: Rule[] = []): Option {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    label: {
      position: "end",
      distance: 8,
      align: "left",
      rich: {
        v: { color: c.ink, fontSize: 12, fontWeight: 600, lineHeight: 15 },
        n: { color: c.faint, fontSize: 11, lineHeight: 14 },
      },
    },
    data: rules.map((rule) => ({
      ...(rule.axis === "x" ? { xAxis: rule.at } : { yAxis: rule.at }),
      lineStyle: { color: c[rule.tone ?? "ink"], width: rule.width ?? 1.5, type: rule.dash ?? "solid" },
      label: {
        show: Boolean(rule.text ?? rule.name),
        ...(rule.axis === "x" ? { position: "insideEndTop", align: "center", distance: 2 } : {}),
        formatter: [rule.text ? `{v|${rule.text}}` : "", rule.name ? `{n|${rule.name}}` : ""].filter(Boolean).join("\n"),
      },
    })),
  };
}

export function markAreas(c: Colours, bands: Band[] = []): Option {
  return {
    silent: true,
    animation: false,
    data: bands.map((band) => {
      const at = band.axis === "x" ? "xAxis" : "yAxis";
      const colour = c[band.tone ?? "ink"];
      const label = { show: Boolean(band.text), position: "insideTopRight", color: colour, fontSize: 11, formatter: band.text ?? "" };
      return [{ [at]: band.from, itemStyle: { color: colour, opacity: band.opacity ?? 0.07 }, label }, { [at]: band.to }];
    }),
  };
}

/** Circle for a physician, diamond for a model, a cross for pairs on two sides of the rule. */
export function symbolOf(tone: Tone, cross = false): string {
  return cross ? CROSS : tone === "model" ? "diamond" : "circle";
}

export function item(c: Colours, point: Point, tone: Tone = "mute", size = 7): Option {
  const shown = point.tone ?? (point.cross ? "ask" : tone);
  return {
    value: [point.x, point.y],
    name: point.label,
    href: point.href ?? "",
    cursor: point.href ? "pointer" : "default",
    symbol: symbolOf(shown, point.cross),
    symbolSize: point.cross ? 10 : size,
    itemStyle: { color: c[shown], ...(point.ring ? { borderColor: c.bad, borderWidth: 2 } : {}) },
  };
}

/** One tooltip for all charts: the mark's own words. HTML tooltips would need style attributes. */
export function tooltip(c: Colours): Option {
  return {
    renderMode: "richText",
    backgroundColor: c.raise,
    borderColor: c.faint,
    textStyle: { color: c.ink, fontSize: 12, fontFamily: "inherit" },
    formatter: (at: { data?: { name?: string }; name?: string }) => at.data?.name ?? at.name ?? "",
  };
}

/** Room at the right for what stands at the ends of lines. */
export function rightRoom(rules: Rule[] = []): number {
  const longest = Math.max(0, ...rules.filter((rule) => rule.axis === "y").map((rule) => Math.max(rule.text?.length ?? 0, rule.name?.length ?? 0)));
  return longest ? 16 + Math.min(120, longest * 7) : 16;
}
