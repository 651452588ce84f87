/** Swipe: one large picture, the left side's marks before a divider, the right side's behind it. */
import type { Point } from "../viewer/geometry.ts";
import type { View } from "../viewer/view.ts";
import { Viewport } from "../viewer/viewport.ts";
import { gettext, interpolate } from "../viewer/words.ts";

const STEP = 0.02;
const BIG_STEP = 0.1;

/** Where the divider may stand: never out of reach at an edge. */
export function clampSplit(value: number): number {
  return Math.min(0.98, Math.max(0.02, value));
}

/** What a key does to the divider; null: nothing of its own. */
export function splitAfter(split: number, key: string, big: boolean): number | null {
  const step = big ? BIG_STEP : STEP;
  const to: Record<string, number> = { ArrowLeft: split - step, ArrowRight: split + step, PageDown: split - BIG_STEP, PageUp: split + BIG_STEP, Home: 0, End: 1 };
  const found = to[key];
  return found === undefined ? null : clampSplit(found);
}

export class Swipe {
  readonly pane: Viewport;
  private readonly root: HTMLElement;
  private readonly stage: HTMLElement;
  private readonly divider: HTMLElement;
  private readonly button: HTMLElement | null;
  private split = 0.5;

  constructor(root: HTMLElement, view: View, onActive: () => void) {
    this.root = root;
    const stage = root.querySelector<HTMLElement>("[data-swipe-stage]");
    const host = root.querySelector<HTMLElement>('[data-pane="swipe"]');
    const divider = root.querySelector<HTMLElement>("[data-divider]");
    if (!stage || !host || !divider) throw new Error("the page has no place to swipe");
    this.stage = stage;
    this.divider = divider;
    this.button = root.querySelector("[data-swipe]");
    this.pane = new Viewport(host, { view, label: gettext("Left and right with a divider"), onActive });
    this.button?.addEventListener("click", () => this.toggle());
    this.listen();
    this.place(this.split);
  }

  get on(): boolean {
    return !this.stage.hidden;
  }

  toggle(): void {
    this.stage.hidden = !this.stage.hidden;
    this.root.dataset["swiping"] = this.on ? "yes" : "no";
    this.button?.setAttribute("aria-pressed", String(this.on));
    if (this.on) this.divider.focus();
    this.pane.redraw();
  }

  /** Tell whether a caliper lies on the part of the picture that shows its side. */
  shows(name: "left" | "right", points: readonly [Point, Point]): boolean {
    const [a, b] = [this.pane.toScreen(points[0]), this.pane.toScreen(points[1])];
    const before = (a[0] + b[0]) / 2 < this.split * this.pane.host.clientWidth;
    return before === (name === "left");
  }

  setCorners(left: string[], right: string[], badge: { badge?: string }): void {
    this.pane.setCorners({ topLeft: left, topRight: right, ...badge });
  }

  private place(split: number): void {
    this.split = clampSplit(split);
    this.pane.split = this.split;
    const percent = Math.round(this.split * 100);
    this.divider.style.left = `${(this.split * 100).toFixed(2)}%`;
    this.divider.setAttribute("aria-valuenow", String(percent));
    this.divider.setAttribute("aria-valuetext", interpolate(gettext("left side over %(percent)s %"), { percent }));
    this.pane.redraw();
  }

  private listen(): void {
    const { divider } = this;
    divider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      divider.setPointerCapture(event.pointerId);
      divider.focus();
      event.preventDefault();
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = this.pane.host.getBoundingClientRect();
      this.place((event.clientX - box.left) / Math.max(1, box.width));
    });
    divider.addEventListener("keydown", (event) => {
      const to = event.ctrlKey || event.metaKey || event.altKey ? null : splitAfter(this.split, event.key, event.shiftKey);
      if (to === null) return;
      event.preventDefault();
      this.place(to);
    });
  }
}
