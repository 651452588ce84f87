/** One undo stack for everything that can be drawn, so that Ctrl+Z goes back in the order things were done. */

export interface Step {
  /** Where the step happened, so that the page can go there. */
  clip: string;
  frame: number;
  undo(): void;
  redo(): void;
}

export class History {
  readonly limit: number;
  private readonly done: Step[] = [];
  private readonly undone: Step[] = [];
  private pushed = 0;
  private grouping = false;

  constructor(limit = 200) {
    this.limit = limit;
  }

  push(step: Step): void {
    this.pushed++;
    this.done.push(step);
    while (this.done.length > this.limit && !this.grouping) this.done.shift();
    this.undone.length = 0;
  }

  undo(): Step | null {
    const step = this.done.pop();
    if (!step) return null;
    step.undo();
    this.undone.push(step);
    return step;
  }

  redo(): Step | null {
    const step = this.undone.pop();
    if (!step) return null;
    step.redo();
    this.done.push(step);
    return step;
  }

  /** A place to join from: how many steps were ever pushed. */
  get mark(): number {
    return this.pushed;
  }

  /** Make one step of everything pushed since `mark`, so that one Ctrl+Z takes it all back. */
  join(mark: number, clip: string, frame: number): void {
    const steps = this.takeLast(Math.min(this.pushed - mark, this.done.length));
    const [only] = steps;
    if (!only) return;
    if (steps.length === 1) return this.push({ ...only, clip, frame, undo: () => only.undo(), redo: () => only.redo() });
    this.push({
      clip,
      frame,
      undo: () => {
        for (const step of [...steps].reverse()) step.undo();
      },
      redo: () => {
        for (const step of steps) step.redo();
      },
    });
  }

  /** Everything `act` pushes becomes one step, however many there are. */
  group(clip: string, frame: number, act: () => void): void {
    const mark = this.mark;
    const outer = this.grouping;
    this.grouping = true;
    try {
      act();
    } finally {
      this.grouping = outer;
    }
    this.join(mark, clip, frame);
  }

  /** Take the last `count` steps off, oldest first, without undoing them: they become part of a larger step. */
  takeLast(count: number): Step[] {
    const steps = count > 0 ? this.done.splice(-count) : [];
    this.pushed -= steps.length;
    return steps;
  }

  get depth(): number {
    return this.done.length;
  }

  clear(): void {
    this.done.length = 0;
    this.undone.length = 0;
  }
}
