/** From a chart's data to ECharts options: one pure function a kind of chart. */

import { axis, item, markAreas, markLines, named, rightRoom, symbolOf, tooltip } from "./parts.ts";
import type { BarsData, Colours, ForestData, HeatData, Line, LinesData, Option, Payload, ScatterData } from "./types.ts";

const BOTTOM = 40;

function base(c: Colours): Option {
  return { animation: false, tooltip: tooltip(c) };
}

export function scatter(data: ScatterData, c: Colours): Option {
  const lines = (data.lines ?? []).map((line) => ({
    type: "line",
    silent: true,
    symbol: "none",
    data: [line.from, line.to],
    lineStyle: { color: c[line.tone ?? "mute"], width: 1.5, type: line.dash ?? "solid" },
    endLabel: { show: Boolean(line.name), formatter: line.name ?? "", color: c.faint, fontSize: 11, fontFamily: "inherit" },
  }));
  const named = Math.max(0, ...(data.lines ?? []).map((line) => line.name?.length ?? 0));
  return {
    ...base(c),
    grid: { left: 48, right: Math.max(rightRoom(data.rules), named ? 16 + named * 6.5 : 0), top: 10, bottom: BOTTOM },
    xAxis: axis(c, data.x, { nameGap: 24, splitLine: { show: false } }),
    yAxis: axis(c, data.y, { nameGap: 34 }),
    series: [
      ...lines,
      {
        type: "scatter",
        cursor: "pointer",
        data: data.points.map((point) => item(c, point)),
        markLine: markLines(c, data.rules),
        markArea: markAreas(c, data.bands),
      },
    ],
  };
}

/** Intervals of a line's points as thin bars behind them. */
function whiskers(data: LinesData, c: Colours): Option[] {
  return data.lines.flatMap((line) =>
    (line.intervals ?? []).flatMap((interval, place) => {
      const point = line.points[place];
      if (!interval || !point) return [];
      const ends = interval.map((end) => [point.x, end]);
      return [{ type: "line", silent: true, symbol: "none", data: ends, lineStyle: { color: c[line.tone], width: 2 } }];
    }),
  );
}

/** Dashes that tell named lines of one colour apart, first to last; then again from the first. */
const DASHES = ["solid", [7, 3], [2, 3], [9, 3, 2, 3]] as const;

/** Height of a plot and of a name in px, near enough to keep names off one another. */
const [PLOT, NAME] = [220, 13];

/** By how many px the name at a line's end is moved down (or up: below 0), so that names of lines that end at one place can be read. */
export function apart(told: readonly Line[], y: LinesData["y"]): Map<Line, number> {
  const values = told.flatMap((line) => line.points.map((point) => point.y));
  const low = y.min ?? Math.min(0, ...values);
  const high = y.max ?? Math.max(...values);
  const ends = told
    .flatMap((line) => line.points.slice(-1).map((point) => ({ line, at: PLOT * (1 - (point.y - low) / (high - low || 1)) })))
    .sort((a, b) => a.at - b.at);
  const places = ends.map(({ at }) => at);
  places.forEach((at, n) => (places[n] = Math.max(at, (places[n - 1] ?? -Infinity) + NAME)));
  // None below the plot, where the words of the axis are: then those above give way upwards.
  for (let n = places.length - 1; n >= 0; n--) places[n] = Math.min(places[n] ?? 0, (places[n + 1] ?? PLOT + NAME) - NAME);
  return new Map(ends.map(({ line, at }, n) => [line, Math.round((places[n] ?? at) - at)]));
}

function dashOf(line: Line, told: readonly Line[]): (typeof DASHES)[number] {
  const place = told.filter(({ tone }) => tone === line.tone).indexOf(line);
  return DASHES[Math.max(0, place) % DASHES.length] ?? "solid";
}

