/**
 * Carrying a painted lesion over the loop: the server follows it by optical flow and sends a draft for every frame it
 * reached. A draft is drawn dotted and is nobody's answer until the reader keeps it, frame by frame.
 */
import { ApiError, call, get, labelsFromMasks, post, shapeOf, type Clip, type Line, type Mark, type Rle } from "../viewer/index.ts";
import { traceLoops } from "../viewer/contour.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el, icon, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";
import { labelHere } from "./maskacts.ts";

const POLL = 700;

export interface Drafted {
  frame: number;
  mask: Rle;
  /** How alike the picture is to the painted frame around the mask, −1 to 1. */
  likeness: number;
}

export interface Propagation {
  id: string;
  clip: string;
  frame: number;
  region: number;
  lesion: number;
  state: "created" | "queued" | "running" | "done" | "failed" | "dead" | "cancelled";
  done: number;
  total: number;
  frames: Drafted[];
}

export interface CarryHost {
  readonly draft: Draft;
  readId(): string;
  /** Save what is not saved yet; false when it could not be. */
  flush(): Promise<boolean>;
  here(): { clip: Clip; frame: number };
  go(clip: string, frame: number): void;
  tell(words: string): void;
  changed(): void;
}

export class Carry {
  readonly root = el("div", { class: "rd-carry", role: "status" });
  private readonly host: CarryHost;
  private row: Propagation | null = null;
  private readonly drafts = new Map<number, Drafted>();
  private readonly traced = new Map<number, Line[]>();
  private timer = 0;
  private shape = "";

  constructor(host: CarryHost) {
    this.host = host;
  }

  /** Something is on its way, or drafts wait. */
  get busy(): boolean {
    return this.row !== null;
  }

  /** Carry the lesion on this frame; nothing of a model goes into it. */
  async begin(): Promise<void> {
    const { draft, here, tell } = this.host;
    const { clip, frame } = here();
    if (this.drafts.size) return tell(gettext("Keep the drafts or leave them out first."));
    if (this.row) return tell(gettext("A lesion is being carried already."));
    const lesion = labelHere(draft, clip, frame);
    if (lesion === null) return tell(gettext("Paint the lesion on this frame first."));
    if (!(await this.host.flush())) return tell(gettext("It is carried as soon as everything is saved."));
    const region = draft.marks.regions(clip.id).find((one) => draft.marks.labels(clip.id, frame, one).includes(lesion)) ?? 1;
    await this.guarded(async () => {
      this.take(await post<Propagation>(this.address(), { clip: clip.id, frame, region, lesion }));
    });
  }

  /** What an earlier visit asked for. */
  async resume(): Promise<void> {
    const rows = await get<Propagation[]>(this.address()).catch(() => []);
    const row = rows.find(({ state }) => state !== "failed" && state !== "dead");
    if (row && !this.row) this.take(row);
  }

  /** Keep the draft on this frame as the lesion's mask, and go on to the next draft. */
  keep(): void {
    const { draft, here } = this.host;
    const { clip, frame } = here();
    const drafted = this.here();
    const row = this.row;
    if (!drafted || !row) return this.next(frame);
    const shape = this.shapeOf(drafted, clip);
    const store = draft.store(clip.id);
    const said = draft.frameMarks(clip.id, row.frame, row.region)?.extent ?? null;
    draft.history.group(clip.id, frame, () => {
      store.begin(frame);
      if (shape) store.add(shape, row.lesion);
      if (!store.end()) return;
      draft.painted(clip, frame, null, { [row.lesion]: "propagated" });
      if (said !== null && !draft.frameMarks(clip.id, frame, row.region)?.extent) draft.setExtent(clip, frame, said, row.region);
    });
    this.decided(frame);
  }

  /** This frame's draft is not kept. */
  leaveOut(): void {
    if (this.here()) this.decided(this.host.here().frame);
    else this.next(this.host.here().frame);
  }

  /** End it: what runs is cancelled, drafts that were not kept are thrown away. */
  async cancel(): Promise<void> {
    const { row } = this;
    this.forget();
    if (row) await call("DELETE", `${this.address()}${row.id}/`).catch(() => undefined);
  }

  lines(clip: string, frame: number): Line[] {
    const drafted = this.row?.clip === clip ? this.drafts.get(frame) : undefined;
    if (!drafted) return [];
    let lines = this.traced.get(frame);
    if (!lines) {
      const [rows, cols] = drafted.mask.size;
      const labels = labelsFromMasks({ "1": drafted.mask }, rows, cols);
      lines = traceLoops(labels, cols, 1).map((points): Line => ({ points, closed: true, kind: "draft" }));
      this.traced.set(frame, lines);
    }
    return lines;
  }

