/** Stage: the pane with the current clip, its clock, tools and look. Knows the draft only to show and to draw. */
import {
  Clock, View, Viewport, calmOf, depthMm, fitBoxOf, frameStoreOf, hasScale, lengthWords, rulerOf, scalable, scaleWords, segmentWords, storedWords,
  timeline, viewWords, wholeBoxOf, type Chord, type Clip, type FrameStore, type Line, type Mark, type Point, type Region,
} from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import type { Aid } from "./aided.ts";
import type { Asked } from "./asked.ts";
import type { Draft } from "./draft.ts";
import type { ToolName } from "./rail.ts";
import { GrowTool } from "./growtool.ts";
import { WallTool } from "./walltool.ts";
import { BrushTool, CaliperTool, PolygonTool, ScaleTool, SelectTool, type ToolContext, type ToolSettings } from "./tools.ts";

export interface StageEvents {
  frame(frame: number): void;
  clip(clip: Clip): void;
  playing(playing: boolean): void;
  /** Taken in hand; `again`: for the next part of what is being done with it. */
  tool(name: ToolName, again: boolean): void;
  look(): void;
  failed(words: string): void;
  /** A line was drawn over a known length of the depth ruler. */
  known(points: [Point, Point]): void;
  /** Drafts that wait to be kept, as lines. */
  drafts(frame: number): Line[];
  /** Whether this case has all its pictures: then the line is free. */
  line(free: boolean): void;
  /** The button in the corner: take the tool that sets the scale. */
  scale(): void;
}

export class Stage {
  readonly view = new View();
  readonly pane: Viewport;
  readonly clock: Clock;
  readonly settings: ToolSettings = { radius: 6, kind: "thickness", low: 40, high: 255, tolerance: 24 };
  /** A drawing tool was taken and has not drawn yet: digits wait. */
  toolFocus = false;
  toolName: ToolName = "select";
  current: Clip;
  aid: Aid | null = null;
  asked: Asked | null = null;
  /** As the corner and the ruler show them. */
  private regions: readonly Region[] = [];
  private readonly draft: Draft;
  private readonly events: StageEvents;
  private readonly stores = new Map<string, FrameStore>();
  private readonly places = new Map<string, number>();
  /** "Fit" shows the whole frame. */
  private wide = false;
  private readonly tools: Record<ToolName, SelectTool | BrushTool | PolygonTool | GrowTool | WallTool>;

  constructor(host: HTMLElement, draft: Draft, events: StageEvents) {
    this.draft = draft;
    this.events = events;
    const first = draft.clips[0];
    if (!first) throw new Error(gettext("This case has no clip to read."));
    this.current = first;
    this.pane = new Viewport(host, { view: this.view, label: gettext("Echo picture"), onPress: (point) => this.pressed(point) });
    this.clock = new Clock((frame) => this.view.set({ frame }), (playing) => events.playing(playing));
    const context = this.context();
    this.tools = {
      select: new SelectTool(context),
      caliper: new CaliperTool(context),
      brush: new BrushTool(context, "brush"),
      eraser: new BrushTool(context, "eraser"),
      polygon: new PolygonTool(context),
      threshold: new BrushTool(context, "threshold"),
      grow: new GrowTool(context),
      wall: new WallTool(context),
      scale: new ScaleTool(context),
    };
    this.pane.chords = (frame) => this.chords(frame);
    this.pane.lines = () => this.sketches();
    this.pane.onSize = () => events.look();
    this.view.subscribe((state, before) => {
      if (state.frame !== before.frame) {
        if (!this.clock.playing) this.pane.tool?.cancel();
        this.places.set(this.current.id, state.frame);
        events.frame(state.frame);
      } else events.look();
    });
    this.setTool("select");
  }

  get frame(): number {
    return this.view.state.frame;
  }

  get editable(): boolean {
    return this.draft.derived.state === "draft" && this.asksForThis;
  }

  /** Whether this frame may be marked: any, or one of those that the case names. */
  get asksForThis(): boolean {
    return this.asked?.has(this.current.id, this.frame) ?? true;
  }

  show(clip: Clip, frame?: number): void {
    const changed = clip.id !== this.current.id || !this.stores.has(clip.id);
    const wanted = Math.min(clip.frames, Math.max(1, frame ?? this.places.get(clip.id) ?? 1));
    if (changed) this.open(clip, wanted);
    this.go(wanted);
    if (changed) this.events.clip(clip);
  }

  go(frame: number): void {
    this.clock.pause();
    this.view.set({ frame: Math.min(this.current.frames, Math.max(1, frame)) });
  }

  step(by: number): void {
    const frames = this.current.frames;
    this.go(((this.frame - 1 + by + frames) % frames) + 1);
  }

  play(): void {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play(this.frame);
  }

  setTool(name: ToolName, again = false): void {
    this.toolName = name;
    this.toolFocus = name !== "select";
    const tool = this.tools[name];
    this.pane.tool = tool;
    this.pane.ring = tool instanceof BrushTool ? this.settings.radius : null;
    this.events.tool(name, again);
  }

