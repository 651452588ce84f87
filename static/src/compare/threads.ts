/** Comments as data: what the server keeps, and the one text that is not sent yet, which survives a reload. */
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import type { Place } from "./types.ts";

export interface Said {
  id: string;
  by: string;
  own: boolean;
  at: string;
  text: string;
  settles?: boolean | null;
}

export interface Thread extends Said {
  number: number;
  clip: string;
  clip_number: number | null;
  frame: number;
  x: number;
  y: number;
  resolved: boolean;
  answers: Said[];
}

/** A place in picture pixels on a frame of a clip. */
export interface Spot {
  clip: string;
  frame: number;
  x: number;
  y: number;
}

/** A text in the making: on a new place, or in a thread. */
export interface Draft {
  text: string;
  spot: Spot | null;
  thread: string | null;
}

export function on(threads: readonly Thread[], clip: string, frame: number): Thread[] {
  return threads.filter((one) => one.clip === clip && one.frame === frame);
}

/** Frames of a clip that carry comments, with how many are open. */
export function framesWith(threads: readonly Thread[], clip: string): { frame: number; open: number; all: number }[] {
  const found = new Map<number, { frame: number; open: number; all: number }>();
  for (const one of threads) {
    if (one.clip !== clip) continue;
    const row = found.get(one.frame) ?? { frame: one.frame, open: 0, all: 0 };
    row.all += 1;
    if (!one.resolved) row.open += 1;
    found.set(one.frame, row);
  }
  return [...found.values()].sort((a, b) => a.frame - b.frame);
}

export function countWords(threads: readonly Thread[]): string {
  const open = threads.filter((one) => !one.resolved).length;
  const all = interpolate(ngettext("%(n)s comment", "%(n)s comments", threads.length), { n: threads.length });
  return threads.length === open ? all : interpolate(gettext("%(all)s, %(open)s open"), { all, open });
}

export function spotWords(spot: Spot, clips: readonly { id: string; number: number }[]): string {
  const values = { frame: spot.frame, x: spot.x.toFixed(0), y: spot.y.toFixed(0), clip: clips.find((one) => one.id === spot.clip)?.number ?? "" };
  return interpolate(clips.length > 1 ? gettext("clip %(clip)s, frame %(frame)s, at %(x)s, %(y)s") : gettext("frame %(frame)s, at %(x)s, %(y)s"), values);
}

export function placeOf(spot: Spot): Place {
  return { clip: spot.clip, frame: spot.frame, region: 0 };
}

export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The draft of one person on one case, in this window: a reload keeps it, another person never meets it. */
export class DraftStore {
  private readonly store: Store;
  private readonly key: string;

  constructor(store: Store, user: string, caseId: string) {
    this.store = store;
    this.key = `${DRAFTS}${user}:${caseId}`;
  }

  load(): Draft | null {
    try {
      const draft = JSON.parse(this.store.getItem(this.key) ?? "null") as Draft | null;
      return draft && typeof draft.text === "string" ? draft : null;
    } catch {
      return null;
    }
  }

  save(draft: Draft | null): void {
    try {
      if (draft && (draft.text.trim() || draft.spot)) this.store.setItem(this.key, JSON.stringify(draft));
      else this.store.removeItem(this.key);
    } catch {
      // A full or forbidden store: the text is still in its field.
    }
  }
}

export const DRAFTS = "plaqueweb:comment:";
