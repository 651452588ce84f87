/** Under the picture: step, play, frame, speed, legend, and the scrub bar. */
import { gettext, interpolate } from "../viewer/words.ts";
import { ScrubBar, sinceRWords, type Clip, type Clock, type Mark } from "../viewer/index.ts";
import { button, el, icon, keycap } from "./dom.ts";

export interface BarActions {
  step(by: 1 | -1): void;
  play(): void;
  seek(frame: number): void;
  loop(): void;
  speed(): void;
  nextMark(): void;
}

export class Bar {
  readonly root = el("div", { class: "rd-bar" });
  readonly scrub: ScrubBar;
  private readonly frame = el("span", { class: "rd-frame" });
  private readonly of = el("span", { class: "rd-faint" });
  private readonly time = el("span", { class: "rd-faint rd-num rd-time" });
  /** Ms after the R wave before the frame, where the file tells R waves. */
  private readonly beat = el("span", { class: "rd-num rd-beat" });
  private readonly fps = el("span", { class: "rd-num" });
  private readonly speed: HTMLButtonElement;
  private readonly loop: HTMLButtonElement;
  private readonly playButton: HTMLButtonElement;

  constructor(actions: BarActions) {
    const host = el("div", {});
    this.scrub = new ScrubBar(host, actions.seek);
    this.playButton = button({ class: "rd-play", "aria-label": gettext("Play") }, actions.play, icon("play"));
    this.speed = button({ class: "rd-link is-plain rd-num", title: gettext("Speed: , slower . faster") }, actions.speed, "1×");
    this.loop = button({ class: "rd-link is-plain", "aria-pressed": "true" }, actions.loop, gettext("loop"));
    const back = button({ class: "rd-step", "aria-label": gettext("Previous frame") }, () => actions.step(-1), icon("back"));
    const on = button({ class: "rd-step", "aria-label": gettext("Next frame") }, () => actions.step(1), icon("forward"));
    const mark = button({ class: "rd-act" }, actions.nextMark, keycap("⇧", "→"), gettext("next mark"));
    const line = el(
      "div",
      { class: "rd-bar-line" },
      back, this.playButton, on, keycap("Space"),
      el("span", { class: "rd-count" }, this.frame, this.of), this.time, this.beat,
      el("span", { class: "rd-rate" }, this.fps, " · ", this.speed, " · ", this.loop),
      el("span", { class: "rd-gap" }),
      legend("▼", "rd-phys", gettext("key frame")), legend("▮", "rd-phys", gettext("marked")), legend("▯", "", gettext("no plaque")), mark,
    );
    this.root.append(line, host);
  }

  setClip(clip: Clip, clock: Clock): void {
    const heart = clip.frames > 1 ? (clip.heart ?? null) : null;
    this.scrub.setClip(clip.frames, heart, clock.times);
    this.root.classList.toggle("has-beat", Boolean(heart?.r_ms.length));
    this.root.parentElement?.classList.toggle("has-ecg", Boolean(heart?.ecg));
  }

  setFrame(frame: number, { frames, heart }: Clip, ms: number): void {
    this.frame.textContent = interpolate(gettext("Frame %(frame)s"), { frame });
    this.of.textContent = ` / ${frames}`;
    this.time.textContent = frames > 1 ? interpolate(gettext("%(ms)s ms"), { ms: Math.round(ms) }) : "";
    this.beat.textContent = frames > 1 ? sinceRWords(heart, ms) : "";
    this.scrub.setFrame(frame);
  }

  setClock(clock: Clock, frames: number, assumed: boolean): void {
    const words = assumed ? gettext("%(fps)s fps (assumed)") : gettext("%(fps)s fps");
    this.fps.textContent = frames > 1 ? interpolate(words, { fps: Math.round(clock.fps) }) : gettext("still");
    this.speed.textContent = `${clock.speed}×`;
    this.loop.setAttribute("aria-pressed", String(clock.loop));
    this.loop.textContent = clock.loop ? gettext("loop") : gettext("once");
  }

  setPlaying(playing: boolean): void {
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? gettext("Pause") : gettext("Play"));
  }

  setMarks(marks: readonly Mark[]): void {
    this.scrub.setMarks(marks);
  }
}

function legend(sign: string, className: string, words: string): HTMLElement {
  return el("span", { class: "rd-legend" }, el("span", { class: className, "aria-hidden": "true" }, sign), words);
}
