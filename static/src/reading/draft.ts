/**
 * Draft: everything a reader has said about this case, here in the browser, and what of it is not saved yet.
 * No DOM, no fetch. Masks live in one MaskStore a clip; every drawing step goes onto one History.
 */
import { History, MaskStore, type Clip, type Point, type ScaleLine, type Step } from "../viewer/index.ts";
import { regionAt } from "../viewer/calibration.ts";
import { OwnScales, withLength } from "./ownscales.ts";
import type {
  Answers, Caliper, Extent, Finding, FrameMarks, Lesion, MaskSource, PatchBody, Protocol, Read, ReasonAnswer, ReasonKey, WireFrame,
} from "./types.ts";
import { isBare, keyOf, marksOf, split, wireLesion } from "./wire.ts";

const EMPTY: Answers = { reader_class: null, quality: null, confidence: null, note: "", findings: {} };

export interface Derived {
  state: Read["state"];
  rule_class: Read["rule_class"];
  rule_reason: string;
  rule_agrees: boolean | null;
}

type Simple = "reader_class" | "quality" | "confidence" | "note";

/** What a reader says besides drawing; the note has the undo of its field. */
interface Said {
  answers: Omit<Answers, "note">;
  lesions: Lesion[];
  active: number;
}

export class Draft {
  readonly clips: readonly Clip[];
  readonly protocol: Protocol;
  readonly history = new History();
  readonly scales: OwnScales;
  answers: Answers = structuredClone(EMPTY);
  lesions: Lesion[] = [];
  derived: Derived = { state: "draft", rule_class: null, rule_reason: "", rule_agrees: null };
  /** The lesion that U, M, H, A, R, D and the tools work on; 0: none yet. */
  active = 0;
  private readonly stores = new Map<string, MaskStore>();
  private readonly marks = new Map<string, FrameMarks>();
  private readonly dirtyAnswers = new Set<Simple>();
  private readonly dirtyFindings = new Set<string>();
  private readonly dirtyFrames = new Set<string>();
  private dirtyLesions = false;
  private saying = false;
  private readonly listeners = new Set<(saveable: boolean) => void>();

  constructor(clips: readonly Clip[], protocol: Protocol) {
    this.clips = clips;
    this.protocol = protocol;
    this.scales = new OwnScales(clips);
    for (const clip of clips) this.stores.set(clip.id, new MaskStore(clip.id, clip.rows, clip.columns, this.history));
  }

