/** What the contact sheet knows of a clip, and how a key changes it. No page here. */

export interface Prepared {
  segment: string;
  view: string;
  use: string;
  use_reason: string;
  /** A measurement is, or seems to be, drawn into the picture. */
  calipers: boolean;
}

export interface SheetClip extends Prepared {
  id: string;
  number: number;
  frames: number;
  rows: number;
  columns: number;
  frame_times_ms: number[];
  frame_url: string;
  synthetic: boolean;
  /** Its picture is not shown to this person, who still reads the study blind. */
  hidden: boolean;
}

export interface Step {
  clip: string;
  before: Prepared;
  after: Prepared;
}

export function preparedOf({ segment, view, use, use_reason, calipers }: Prepared): Prepared {
  return { segment, view, use, use_reason, calipers };
}

export function same(a: Prepared, b: Prepared): boolean {
  return a.segment === b.segment && a.view === b.view && a.use === b.use && a.use_reason === b.use_reason && a.calipers === b.calipers;
}

/** Steps to undo and to redo; a new step forgets what could be redone. */
export class Steps {
  private done: Step[] = [];
  private undone: Step[] = [];

  push(step: Step): void {
    if (same(step.before, step.after)) return;
    this.done.push(step);
    this.undone = [];
  }

  undo(): Step | null {
    const step = this.done.pop() ?? null;
    if (step) this.undone.push(step);
    return step;
  }

  redo(): Step | null {
    const step = this.undone.pop() ?? null;
    if (step) this.done.push(step);
    return step;
  }

  /** A step that the server refused never was. */
  drop(step: Step): void {
    this.done = this.done.filter((one) => one !== step);
    this.undone = this.undone.filter((one) => one !== step);
  }
}

/** Numbers of the frames that a looping thumbnail shows: at most `most`, evenly spread, the first among them. */
export function sampled(frames: number, most: number): number[] {
  const count = Math.min(frames, most);
  return Array.from({ length: count }, (_, i) => 1 + Math.floor((i * frames) / count));
}

/** Index of the last sampled frame that is not later than `frame`. */
export function shownAt(samples: readonly number[], frame: number): number {
  let index = 0;
  while (index + 1 < samples.length && (samples[index + 1] ?? Infinity) <= frame) index++;
  return index;
}

/** How many clips have each use, and how many of those to be read lack a segment. */
export function sums(clips: readonly SheetClip[]): { read: number; reference: number; aside: number; flagged: number; without: number } {
  const count = (test: (clip: SheetClip) => boolean): number => clips.filter(test).length;
  return {
    read: count((clip) => clip.use === "read"),
    reference: count((clip) => clip.use === "reference"),
    aside: count((clip) => clip.use === "aside"),
    flagged: count((clip) => clip.calipers),
    without: count((clip) => clip.use === "read" && clip.segment === ""),
  };
}
