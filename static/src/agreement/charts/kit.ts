/** Puts charts on the page, opens the cases behind a mark, and saves a chart as SVG or PNG. */

import { BarChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent, GraphicComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent,
} from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { optionOf } from "./draw.ts";
import type { Colours, ForestData, Option, Payload, Tone } from "./types.ts";
import { marksOf, walk } from "./walk.ts";

use([
  AriaComponent, BarChart, GraphicComponent, GridComponent, HeatmapChart, LineChart, MarkAreaComponent, MarkLineComponent,
  ScatterChart, SVGRenderer, TooltipComponent, VisualMapComponent,
]);

const TONES: Tone[] = ["phys", "model", "ink", "mute", "faint", "both", "mid", "ask", "bad"];

export function colours(node: Element): Colours {
  const style = getComputedStyle(node);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const people = Object.fromEntries(TONES.map((tone) => [tone, token(tone)])) as Record<Tone, string>;
  return { ...people, raise: token("raise"), line: token("line"), panel: token("panel"), grid: token("grid-line"), zero: token("zero-line") };
}

export function payloadOf(node: HTMLElement): Payload | null {
  const source = document.getElementById(node.dataset["chart"] ?? "");
  return source?.textContent ? (JSON.parse(source.textContent) as Payload) : null;
}

function font(node: Element): Option {
  return { textStyle: { fontFamily: getComputedStyle(node).fontFamily } };
}

/** Heat maps need a visual map; ours colours each cell itself, so it stands hidden. */
function complete(payload: Payload, option: Option): Option {
  if (payload.draw !== "heat") return option;
  return { ...option, visualMap: { show: false, min: 0, max: 1, seriesIndex: [] } };
}

/** Draw into a node that has a size; a click on a mark, or Enter where the arrow keys led, opens its cases. */
export function mount(node: HTMLElement, payload: Payload): void {
  const rows = payload.draw === "forest" ? (payload.data as ForestData).rows.filter((row) => !row.joined).length : 0;
  if (rows > 6) node.style.height = `${rows * 36 + 48}px`; // many rows need more room than a card's usual height
  const chart = init(node, null, { renderer: "svg" });
  const option = complete(payload, optionOf(payload, colours(node)));
  chart.setOption({ ...font(node), ...option });
  chart.on("click", (at) => {
    const href = (at.data as { href?: string } | undefined)?.href;
    if (href) window.location.assign(href);
  });
  walk(node, marksOf(payload, option), (mark) => {
    chart.dispatchAction({ type: "downplay" });
    if (mark) {
      const { seriesIndex, dataIndex } = mark;
      chart.dispatchAction({ type: "highlight", seriesIndex, dataIndex });
      chart.dispatchAction({ type: "showTip", seriesIndex, dataIndex });
    } else chart.dispatchAction({ type: "hideTip" });
  });
  new ResizeObserver(() => {
    chart.resize();
  }).observe(node);
}

const HEAD = 52;
const FOOT = 26;

/** The chart as one SVG text that stands alone: title, ground and notice are part of it. */
export function asSvg(node: HTMLElement, payload: Payload): string {
  const c = colours(node);
  const width = Math.max(node.clientWidth, 560);
  const height = Math.max(node.clientHeight, 300) + HEAD + FOOT;
  const option = complete(payload, optionOf(payload, c));
  const grid = option["grid"] as { top: number; bottom: number };
  const words = (text: string, place: Option, style: Option): Option => ({ type: "text", silent: true, ...place, style: { text, fill: c.ink, fontSize: 13, fontFamily: "sans-serif", ...style } });
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    ...option,
    textStyle: { fontFamily: "sans-serif" },
    backgroundColor: c.panel,
    grid: { ...grid, top: grid.top + HEAD, bottom: grid.bottom + FOOT },
    graphic: [
      words(payload.title, { left: 12, top: 10 }, { fontWeight: "bold" }),
      words(payload.ground, { left: 12, top: 29 }, { fill: c.mute, fontSize: 11 }),
      words(payload.notice, { left: 12, bottom: 8 }, { fill: c.faint, fontSize: 11 }),
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, 10_000);
}

async function asPng(svg: Blob): Promise<Blob> {
  const address = URL.createObjectURL(svg);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * 2;
    canvas.height = image.naturalHeight * 2;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob) resolve(blob);
        else reject(new Error("the picture could not be made"));
      }, "image/png");
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Save a chart's picture under the name of its chart. */
export async function download(node: HTMLElement, kind: "svg" | "png"): Promise<void> {
  const payload = payloadOf(node);
  if (!payload) return;
  const svg = new Blob([asSvg(node, payload)], { type: "image/svg+xml" });
  save(kind === "svg" ? svg : await asPng(svg), `${payload.key}.${kind}`);
}
