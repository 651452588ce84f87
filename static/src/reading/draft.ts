/**
 * Draft: everything a reader has said about this case, here in the browser, and what of it is not saved yet.
 * No DOM, no fetch. Masks live in one MaskStore a clip; every drawing step goes onto one History.
 */
import { History, MaskStore, type Clip, type Point, type ScaleLine, type Step } from "../viewer/index.ts";
import { ClipQualities } from "./clipquality.ts";
import { Marks } from "./marks.ts";
import { nothingBeyond } from "./nothing.ts";
import { OwnScales, withLength } from "./ownscales.ts";
import type {
  Answers, Caliper, ClipQuality, Extent, Finding, FrameMarks, Lesion, MaskSource, OwnAnswer, PatchBody, Protocol, Read, ReasonAnswer, ReasonKey,
} from "./types.ts";
import { wireLesion } from "./wire.ts";

const EMPTY: Answers = { reader_class: null, quality: null, quality_reasons: [], confidence: null, conflict_reason: null, note: "", findings: {}, own: {} };

export interface Derived {
  state: Read["state"];
  rule_class: Read["rule_class"];
  rule_reason: string;
  rule_agrees: boolean | null;
}

type Simple = "reader_class" | "quality" | "quality_reasons" | "confidence" | "conflict_reason" | "note";
/** Answers that undo takes back; the note and what else is typed have the undo of their field. */
const STEPPED = ["reader_class", "quality", "quality_reasons", "confidence"] as const;

/** What a reader says besides drawing; the note has the undo of its field. */
interface Said {
  answers: Omit<Answers, "note" | "conflict_reason">;
  clips: ClipQuality[];
  lesions: Lesion[];
  active: number;
}

export class Draft {
  readonly clips: readonly Clip[];
  protocol: Protocol;
  readonly history = new History();
  readonly scales: OwnScales;
  readonly marks: Marks;
  answers: Answers = structuredClone(EMPTY);
  lesions: Lesion[] = [];
  derived: Derived = { state: "draft", rule_class: null, rule_reason: "", rule_agrees: null };
  /** The lesion that U, M, H, A, R, D and the tools work on; 0: none yet. */
  active = 0;
  private readonly stores = new Map<string, MaskStore>();
  private readonly dirtyAnswers = new Set<Simple>();
  private readonly dirtyFindings = new Set<string>();
  private readonly dirtyOwn = new Set<string>();
  private readonly qualities = new ClipQualities();
  private dirtyLesions = false;
  private saying = false;
  private readonly listeners = new Set<(saveable: boolean) => void>();

