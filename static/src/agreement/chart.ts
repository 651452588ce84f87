/** Bland-Altman as an SVG chart. Loaded only where the page has pairs; the table beside it holds the same numbers. */

import { ScatterChart } from "echarts/charts";
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { signed, xRange, yRange, type BlandAltmanData, type PairPoint } from "./model";

use([ScatterChart, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

interface Colours {
  ink: string;
  mute: string;
  faint: string;
  ask: string;
  raise: string;
}

function colours(node: Element): Colours {
  const style = getComputedStyle(node);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return { ink: token("ink"), mute: token("mute"), faint: token("faint"), ask: token("ask"), raise: token("raise") };
}

function tooltip(point: PairPoint): string {
  return `${point.label}\n${point.reference_text} → ${point.model_text} (${point.difference_text})`;
}

function axis(c: Colours, name: string): Record<string, unknown> {
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameTextStyle: { color: c.faint, fontSize: 11, fontFamily: "inherit" },
    axisLabel: { color: c.faint, fontSize: 11, fontFamily: "inherit" },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: "#20262d", width: 1 } },
  };
}

function markLines(data: BlandAltmanData, c: Colours): Record<string, unknown> {
  const limits = data.lines.map((line) => ({
    yAxis: line.value,
    lineStyle: { color: c.ink, width: 1.5, type: line.dashed ? "dashed" : "solid" },
    label: { formatter: `{v|${line.text}}\n{n|${line.name}}` },
  }));
  const zero = { yAxis: 0, lineStyle: { color: "#4a545f", width: 1, type: "solid" }, label: { show: false } };
  const rule = { xAxis: data.rule, lineStyle: { color: c.ask, width: 1, type: "dotted" }, label: { show: false } };
  const label = {
    position: "end",
    distance: 8,
    align: "left",
    lineHeight: 14,
    rich: { v: { color: c.ink, fontSize: 12, fontWeight: 600, lineHeight: 15 }, n: { color: c.faint, fontSize: 11, lineHeight: 14 } },
  };
  return { silent: true, symbol: "none", animation: false, label, data: [zero, rule, ...limits] };
}

function markAreas(data: BlandAltmanData, c: Colours): Record<string, unknown> {
  const bands = data.lines
    .filter((line) => line.low !== null && line.high !== null)
    .map((line) => [{ yAxis: line.low, itemStyle: { color: c.ink, opacity: 0.07 } }, { yAxis: line.high }]);
  const label = { show: true, position: "insideTopRight", color: c.ask, fontSize: 11, formatter: data.words.near };
  const near = [{ xAxis: data.near[0], itemStyle: { color: c.ask, opacity: 0.14 }, label }, { xAxis: data.near[1] }];
  return { silent: true, animation: false, data: [...bands, near] };
}

/** Draw into a node that has a size; a click on a point opens its case. */
export function drawBlandAltman(node: HTMLElement, data: BlandAltmanData): void {
  const c = colours(node);
  const [xMin, xMax] = xRange(data);
  const [yMin, yMax] = yRange(data);
  const cross = "path://M1 0L5 4L9 0L10 1L6 5L10 9L9 10L5 6L1 10L0 9L4 5L0 1Z";
  const chart = init(node, null, { renderer: "svg" });
  const x = axis(c, data.words.x);
  const y = axis(c, data.words.y);
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(node).fontFamily },
    grid: { left: 44, right: 84, top: 8, bottom: 36 },
    xAxis: { ...x, min: xMin, max: xMax, nameGap: 22, splitLine: { show: false } },
    yAxis: { ...y, min: yMin, max: yMax, nameGap: 30, axisLabel: { color: c.faint, fontSize: 11, formatter: signed } },
    tooltip: {
      renderMode: "richText", // an HTML tooltip would need style attributes
      backgroundColor: c.raise,
      borderColor: c.faint,
      textStyle: { color: c.ink, fontSize: 12 },
      formatter: (item: { dataIndex: number }) => {
        const point = data.points[item.dataIndex];
        return point ? tooltip(point) : "";
      },
    },
    series: [
      {
        type: "scatter",
        cursor: "pointer",
        data: data.points.map((point) => ({
          value: [point.mean, point.difference],
          symbol: point.crosses ? cross : "circle",
          symbolSize: point.crosses ? 10 : 7,
          itemStyle: { color: point.crosses ? c.ask : c.mute },
        })),
        markLine: markLines(data, c),
        markArea: markAreas(data, c),
      },
    ],
  });
  chart.on("click", (item) => {
    const href = data.points[item.dataIndex]?.href;
    if (href) window.location.assign(href);
  });
  new ResizeObserver(() => {
    chart.resize();
  }).observe(node);
}