  marks(clip: string): Mark[] {
    return this.row?.clip === clip ? [...this.drafts.keys()].map((frame): Mark => ({ frame, kind: "draft" })) : [];
  }

  /** The row over the picture: how far it is, then what to do with the draft on this frame. */
  render(): void {
    const { row } = this;
    const { frame } = this.host.here();
    const drafted = this.here();
    const shape = JSON.stringify([row?.state, row?.done, this.drafts.size, drafted?.frame, frame]);
    this.root.hidden = row === null;
    if (shape === this.shape || !row) return;
    this.shape = shape;
    const stop = button({ class: "rd-act" }, () => void this.cancel(), this.drafts.size ? gettext("leave out all") : gettext("cancel"));
    if (!this.drafts.size) {
      const words = interpolate(gettext("Carrying lesion %(lesion)s over the loop: %(done)s / %(total)s frames"), { lesion: row.lesion, done: row.done, total: row.total });
      this.root.replaceChildren(icon("arc", "rd-turning"), el("span", {}, words), stop);
      return;
    }
    const title = el("strong", {}, interpolate(gettext("Drafts: %(n)s left"), { n: this.drafts.size }));
    const like = drafted ? el("span", { class: "rd-faint rd-num" }, interpolate(gettext("likeness %(r)s"), { r: drafted.likeness.toFixed(2) })) : null;
    const keep = button({ class: "rd-act" }, () => this.keep(), keycap("Y"), drafted ? gettext("keep") : gettext("next draft"));
    const leave = drafted ? button({ class: "rd-act" }, () => this.leaveOut(), keycap("⇧Y"), gettext("leave out")) : null;
    this.root.replaceChildren(title, ...(like ? [like] : []), keep, ...(leave ? [leave] : []), stop);
  }

  private here(): Drafted | undefined {
    const { clip, frame } = this.host.here();
    return this.row?.clip === clip.id ? this.drafts.get(frame) : undefined;
  }

  private take(row: Propagation): void {
    this.row = row;
    window.clearTimeout(this.timer);
    if (row.state === "done") this.arrived(row);
    else if (row.state === "failed" || row.state === "dead") {
      this.host.tell(gettext("The lesion could not be carried: a frame is unreadable."));
      void this.cancel();
    } else if (row.state === "cancelled") this.forget();
    else this.timer = window.setTimeout(() => void this.poll(), POLL);
    this.host.changed();
  }

  private async poll(): Promise<void> {
    const { row } = this;
    if (!row) return;
    await get<Propagation>(`${this.address()}${row.id}/`).then(
      (now) => {
        if (this.row?.id === row.id) this.take(now);
      },
      (error: unknown) => {
        if (error instanceof ApiError && error.status === 404) this.forget();
        else this.timer = window.setTimeout(() => void this.poll(), 4 * POLL);
      },
    );
  }

  private arrived(row: Propagation): void {
    const { draft } = this.host;
    this.traced.clear();
    this.drafts.clear();
    for (const one of row.frames) {
      if (!draft.marks.labels(row.clip, one.frame, row.region).includes(row.lesion)) this.drafts.set(one.frame, one);
    }
    if (!this.drafts.size) {
      if (!row.frames.length) this.host.tell(gettext("The picture changes too much from frame to frame: no draft."));
      return void this.cancel();
    }
    if (row.frames.length < row.total) this.host.tell(interpolate(gettext("%(n)s of %(total)s frames were reached; beyond, the picture is another one."), { n: row.frames.length, total: row.total }));
    const { clip, frame } = this.host.here();
    if (clip.id === row.clip && frame === row.frame) this.next(frame);
  }

  private decided(frame: number): void {
    this.drafts.delete(frame);
    if (this.drafts.size) this.next(frame);
    else void this.cancel();
    this.host.changed();
  }

  /** The next draft: onwards from the painted frame, then back from it. */
  private next(frame: number): void {
    const { row } = this;
    if (!row) return;
    const left = [...this.drafts.keys()].sort((a, b) => a - b);
    const onwards = frame >= row.frame ? left.find((at) => at > frame) : undefined;
    const back = left.filter((at) => at < Math.min(frame, row.frame)).at(-1);
    const to = onwards ?? back ?? left[0];
    if (to !== undefined) this.host.go(row.clip, to);
  }

  private shapeOf({ mask }: Drafted, clip: Clip) {
    return shapeOf(labelsFromMasks({ "1": mask }, clip.rows, clip.columns), clip.columns, 1);
  }

  private forget(): void {
    window.clearTimeout(this.timer);
    this.row = null;
    this.shape = "";
    this.drafts.clear();
    this.traced.clear();
    this.host.changed();
  }

  private async guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.host.tell(error instanceof Error ? error.message : String(error));
    }
  }

  private address(): string {
    return `/api/v1/reads/${this.host.readId()}/propagations/`;
  }
}
