/** Study page: a read-only player over the clips of one study, for mouse and keys. */
import { toast } from "../base/toasts.ts";
import {
  Clock, ScrubBar, View, Viewport, fitBoxOf, frameAddress, frameStoreOf, gettext, interpolate, rulerOf, scaleWords, segmentWords, storedWords,
  timeline, viewWords, type Clip, type FrameStore, withBeat,
} from "../viewer/index.ts";

const SVG = "http://www.w3.org/2000/svg";

function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function button(label: string, run: () => void, ...children: (Node | string)[]): HTMLButtonElement {
  const made = make("button", "", ...children);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.title = label;
  made.addEventListener("click", run);
  return made;
}

class Player {
  private readonly root: HTMLElement;
  private readonly clips: readonly Clip[];
  private readonly strip = make("div", "player-strip");
  private readonly count = make("span", "count");
  private readonly rate = make("span", "");
  private readonly view = new View();
  private readonly pane: Viewport;
  private readonly scrub: ScrubBar;
  private readonly clock: Clock;
  private readonly play: HTMLButtonElement;
  private store: FrameStore | null = null;
  private clip: Clip;

  constructor(root: HTMLElement, clips: readonly Clip[], first: Clip) {
    this.root = root;
    this.clips = clips;
    this.clip = first;
    const picture = make("div", "player-picture");
    const bar = make("div", "player-scrub");
    this.play = button(gettext("Play"), () => { this.toggle(); }, icon("play"));
    this.play.className = "player-play";
    root.append(this.strip, picture, make("div", "player-bar", this.controls(), bar));
    this.strip.setAttribute("aria-label", gettext("Clips"));
    this.strip.setAttribute("role", "group");
    this.pane = new Viewport(picture, { view: this.view, label: gettext("Echo picture") });
    this.scrub = new ScrubBar(bar, (frame) => { this.go(frame); });
    this.clock = new Clock((frame) => { this.view.set({ frame }); }, (playing) => { this.say(playing); });
    this.view.subscribe((state) => {
      this.scrub.setFrame(state.frame);
      this.store?.focus(state.frame);
      this.say(this.clock.playing);
    });
    this.fillStrip();
    document.addEventListener("keydown", (event) => { this.key(event); });
    this.show(first);
  }

  private controls(): HTMLElement {
    const back = button(gettext("Previous frame"), () => { this.step(-1); }, icon("left"));
    const on = button(gettext("Next frame"), () => { this.step(1); }, icon("right"));
    const slower = button(gettext("Slower"), () => { this.speed(-1); }, "−");
    const faster = button(gettext("Faster"), () => { this.speed(1); }, "+");
    const fit = button(gettext("Fit"), () => { this.view.fit(); }, gettext("fit"));
    const invert = button(gettext("Invert"), () => { this.invert(); }, gettext("invert"));
    const look = make("span", "push", fit, invert);
    return make("div", "player-line", back, this.play, on, this.count, slower, this.rate, faster, look);
  }

