/** The comparison page: image, left, right and their difference, linked; the curve; swipe. Words and numbers come from the server. */
import { lengthWords, regionAt, scaleWords } from "../viewer/calibration.ts";
import { Clock } from "../viewer/cine.ts";
import type { FrameStore } from "../viewer/frames.ts";
import { withBeat } from "../viewer/heart.ts";
import type { Pin } from "../viewer/overlay.ts";
import { View } from "../viewer/view.ts";
import { Viewport, type Chord, type LayerMode, type LayerStyle, type Line } from "../viewer/viewport.ts";
import { fitBoxOf, frameStoreOf, rulerOf, segmentWords, viewWords, type Clip } from "../viewer/types.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { Curve, type CurveSay } from "./curve.ts";
import { RegionInView, unitWords } from "./regions.ts";
import { differenceBox, differenceSay, type SideSay } from "./difference.ts";
import { LinkedViews, type LinkName } from "./linked.ts";
import { Maps } from "./maps.ts";
import { FURTHER, FurtherLayer, SideLayer, predictionDocument, readDocument, sideStyles } from "./sides.ts";
import { Swipe } from "./swipe.ts";
import type { Compare, Place, SideDocument } from "./types.ts";

const EXTENT_WORDS: Record<string, () => string> = {
  all_marked: () => gettext("all plaque marked"),
  index_only: () => gettext("index lesion only"),
  no_plaque: () => gettext("examined, no plaque"),
  unusable: () => gettext("unusable"),
};

interface Shown {
  clip: Clip;
  store: FrameStore;
  left: SideLayer;
  right: SideLayer;
  more: FurtherLayer[];
}

const SIDES = ["left", "right"] as const;