  setRadius(change: number): void {
    const { radius } = this.settings;
    this.settings.radius = Math.min(60, Math.max(0.5, Math.round((change > 0 ? Math.max(radius + 0.5, radius * 1.2) : Math.min(radius - 0.5, radius / 1.2)) * 2) / 2));
    if (this.pane.ring !== null) this.pane.ring = this.settings.radius;
    this.pane.redraw();
    this.events.look();
  }

  /** The lowest grey that is painted, or how far a region grows: what the tool in hand has. */
  setGrey(change: number, end: "low" | "high" = "low"): void {
    const { settings } = this;
    if (this.toolName === "grow") settings.tolerance = Math.min(128, Math.max(1, settings.tolerance + change));
    else if (end === "low") settings.low = Math.min(settings.high, Math.max(0, settings.low + change));
    else settings.high = Math.max(settings.low, Math.min(255, settings.high + change));
    this.events.look();
  }

  /** The tool that has a caliper selected, if any. */
  get selecting(): SelectTool | null {
    const tool = this.tools[this.toolName];
    return tool instanceof SelectTool && tool.selected ? tool : null;
  }

  /** The wall's handle that the arrow keys and Delete work on, if the wall tool is in hand. */
  get wall(): WallTool | null {
    const tool = this.tools[this.toolName];
    return tool instanceof WallTool ? tool : null;
  }

  /** Enter closes a polygon or a wall, and keeps the thickness shown along the wall's normal. */
  finishLine(): boolean {
    const tool = this.tools[this.toolName];
    if (tool instanceof WallTool) return tool.finish();
    return tool instanceof PolygonTool && tool.points.length > 0 && tool.finish();
  }

  /** Esc: the drawing, then the selection, then the tool. False when there is nothing to leave. */
  leaveTool(): boolean {
    const tool = this.tools[this.toolName];
    const drawing = ((tool instanceof PolygonTool || tool instanceof WallTool) && tool.points.length > 0) || (tool instanceof CaliperTool && tool.sketch !== null);
    if (drawing) {
      tool.cancel();
      this.toolFocus = false;
      return true;
    }
    if (tool instanceof SelectTool && tool.selected) {
      tool.selected = null;
      this.pane.redraw();
      if (this.toolName === "select") return true;
    }
    if (this.toolName === "select") return false;
    this.setTool("select");
    return true;
  }

  marks(): Mark[] {
    const kinds = new Map<number, Mark["kind"]>();
    for (const { frame, extent, drawn } of this.draft.marked(this.current.id)) {
      if (extent === "no_plaque" && kinds.get(frame) !== "marked") kinds.set(frame, "none");
      else if (drawn || extent) kinds.set(frame, "marked");
    }
    const marks = [...kinds].map(([frame, kind]): Mark => ({ frame, kind }));
    const index = this.draft.index;
    if (index?.key_clip === this.current.id && index.key_frame) marks.push({ frame: index.key_frame, kind: "key" });
    return [...marks, ...(this.asked?.marks(this.current.id) ?? []), ...(this.aid?.marks(this.current.id) ?? [])];
  }

  dispose(): void {
    this.clock.pause();
    for (const store of this.stores.values()) store.dispose();
    this.pane.dispose();
  }

  /** Lay the model's masks over the reader's, where this case is answered with it. */
  showModel(): void {
    this.pane.layers = { physician: this.draft.store(this.current.id), model: this.aid?.layer(this.current) ?? null };
    this.pane.redraw();
  }

  /** All regions; again the whole frame, where that is more: a burnt-in ECG may lie outside the regions. */
  fit(): void {
    const { zoom, panX, panY } = this.view.state;
    const [whole, regions] = [wholeBoxOf(this.current), fitBoxOf(this.current)];
    const wider = zoom === 1 && panX === 0 && panY === 0 && !this.wide && JSON.stringify(whole) !== JSON.stringify(regions);
    this.wide = wider;
    this.pane.setFitBox(wider ? whole : regions);
    this.view.fit();
    this.events.look();
  }

  private open(clip: Clip, frame: number): void {
    this.wide = false;
    this.clock.pause();
    this.pane.tool?.cancel();
    this.stores.get(this.current.id)?.rest();
    this.current = clip;
    const store = this.storeOf(clip);
    this.clock.setClip(clip.frame_times_ms, clip.frames);
    this.showModel();
    this.view.set({ frame, zoom: 1, panX: 0, panY: 0 });
    this.regions = clip.regions;
    this.pane.setClip(store, { fitBox: fitBoxOf(clip), ruler: rulerOf(clip) });
    this.pane.setCorners(this.corners(clip));
    store.focus(frame);
    if (store.received < store.frames) this.events.line(false);
    // The picture first, by itself: on a slow line the loop would take half of it away.
    void store.first(frame).then(() => store.load()).then(() => this.preload());
  }

  /** The other clips come down, compressed, one after the other. */
  private async preload(): Promise<void> {
    for (const clip of this.draft.clips) {
      if (clip.id === this.current.id) continue;
      const store = this.storeOf(clip);
      if (store.received === store.frames) continue;
      store.rest();
      await store.load();
    }
    if (this.draft.clips.every((clip) => this.storeOf(clip).received === clip.frames)) this.events.line(true);
  }