  /** `saveable` is true when the change must go to the server. */
  onChange(listener: (saveable: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  store(clip: string): MaskStore {
    const store = this.stores.get(clip);
    if (!store) throw new Error(`no such clip: ${clip}`);
    return store;
  }

  clip(id: string): Clip | undefined {
    return this.clips.find((clip) => clip.id === id);
  }

  // ---- from and to the server

  /** Show what the server holds, in place of everything here. */
  load(read: Read): void {
    for (const key of this.marks.keys()) {
      const { clip, frame } = split(key);
      this.store(clip).load(frame, {});
    }
    this.marks.clear();
    this.history.clear();
    this.answers = { ...structuredClone(EMPTY), ...structuredClone(read.answers) };
    this.lesions = structuredClone(read.lesions);
    this.scales.load(read.scales);
    for (const clip of this.clips) this.scales.apply(clip);
    for (const frame of read.frames) this.putFrame(frame);
    this.clearDirty();
    this.active = this.index?.number ?? this.lesions[0]?.number ?? 0;
    this.adopt(read);
  }

  /** Take over what the server derived; what the reader answered stays as it is here. */
  adopt(read: Read): void {
    const { state, rule_class, rule_reason, rule_agrees } = read;
    this.derived = { state, rule_class, rule_reason, rule_agrees };
    for (const saved of read.lesions) {
      const lesion = this.lesions.find((one) => one.number === saved.number);
      if (!lesion) continue;
      lesion.thickness_mm = saved.thickness_mm ?? null;
      lesion.thickness_px = saved.thickness_px ?? null;
      lesion.thickness_source = saved.thickness_source ?? null;
      lesion.manual_scale = saved.manual_scale ?? null;
    }
    this.emit(false);
  }

  /** Lay a patch over what is here (a kept one after a reload, or mine over theirs). Not dirty: the patch is queued. */
  apply(body: PatchBody): void {
    const { findings, ...simple } = body.answers ?? {};
    Object.assign(this.answers, simple);
    Object.assign(this.answers.findings, findings);
    if (body.lesions) this.lesions = structuredClone(body.lesions);
    this.scales.lay(body.scales ?? []);
    for (const frame of body.frames ?? []) this.putFrame(frame);
    for (const clip of body.scales ? this.clips : []) {
      this.scales.apply(clip);
      this.measureAgain(clip);
    }
    if (!this.lesion(this.active)) this.active = this.index?.number ?? 0;
    this.emit(false);
  }

  /** What changed since the last take. */
  take(): PatchBody {
    const body: PatchBody = {};
    const answers: NonNullable<PatchBody["answers"]> = {};
    for (const key of this.dirtyAnswers) Object.assign(answers, { [key]: this.answers[key] });
    if (this.dirtyFindings.size) {
      answers.findings = {};
      for (const key of this.dirtyFindings) answers.findings[key] = { ...this.finding(key) };
    }
    if (Object.keys(answers).length) body.answers = answers;
    if (this.dirtyLesions) body.lesions = this.lesions.map(wireLesion);
    this.collectMaskChanges();
    if (this.dirtyFrames.size) body.frames = [...this.dirtyFrames].map((key) => this.wireFrame(key));
    const scales = this.scales.take();
    if (scales.length) body.scales = scales;
    this.clearDirty();
    return body;
  }

  // ---- answers

  answer<K extends Simple>(key: K, value: Answers[K]): void {
    if (this.answers[key] === value) return;
    this.said(() => {
      this.answers[key] = value;
      this.dirtyAnswers.add(key);
      this.emit(true);
    });
  }

  finding(segment: string): Finding {
    return this.answers.findings[segment] ?? { visibility: null, plaque: null };
  }

  setFinding(segment: string, change: Partial<Finding>): void {
    const next = { ...this.finding(segment), ...change };
    if (next.visibility === "not") next.plaque = null;
    this.said(() => {
      this.answers.findings[segment] = next;
      this.dirtyFindings.add(segment);
      this.emit(true);
    });
  }

  /** N: seen well where nothing was said, and no plaque wherever a segment was seen and none was found present. */
  noneInAnySeen(): void {
    this.said(() => {
      for (const { key } of this.protocol.segments) {
        const { visibility, plaque } = this.finding(key);
        if (visibility === "not") continue;
        this.setFinding(key, { visibility: visibility ?? "well", plaque: plaque === "present" ? plaque : "none" });
      }
    });
  }

  /** Answers and lesions that change in `act` are one undo step. */
  private said(act: () => void): void {
    if (this.saying) return act();
    const before = this.snapshot();
    this.saying = true;
    try {
      act();
    } finally {
      this.saying = false;
    }
    const after = this.snapshot();
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    this.history.push({ clip: "", frame: 0, undo: () => this.putBack(before), redo: () => this.putBack(after) });
  }

  private snapshot(): Said {
    const { reader_class, quality, confidence, findings } = this.answers;
    return structuredClone({ answers: { reader_class, quality, confidence, findings }, lesions: this.lesions.map(wireLesion), active: this.active });
  }

  private putBack({ answers, lesions, active }: Said): void {
    for (const key of ["reader_class", "quality", "confidence"] as const) {
      if (this.answers[key] === answers[key]) continue;
      Object.assign(this.answers, { [key]: answers[key] });
      this.dirtyAnswers.add(key);
    }
    for (const key of new Set([...Object.keys(this.answers.findings), ...Object.keys(answers.findings)])) {
      const finding = answers.findings[key] ?? { visibility: null, plaque: null };
      if (JSON.stringify(finding) === JSON.stringify(this.finding(key))) continue;
      this.answers.findings[key] = { ...finding };
      this.dirtyFindings.add(key);
    }
    this.active = active;
    if (JSON.stringify(lesions) !== JSON.stringify(this.lesions.map(wireLesion))) {
      this.lesions = lesions.map((lesion) => ({ ...this.lesion(lesion.number), ...structuredClone(lesion) }));
      this.dirtyLesions = true;
    }
    this.emit(true);
  }

  // ---- lesions

  get index(): Lesion | undefined {
    return this.lesions.find((lesion) => lesion.is_index);
  }

  lesion(number: number): Lesion | undefined {
    return this.lesions.find((lesion) => lesion.number === number);
  }

  choose(number: number): void {
    this.active = number;
    this.emit(false);
  }

  /** A new lesion; the first is the index lesion. Its segment is the clip's where the file says one. */
  addLesion(clip?: Clip): Lesion {
    const number = Math.max(0, ...this.lesions.map((lesion) => lesion.number)) + 1;
    const segment = this.protocol.segments.some(({ key }) => key === clip?.segment) ? (clip?.segment ?? null) : null;
    const lesion: Lesion = {
      number, segment, is_index: this.lesions.length === 0, key_clip: null, key_frame: null, key_region: null,
      ulceration: null, mobile: null, thrombus: null,
    };
    this.said(() => {
      this.lesions.push(lesion);
      this.active = number;
      if (segment && this.finding(segment).plaque === null) this.setFinding(segment, { plaque: "present" });
      this.lesionsChanged();
    });
    return lesion;
  }

  /** The lesion the tools draw on; the first stroke makes lesion 1. */
  activeLesion(clip?: Clip): Lesion {
    return this.lesion(this.active) ?? this.addLesion(clip);
  }

  changeLesion(number: number, change: Partial<Lesion>): void {
    const lesion = this.lesion(number);
    if (!lesion) return;
    this.said(() => {
      if (change.is_index) for (const other of this.lesions) other.is_index = false;
      Object.assign(lesion, change);
      if (change.segment && this.finding(change.segment).plaque === null) this.setFinding(change.segment, { plaque: "present" });
      this.lesionsChanged();
    });
  }

  /** U, M, H: yes, no, cannot tell, yes … */
  cycleReason(number: number, reason: ReasonKey): void {
    const order: ReasonAnswer[] = ["yes", "no", "unclear"];
    const now = this.lesion(number)?.[reason] ?? null;
    const next = order[(now === null ? 0 : order.indexOf(now) + 1) % order.length] ?? "yes";
    this.changeLesion(number, { [reason]: next });
  }

  /** Take a lesion away with its masks and calipers (one undo step). */
  removeLesion(number: number): void {
    const before = { lesions: structuredClone(this.lesions), active: this.active };
    const touched = [...this.marks].filter(([, marks]) => marks.calipers.some((caliper) => caliper.lesion === number));
    const calipers = new Map(touched.map(([key, marks]) => [key, marks.calipers]));
    let strokes = 0;
    const depth = this.history.depth;
    for (const store of this.stores.values()) {
      for (const frame of store.frames()) {
        if (!store.labelsOn(frame).includes(number)) continue;
        store.clear(frame, number);
        strokes++;
      }
    }
    const maskSteps = this.history.takeLast(Math.min(strokes, this.history.depth - depth));
    const redo = (): void => {
      for (const step of maskSteps) step.redo();
      for (const key of calipers.keys()) this.setCalipers(key, (all) => all.filter((caliper) => caliper.lesion !== number));
      this.lesions = this.lesions.filter((lesion) => lesion.number !== number);
      const first = this.lesions[0];
      if (first && !this.index) first.is_index = true;
      this.active = this.index?.number ?? 0;
      this.lesionsChanged();
    };
    const undo = (): void => {
      for (const step of [...maskSteps].reverse()) step.undo();
      for (const [key, all] of calipers) this.setCalipers(key, () => all);
      this.lesions = structuredClone(before.lesions);
      this.active = before.active;
      this.lesionsChanged();
    };
    redo();
    this.history.push({ clip: "", frame: 0, undo, redo });
  }

  /** The frame the official thickness of a lesion is read on. */
  setKeyFrame(number: number, clip: Clip, frame: number, region: number): void {
    this.changeLesion(number, { key_clip: clip.id, key_frame: frame, key_region: region });
  }

  // ---- frames

  frameMarks(clip: string, frame: number): FrameMarks | undefined {
    return this.marks.get(keyOf(clip, frame));
  }

  /** All frames of a clip that hold something, with what they hold. */
  marked(clip: string): { frame: number; extent: Extent | null; drawn: boolean }[] {
    const store = this.store(clip);
    const frames = new Set(store.frames());
    for (const marks of this.marks.values()) if (marks.clip === clip && !isBare(marks)) frames.add(marks.frame);
    return [...frames]
      .sort((a, b) => a - b)
      .map((frame) => {
        const marks = this.frameMarks(clip, frame);
        return { frame, extent: marks?.extent ?? null, drawn: !store.isEmpty(frame) || (marks?.calipers.length ?? 0) > 0 };
      });
  }

  setExtent(clip: Clip, frame: number, extent: Extent | null): void {
    const key = keyOf(clip.id, frame);
    const before = this.marks.get(key)?.extent ?? null;
    const put = (value: Extent | null): void => {
      this.ensure(clip, frame).extent = value;
      this.dirtyFrames.add(key);
      this.emit(true);
    };
    put(extent);
    this.history.push({ clip: clip.id, frame, undo: () => put(before), redo: () => put(extent) });
  }

  /** Put the calipers of a frame as a whole (one undo step unless `step` is false). */
  putCalipers(clip: Clip, frame: number, calipers: Caliper[], step = true): void {
    const key = keyOf(clip.id, frame);
    const before = this.ensure(clip, frame, calipers[0]?.points[0]).calipers;
    this.setCalipers(key, () => calipers);
    if (step) this.stepCalipers(clip, frame, before, calipers);
  }

  /** Undo step for a drag that has already been shown. */
  stepCalipers(clip: Clip, frame: number, before: Caliper[], after: Caliper[]): void {
    const key = keyOf(clip.id, frame);
    const put = (calipers: Caliper[]) => () => this.setCalipers(key, () => calipers);
    this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(after) });
  }