  constructor(clips: readonly Clip[], protocol: Protocol) {
    this.clips = clips;
    this.protocol = protocol;
    this.scales = new OwnScales(clips);
    for (const clip of clips) this.stores.set(clip.id, new MaskStore(clip.id, clip.rows, clip.columns, this.history));
    this.marks = new Marks(clips, this.stores);
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
    this.marks.clear();
    this.history.clear();
    this.answers = { ...structuredClone(EMPTY), ...structuredClone(read.answers) };
    this.lesions = structuredClone(read.lesions);
    this.scales.load(read.scales);
    this.qualities.load(read.clips);
    for (const clip of this.clips) this.scales.apply(clip);
    for (const frame of read.frames) this.marks.put(frame);
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
      lesion.grade = saved.grade ?? null;
    }
    this.emit(false);
  }

  /** Lay a patch over what is here (a kept one after a reload, or mine over theirs). Not dirty: the patch is queued. */
  apply(body: PatchBody): void {
    const { findings, own, ...simple } = body.answers ?? {};
    Object.assign(this.answers, simple);
    Object.assign(this.answers.own, own);
    Object.assign(this.answers.findings, findings);
    if (body.lesions) this.lesions = structuredClone(body.lesions);
    this.scales.lay(body.scales ?? []);
    this.qualities.lay(body.clips ?? []);
    for (const frame of body.frames ?? []) this.marks.put(frame);
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
    if (this.dirtyOwn.size) answers.own = Object.fromEntries([...this.dirtyOwn].map((key) => [key, this.answers.own[key] ?? null]));
    if (Object.keys(answers).length) body.answers = answers;
    if (this.dirtyLesions) body.lesions = this.lesions.map(wireLesion);
    const frames = this.marks.take();
    if (frames.length) body.frames = frames;
    const scales = this.scales.take();
    if (scales.length) body.scales = scales;
    const clips = this.qualities.take();
    if (clips.length) body.clips = clips;
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

  /** An own question; what is typed has the undo of its field, so that `step` is false. */
  answerOwn(key: string, value: OwnAnswer, step = true): void {
    if ((this.answers.own[key] ?? null) === value) return;
    const put = (): void => {
      this.answers.own[key] = value;
      this.dirtyOwn.add(key);
      this.emit(true);
    };
    if (step) this.said(put);
    else put();
  }

  clipQuality(clip: string): ClipQuality {
    return this.qualities.get(clip);
  }

  setClipQuality(clip: string, quality: ClipQuality["quality"], reasons: ClipQuality["reasons"]): void {
    this.said(() => {
      this.qualities.put({ clip, quality, reasons: quality === null ? [] : reasons });
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

  /** N: nothing beyond what is marked; one undo step, all of it is shown and can be changed. */
  noneInAnySeen(): void {
    this.said(() => nothingBeyond(this));
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
    const { reader_class, quality, quality_reasons, confidence, findings } = this.answers;
    const own = Object.fromEntries(this.protocol.questions.filter(({ kind }) => kind === "choice").map(({ key }) => [key, this.answers.own[key] ?? null]));
    return structuredClone({ answers: { reader_class, quality, quality_reasons, confidence, findings, own }, clips: this.qualities.all(), lesions: this.lesions.map(wireLesion), active: this.active });
  }

  private putBack({ answers, clips, lesions, active }: Said): void {
    this.qualities.restore(clips);
    for (const key of STEPPED) {
      if (JSON.stringify(this.answers[key]) === JSON.stringify(answers[key])) continue;
      Object.assign(this.answers, { [key]: answers[key] });
      this.dirtyAnswers.add(key);
    }
    for (const key of new Set([...Object.keys(this.answers.findings), ...Object.keys(answers.findings)])) {
      const finding = answers.findings[key] ?? { visibility: null, plaque: null };
      if (JSON.stringify(finding) === JSON.stringify(this.finding(key))) continue;
      this.answers.findings[key] = { ...finding };
      this.dirtyFindings.add(key);
    }
    for (const [key, value] of Object.entries(answers.own)) {
      if ((this.answers.own[key] ?? null) === value) continue;
      this.answers.own[key] = value;
      this.dirtyOwn.add(key);
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
      ulceration: null, mobile: null, thrombus: null, grade_given: null,
    };
    this.said(() => {
      this.lesions.push(lesion);
      this.active = number;
      this.plaqueIn(segment);
      this.lesionsChanged();
    });
    return lesion;
  }

  /** A lesion is plaque in its segment, and was seen: neither “none” nor “not seen” stands beside it. */
  private plaqueIn(segment: string | null): void {
    if (!segment) return;
    const { visibility, plaque } = this.finding(segment);
    if (visibility === "not") this.setFinding(segment, { visibility: null, plaque: "present" });
    else if (plaque === null || plaque === "none") this.setFinding(segment, { plaque: "present" });
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
      this.plaqueIn(change.segment ?? null);
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
    const calipers = this.clips
      .flatMap((clip) => this.marks.of(clip.id))
      .filter((marks) => marks.calipers.some((caliper) => caliper.lesion === number))
      .map(({ clip, frame, region, calipers }) => ({ at: [clip, frame, region] as const, calipers }));
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
      for (const { at, calipers: all } of calipers) this.marks.change(...at, { calipers: all.filter((caliper) => caliper.lesion !== number) });
      this.lesions = this.lesions.filter((lesion) => lesion.number !== number);
      const first = this.lesions[0];
      if (first && !this.index) first.is_index = true;
      this.active = this.index?.number ?? 0;
      this.lesionsChanged();
    };
    const undo = (): void => {
      for (const step of [...maskSteps].reverse()) step.undo();
      for (const { at, calipers: all } of calipers) this.marks.change(...at, { calipers: all });
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

  /** What stands on the region in hand (or a named one) of a frame. */
  frameMarks(clip: string, frame: number, region?: number): FrameMarks | undefined {
    return this.marks.get(clip, frame, region);
  }

  /** The calipers of a frame, of all its regions. */
  calipers(clip: string, frame: number): Caliper[] {
    return this.marks.calipers(clip, frame);
  }

  /** The thickness of a lesion on its key frame: that of its key region, else of any. */
  keyCaliper({ number, key_clip, key_frame, key_region }: Lesion): Caliper | undefined {
    if (!key_clip || !key_frame) return undefined;
    const of = (calipers: Caliper[]): Caliper | undefined => calipers.find((one) => one.kind === "thickness" && one.lesion === number);
    return of(this.marks.get(key_clip, key_frame, key_region ?? undefined)?.calipers ?? []) ?? of(this.calipers(key_clip, key_frame));
  }

  /** All regions of frames of a clip that hold something, with what they hold. */
  marked(clip: string): { frame: number; region: number; extent: Extent | null; painted: boolean; drawn: boolean }[] {
    return this.marks.held(clip).map(({ marks: { frame, region, extent, calipers }, painted }) => ({ frame, region, extent, painted, drawn: painted || calipers.length > 0 }));
  }

  setExtent(clip: Clip, frame: number, extent: Extent | null, region = this.marks.region(clip.id)): void {
    const before = this.marks.get(clip.id, frame, region)?.extent ?? null;
    const put = (value: Extent | null) => (): void => {
      this.marks.change(clip.id, frame, region, { extent: value });
      this.emit(true);
    };
    put(extent)();
    this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(extent) });
  }

  /** Put the calipers of a frame as a whole (one undo step unless `step` is false). */
  putCalipers(clip: Clip, frame: number, calipers: Caliper[], step = true): void {
    const before = this.calipers(clip.id, frame);
    this.marks.putCalipers(clip, frame, calipers);
    this.emit(true);
    if (step) this.stepCalipers(clip, frame, before, calipers);
  }

  /** Undo step for a drag that has already been shown. */
  stepCalipers(clip: Clip, frame: number, before: Caliper[], after: Caliper[]): void {
    const put = (calipers: Caliper[]) => () => this.putCalipers(clip, frame, calipers.map((caliper) => withLength(clip, caliper)), false);
    this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(after) });
  }

  /**
   * The masks of this frame changed: they go with the next save. `sources` says where the masks of lesions come from now,
   * in the region at `at` (everywhere without it); what is not named keeps its source. Undo steps of their own where
   * something is new: join them to the stroke's.
   */
  painted(clip: Clip, frame: number, at: Point | null, sources: Record<string, MaskSource> = {}): void {
    const here = at && this.marks.at(clip, at);
    for (const region of this.marks.regions(clip.id)) {
      const labels = this.marks.labels(clip.id, frame, region);
      const marks = this.marks.get(clip.id, frame, region);
      if (!labels.length && !marks) continue;
      const before = { sources: marks?.sources ?? {}, extent: marks?.extent ?? null };
      const named = here === null || here === region ? sources : {};
      const after = { ...before, sources: {} as FrameMarks["sources"] };
      for (const label of labels) after.sources[label] = named[label] ?? before.sources[label] ?? sources[label] ?? "drawn";
      // Painted plaque takes “examined, no plaque” back: both cannot hold.
      if (before.extent === "no_plaque" && labels.length) after.extent = null;
      if (JSON.stringify(after) === JSON.stringify(before)) continue;
      const put = (state: typeof before) => (): void => this.marks.change(clip.id, frame, region, state);
      put(after)();
      this.history.push({ clip: clip.id, frame, undo: put(before), redo: put(after) });
    }
    this.emit(true);
  }

  /** The outer wall on the region in hand as a closed line, or none (one undo step unless `step` is false). */
  putOutline(clip: Clip, frame: number, outline: Point[] | null, step = true): void {
    const region = this.marks.region(clip.id);
    const before = this.marks.get(clip.id, frame, region)?.outline ?? null;
    this.marks.change(clip.id, frame, region, { outline });
    this.emit(true);
    if (step) this.stepOutline(clip, frame, before, outline);
  }

  /** Undo step for a wall whose change has already been shown. */
  stepOutline(clip: Clip, frame: number, before: Point[] | null, after: Point[] | null): void {
    const region = this.marks.region(clip.id);
    const put = (outline: Point[] | null) => (): void => {
      this.marks.change(clip.id, frame, region, { outline });
      this.emit(true);
    };
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
    for (const marks of this.marks.of(clip.id)) marks.calipers = marks.calipers.map((caliper) => withLength(clip, caliper));
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

  private clearDirty(): void {
    this.dirtyAnswers.clear();
    this.dirtyFindings.clear();
    this.dirtyOwn.clear();
    this.qualities.take();
    this.marks.take();
    this.dirtyLesions = false;
    this.scales.take();
  }

  private emit(saveable: boolean): void {
    for (const listener of this.listeners) listener(saveable);
  }
}
