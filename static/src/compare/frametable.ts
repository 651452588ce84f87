/** The table of frames: fetched when it is first looked at, sorted by its heads, walked by ↑ ↓; the frame on screen stands out. */
import { get } from "../viewer/api.ts";
import { gettext } from "../viewer/words.ts";
import { areaWords, diceWords, gapWords, sortRows, thicknessWords, type Column, type FrameCell, type FrameRow } from "./rows.ts";
import type { Compare, Place } from "./types.ts";

export class FrameTable {
  private readonly host: HTMLElement;
  private readonly data: Compare;
  private readonly go: (place: Place) => void;
  private readonly body = document.createElement("tbody");
  private readonly several: { clips: boolean; regions: boolean };
  private rows: FrameRow[] | null = null;
  private column: Column = "frame";
  private descending = false;
  private onlyCompared = false;
  private place: Place | null = null;
  private loading = false;

  constructor(host: HTMLElement, data: Compare, go: (place: Place) => void) {
    this.host = host;
    this.data = data;
    this.go = go;
    this.several = { clips: data.clips.length > 1, regions: data.clips.some((clip) => clip.regions.length > 1) };
    const box = host.querySelector<HTMLInputElement>("[data-only-compared]");
    box?.addEventListener("change", () => {
      this.onlyCompared = box.checked;
      this.fill();
    });
    this.body.addEventListener("click", (event) => this.open(event.target));
    this.body.addEventListener("keydown", (event) => this.key(event));
  }

  /** Fetch what is not there yet; a failure is told in place and tried again the next time. */
  async show(): Promise<void> {
    if (this.rows !== null || this.loading) return;
    this.loading = true;
    this.say(gettext("frames on their way"));
    try {
      this.rows = await get<FrameRow[]>(`/api/v1/cases/${this.data.case.id}/frames/?${this.data.query}`);
      this.say("");
      this.draw();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    } finally {
      this.loading = false;
    }
  }

  /** The frame on screen. */
  setPlace(place: Place): void {
    this.place = place;
    this.mark(false);
  }

  private say(words: string): void {
    const note = this.host.querySelector<HTMLElement>("[data-frames-note]");
    if (note) {
      note.textContent = words;
      note.hidden = words === "";
    }
  }

  private draw(): void {
    const table = document.createElement("table");
    table.className = "data cmp-table cmp-frames";
    const head = document.createElement("thead");
    const line = head.insertRow();
    const { left, right } = this.data;
    const names: [Column, string, string][] = [
      ["frame", gettext("Frame"), ""],
      ["left_area", gettext("Area"), left.short],
      ["right_area", gettext("Area"), right.short],
      ["area", gettext("Difference"), ""],
      ["left_thickness", gettext("Thickness"), left.short],
      ["right_thickness", gettext("Thickness"), right.short],
      ["thickness", gettext("Difference"), ""],
      ["dice", gettext("Dice"), ""],
    ];
    for (const [column, words, who] of names) line.append(this.headCell(column, words, who));
    table.append(head, this.body);
    this.host.querySelector("[data-frames-table]")?.replaceChildren(table);
    this.fill();
  }

  private headCell(column: Column, words: string, who: string): HTMLTableCellElement {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.dataset["column"] = column;
    if (column !== "frame") cell.className = "num";
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    if (who) button.append(Object.assign(document.createElement("small"), { textContent: who }));
    button.addEventListener("click", () => {
      // What is looked for first: the largest differences, the lowest Dice, the first frame.
      const down = column !== "frame" && column !== "dice";
      this.descending = this.column === column ? !this.descending : down;
      this.column = column;
      this.fill();
    });
    cell.append(button);
    return cell;
  }

  private fill(): void {
    const shown = (this.rows ?? []).filter((row) => !this.onlyCompared || row.compared);
    this.body.replaceChildren(...sortRows(shown, this.column, this.descending).map((row) => this.line(row)));
    for (const cell of this.host.querySelectorAll<HTMLElement>("th[data-column]")) {
      const on = cell.dataset["column"] === this.column;
      cell.setAttribute("aria-sort", on ? (this.descending ? "descending" : "ascending") : "none");
    }
    this.say(shown.length || this.rows === null ? "" : gettext("No frame was declared fully marked by both."));
    this.mark(true);
  }

  private line(row: FrameRow): HTMLTableRowElement {
    const line = document.createElement("tr");
    line.dataset["place"] = `${row.clip}.${row.frame}.${row.region}`;
    line.tabIndex = -1;
    const head = document.createElement("th");
    head.scope = "row";
    const parts = [this.several.clips ? `${row.clip_number} · ` : "", String(row.frame), this.several.regions ? ` (${row.region})` : ""];
    head.textContent = parts.join("");
    line.append(head);
    const [left, right] = [cells(row.left), cells(row.right)];
    line.append(left[0], right[0], number(gapWords(row.area, row.area_unit), true));
    if (left[1]) line.append(left[1]);
    if (right[1]) line.append(right[1]);
    line.append(number(gapWords(row.thickness, row.thickness_unit), true), number(diceWords(row), true));
    return line;
  }

  /** Highlight the frame on screen, and let Tab enter the table there. */
  private mark(first: boolean): void {
    const start = this.place ? `${this.place.clip}.${this.place.frame}.` : "-";
    let entry: HTMLElement | null = null;
    for (const line of this.body.rows) {
      const here = line.dataset["place"]?.startsWith(start) ?? false;
      if (here) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
      line.tabIndex = -1;
      if (here) entry ??= line;
    }
    const line = entry ?? this.body.rows[0];
    if (line) line.tabIndex = 0;
    if (entry && !this.body.contains(document.activeElement)) entry.scrollIntoView({ block: first ? "center" : "nearest" });
  }

  private open(target: EventTarget | null): void {
    const line = target instanceof Element ? target.closest<HTMLElement>("tr[data-place]") : null;
    const [clip, frame, region] = line?.dataset["place"]?.split(".") ?? [];
    if (clip && frame) this.go({ clip, frame: Number(frame), region: Number(region) || 1 });
  }

  private key(event: KeyboardEvent): void {
    const rows = [...this.body.rows];
    const at = rows.findIndex((line) => line === document.activeElement);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, Enter: at };
    const next = to[event.key];
    if (at === -1 || next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const line = rows[Math.min(rows.length - 1, Math.max(0, next))];
    line?.focus();
    this.open(line ?? null);
  }
}

function number(words: string, strong = false): HTMLTableCellElement {
  const cell = document.createElement("td");
  cell.className = strong ? "num strong" : "num";
  cell.textContent = words || "–";
  return cell;
}

/** Area and thickness of one side; where neither is known, one cell says why. */
function cells(cell: FrameCell): [HTMLTableCellElement, HTMLTableCellElement] {
  const area = number(areaWords(cell));
  const thickness = number(thicknessWords(cell));
  if (cell.words) {
    const known = areaWords(cell) !== "";
    if (!known) area.textContent = "";
    area.append(Object.assign(document.createElement("small"), { textContent: cell.words }));
  }
  if (cell.source) thickness.append(Object.assign(document.createElement("small"), { textContent: cell.source }));
  return [area, thickness];
}