export function lines(data: LinesData, c: Colours): Option {
  const x = data.x.names ? named(c, data.x.names, data.x) : axis(c, data.x);
  const told = data.lines.filter((line) => line.label);
  const down = apart(told, data.y);
  const labels = Math.max(0, ...told.map((line) => line.name.length));
  return {
    ...base(c),
    grid: { left: 48, right: Math.max(rightRoom(data.rules), labels ? 20 + labels * 6.5 : 0), top: 10, bottom: BOTTOM },
    xAxis: { ...x, nameGap: 24 },
    yAxis: axis(c, data.y, { nameGap: 34 }),
    series: [
      ...whiskers(data, c),
      ...data.lines.map((line, place) => ({
        type: "line",
        name: line.name,
        cursor: "pointer",
        step: line.step ? "end" : false,
        showSymbol: Boolean(line.marks),
        symbol: symbolOf(line.tone),
        symbolSize: line.size ?? 9,
        color: c[line.tone],
        connectNulls: false,
        lineStyle: { color: c[line.tone], width: line.dash ? 1.5 : 2, type: line.dash ?? dashOf(line, told) },
        endLabel: { show: Boolean(line.label), offset: [0, down.get(line) ?? 0], formatter: line.name, color: c.faint, fontSize: 11, fontFamily: "inherit" },
        // A corner of a curve that no case stands at is no mark.
        data: line.points.map((point) => ({ ...item(c, point, line.tone, line.size ?? 9), ...(point.href ? {} : { symbol: "none" }) })),
        ...(place === 0 ? { markLine: markLines(c, data.rules), markArea: markAreas(c, data.bands) } : {}),
      })),
    ],
  };
}

export function forest(data: ForestData, c: Colours): Option {
  const places: number[] = [];
  for (const row of data.rows) places.push(row.joined ? (places.at(-1) ?? 0) : (places.at(-1) ?? -1) + 1);
  const count = (places.at(-1) ?? 0) + 1;
  const heads = data.rows.filter((row) => !row.joined);
  const y = (place: number): number => {
    const joined = data.rows[place]?.joined === true;
    const followed = data.rows[place + 1]?.joined === true;
    return (places[place] ?? 0) + (joined ? 0.16 : followed ? -0.16 : 0);
  };
  return {
    ...base(c),
    grid: { left: 168, right: 120, top: 8, bottom: BOTTOM },
    xAxis: axis(c, data.x, { nameGap: 24 }),
    yAxis: { type: "value", inverse: true, min: -0.5, max: count - 0.5, show: false },
    series: [
      ...data.rows.flatMap((row, place) =>
        row.low === null || row.high === null
          ? []
          : [{
              type: "line", silent: true, symbol: "none", data: [[row.low, y(place)], [row.high, y(place)]],
              lineStyle: { color: c[row.tone], width: 2, type: row.tone === "model" && row.joined ? "dashed" : "solid" },
            }],
      ),
      {
        type: "scatter",
        cursor: "pointer",
        data: data.rows.flatMap((row, place) =>
          row.value === null
            ? []
            : [{
                ...item(c, { x: row.value, y: y(place), label: `${row.label}: ${row.text}`, href: row.href ?? "" }, row.tone, 10),
                label: { show: !row.joined || row.text !== "", position: "right", distance: 12, formatter: "" },
              }],
        ),
        markLine: markLines(c, data.rules),
      },
      {
        // Names stand at their rows: ticks of a value axis would fall between them.
        type: "scatter",
        silent: true,
        symbolSize: 0,
        data: heads.map((row, place) => ({
          value: [data.x.min ?? 0, place],
          label: {
            show: true, position: "left", distance: 10, formatter: `{l|${row.label}}\n{g|${row.ground}}`,
            rich: { l: { color: c.ink, fontSize: 12, lineHeight: 15, align: "left", width: 150 }, g: { color: c.faint, fontSize: 11, lineHeight: 13, align: "left", width: 150 } },
          },
        })),
      },
      {
        type: "scatter",
        silent: true,
        symbolSize: 0,
        data: data.rows.map((row, place) => ({
          value: [data.x.max ?? 1, y(place)],
          label: { show: true, position: "right", distance: 10, formatter: row.text, color: row.tone === "phys" || row.tone === "model" ? c[row.tone] : c.ink, fontSize: 12, fontFamily: "inherit" },
        })),
      },
    ],
  };
}

function hatch(c: Colours, tone: string): Option {
  return { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color: c.panel, backgroundColor: tone };
}