  private show(clip: Clip): void {
    this.clock.pause();
    this.store?.dispose();
    this.clip = clip;
    const store = frameStoreOf(clip);
    this.store = store;
    store.on((event) => {
      if (event.kind === "failed") toast(interpolate(gettext("Clip %(clip)s did not load: %(detail)s"), { clip: clip.number, detail: event.error.message }), "bad");
      if (event.kind === "broken") toast(interpolate(gettext("Clip %(clip)s: frame %(frame)s unreadable"), { clip: clip.number, frame: event.frame }), "bad");
    });
    this.clock.setClip(clip.frame_times_ms, clip.frames);
    this.view.set({ frame: 1, zoom: 1, panX: 0, panY: 0 });
    this.pane.setClip(store, { fitBox: fitBoxOf(clip), ruler: rulerOf(clip) });
    this.pane.setCorners(this.corners(clip));
    this.scrub.setClip(clip.frames, clip.heart, this.clock.times);
    this.scrub.setFrame(1);
    void store.first(1).then(() => {
      this.root.dataset["ready"] = "true";
      return store.load();
    });
    for (const [i, thumb] of [...this.strip.children].entries()) {
      const chosen = this.clips[i]?.id === clip.id;
      thumb.setAttribute("aria-pressed", String(chosen));
      if (chosen) thumb.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.say(false);
    this.root.dataset["clip"] = clip.id;
  }

  private corners(clip: Clip): Parameters<Viewport["setCorners"]>[0] {
    const name = interpolate(gettext("Clip %(n)s"), { n: clip.number });
    const place = [name, segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(" · ");
    const scale = scaleWords(clip.regions.find((region) => region.valid) ?? null);
    return { topLeft: [place, storedWords(clip)], topRight: scale, ...(clip.synthetic ? { badge: gettext("synthetic") } : {}) };
  }

  /** Frame, speed and whether it plays; the page's tests read the data attributes. */
  private say(playing: boolean): void {
    const { frame } = this.view.state;
    const { assumed } = timeline(this.clip.frame_times_ms, this.clip.frames);
    this.root.dataset["frame"] = String(frame);
    this.root.dataset["playing"] = String(playing);
    this.count.textContent = withBeat(interpolate(gettext("Frame %(frame)s / %(frames)s"), { frame, frames: this.clip.frames }), this.clip.heart, this.clock.startOf(frame));
    const fps = Math.round(this.clock.fps);
    const words = assumed ? gettext("%(fps)s fps (assumed) · %(speed)s×") : gettext("%(fps)s fps · %(speed)s×");
    this.rate.textContent = this.clip.frames > 1 ? interpolate(words, { fps, speed: this.clock.speed }) : gettext("still");
    if (this.play.getAttribute("aria-pressed") === String(playing)) return;
    this.play.setAttribute("aria-pressed", String(playing));
    this.play.replaceChildren(icon(playing ? "pause" : "play"));
    this.play.setAttribute("aria-label", playing ? gettext("Pause") : gettext("Play"));
  }

  private fillStrip(): void {
    for (const clip of this.clips) {
      const picture = make("img", "");
      picture.src = frameAddress(clip, 1);
      picture.alt = "";
      picture.loading = "lazy";
      const length = clip.frames > 1 ? interpolate(gettext("%(n)s frames"), { n: clip.frames }) : gettext("still");
      const name = make("b", "", make("span", "visually-hidden", gettext("Clip"), " "), String(clip.number));
      const thumb = make("button", "", picture, make("span", "", name, " ", length));
      thumb.type = "button";
      thumb.addEventListener("click", () => { this.show(clip); });
      this.strip.append(thumb);
    }
  }

  private go(frame: number): void {
    this.clock.pause();
    this.view.set({ frame: Math.max(1, Math.min(this.clip.frames, frame)) });
  }

  private step(by: number): void {
    const { frames } = this.clip;
    this.go(((this.view.state.frame - 1 + by + frames) % frames) + 1);
  }

  private toggle(): void {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play(this.view.state.frame);
  }

  private speed(step: 1 | -1): void {
    this.clock.faster(step);
    this.say(this.clock.playing);
  }

  private invert(): void {
    this.view.set({ invert: !this.view.state.invert });
  }

  private neighbour(by: number): void {
    const next = this.clips[this.clips.indexOf(this.clip) + by];
    if (next) this.show(next);
  }

  private readonly acts: Record<string, () => void> = {
    Space: () => { this.toggle(); },
    ArrowRight: () => { this.step(1); },
    ArrowLeft: () => { this.step(-1); },
    Home: () => { this.go(1); },
    End: () => { this.go(this.clip.frames); },
    ArrowDown: () => { this.neighbour(1); },
    ArrowUp: () => { this.neighbour(-1); },
    Comma: () => { this.speed(-1); },
    Period: () => { this.speed(1); },
    KeyF: () => { this.view.fit(); },
    Equal: () => { this.pane.oneToOne(); },
    KeyI: () => { this.invert(); },
  };

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("input, textarea, select")) return;
    if (event.code === "Space" && target?.closest("button, a, summary")) return; // Space belongs to the control with the focus
    const act = this.acts[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

const root = document.querySelector<HTMLElement>("[data-player]");
const source = document.getElementById("player-clips");
if (root && source) {
  const clips = JSON.parse(source.textContent) as Clip[];
  const [first] = clips;
  if (first) new Player(root, clips, first);
}
