/** The comparison page: three linked panes, the curve, the difference, keys. The words and numbers come from the server. */
import { lengthWords, regionAt, scaleWords } from "../viewer/calibration.ts";
import { Clock } from "../viewer/cine.ts";
import type { FrameStore } from "../viewer/frames.ts";
import { View } from "../viewer/view.ts";
import { Viewport, type Chord, type LayerMode, type Line } from "../viewer/viewport.ts";
import { fitBoxOf, frameStoreOf, rulerOf, segmentWords, viewWords, type Clip } from "../viewer/types.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { Curve } from "./curve.ts";
import { differenceBox, differenceSay } from "./difference.ts";
import { ModelLayer, ReaderLayer } from "./layers.ts";
import { LinkedViews, type LinkName } from "./linked.ts";
import { Maps } from "./maps.ts";
import { readerKey, type Compare, type Place } from "./types.ts";

const EXTENT_WORDS: Record<string, () => string> = {
  all_marked: () => gettext("all plaque marked"),
  index_only: () => gettext("index lesion only"),
  no_plaque: () => gettext("examined, no plaque"),
  unusable: () => gettext("unusable"),
};

interface Shown {
  clip: Clip;
  store: FrameStore;
  reader: ReaderLayer;
  model: ModelLayer;
}

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
  private readonly curve: Curve;
  private readonly clock = new Clock(
    (frame) => this.linked.active.set({ frame }),
    (playing) => part(this.root, "[data-play]").setAttribute("aria-pressed", String(playing)),
  );
  private readonly opened = new Map<string, Shown>();
  private shown: Shown | null = null;

  constructor(root: HTMLElement, data: Compare) {
    this.root = root;
    this.data = data;
    this.maps = new Maps(data.prediction);
    const names = [gettext("Image"), gettext("Physician"), gettext("Model")];
    this.panes = ["image", "physician", "model"].map((name, at) => {
      const view = this.linked.views[at] ?? new View();
      const onActive = (): void => this.linked.activate(at);
      return new Viewport(part(root, `[data-pane="${name}"]`), { view, label: names[at] ?? name, onActive });
    });
    this.difference = new Viewport(part(root, '[data-pane="difference"]'), { view: this.differenceView, label: gettext("Difference") });
    this.curve = new Curve(part(root, "[data-curve]"), (frame) => this.goFrame(frame));
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
    this.goFrame(place.frame);
    const shown = this.shown;
    if (shown) await Promise.allSettled([shown.store.want(place.frame), shown.model.load()]);
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
    const marked = new ReaderLayer(next, this.data.read).marked[0];
    void this.go({ clip: next.id, frame: marked ?? this.modelKeyOf(next.id) ?? 1, region: 1 });
  }

  togglePlay(): void {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play(this.linked.active.state.frame);
  }

  toggleLink(name: LinkName): boolean {
    return this.linked.toggle(name);
  }

  hideMasks(hidden: boolean): void {
    for (const pane of this.panes) pane.mode = hidden ? "hidden" : "fill";
    if (!hidden && this.maps.on !== null && this.panes[2]) this.panes[2].mode = "contour";
    this.difference.mode = hidden ? "hidden" : "difference";
    for (const pane of [...this.panes, this.difference]) pane.redraw();
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

  private showMap(): void {
    const model = this.panes[2];
    if (model && model.mode !== "hidden") model.mode = this.maps.on === null ? "fill" : "contour";
    model?.redraw();
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
    return { clip, frame: Number(frame) || 1, region: 1 };
  }

  private modelKeyOf(clip: string): number | null {
    return this.data.prediction?.clips.find((one) => one.clip === clip)?.key_frame ?? null;
  }

  private clipChoice(): void {
    const { clips } = this.data;
    if (clips.length < 2) return;
    const select = document.createElement("select");
    select.className = "cmp-clip";
    select.setAttribute("aria-label", gettext("Clip"));
    for (const clip of clips) select.append(new Option(interpolate(gettext("clip %(number)s"), { number: clip.number }), clip.id));
    select.addEventListener("change", () => {
      void this.go({ clip: select.value, frame: 1, region: 1 });
      select.blur();
    });
    part(this.root, "[data-clips]").replaceChildren(select);
  }

  private open(clip: Clip): Shown {
    const known = this.opened.get(clip.id);
    if (known) return known;
    const store = frameStoreOf(clip);
    const made = { clip, store, reader: new ReaderLayer(clip, this.data.read), model: new ModelLayer(clip, this.data.prediction) };
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
    for (const pane of [...this.panes, this.difference]) pane.setClip(null);
    for (const view of [...this.linked.views, this.differenceView]) view.set({ frame });
    const fit = { fitBox: fitBoxOf(clip), ruler: [] };
    this.panes.forEach((pane, at) => pane.setClip(shown.store, at === 0 ? { ...fit, ruler: rulerOf(clip) } : fit));
    const [, physician, model] = this.panes;
    if (physician) {
      physician.layers = { physician: shown.reader };
      physician.chords = (at) => this.calipers(shown, at);
      physician.lines = (at) => outlines(shown, at);
    }
    if (model) {
      model.layers = { model: shown.model };
      model.chords = (at) => this.modelChord(clip, at);
      model.cover = (at) => this.maps.cover(clip.id, at);
    }
    this.difference.mode = "difference" satisfies LayerMode;
    this.difference.setClip(shown.store, fit);
    this.frameDifference();
    shown.model.load().then(
      () => this.frameDifference(),
      (error: unknown) => this.failed(error),
    );
    const keys = { reader: this.keyOn(readerKey(this.data.read), clip), model: this.modelKeyOf(clip.id) };
    this.curve.setClip(this.data.curve[clip.id], clip.frames, keys);
    const curve = this.data.curve[clip.id];
    part(this.root, "[data-unit]").textContent = curve?.unit === "px" ? gettext("px, no scale in the file") : "mm²";
    const select = this.root.querySelector<HTMLSelectElement>(".cmp-clip");
    if (select) select.value = clip.id;
    this.follow();
  }

  private keyOn(place: Place | null, clip: Clip): number | null {
    return place?.clip === clip.id ? place.frame : null;
  }

  private calipers(shown: Shown, frame: number): Chord[] {
    return shown.reader.at(frame).flatMap((one) =>
      one.calipers.map((caliper) => ({
        id: caliper.id,
        who: "physician" as const,
        points: caliper.points,
        label: lengthWords({ mm: caliper.mm, px: caliper.px, manual: caliper.scale === "manual" }),
      })),
    );
  }

  private modelChord(clip: Clip, frame: number): Chord[] {
    const row = this.data.prediction;
    if (!row?.chord || row.key_clip !== clip.id || row.key_frame !== frame) return [];
    const label = lengthWords({ mm: row.thickness_mm, px: row.thickness_px });
    return [{ id: "model", who: "model", points: row.chord, label }];
  }

  /** Zoom the difference pane to what was marked on this clip, once, so that it stands still between frames. */
  private frameDifference(): void {
    const shown = this.shown;
    if (!shown) return;
    const frames = shown.reader.marked;
    const own = this.modelKeyOf(shown.clip.id);
    const { rows, columns } = shown.clip;
    const box = differenceBox(frames.length ? frames : own === null ? [] : [own], rows, columns, shown.reader, shown.model);
    this.difference.setFitBox(box ?? fitBoxOf(shown.clip));
    for (const pane of this.panes) pane.redraw();
    this.follow();
  }

  /** After every change of a view: difference, curve, places and corners say the same frame. */
  private follow(): void {
    const shown = this.shown;
    if (!shown) return;
    const { frame, window, level, invert } = this.linked.active.state;
    const reader = shown.reader;
    const say = differenceSay({
      annotated: reader.at(frame).length > 0,
      extent: reader.extent(frame),
      hasReaderMask: reader.labels(frame) !== null,
      hasModelMask: shown.model.labels(frame)?.some((label) => label > 0) ?? false,
      modelKnown: shown.model.exists,
    });
    this.difference.layers = say.compare ? { physician: reader, model: shown.model } : {};
    const note = part(this.root, "[data-difference-note]");
    note.hidden = say.note === "";
    note.textContent = say.note;
    this.differenceView.set({ frame, window, level, invert });
    this.difference.redraw();
    this.curve.setFrame(frame);
    this.root.dataset["frame"] = String(frame);
    this.root.dataset["clip"] = shown.clip.id;
    this.words(shown, frame);
  }

  private words(shown: Shown, frame: number): void {
    const { clip } = shown;
    const at = { number: clip.number, frame, frames: clip.frames };
    const place = clip.kind === "still" ? gettext("still") : interpolate(gettext("frame %(frame)s of %(frames)s"), at);
    const first = this.data.clips.length > 1 ? "" : `${interpolate(gettext("clip %(number)s"), at)} · `;
    part(this.root, "[data-place]").textContent = first + place;
    part(this.root, "[data-frame-words]").textContent = interpolate(gettext("Frame %(frame)s / %(frames)s"), at);
    const [image, physician, model] = this.panes;
    const region = clip.regions.find((one) => one.valid) ?? clip.regions[0] ?? null;
    const own = shown.reader.at(frame)[0];
    const middle = own?.calipers[0]?.points[0];
    const scale = scaleWords((middle && regionAt(clip.regions, middle)) ?? region).join(", ");
    const badge = clip.synthetic ? { badge: gettext("synthetic") } : {};
    const where = [segmentWords(clip.segment), viewWords(clip.view)].filter(Boolean).join(", ");
    image?.setCorners({ topLeft: [where], bottomRight: [scale], ...badge });
    const extent = shown.reader.extent(frame);
    const unknown = this.data.read ? gettext("not marked: unknown") : "";
    physician?.setCorners({ topLeft: [extent ? (EXTENT_WORDS[extent]?.() ?? "") : unknown], ...badge });
    model?.setCorners({ topLeft: [this.modelWords(shown, frame), this.maps.words(clip.id, frame)], ...badge });
  }

  private modelWords(shown: Shown, frame: number): string {
    if (this.data.model_hidden) return gettext("model hidden");
    if (!this.data.prediction) return this.data.model_state?.words ?? "";
    if (!shown.model.exists) {
      const row = this.data.prediction.clips.find((one) => one.clip === shown.clip.id);
      return row?.no_result_words || this.data.prediction.no_result_words || gettext("no result on this clip");
    }
    if (!shown.model.ready) return gettext("masks on their way");
    return shown.model.labels(frame)?.some((label) => label > 0) ? "" : gettext("no plaque on this frame");
  }

  private failed(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    this.panes[2]?.setCorners({ topLeft: [interpolate(gettext("masks did not load: %(words)s"), { words })] });
  }
}

function outlines(shown: Shown, frame: number): Line[] {
  return shown.reader
    .at(frame)
    .filter((one) => one.outline !== null && one.outline.length > 2)
    .map((one) => ({ points: one.outline ?? [], closed: true, kind: "outline" as const, who: "physician" as const }));
}