  private storeOf(clip: Clip): FrameStore {
    let store = this.stores.get(clip.id);
    if (!store) {
      store = frameStoreOf(clip);
      store.on((event) => {
        if (event.kind === "broken") {
          this.events.failed(interpolate(gettext("Clip %(clip)s: frame %(frame)s unreadable"), { clip: clip.number, frame: event.frame }));
        }
        if (event.kind === "failed") {
          this.events.failed(interpolate(gettext("Clip %(clip)s did not load: %(detail)s"), { clip: clip.number, detail: event.error.message }));
        }
      });
      this.stores.set(clip.id, store);
    }
    return store;
  }

  /** The scale of the current clip was set or taken back: its corner and ruler say so. */
  rescaled(): void {
    const clip = this.current;
    if (clip.regions === this.regions) return;
    this.regions = clip.regions;
    this.pane.setRuler(rulerOf(clip));
    this.pane.setCorners(this.corners(clip));
  }

  private corners(clip: Clip) {
    const scaled = clip.regions.filter(hasScale);
    const region = scaled[0] ?? clip.regions[0] ?? null;
    const [scale, source] = scaleWords(region);
    const depth = depthMm(region);
    const what = [interpolate(gettext("Clip %(n)s"), { n: clip.number }), segmentWords(clip.segment), viewWords(clip.view)];
    return {
      topLeft: [what.filter((part) => part !== "").join(" · "), storedWords(clip)],
      topRight: [scaled.length > 1 ? gettext("two scales, by region") : scale, source],
      bottomRight: depth === null ? [] : [interpolate(gettext("depth %(cm)s cm"), { cm: (depth / 10).toFixed(1).replace(/\.0$/, "") })],
      ...(clip.synthetic ? { badge: gettext("synthetic") } : {}),
      ...(this.editable && scalable(clip.regions).length ? { action: { words: this.scaleAct(clip), run: () => this.events.scale() } } : {}),
    };
  }

  private scaleAct(clip: Clip): string {
    return scalable(clip.regions).some(hasScale) ? gettext("change scale") : gettext("set scale");
  }

  private chords(frame: number): Chord[] {
    const selected = this.selecting?.selected ?? null;
    const calipers = this.draft.calipers(this.current.id, frame);
    const live = this.wall?.shown() ?? [];
    return calipers.map((caliper): Chord => ({
      id: caliper.id,
      who: "physician",
      points: caliper.points,
      label: lengthWords({ mm: caliper.mm ?? null, px: caliper.px ?? null, why: caliper.why_no_mm ?? "", manual: caliper.scale === "manual" }),
      selected: selected?.id === caliper.id,
      end: selected?.id === caliper.id ? selected.end : null,
    })).concat(live, this.aid?.chords(this.current.id, frame) ?? []);
  }

  /** On a picture with two regions, keys and answers are for the one last pointed at. */
  private pressed(point: Point): void {
    if (this.draft.marks.pointAt(this.current, point)) this.events.look();
  }

  /** The box of the region in hand, where there are several. */
  private regionLine(): Line[] {
    const { current: clip } = this;
    if (this.draft.marks.regions(clip.id).length < 2) return [];
    const region = clip.regions.find((one) => one.number === this.draft.marks.region(clip.id));
    if (!region) return [];
    const [x0, y0, x1, y1] = [region.x0, region.y0, region.x1 + 1, region.y1 + 1];
    return [{ points: [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], closed: true, kind: "region" }];
  }

  private sketches(): Line[] {
    return [...this.regionLine(), ...this.events.drafts(this.pane.frame), ...this.toolLines()];
  }

  private toolLines(): Line[] {
    const tool = this.tools[this.toolName];
    if (tool instanceof PolygonTool && tool.points.length) {
      return [{ points: tool.hover ? [...tool.points, tool.hover] : tool.points, closed: false, kind: "sketch" }];
    }
    if (tool instanceof WallTool) return tool.lines();
    const marks = this.draft.marks.on(this.current.id, this.pane.frame);
    const wall = marks.flatMap(({ outline }): Line[] => (outline ? [{ points: outline, closed: true, kind: "outline" }] : []));
    return tool instanceof CaliperTool && tool.sketch ? [...wall, { points: tool.sketch, closed: false, kind: "sketch" }] : wall;
  }

  private context(): ToolContext {
    return {
      draft: this.draft,
      pane: this.pane,
      settings: this.settings,
      clip: () => this.current,
      frame: () => this.pane.frame,
      began: () => this.clock.pause(),
      ended: () => {
        this.toolFocus = false;
        this.pane.redraw();
      },
      editable: () => this.editable,
      grey: () => {
        const picture = this.storeOf(this.current).peek(this.pane.frame);
        return picture ? calmOf(picture) : null;
      },
      changed: () => this.events.look(),
      known: (points) => this.events.known(points),
      refused: (words) => this.events.failed(words),
    };
  }

  /** Whether the file gave no frame times. */
  get assumedTimes(): boolean {
    return timeline(this.current.frame_times_ms, this.current.frames).assumed;
  }
}
