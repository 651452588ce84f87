/**
 * Ahead: while this case is read, the next one's pictures come into the browser's own store of answers. That opens nothing.
 *
 * It begins when this case is whole, stops whenever the reader waits for a picture, and goes on afterwards; it keeps to
 * a number of bytes, and does nothing on a line that is slow, paid by the byte or asked to be spared.
 */

/** Of the next case, at most. */
export const AHEAD_BYTES = 64 * 1024 * 1024;
/** How often one address is begun again after it was stopped. */
const TRIES = 3;
/** A loop of so many bytes tells how fast the line is. */
const MEASURABLE_BYTES = 256 * 1024;
/** Mb/s below which the line is left to the reader. */
const SLOW_MBPS = 2;

export interface AheadClip {
  cine_url: string;
  frame_url: string;
  bytes: number;
}

/** What a browser may tell of its line (Chromium does), and what this case's own loops took. */
export interface Line {
  saveData?: boolean;
  type?: string;
  effectiveType?: string;
  /** Mb/s, measured; the browser's own guess is off by far where little was fetched. */
  mbps?: number | undefined;
}

/** Whether the line is to be spared. A browser that tells nothing has an ordinary one. */
export function spared(line: Line): boolean {
  if (line.saveData || line.type === "cellular") return true;
  if (line.effectiveType !== undefined && line.effectiveType !== "4g") return true;
  return line.mbps !== undefined && line.mbps < SLOW_MBPS;
}

/** Addresses in the order in which the reader will need them: first pictures, then loops while they fit. */
export function planned(clips: readonly AheadClip[], budget = AHEAD_BYTES): string[] {
  const loops: string[] = [];
  let bytes = 0;
  for (const clip of clips) {
    bytes += clip.bytes;
    if (bytes > budget) break;
    loops.push(clip.cine_url);
  }
  return [...clips.map((clip) => clip.frame_url.replace("%7Bn%7D", "{n}").replace("{n}", "1")), ...loops];
}

export interface AheadParts {
  list(): Promise<AheadClip[]>;
  fetch(url: string, signal: AbortSignal): Promise<void>;
  line(): Line;
}

export class Ahead {
  private readonly parts: AheadParts;
  private waiting: string[] | null = null;
  private readonly tries = new Map<string, number>();
  private running: AbortController | null = null;

  constructor(parts: AheadParts) {
    this.parts = parts;
  }

  /** The reader has all that this case needs: fetch, or go on. Never fails: what does not come ahead comes later. */
  async free(): Promise<void> {
    if (this.running || spared(this.parts.line())) return;
    const mine = (this.running = new AbortController());
    try {
      this.waiting ??= planned(await this.parts.list());
      for (let url = this.waiting[0]; url !== undefined && !mine.signal.aborted; url = this.waiting[0]) {
        const tries = (this.tries.get(url) ?? 0) + 1;
        this.tries.set(url, tries);
        if (tries <= TRIES) await this.parts.fetch(url, mine.signal);
        this.waiting.shift();
      }
    } catch {
      // Stopped, refused or away.
    } finally {
      if (this.running === mine) this.running = null;
    }
  }

  /** The reader waits for a picture: the line is the reader's. */
  taken(): void {
    this.running?.abort();
    this.running = null;
  }
}

/** Fetch so that the browser keeps the answer, and hold none of it in memory. */
export async function keep(url: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { credentials: "same-origin", priority: "low", signal });
  if (!response.ok) throw new Error(`${response.status}`);
  await response.body?.pipeTo(new WritableStream());
}

export function browserLine(): Line {
  const { saveData, type, effectiveType } = (navigator as Navigator & { connection?: Line }).connection ?? {};
  const line: Line = { mbps: mbpsOf(performance.getEntriesByType("resource") as PerformanceResourceTiming[]) };
  return { ...line, ...(saveData === undefined ? {} : { saveData }), ...(type ? { type } : {}), ...(effectiveType ? { effectiveType } : {}) };
}

type Took = Pick<PerformanceResourceTiming, "name" | "transferSize" | "requestStart" | "responseEnd">;

/** How fast the largest loop of this case came over the line; undefined where none of some size did. */
export function mbpsOf(entries: readonly Took[]): number | undefined {
  const loops = entries.filter(({ name, transferSize }) => name.includes("/cine/") && transferSize >= MEASURABLE_BYTES);
  const largest = loops.sort((a, b) => b.transferSize - a.transferSize)[0];
  return largest && (largest.transferSize * 8) / 1000 / Math.max(1, largest.responseEnd - largest.requestStart);
}