export function bars(data: BarsData, c: Colours): Option {
  const category = named(c, data.names, data.x ?? {});
  const value = axis(c, data.y, { nameGap: data.horizontal ? 24 : 34 });
  return {
    ...base(c),
    grid: { left: data.horizontal ? 120 : 48, right: rightRoom(data.rules), top: 18, bottom: BOTTOM },
    xAxis: data.horizontal ? value : { ...category, nameGap: 24 },
    yAxis: data.horizontal ? { ...category, inverse: true } : value,
    series: data.series.map((one, place) => ({
      type: "bar",
      name: one.name,
      cursor: "pointer",
      barMaxWidth: 36,
      ...(data.stacked ? { stack: "all" } : {}),
      itemStyle: { color: c[one.tone], ...(one.hatch ? { decal: hatch(c, c[one.tone]) } : {}) },
      label: { show: Boolean(one.labels) && !data.stacked, position: data.horizontal ? "right" : "top", color: c.mute, fontSize: 11, fontFamily: "inherit", formatter: (at: { dataIndex: number }) => one.labels?.[at.dataIndex] ?? "" },
      data: one.values.map((amount, at) => ({ value: amount, name: `${data.names[at] ?? ""}, ${one.name}: ${one.labels?.[at] ?? String(amount ?? "–")}`, href: one.hrefs?.[at] ?? "", cursor: one.hrefs?.[at] ? "pointer" : "default" })),
      ...(place === 0 ? { markLine: markLines(c, data.rules) } : {}),
    })),
  };
}

/** From panel to grey: more agreement is lighter. No traffic lights. */
export function shade(value: number | null, min: number, max: number): string {
  if (value === null) return "#1c2127";
  const share = Math.min(1, Math.max(0, (value - min) / (max - min || 1)));
  const mix = (from: number, to: number): number => Math.round(from + (to - from) * share);
  return `rgb(${mix(0x1c, 0x6e)}, ${mix(0x21, 0x78)}, ${mix(0x27, 0x83)})`;
}

/** Names over columns: every one, in two lines where one is too long. */
function headings(c: Colours): Option {
  return { color: c.faint, fontSize: 11, lineHeight: 13, fontFamily: "inherit", interval: 0, width: 84, overflow: "break" };
}

export function heat(data: HeatData, c: Colours): Option {
  const tones = { agree: "#39424c", differ: c.panel, outside: c.raise };
  return {
    ...base(c),
    grid: { left: 120, right: 16, top: 34, bottom: 8 },
    xAxis: { ...named(c, data.columns, { name: data.words.columns }), position: "top", nameGap: 20, axisLabel: headings(c) },
    yAxis: { ...named(c, data.rows, {}), inverse: true },
    // Only a cell that opens something takes the pointer: a heat map knows no cursor of a single cell.
    series: [true, false].map((linked) => ({
      type: "heatmap",
      silent: !linked,
      data: data.cells.filter((cell) => Boolean(cell.href) === linked).map((cell) => ({
        value: [cell.column, cell.row, cell.value ?? 0],
        name: `${data.rows[cell.row] ?? ""} × ${data.columns[cell.column] ?? ""}: ${cell.text}`,
        href: cell.href ?? "",
        itemStyle: {
          color: cell.tone ? tones[cell.tone] : shade(cell.value, data.min, data.max),
          borderColor: cell.tone === "differ" ? c.ask : c.panel,
          borderWidth: cell.tone === "differ" ? 1 : 3,
        },
        label: { show: true, formatter: cell.text, color: c.ink, fontSize: 12, fontFamily: "inherit" },
      })),
    })),
  };
}

/** Options of a chart by its kind. Throws on a kind nobody draws: the page then opens the table. */
export function optionOf(payload: Payload, c: Colours): Option {
  switch (payload.draw) {
    case "scatter": return scatter(payload.data as ScatterData, c);
    case "lines": return lines(payload.data as LinesData, c);
    case "forest": return forest(payload.data as ForestData, c);
    case "bars": return bars(payload.data as BarsData, c);
    case "heat": return heat(payload.data as HeatData, c);
    default: throw new Error(`no drawing named ${String(payload.draw)}`);
  }
}