export function part(root: ParentNode, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

export class ComparePage {
  readonly root: HTMLElement;
  readonly data: Compare;
  readonly linked = new LinkedViews(3);
  private readonly maps: Maps;
  private readonly panes: Viewport[];
  private readonly differenceView = new View();
  private readonly difference: Viewport;
  readonly swipe: Swipe;
  private readonly curve: Curve;
  private readonly region: RegionInView;
  private readonly clock = new Clock(
    (frame) => this.linked.active.set({ frame }),
    (playing) => part(this.root, "[data-play]").setAttribute("aria-pressed", String(playing)),
  );
  private readonly opened = new Map<string, Shown>();
  private readonly styles: [LayerStyle, LayerStyle];
  /** Further reads that are switched off. */
  private readonly off = new Set<string>();
  private readonly listeners = new Set<(place: Place) => void>();
  private comments: { pins(clip: string, frame: number): Pin[]; frames(clip: string): { frame: number; open: number; all: number }[] } | null = null;
  private shown: Shown | null = null;

  constructor(root: HTMLElement, data: Compare) {
    this.root = root;
    this.data = data;
    this.styles = sideStyles(data.left, data.right);
    this.maps = new Maps(data.prediction);
    const names = [gettext("Image"), data.left.name || data.left.title, data.right.name || data.right.title];
    this.panes = ["image", ...SIDES].map((name, at) => {
      const view = this.linked.views[at] ?? new View();
      const onActive = (): void => this.linked.activate(at);
      return new Viewport(part(root, `[data-pane="${name}"]`), { view, label: names[at] ?? name, onActive });
    });
    this.difference = new Viewport(part(root, '[data-pane="difference"]'), { view: this.differenceView, label: gettext("Difference") });
    this.swipe = new Swipe(root, this.linked.views[1] ?? new View(), () => this.linked.activate(1));
    this.curve = new Curve(part(root, "[data-curve]"), (frame) => this.goFrame(frame));
    this.region = new RegionInView(root, () => this.showCurve());
    this.linked.onChange(() => this.follow());
  }

  /** Open on the place the server chose, or on the one that the address names. */
  async start(): Promise<void> {
    this.clipChoice();
    const first = this.data.clips[0];
    const wanted = this.fromAddress() ?? this.data.open_at ?? (first ? { clip: first.id, frame: 1, region: 1 } : null);
    if (!wanted) {
      part(this.root, "[data-place]").textContent = gettext("this study has no clip to show");
      this.root.dataset["ready"] = "yes";
      return;
    }
    await this.go(wanted);
    this.root.dataset["ready"] = "yes";
  }

  /** Show a frame of a clip in every pane. */
  async go(place: Place): Promise<void> {
    const clip = this.data.clips.find((one) => one.id === place.clip);
    if (!clip) return;
    if (this.shown?.clip !== clip) this.openClip(clip, place.frame);
    if (this.region.choose(place.region)) this.showCurve();
    this.goFrame(place.frame);
    const shown = this.shown;
    if (shown) await Promise.allSettled([shown.store.want(place.frame), shown.left.load(), shown.right.load()]);
  }

  goFrame(frame: number): void {
    const frames = this.shown?.clip.frames ?? 1;
    this.clock.pause();
    this.linked.active.set({ frame: Math.min(frames, Math.max(1, frame)) });
  }

  step(by: number): void {
    const frames = this.shown?.clip.frames ?? 1;
    this.goFrame(((this.linked.active.state.frame - 1 + by + frames) % frames) + 1);
  }

  stepClip(by: number): void {
    const { clips } = this.data;
    const next = clips[clips.findIndex((clip) => clip === this.shown?.clip) + by];
    if (!next) return;
    const there = this.open(next);
    const frame = this.keysOn(next).find((key) => key !== null) ?? there.left.marked[0] ?? there.right.marked[0] ?? 1;
    void this.go({ clip: next.id, frame, region: 0 });
  }

  togglePlay(): void {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play(this.linked.active.state.frame);
  }

  toggleLink(name: LinkName): boolean {
    return this.linked.toggle(name);
  }

  /** Every pane that carries marks. */
  private get marked(): Viewport[] {
    return [...this.panes.slice(1), this.difference, this.swipe.pane];
  }

  hideMasks(hidden: boolean): void {
    for (const pane of this.marked) pane.mode = hidden ? "hidden" : "fill";
    if (!hidden) {
      this.difference.mode = "difference";
      if (this.maps.on !== null) for (const pane of this.mapPanes) pane.mode = "contour";
    }
    for (const pane of this.marked) pane.redraw();
  }

  /** Strength of all marks, 0 to 1. */
  set opacity(value: number) {
    for (const pane of this.marked) {
      pane.opacity = value;
      pane.redraw();
    }
  }

  /** Show or leave out a further read. */
  showFurther(id: string, on: boolean): void {
    if (on) this.off.delete(id);
    else this.off.add(id);
    for (const pane of this.marked) pane.redraw();
  }

  /** What is pinned to the pictures: numbered places, and which frames have any. */
  set pinned(source: { pins(clip: string, frame: number): Pin[]; frames(clip: string): { frame: number; open: number; all: number }[] }) {
    this.comments = source;
    this.redrawPins();
  }

  redrawPins(): void {
    const clip = this.shown?.clip.id;
    if (!clip) return;
    for (const pane of [...this.panes, this.difference, this.swipe.pane]) {
      pane.pins = (frame) => this.comments?.pins(clip, frame) ?? [];
      pane.redraw();
    }
    this.curve.setComments(this.comments?.frames(clip) ?? []);
  }

  /** The picture pixel under the cursor, else in the middle of the active pane; null while no picture is there. */
  get spot(): { clip: string; frame: number; x: number; y: number } | null {
    const shown = this.shown;
    if (!shown) return null;
    const pane = [...this.panes, this.swipe.pane, this.difference].find((one) => one.pointed !== null) ?? this.panes[0];
    const middle = pane ? pane.toPicture([pane.host.clientWidth / 2, pane.host.clientHeight / 2]) : [0, 0];
    const [x = 0, y = 0] = pane?.pointed ?? middle;
    const inside = (value: number, size: number): number => Math.round(Math.min(size, Math.max(0, value)) * 4) / 4;
    const { clip } = shown;
    return { clip: clip.id, frame: this.linked.active.state.frame, x: inside(x, clip.columns), y: inside(y, clip.rows) };
  }

  onPlace(listener: (place: Place) => void): void {
    this.listeners.add(listener);
  }

  get place(): Place | null {
    return this.shown ? { clip: this.shown.clip.id, frame: this.linked.active.state.frame, region: this.region.number } : null;
  }

  /** Show the next map of the model's key frame, there; after the last one the picture alone. */
  async nextMap(): Promise<void> {
    const { place } = this.maps;
    if (!place) return;
    const name = this.maps.next();
    part(this.root, "[data-maps]").setAttribute("aria-pressed", String(name !== null));
    if (name !== null) await this.go(place);
    this.showMap();
    await this.maps.load();
    this.showMap();
  }

  /** Maps explain one prediction: they lie over the side that shows it, and over the right half while one swipes. */
  private get mapPanes(): Viewport[] {
    const at = this.data.right.prediction === this.data.prediction?.id ? 2 : 1;
    return [this.panes[at], this.swipe.pane].filter((pane) => pane !== undefined);
  }

  private showMap(): void {
    for (const pane of this.mapPanes) {
      if (pane.mode !== "hidden") pane.mode = this.maps.on === null ? "fill" : "contour";
      pane.redraw();
    }
    this.follow();
  }

  fit(): void {
    this.linked.active.fit();
  }

  oneToOne(): void {
    this.panes[0]?.oneToOne();
  }

  /** `clip.frame` for the address, so that another read or pipeline opens at the same place. */
  get address(): string {
    return this.shown ? `${this.shown.clip.id}.${this.linked.active.state.frame}` : "";
  }

  private fromAddress(): Place | null {
    const [clip, frame] = window.location.hash.slice(1).split(".");
    if (!clip || !this.data.clips.some((one) => one.id === clip)) return null;
    return { clip, frame: Number(frame) || 1, region: 0 };
  }

  /** Key frames of left and right on a clip. */
  private keysOn(clip: Clip): [number | null, number | null] {
    const [left, right] = SIDES.map((name) => {
      const side = this.data[name];
      if (side.key_place?.clip === clip.id) return side.key_place.frame;
      return predictionDocument(this.data, side.prediction)?.clips.find((one) => one.clip === clip.id)?.key_frame ?? null;
    });
    return [left ?? null, right ?? null];
  }

  private clipChoice(): void {
    const { clips } = this.data;
    if (clips.length < 2) return;
    const select = document.createElement("select");
    select.className = "cmp-clip";
    select.setAttribute("aria-label", gettext("Clip"));
    for (const clip of clips) select.append(new Option(interpolate(gettext("clip %(number)s"), { number: clip.number }), clip.id));
    select.addEventListener("change", () => {
      void this.go({ clip: select.value, frame: 1, region: 0 });
      select.blur();
    });
    part(this.root, "[data-clips]").replaceChildren(select);
  }

  private open(clip: Clip): Shown {
    const known = this.opened.get(clip.id);
    if (known) return known;
    const store = frameStoreOf(clip);
    const [left, right] = this.styles;
    const more = this.data.more.flatMap((id, at) => {
      const [read, style] = [readDocument(this.data, id), FURTHER[at]];
      return read && style ? [new FurtherLayer(read, clip, style, () => !this.off.has(id))] : [];
    });
    const made = { clip, store, left: new SideLayer(this.data, this.data.left, clip, left), right: new SideLayer(this.data, this.data.right, clip, right), more };
    this.opened.set(clip.id, made);
    return made;
  }

  private openClip(clip: Clip, frame: number): void {
    this.shown?.store.rest();
    const shown = this.open(clip);
    this.shown = shown;
    void shown.store.first(frame).then(() => shown.store.load());
    this.clock.setClip(clip.frame_times_ms, clip.frames);
    // Empty the panes first: the frame of one clip may not exist in the other.
    for (const pane of [...this.panes, this.difference, this.swipe.pane]) pane.setClip(null);
    for (const view of [...this.linked.views, this.differenceView]) view.set({ frame });
    const fit = { fitBox: fitBoxOf(clip), ruler: [] };
    this.panes.forEach((pane, at) => pane.setClip(shown.store, at === 0 ? { ...fit, ruler: rulerOf(clip) } : fit));
    this.swipe.pane.setClip(shown.store, fit);
    this.dress(shown);
    this.difference.mode = "difference" satisfies LayerMode;
    this.difference.setClip(shown.store, fit);
    this.frameDifference();
    for (const side of [shown.left, shown.right]) {
      side.load().then(
        () => this.frameDifference(),
        (error: unknown) => this.failed(error),
      );
    }
    this.region.setClip(this.data.curve[clip.id]);
    this.root.classList.toggle("has-ecg", Boolean(clip.heart?.ecg));
    this.curve.setBeat(clip.heart ?? null, this.clock.times);
    this.showCurve();
    const select = this.root.querySelector<HTMLSelectElement>(".cmp-clip");
    if (select) select.value = clip.id;
    this.follow();
    this.redrawPins();
  }

  /** The areas of the region in view. */
  private showCurve(): void {
    const clip = this.shown?.clip;
    if (!clip) return;
    const [first, second] = this.keysOn(clip);
    const says = (side: SideDocument, at: 0 | 1, key: number | null): CurveSay => {
      return { noun: side.noun, isModel: side.prediction !== null, style: this.styles[at], key };
    };
    const { curve } = this.region;
    this.curve.setClip(curve, clip.frames, [says(this.data.left, 0, first), says(this.data.right, 1, second)]);
    this.curve.setFrame(this.linked.active.state.frame);
    part(this.root, "[data-unit]").textContent = unitWords(curve);
  }

  /** Give every pane its layers, calipers, outlines and maps. */
  private dress(shown: Shown): void {
    const { clip } = shown;
    SIDES.forEach((name, at) => {
      const pane = this.panes[at + 1];
      const layer = shown[name];
      if (!pane) return;
      pane.layers = name === "left" ? { physician: layer, more: shown.more } : { model: layer, more: shown.more };
      pane.chords = (frame) => this.chords(shown, name, frame);
      pane.lines = (frame) => outlines(layer, frame);
    });
    const { pane } = this.swipe;
    pane.layers = { physician: shown.left, model: shown.right, more: shown.more };
    pane.chords = (frame) => SIDES.flatMap((name) => this.chords(shown, name, frame).filter((chord) => this.swipe.shows(name, chord.points)));
    for (const one of this.mapPanes) one.cover = (frame) => this.maps.cover(clip.id, frame);
  }

  private chords(shown: Shown, name: "left" | "right", frame: number): Chord[] {
    const side = this.data[name];
    const row = predictionDocument(this.data, side.prediction);
    if (side.prediction !== null) {
      if (!row?.chord || row.key_clip !== shown.clip.id || row.key_frame !== frame) return [];
      return [{ id: name, who: "model", points: row.chord, label: lengthWords({ mm: row.thickness_mm, px: row.thickness_px }) }];
    }
    return shown[name].reader.at(frame).flatMap((one) =>
      one.calipers.map((caliper) => ({
        id: `${name} ${caliper.id}`,
        who: "physician" as const,
        points: caliper.points,
        label: lengthWords({ mm: caliper.mm, px: caliper.px, manual: caliper.scale === "manual" }),
      })),
    );
  }

  /** Zoom the difference pane to what was marked on this clip, once, so that it stands still between frames. */
  private frameDifference(): void {
    const shown = this.shown;
    if (!shown) return;
    const marked = [...shown.left.marked, ...shown.right.marked];
    const frames = marked.length ? marked : this.keysOn(shown.clip).filter((key) => key !== null);
    const { rows, columns } = shown.clip;
    const box = differenceBox(frames, rows, columns, shown.left, shown.right);
    this.difference.setFitBox(box ?? fitBoxOf(shown.clip));
    for (const pane of [...this.panes, this.swipe.pane]) pane.redraw();
    this.follow();
  }

  /** After every change of a view: difference, curve, places and corners say the same frame. */
  private follow(): void {
    const shown = this.shown;
    if (!shown) return;
    const { frame, window, level, invert, zoom } = this.linked.active.state;
    const pane = this.panes[0];
    const middle = pane?.toPicture([pane.host.clientWidth / 2, pane.host.clientHeight / 2]);
    if (middle && this.region.follow(shown.clip.regions, middle, zoom > 1)) this.showCurve();
    const say = differenceSay(this.say(shown, "left", frame), this.say(shown, "right", frame));
    this.difference.layers = say.compare ? { physician: shown.left, model: shown.right, more: shown.more } : { more: shown.more };
    const note = part(this.root, "[data-difference-note]");
    note.hidden = say.note === "";
    note.textContent = say.note;
    this.differenceView.set({ frame, window, level, invert });
    this.difference.redraw();
    this.curve.setFrame(frame);
    this.root.dataset["frame"] = String(frame);
    this.root.dataset["clip"] = shown.clip.id;
    this.words(shown, frame);
    for (const listener of this.listeners) listener({ clip: shown.clip.id, frame, region: this.region.number });
  }

  private say(shown: Shown, name: "left" | "right", frame: number): SideSay {
    const layer = shown[name];
    const { noun, read } = this.data[name];
    const hasMask = layer.has(frame);
    if (layer.isModel) return { noun, isModel: true, known: layer.model.exists, annotated: true, extent: null, hasMask };
    return { noun, isModel: false, known: read !== null, annotated: layer.reader.at(frame).length > 0, extent: layer.reader.extent(frame), hasMask };
  }

  private words(shown: Shown, frame: number): void {
    const { clip } = shown;
    const at = { number: clip.number, frame, frames: clip.frames };
    const place = clip.kind === "still" ? gettext("still") : interpolate(gettext("frame %(frame)s of %(frames)s"), at);
    const first = this.data.clips.length > 1 ? "" : `${interpolate(gettext("clip %(number)s"), at)} · `;
    part(this.root, "[data-place]").textContent = first + place;
    part(this.root, "[data-frame-words]").textContent = withBeat(interpolate(gettext("Frame %(frame)s / %(frames)s"), at), clip.heart, this.clock.startOf(frame));
    const region = clip.regions.find((one) => one.valid) ?? clip.regions[0] ?? null;
    const own = shown.left.reader.at(frame)[0] ?? shown.right.reader.at(frame)[0];
    const middle = own?.calipers[0]?.points[0];
    const scale = scaleWords((middle && regionAt(clip.regions, middle)) ?? region).join(", ");
    const badge = clip.synthetic ? { badge: gettext("synthetic") } : {};
    const where = [segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(", ");
    this.panes[0]?.setCorners({ topLeft: [where], bottomRight: [scale], ...badge });
    const said = SIDES.map((name) => [this.sideWords(shown, name, frame), this.mapWords(name, frame)]);
    SIDES.forEach((_, at) => this.panes[at + 1]?.setCorners({ topLeft: said[at] ?? [], ...badge }));
    this.swipe.setCorners(said[0] ?? [], said[1] ?? [], badge);
  }

  private mapWords(name: "left" | "right", frame: number): string {
    const here = this.data[name].prediction !== null && this.data[name].prediction === this.data.prediction?.id;
    return here && this.shown ? this.maps.words(this.shown.clip.id, frame) : "";
  }

  private sideWords(shown: Shown, name: "left" | "right", frame: number): string {
    const side = this.data[name];
    const layer = shown[name];
    if (side.kind === "none") return name === "left" ? "" : this.data.model_hidden ? gettext("model hidden") : (this.data.model_state?.words ?? "");
    if (!layer.isModel) {
      if (side.read === null) return gettext("a class and a thickness, no marks");
      const extent = layer.reader.extent(frame);
      return extent ? (EXTENT_WORDS[extent]?.() ?? "") : gettext("not marked: unknown");
    }
    const { model } = layer;
    if (!model.exists) {
      const row = predictionDocument(this.data, side.prediction);
      const words = row?.clips.find((one) => one.clip === shown.clip.id)?.no_result_words;
      return words || row?.no_result_words || gettext("no result on this clip");
    }
    if (!model.ready) return gettext("masks on their way");
    return model.has(frame) ? "" : gettext("no plaque on this frame");
  }

  private failed(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    this.panes[2]?.setCorners({ topLeft: [interpolate(gettext("masks did not load: %(words)s"), { words })] });
  }
}

function outlines(layer: SideLayer, frame: number): Line[] {
  return layer.reader
    .at(frame)
    .filter((one) => one.outline !== null && one.outline.length > 2)
    .map((one) => ({ points: one.outline ?? [], closed: true, kind: "outline" as const, who: "physician" as const }));
}
