/** ScrubBar: one tick a frame, marks, playhead, what the file tells of the beat; a slider for keyboard and screen reader. */
import { placeOf, tracePath, type Heart } from "./heart.ts";
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

/** The ECG under the bar: where it begins and how high it is, in px. */
const STRIP = 44;
const STRIP_HEIGHT = 30;

export class ScrubBar {
  private readonly host: HTMLElement;
  private readonly onSeek: (frame: number) => void;
  private readonly root = svg("svg", { class: "scrub-svg", "aria-hidden": "true" });
  private readonly ticks = svg("g", { class: "scrub-ticks" });
  private readonly markLayer = svg("g", { class: "scrub-marks" });
  private readonly beat = svg("g", { class: "scrub-beat" });
  private readonly line = svg("path", { d: "" });
  private readonly head = svg("g", { class: "scrub-head" }, this.line);
  private readonly observer: ResizeObserver;
  private frames = 1;
  private frame = 1;
  private marks: readonly Mark[] = [];
  private heart: Heart | null = null;
  private starts: readonly number[] = [];
  private width = 100;

  constructor(host: HTMLElement, onSeek: (frame: number) => void) {
    this.host = host;
    this.onSeek = onSeek;
    host.classList.add("scrub");
    host.setAttribute("role", "slider");
    host.setAttribute("aria-label", gettext("Frame"));
    host.tabIndex = 0;
    this.root.append(this.beat, this.ticks, this.markLayer, this.head);
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

  /** `starts` are the times of the frames in ms; with `heart` the bar shows its R waves, or its ECG in a strip below. */
  setClip(frames: number, heart: Heart | null = null, starts: readonly number[] = []): void {
    this.frames = frames;
    this.heart = heart;
    this.starts = starts;
    this.host.classList.toggle("has-ecg", heart?.ecg != null);
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
    this.drawBeat();
    this.setFrame(this.frame);
  }

  /** The trace lies where its times lie among the frames, so that the playhead reads it. */
  private drawBeat(): void {
    const ecg = this.heart?.ecg ?? null;
    this.line.setAttribute("d", `M0 2V${ecg ? STRIP + STRIP_HEIGHT + 2 : 40}`);
    const waves = this.heart?.r_ms.map((at) => this.xOf(placeOf(this.starts, at))).filter((x) => x >= 0 && x <= this.width) ?? [];
    const top = ecg ? STRIP : 1;
    const spikes = waves.map((x) => (ecg ? `M${x.toFixed(1)} ${top}v${STRIP_HEIGHT}` : `M${(x - 4).toFixed(1)} 9h2l1 -8l2 10l1 -2h2`)).join("");
    const shapes: SVGElement[] = [svg("path", { class: ecg ? "scrub-r-line" : "scrub-r", d: spikes })];
    if (ecg) shapes.push(svg("path", { class: "scrub-ecg", d: tracePath(ecg, this.starts, (frame) => this.xOf(frame), STRIP + 2, STRIP_HEIGHT - 4) }));
    this.beat.replaceChildren(...(this.heart ? shapes : []));
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
