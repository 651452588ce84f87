/** ScrubBar: one tick a frame, marks, playhead; a slider for keyboard and screen reader. */
import { svg } from "./overlay.ts";
import { gettext, interpolate } from "./words.ts";

export interface Mark {
  frame: number;
  kind: "key" | "marked" | "none" | "model" | "asked" | "draft";
}

export const MARK_WORDS: Record<Mark["kind"], () => string> = {
  key: () => gettext("key frame"),
  marked: () => gettext("marked"),
  none: () => gettext("no plaque"),
  model: () => gettext("model key frame"),
  asked: () => gettext("given frame"),
  draft: () => gettext("draft"),
};

export class ScrubBar {
  private readonly host: HTMLElement;
  private readonly onSeek: (frame: number) => void;
  private readonly root = svg("svg", { class: "scrub-svg", "aria-hidden": "true" });
  private readonly ticks = svg("g", { class: "scrub-ticks" });
  private readonly markLayer = svg("g", { class: "scrub-marks" });
  private readonly head = svg("g", { class: "scrub-head" }, svg("path", { d: "M0 2V40" }));
  private readonly observer: ResizeObserver;
  private frames = 1;
  private frame = 1;
  private marks: readonly Mark[] = [];
  private width = 100;

  constructor(host: HTMLElement, onSeek: (frame: number) => void) {
    this.host = host;
    this.onSeek = onSeek;
    host.classList.add("scrub");
    host.setAttribute("role", "slider");
    host.setAttribute("aria-label", gettext("Frame"));
    host.tabIndex = 0;
    this.root.append(this.ticks, this.markLayer, this.head);
    host.append(this.root);
    host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      host.setPointerCapture(event.pointerId);
      this.seek(event);
    });
    host.addEventListener("pointermove", (event) => {
      if (host.hasPointerCapture(event.pointerId)) this.seek(event);
    });
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(host);
  }

  setClip(frames: number): void {
    this.frames = frames;
    this.host.setAttribute("aria-valuemin", "1");
    this.host.setAttribute("aria-valuemax", String(frames));
    this.layout();
  }

  setMarks(marks: readonly Mark[]): void {
    this.marks = marks;
    this.drawMarks();
  }

  setFrame(frame: number): void {
    this.frame = frame;
    this.host.setAttribute("aria-valuenow", String(frame));
    const words = interpolate(gettext("Frame %(frame)s of %(frames)s"), { frame, frames: this.frames });
    const kinds = this.marks.filter((mark) => mark.frame === frame).map((mark) => MARK_WORDS[mark.kind]());
    this.host.setAttribute("aria-valuetext", [words, ...kinds].join(", "));
    this.head.setAttribute("transform", `translate(${this.xOf(frame)} 0)`);
  }

  /** The next mark after (1) or before (-1) a frame, round the loop; null when there is none. */
  nextMark(from: number, step: 1 | -1): number | null {
    const at = [...new Set(this.marks.map((mark) => mark.frame))].sort((a, b) => a - b);
    if (at.length === 0) return null;
    if (step === 1) return at.find((frame) => frame > from) ?? at[0] ?? null;
    return at.reverse().find((frame) => frame < from) ?? at[0] ?? null;
  }

  dispose(): void {
    this.observer.disconnect();
    this.root.remove();
  }

  private xOf(frame: number): number {
    return ((frame - 0.5) / this.frames) * this.width;
  }

  private seek(event: PointerEvent): void {
    const box = this.host.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / Math.max(1, box.width)) * this.frames) + 1;
    this.onSeek(Math.min(this.frames, Math.max(1, at)));
  }

  private layout(): void {
    this.width = Math.max(10, this.host.clientWidth);
    const step = Math.max(1, Math.ceil((this.frames * 4) / this.width));
    let d = "";
    for (let frame = 1; frame <= this.frames; frame += step) {
      const x = this.xOf(frame).toFixed(1);
      d += `M${x} ${(frame - 1) % 6 === 0 ? 14 : 18}V24`;
    }
    this.ticks.replaceChildren(svg("path", { d }), svg("path", { class: "scrub-base", d: `M0 38.5H${this.width}` }));
    this.drawMarks();
    this.setFrame(this.frame);
  }

  private drawMarks(): void {
    const shapes: SVGElement[] = [];
    for (const mark of this.marks) {
      const x = this.xOf(mark.frame);
      if (mark.kind === "marked") shapes.push(svg("rect", { class: "scrub-marked", x: x - 2.5, y: 28, width: 5, height: 10 }));
      if (mark.kind === "none") shapes.push(svg("rect", { class: "scrub-none", x: x - 2.5, y: 28.5, width: 5, height: 9 }));
      if (mark.kind === "asked") shapes.push(svg("path", { class: "scrub-asked", d: `M${x - 4} 6H${x + 4}V10H${x - 4}Z` }));
      if (mark.kind === "draft") shapes.push(svg("rect", { class: "scrub-draft", x: x - 2.5, y: 28.5, width: 5, height: 9 }));
      if (mark.kind === "key") shapes.push(svg("path", { class: "scrub-key", d: `M${x - 6} 14H${x + 6}L${x} 23Z` }));
      if (mark.kind === "model") shapes.push(svg("path", { class: "scrub-model", d: `M${x} 12L${x + 5.5} 18L${x} 24L${x - 5.5} 18Z` }));
    }
    this.markLayer.replaceChildren(...shapes);
  }
}
