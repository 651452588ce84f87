/** The panes of the adjudicator's page: one picture in step 1, one pane a read in step 2; all show the same frame. */
import { ReaderLayer } from "../compare/layers.ts";
import type { Place, ReadFrame } from "../compare/types.ts";
import {
  Clock, ScrubBar, View, Viewport, fitBoxOf, frameStoreOf, gettext, interpolate, lengthWords, measure, regionAt, rulerOf, scaleWords,
  segmentWords, viewWords, type Chord, type Clip, type FrameStore, type Line, type Point, withBeat,
} from "../viewer/index.ts";
import type { CaliperMark } from "./answer.ts";
import { CaliperTool } from "./caliper.ts";

export interface ReadSide {
  name: string;
  reader_class: number;
  key: Place | null;
  frames: ReadFrame[];
}

export interface Adjudication {
  id: string;
  state: string;
  clips: Clip[];
  reads: ReadSide[];
  pairs: { names: [string, string]; worst: Place | null; dice: number | null }[];
  own: { caliper: CaliperMark | null } | null;
}

interface Hooks {
  /** A caliper was drawn. */
  caliper(mark: CaliperMark): void;
  /** The one that is kept. */
  shown(): CaliperMark | null;
}

interface Open {
  clip: Clip;
  store: FrameStore;
  layers: ReaderLayer[];
}

export class Pictures {
  readonly view = new View();
  private readonly root: HTMLElement;
  private readonly data: Adjudication;
  private readonly hooks: Hooks;
  private readonly panes: Viewport[];
  private readonly scrub: ScrubBar;
  private readonly clock: Clock;
  private readonly opened = new Map<string, Open>();
  private readonly tool: CaliperTool;
  private shown: Open | null = null;

  constructor(root: HTMLElement, data: Adjudication, hooks: Hooks) {
    this.root = root;
    this.data = data;
    this.hooks = hooks;
    this.panes = [...root.querySelectorAll<HTMLElement>("[data-pane]")].map((host, at) => {
      const pane = new Viewport(host, { view: this.view, label: this.data.reads[at]?.name ?? gettext("Echo picture") });
      pane.chords = (frame) => this.chords(at, frame);
      pane.lines = (frame) => this.outlines(at, frame);
      return pane;
    });
    this.scrub = new ScrubBar(this.part("[data-scrub]"), (frame) => this.goFrame(frame));
    this.clock = new Clock(
      (frame) => this.view.set({ frame }),
      (playing) => this.part("[data-play]").setAttribute("aria-pressed", String(playing)),
    );
    this.tool = new CaliperTool(() => this.shown?.clip ?? null, (points) => this.drawn(points), () => this.redraw());
    this.view.subscribe(() => this.follow());
    this.part("[data-play]").addEventListener("click", () => this.togglePlay());
    for (const button of root.querySelectorAll<HTMLElement>("[data-step]")) {
      button.addEventListener("click", () => this.step(Number(button.dataset["step"])));
    }
    this.clipButtons();
  }

  async start(): Promise<void> {
    const first = this.data.clips[0];
    const wanted = this.data.reads.find((read) => read.key)?.key ?? (first ? { clip: first.id, frame: 1, region: 1 } : null);
    if (!wanted) throw new Error(gettext("this study has no clip to show"));
    await this.go(wanted);
  }

  get measuring(): boolean {
    return this.panes[0]?.tool === this.tool;
  }

  measure(on: boolean): void {
    if (on) this.clock.pause();
    for (const pane of this.panes) pane.tool = on ? this.tool : null;
  }

  async go(place: Place): Promise<void> {
    const clip = this.data.clips.find((one) => one.id === place.clip);
    if (!clip) return;
    if (this.shown?.clip !== clip) this.open(clip, place.frame);
    this.goFrame(place.frame);
    await this.shown?.store.want(this.view.state.frame);
  }

  goFrame(frame: number): void {
    this.clock.pause();
    this.view.set({ frame: Math.min(this.shown?.clip.frames ?? 1, Math.max(1, frame)) });
  }

  step(by: number): void {
    const frames = this.shown?.clip.frames ?? 1;
    this.goFrame(((this.view.state.frame - 1 + by + frames) % frames) + 1);
  }

  stepClip(by: number): void {
    const next = this.data.clips[this.data.clips.findIndex((clip) => clip === this.shown?.clip) + by];
    if (next) void this.go({ clip: next.id, frame: this.marked(next)[0] ?? 1, region: 1 });
  }

  togglePlay(): void {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play(this.view.state.frame);
  }

  /** Where two reads overlap least. */
  goWorst(): void {
    const worst = [...this.data.pairs].sort((a, b) => (a.dice ?? 2) - (b.dice ?? 2)).find((pair) => pair.worst)?.worst;
    if (worst) void this.go(worst);
  }

  hideMasks(hidden: boolean): void {
    for (const pane of this.panes) pane.mode = hidden ? "hidden" : "fill";
    this.redraw();
  }

  redraw(): void {
    for (const pane of this.panes) pane.redraw();
  }