  /**
   * The mask of this frame changed: it goes with the next save. `sources` says where the masks of lesions come from now;
   * what is not named keeps its source. An undo step of its own where something is new: join it to the stroke's.
   */
  painted(clip: Clip, frame: number, at: Point | null, sources: Record<string, MaskSource> = {}): void {
    const marks = this.ensure(clip, frame, at ?? undefined);
    const store = this.store(clip.id);
    const before = { sources: marks.sources, extent: marks.extent };
    const after = { ...before, sources: {} as FrameMarks["sources"] };
    for (const label of store.labelsOn(frame)) after.sources[label] = sources[label] ?? before.sources[label] ?? "drawn";
    // Painted plaque takes “examined, no plaque” back: both cannot hold.
    if (marks.extent === "no_plaque" && !store.isEmpty(frame)) after.extent = null;
    if (JSON.stringify(after) !== JSON.stringify(before)) {
      const put = (state: typeof before) => (): void => {
        Object.assign(this.ensure(clip, frame), state);
        this.dirtyFrames.add(keyOf(clip.id, frame));
      };
      put(after)();
      this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(after) });
    }
    this.emit(true);
  }

  /** The outer wall of a frame as a closed line, or none (one undo step unless `step` is false). */
  putOutline(clip: Clip, frame: number, outline: Point[] | null, step = true): void {
    const before = this.frameMarks(clip.id, frame)?.outline ?? null;
    const put = (points: Point[] | null): void => {
      this.ensure(clip, frame, points?.[0]).outline = points;
      this.dirtyFrames.add(keyOf(clip.id, frame));
      this.emit(true);
    };
    put(outline);
    if (step) this.stepOutline(clip, frame, before, outline);
  }

  /** Undo step for a wall whose change has already been shown. */
  stepOutline(clip: Clip, frame: number, before: Point[] | null, after: Point[] | null): void {
    const put = (points: Point[] | null) => () => this.putOutline(clip, frame, points, false);
    this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(after) });
  }

  // ---- scales set by hand

  /** Set the scale of a region by lines of known length, or take it back (no line). One undo step. */
  setScale(clip: Clip, region: number, lines: ScaleLine[]): void {
    const before = this.scales.get(clip.id, region);
    const put = (given: ScaleLine[]) => (): void => {
      this.scales.set(clip, region, given);
      this.measureAgain(clip);
      this.emit(true);
    };
    put(lines)();
    this.history.push({ clip: clip.id, frame: 0, undo: put(before), redo: put(lines) });
  }

  /** Show every length of a clip by the scale it has now; the server does the same when it saves. */
  private measureAgain(clip: Clip): void {
    for (const marks of this.marks.values()) {
      if (marks.clip === clip.id) marks.calipers = marks.calipers.map((caliper) => withLength(clip, caliper));
    }
  }

  undo(): Step | null {
    const step = this.history.undo();
    if (step) this.emit(true);
    return step;
  }

  redo(): Step | null {
    const step = this.history.redo();
    if (step) this.emit(true);
    return step;
  }

  private lesionsChanged(): void {
    this.dirtyLesions = true;
    this.emit(true);
  }

  private setCalipers(key: string, change: (calipers: Caliper[]) => Caliper[]): void {
    const marks = this.marks.get(key);
    if (!marks) return;
    marks.calipers = change(marks.calipers);
    this.dirtyFrames.add(key);
    this.emit(true);
  }

  private ensure(clip: Clip, frame: number, at?: Point): FrameMarks {
    const key = keyOf(clip.id, frame);
    let marks = this.marks.get(key);
    if (!marks) {
      const region = (at && regionAt(clip.regions, at)) ?? clip.regions.find((one) => one.valid) ?? clip.regions[0];
      marks = { clip: clip.id, frame, region: region?.number ?? 1, extent: null, outline: null, calipers: [], sources: {} };
      this.marks.set(key, marks);
    }
    return marks;
  }

  private putFrame(frame: WireFrame): void {
    const { masks } = frame;
    this.marks.set(keyOf(frame.clip, frame.frame), structuredClone(marksOf(frame)));
    if (masks && this.stores.has(frame.clip)) this.store(frame.clip).load(frame.frame, masks);
  }

  private collectMaskChanges(): void {
    for (const [id, store] of this.stores) {
      const clip = this.clip(id);
      for (const frame of store.takeDirty()) {
        if (clip) this.ensure(clip, frame);
        this.dirtyFrames.add(keyOf(id, frame));
      }
    }
  }

  private wireFrame(key: string): WireFrame {
    const { clip, frame } = split(key);
    const marks = this.marks.get(key);
    if (!marks) throw new Error(`no marks for ${key}`);
    const calipers = marks.calipers.map(({ id, kind, lesion, points }) => ({ id, kind, lesion, points }));
    const masks = this.store(clip).masks(frame);
    const sources: FrameMarks["sources"] = {};
    for (const label of Object.keys(masks)) sources[label] = marks.sources[label] ?? "drawn";
    return { ...marks, calipers, masks, sources };
  }

  private clearDirty(): void {
    this.dirtyAnswers.clear();
    this.dirtyFindings.clear();
    this.dirtyFrames.clear();
    this.dirtyLesions = false;
    this.scales.take();
    for (const store of this.stores.values()) store.takeDirty();
  }

  private emit(saveable: boolean): void {
    for (const listener of this.listeners) listener(saveable);
  }
}
