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

  constructor(limit = 200) {
    this.limit = limit;
  }

  push(step: Step): void {
    this.done.push(step);
    if (this.done.length > this.limit) this.done.shift();
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

  /** Take the last `count` steps off, oldest first, without undoing them: they become part of a larger step. */
  takeLast(count: number): Step[] {
    return count > 0 ? this.done.splice(-count) : [];
  }

  get depth(): number {
    return this.done.length;
  }

  clear(): void {
    this.done.length = 0;
    this.undone.length = 0;
  }
}