  lengthOf(mark: CaliperMark | null): string {
    const clip = this.data.clips.find((one) => one.id === mark?.clip);
    return mark && clip ? lengthWords(measure(clip.regions, ...mark.points)) : "–";
  }

  private part(selector: string): HTMLElement {
    const found = this.root.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`the page has no ${selector}`);
    return found;
  }

  private drawn(points: [Point, Point]): void {
    const clip = this.shown?.clip;
    if (!clip) return;
    const region = regionAt(clip.regions, points[0])?.number ?? 1;
    this.hooks.caliper({ clip: clip.id, frame: this.view.state.frame, region, points });
  }

  private clipButtons(): void {
    const host = this.part("[data-clips]");
    host.hidden = this.data.clips.length < 2;
    host.replaceChildren(
      ...this.data.clips.map((clip) => {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "adj-clip" });
        button.dataset["clip"] = clip.id;
        const where = [segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(", ");
        button.textContent = [interpolate(gettext("Clip %(n)s"), { n: clip.number }), where].filter(Boolean).join(" · ");
        button.addEventListener("click", () => void this.go({ clip: clip.id, frame: this.marked(clip)[0] ?? 1, region: 1 }));
        return button;
      }),
    );
  }

  private marked(clip: Clip): number[] {
    const frames = this.data.reads.flatMap((read) => read.frames.filter((frame) => frame.clip === clip.id).map((frame) => frame.frame));
    return [...new Set(frames)].sort((a, b) => a - b);
  }

  private open(clip: Clip, frame: number): void {
    this.shown?.store.rest();
    const known = this.opened.get(clip.id);
    const now = known ?? { clip, store: frameStoreOf(clip), layers: this.data.reads.map((read) => new ReaderLayer(clip, read)) };
    this.opened.set(clip.id, now);
    this.shown = now;
    void now.store.first(frame).then(() => now.store.load());
    this.clock.setClip(clip.frame_times_ms, clip.frames);
    for (const pane of this.panes) pane.setClip(null);
    this.view.set({ frame });
    this.panes.forEach((pane, at) => {
      pane.layers = now.layers[at] ? { physician: now.layers[at] } : {};
      pane.setClip(now.store, { fitBox: fitBoxOf(clip), ruler: rulerOf(clip) });
    });
    this.scrub.setClip(clip.frames, clip.heart, this.clock.times);
    this.scrub.setMarks(this.marked(clip).map((one) => ({ frame: one, kind: "marked" as const })));
    for (const button of this.root.querySelectorAll<HTMLElement>(".adj-clip")) {
      button.setAttribute("aria-pressed", String(button.dataset["clip"] === clip.id));
    }
    this.follow();
  }

  private chords(at: number, frame: number): Chord[] {
    const clip = this.shown?.clip;
    if (!clip) return [];
    const marks = this.data.reads[at]?.frames.filter((one) => one.clip === clip.id && one.frame === frame) ?? [];
    const out: Chord[] = marks.flatMap((one) =>
      one.calipers.map((caliper) => ({ id: caliper.id, who: "physician" as const, points: caliper.points, label: lengthWords({ mm: caliper.mm, px: caliper.px }) })),
    );
    const own = this.hooks.shown();
    if (own?.clip === clip.id && own.frame === frame) out.push({ id: "own", who: "physician", points: own.points, label: this.lengthOf(own), selected: true });
    if (this.tool.live) out.push({ id: "live", who: "physician", points: this.tool.live, label: lengthWords(measure(clip.regions, ...this.tool.live)), live: true });
    return out;
  }

  private outlines(at: number, frame: number): Line[] {
    const marks = this.data.reads[at]?.frames.filter((one) => one.clip === this.shown?.clip.id && one.frame === frame) ?? [];
    return marks
      .filter((one) => (one.outline?.length ?? 0) > 2)
      .map((one) => ({ points: one.outline ?? [], closed: true, kind: "outline", who: "physician" }));
  }

  private follow(): void {
    const clip = this.shown?.clip;
    if (!clip) return;
    const { frame } = this.view.state;
    this.shown?.store.focus(frame);
    this.scrub.setFrame(frame);
    this.root.dataset["frame"] = String(frame);
    this.root.dataset["clip"] = clip.id;
    this.part("[data-frame-words]").textContent = withBeat(interpolate(gettext("Frame %(frame)s / %(frames)s"), { frame, frames: clip.frames }), clip.heart, this.clock.startOf(frame));
    const region = clip.regions.find((one) => one.valid) ?? clip.regions[0] ?? null;
    this.panes.forEach((pane, at) => {
      const layer = this.shown?.layers[at];
      const said = layer ? (layer.at(frame).length ? "" : gettext("not marked: unknown")) : "";
      pane.setCorners({
        topLeft: [[segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(", "), said],
        ...(at === this.panes.length - 1 ? { bottomRight: [scaleWords(region).join(", ")] } : {}),
        ...(clip.synthetic ? { badge: gettext("synthetic") } : {}),
      });
    });
    for (const place of this.root.querySelectorAll("[data-place]")) {
      place.textContent = interpolate(gettext("clip %(number)s"), { number: clip.number });
    }
  }
}
