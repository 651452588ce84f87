/** Study page: a read-only player over the clips of one study. */
import { toast } from "../base/toasts.ts";
import {
  Clock,
  ScrubBar,
  View,
  Viewport,
  fitBoxOf,
  frameAddress,
  frameStoreOf,
  gettext,
  interpolate,
  rulerOf,
  scaleWords,
  segmentWords,
  storedWords,
  viewWords,
  type Clip,
  type FrameStore,
} from "../viewer/index.ts";

class Player {
  private readonly clips: Clip[];
  private readonly root: HTMLElement;
  private readonly strip: HTMLElement;
  private readonly view = new View();
  private readonly pane: Viewport;
  private readonly scrub: ScrubBar;
  private readonly clock: Clock;
  private readonly ground: HTMLElement | null;
  private store: FrameStore | null = null;
  private at = 0;

  constructor(root: HTMLElement, strip: HTMLElement, stage: HTMLElement, clips: Clip[]) {
    this.root = root;
    this.strip = strip;
    this.clips = clips;
    this.ground = root.querySelector("[data-player-ground]");
    const picture = document.createElement("div");
    picture.className = "player-picture";
    const bar = document.createElement("div");
    bar.className = "player-scrub";
    stage.append(picture, bar);
    this.pane = new Viewport(picture, { view: this.view, label: gettext("Ultrasound frame") });
    this.scrub = new ScrubBar(bar, (frame) => {
      this.clock.pause();
      this.view.set({ frame });
    });
    this.clock = new Clock((frame) => { this.view.set({ frame }); });
    this.view.subscribe((state) => {
      this.scrub.setFrame(state.frame);
      this.store?.focus(state.frame);
      this.say();
    });
    this.fillStrip();
    document.addEventListener("keydown", (event) => { this.key(event); });
  }

  show(index: number): void {
    const clip = this.clips[index];
    if (!clip) return;
    this.at = index;
    this.store?.dispose();
    const store = frameStoreOf(clip);
    this.store = store;
    store.on((event) => { if (event.kind === "failed") toast(event.error.message, "bad"); });
    this.clock.setClip(clip.frame_times_ms, clip.frames);
    this.view.set({ frame: 1, zoom: 1, panX: 0, panY: 0 });
    this.pane.setClip(store, { fitBox: fitBoxOf(clip), ruler: rulerOf(clip) });
    const [scale, source] = scaleWords(clip.regions[0] ?? null);
    this.pane.setCorners({
      topLeft: [[interpolate(gettext("Clip %(n)s"), { n: clip.number }), segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(" · "), storedWords(clip)],
      topRight: [scale, source],
      ...(clip.synthetic ? { badge: gettext("synthetic") } : {}),
    });
    this.scrub.setClip(clip.frames);
    void store.first(1).then(() => store.load());
    for (const [i, button] of [...this.strip.children].entries()) button.setAttribute("aria-selected", String(i === index));
    this.say();
    this.root.dataset["ready"] = clip.id;
  }

  private say(): void {
    const clip = this.clips[this.at];
    if (!clip || !this.ground) return;
    this.root.dataset["frame"] = String(this.view.state.frame);
    this.ground.textContent = interpolate(gettext("clip %(c)s of %(n)s · frame %(f)s of %(m)s"), { c: this.at + 1, n: this.clips.length, f: this.view.state.frame, m: clip.frames });
  }

  private fillStrip(): void {
    for (const [index, clip] of this.clips.entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "option");
      const picture = document.createElement("img");
      picture.src = frameAddress(clip, 1);
      picture.alt = "";
      picture.loading = "lazy";
      const words = document.createElement("span");
      words.textContent = `${clip.number} · ${clip.frames > 1 ? clip.frames : gettext("still")}`;
      button.append(picture, words);
      button.addEventListener("click", () => { this.show(index); });
      this.strip.append(button);
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const clip = this.clips[this.at];
    if (!clip) return;
    const step = (by: number): void => {
      this.clock.pause();
      this.view.set({ frame: Math.max(1, Math.min(clip.frames, this.view.state.frame + by)) });
    };
    const acts: Record<string, () => void> = {
      Space: () => { if (this.clock.playing) this.clock.pause(); else this.clock.play(this.view.state.frame); },
      ArrowRight: () => { step(1); },
      ArrowLeft: () => { step(-1); },
      Home: () => { step(-clip.frames); },
      End: () => { step(clip.frames); },
      ArrowDown: () => { this.show(Math.min(this.clips.length - 1, this.at + 1)); },
      ArrowUp: () => { this.show(Math.max(0, this.at - 1)); },
      KeyF: () => { this.view.fit(); },
      Equal: () => { this.pane.oneToOne(); },
      KeyI: () => { this.view.set({ invert: !this.view.state.invert }); },
    };
    const act = acts[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

const root = document.querySelector<HTMLElement>("[data-player]");
const strip = root?.querySelector<HTMLElement>("[data-player-strip]");
const stage = root?.querySelector<HTMLElement>("[data-player-stage]");
const source = document.getElementById("player-clips");
if (root && strip && stage && source) {
  const clips = JSON.parse(source.textContent) as Clip[];
  new Player(root, strip, stage, clips).show(0);
}
