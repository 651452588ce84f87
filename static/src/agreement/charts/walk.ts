/** Marks by keyboard: arrows go from mark to mark and say it, Enter opens its cases. */

import type { Option, Payload } from "./types.ts";

export interface Mark {
  seriesIndex: number;
  dataIndex: number;
  words: string;
  href: string;
}

interface Item { name?: string; href?: string; value?: number | [number, number] | null }
interface Series { data?: (Item | null)[] }

/** Every mark that opens something, in the order of the chart; points of a scatter from left to right. */
export function marksOf(payload: Payload, option: Option): Mark[] {
  const found = (option["series"] as Series[]).flatMap((series, seriesIndex) =>
    (series.data ?? []).flatMap((item, dataIndex) =>
      item?.href && item.value !== null ? [{ seriesIndex, dataIndex, words: item.name ?? "", href: item.href, x: Array.isArray(item.value) ? item.value[0] : 0 }] : [],
    ),
  );
  if (payload.draw === "scatter") found.sort((one, other) => one.x - other.x);
  return found.map(({ seriesIndex, dataIndex, words, href }) => ({ seriesIndex, dataIndex, words, href }));
}

/** Where a key leads from a place; null for a key that is not for walking. */
export function next(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight": case "ArrowDown": return Math.min(at + 1, count - 1);
    case "ArrowLeft": case "ArrowUp": return Math.max(at - 1, 0);
    case "Home": return 0;
    case "End": return count - 1;
    default: return null;
  }
}

/** Let a drawn chart be walked; ``show`` points at a mark, null takes that back. */
export function walk(node: HTMLElement, marks: Mark[], show: (mark: Mark | null) => void): void {
  let at = -1;
  const told = document.createElement("span");
  told.className = "visually-hidden";
  told.setAttribute("aria-live", "polite");
  told.dataset["mark"] = "";
  node.append(told);
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const mark = marks[at];
    if (event.key === "Enter" && mark) {
      event.preventDefault();
      event.stopPropagation();
      window.location.assign(mark.href);
      return;
    }
    const place = next(event.key, at, marks.length);
    if (place === null) return;
    event.preventDefault();
    event.stopPropagation();
    at = place;
    const reached = marks[at];
    if (!reached) return;
    show(reached);
    told.textContent = reached.words;
  });
  node.addEventListener("blur", () => {
    show(null);
  });
}
