/** The reading page: puts head, strip, rail, stage, bar and panel together and says what each act does. */
import { Keymap, keysDialog, type Clip } from "../viewer/index.ts";
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import { Carry } from "./carry.ts";
import type { Bar } from "./bar.ts";
import { completeCase } from "./completing.ts";
import { askDiscard, correctionNote } from "./correcting.ts";
import { askSignature, askSkip } from "./dialogs.ts";
import { el, icon } from "./dom.ts";
import { Draft } from "./draft.ts";
import type { ReadingGuide } from "./guide.ts";
import type { Head } from "./head.ts";
import { clear, copyToNext, fillBetween, mend, type Mend } from "./maskacts.ts";
import { aidOf, type Aid } from "./aided.ts";
import { Asked } from "./asked.ts";
import { placeOf } from "./place.ts";
import { corrects, signingFacts, signsHere } from "./policy.ts";
import { bindKeys } from "./shortcuts.ts";
import { changeKeys, labelCaps, ownKeys } from "./keysettings.ts";
import { areaOf } from "./ownscales.ts";
import { Mending } from "./mending.ts";
import type { Panel } from "./panel.ts";
import { barOf, guideOf, headOf, noEnd, panelOf, railOf } from "./parts.ts";
import { KINDS, Options, type Rail } from "./rail.ts";
import { Activity, signedIn, type Person, type Session } from "./session.ts";
import { ScaleAct } from "./scaleact.ts";
import { Stage } from "./stage.ts";
import { Strip } from "./strip.ts";
import { askBy, sessionOf } from "./trial.ts";
import { watchUnsent } from "./unsent.ts";
import type { SaveState } from "./autosave.ts";
import type { Assignment, Extent, Read } from "./types.ts";

const MOST_LESIONS = 20; // as many as the server takes

export class ReadingPage {
  readonly draft: Draft;
  readonly stage: Stage;
  panel: Panel;
  readonly carry: Carry;
  readonly mending: Mending;
  private readonly root: HTMLElement;
  readonly assignment: Assignment;
  private readonly person: Person;
  readonly read: Read;
  private readonly session: Session;
  private head: Head;
  private readonly strip: Strip;
  private readonly rail: Rail;
  private readonly options: Options;
  private readonly bar: Bar;
  private keys = new Keymap();
  private readonly scaling: ScaleAct;
  readonly asked: Asked | null;
  readonly aid: Aid | null;
  guide: ReadingGuide | null;
  readonly main = el("div", { class: "rd-main" });
  private readonly notice = el("div", { class: "rd-notice", role: "alert" });
  private noticeTimer = 0;
  private queued = false;
  /** The answers changed and are not shown yet: they are, also while the loop plays. */
  private answered = true;
  private leaving = false;
  /** Ends what the keys do. */
  private detach = (): void => undefined;

  constructor(root: HTMLElement, assignment: Assignment, read: Read, person: Person) {
    this.root = root;
    this.assignment = assignment;
    this.person = person;
    this.read = read;
    this.draft = new Draft(assignment.clips, assignment.protocol);
    this.draft.load(read);
    this.asked = assignment.frames && new Asked(assignment.frames, assignment.stage > 1 && assignment.arm === "blind", this.draft, (id, frame) => this.goToFrame(id, frame));
    this.mending = new Mending(() => this.session, this.draft, person, (words) => this.tell(words));
    this.session = sessionOf(assignment, read, this.draft, person, (state) => this.saveState(state));
    this.head = headOf(this);
    this.strip = new Strip(this.draft, (clip) => this.stage.show(clip));
    this.rail = railOf(this);
    this.options = new Options(this.draft, {
      kind: (kind) => {
        this.stage.settings.kind = kind;
        this.render();
      },
      lesion: (number) => this.draft.choose(number),
      radius: (change) => this.stage.setRadius(change),
      grey: (change, end) => this.stage.setGrey(change, end),
      mend: (how) => this.mendMask(how),
      clear: () => this.remove(),
      fit: () => this.stage.fit(),
      oneToOne: () => this.stage.pane.oneToOne(),
      invert: () => this.invert(),
      resetWindow: () => this.stage.view.set({ window: 256, level: 128 }),
    });
    this.bar = barOf(this);
    this.panel = panelOf(this);
    if (read.correction) this.panel.root.prepend(correctionNote(read.correction));
    this.carry = new Carry({
      draft: this.draft,
      readId: () => this.session.readId,
      flush: () => this.session.autosave.flush(),
      here: () => ({ clip: this.stage.current, frame: this.stage.frame }),
      go: (id, frame) => this.goToFrame(id, frame),
      tell: (words) => this.tell(words),
      changed: () => {
        this.stage.pane.redraw();
        this.render();
      },
    });
    this.options.root.prepend(this.carry.root);
    const host = el("div", { class: "rd-pane" });
    this.main.append(this.options.root, host, this.bar.root);
    root.append(this.head.root, this.strip.root, this.rail.root, this.main, this.panel.root, this.notice);
    this.guide = guideOf(this);
    this.stage = new Stage(host, this.draft, {
      frame: () => this.render(),
      clip: (clip) => this.clipShown(clip),
      playing: (playing) => this.bar.setPlaying(playing),
      tool: (name, again) => {
        const why = name === "scale" && !again ? this.scaling.begin(this.stage.current) : "";
        if (why) {
          this.stage.setTool("select");
          this.tell(why);
        }
        this.render();
      },
      look: () => this.render(),
      failed: (words) => this.tell(words),
      known: (points) => void this.scaling.line(this.stage.current, points),
      drafts: (frame) => this.carry.lines(this.stage.current.id, frame),
      scale: () => this.editing(() => this.stage.setTool("scale")),
      line: (free) => (free ? void this.session.ahead.free() : this.session.ahead.taken()),
    });
    this.scaling = new ScaleAct({
      draft: this.draft,
      tell: (words) => this.tell(words),
      done: () => this.stage.setTool("select"),
      again: () => this.stage.setTool("scale", true),
    });
    this.stage.asked = this.asked;
    const drawn = (): void => (this.stage.showModel(), this.render());
    this.aid = this.stage.aid = aidOf(assignment, this.panel.root, { changed: drawn, go: (id, frame) => this.goToFrame(id, frame), failed: (words) => this.tell(words) });
    this.draft.onChange((saveable) => {
      if (saveable) this.session.autosave.changed();
      this.answered = true;
      this.stage.rescaled();
      this.stage.pane.redraw();
      this.render();
    });
  }

  /** Show the case where it was left, and send what an earlier visit could not save. */
  async start(): Promise<void> {
    this.saveState(this.session.autosave.state);
    const kept = await this.session.kept();
    if (kept.length && this.draft.derived.state === "draft") {
      for (const patch of kept) this.draft.apply(patch.body);
      this.session.autosave.resume(kept);
    }
    this.showPlace();
    void this.aid?.load();
    if (this.draft.derived.state === "draft" && !this.assignment.trial) void this.carry.resume();
    this.attachKeys();
    watchUnsent(this.session.autosave, () => this.leaving || this.assignment.leave !== undefined, () => this.stage.dispose());
    new Activity(
      () => ({ clip: this.stage.current.id, frame: this.stage.frame }),
      (seconds, place) => this.session.activity(seconds, place),
    );
    this.render();
    this.root.dataset["ready"] = "1";
  }

  /** Ask by the protocol of another assignment of this case (the preview): picture, place and what was answered stay. */
  async follow({ protocol, trial }: Assignment): Promise<void> {
    Object.assign(this.assignment, { protocol, trial });
    askBy(this.draft, protocol);
    const { head, panel, guide } = this;
    const tops = [".rd-panel-body", ".gd-body"].map((part) => [part, this.root.querySelector(part)?.scrollTop ?? 0] as const);
    guide?.show(false);
    guide?.root.remove();
    this.head = headOf(this);
    this.panel = panelOf(this);
    this.guide = guideOf(this);
    head.root.replaceWith(this.head.root);
    panel.root.replaceWith(this.panel.root);
    this.attachKeys();
    this.saveState(this.session.autosave.state);
    this.clipShown(this.stage.current);
    if (!this.session.autosave.dirty) this.draft.adopt(await this.session.current());
    for (const [part, top] of tops) this.root.querySelector(part)?.scrollTo(0, top);
  }

  private attachKeys(): void {
    this.detach();
    this.keys = new Keymap();
    bindKeys(this.keys, this);
    this.keys.remap(ownKeys(this.root.dataset["keys"]));
    labelCaps(this.keys);
    this.detach = this.keys.attach();
  }

  /** Where the reader was when the case was left, said once; else the key frame, else the first clip. */
  private showPlace(): void {
    // The draft, and not what was sent: it holds what was kept in the browser too.
    const { frames, clips } = this.assignment;
    const at = placeOf({ read: { ...this.read, state: this.draft.derived.state, lesions: this.draft.lesions }, frames, clips });
    const clip = at && this.draft.clip(at.clip);
    if (!at || !clip) return;
    this.stage.show(clip, at.frame);
    if (at !== this.read.place) return;
    const left = this.panel.missing.length;
    const words = ngettext("You were here: clip %(clip)s, frame %(frame)s, %(n)s answer left.", "You were here: clip %(clip)s, frame %(frame)s, %(n)s answers left.", left);
    this.tell(interpolate(words, { clip: clip.number, frame: at.frame, n: left }));
  }

  // ---- acts, also of the keys

  /** Do something to the read, if it may still be changed. */
  editing(act: () => void): void {
    if (this.draft.derived.state === "draft") act();
    else this.tell(this.draft.derived.state === "signed" ? gettext("This read is signed. A correction is a new revision.") : gettext("This case is completed. Reopen it to change an answer."));
  }

  /** Mark this frame, if the case asks for it. */
  marking(act: () => void): void {
    this.editing(() => (this.stage.asksForThis ? act() : this.tell(gettext("This case asks for other frames. Page Down goes to the next one."))));
  }

  /** Page Down: the next frame that the case names and that is not marked yet. */
  nextAsked(): void {
    const next = this.asked?.next(this.stage.current.id, this.stage.frame);
    if (next) this.goToFrame(...next);
  }

  digitsAnswer(): boolean {
    return !this.stage.toolFocus && !this.asked?.only;
  }

  extent(extent: Extent): void {
    this.marking(() => {
      const { current: clip, frame } = this.stage;
      const painted = this.draft.marks.labels(clip.id, frame, this.draft.marks.region(clip.id)).length > 0;
      if (extent === "no_plaque" && painted) {
        this.tell(gettext("Plaque is painted on this frame: remove it first."));
        return;
      }
      const now = this.draft.frameMarks(clip.id, frame)?.extent ?? null;
      this.draft.setExtent(clip, frame, now === extent ? null : extent);
    });
  }

  addLesion(): void {
    this.editing(() => {
      if (this.draft.lesions.length >= MOST_LESIONS) this.tell(interpolate(gettext("A read holds at most %(n)s lesions."), { n: MOST_LESIONS }));
      else this.draft.addLesion(this.stage.current);
    });
  }

  nudge(dx: number, dy: number): boolean {
    return (this.stage.wall ?? this.stage.selecting)?.nudge(dx, dy) ?? false;
  }

  remove(): void {
    this.editing(() => {
      if ((this.stage.wall ?? this.stage.selecting)?.remove()) return;
      clear(this.draft, this.stage.current, this.stage.frame);
    });
  }

  undo(back: boolean): void {
    this.editing(() => {
      const step = back ? this.draft.undo() : this.draft.redo();
      if (step?.clip) this.goToFrame(step.clip, step.frame);
    });
  }

  /** Mark other frames than this one, where the case does not name the frames. */
  private spreading(act: () => void): void {
    this.editing(() => (this.asked ? this.tell(gettext("Only the given frames are marked, each by itself.")) : act()));
  }

  beginCarry(): void {
    this.spreading(() => (this.assignment.trial ? this.tell(gettext("A test read is not stored, so the server cannot follow it over the loop.")) : void this.carry.begin()));
  }

  copyToNext(): void {
    this.spreading(() => {
      const { current: clip, frame } = this.stage;
      const why = copyToNext(this.draft, clip, frame);
      if (why) this.tell(why);
      else this.stage.go(frame + 1);
    });
  }

  fillBetween(): void {
    this.spreading(() => this.tell(fillBetween(this.draft, this.stage.current, this.stage.frame)));
  }

  mendMask(how: Mend): void {
    this.marking(() => {
      const why = mend(this.draft, this.stage.current, this.stage.frame, how);
      if (why) this.tell(why);
    });
  }

  clipStep(by: 1 | -1): void {
    const at = this.draft.clips.findIndex((clip) => clip.id === this.stage.current.id);
    const clip = this.draft.clips[at + by];
    if (clip) this.stage.show(clip);
  }

  nextMark(step: 1 | -1): void {
    const frame = this.bar.scrub.nextMark(this.stage.frame, step);
    if (frame !== null) this.stage.go(frame);
  }

  faster(step: 1 | -1): void {
    this.stage.clock.faster(step);
    this.showClock();
  }

  invert(): void {
    this.stage.view.set({ invert: !this.stage.view.state.invert });
  }

  loupe(on: boolean): void {
    this.stage.pane.loupe = on;
    this.stage.pane.redraw();
  }

  hide(on: boolean): void {
    this.stage.pane.mode = on ? "hidden" : "fill";
    this.stage.pane.redraw();
  }

  showKeys(): void {
    const change = { words: gettext("Change keys"), run: () => changeKeys(this.keys, () => labelCaps(this.keys)) };
    keysDialog(this.keys, this.assignment.leave ? undefined : change).showModal();
  }

  /** The caliper in hand, of the next kind. */
  nextKind(): void {
    const { settings } = this.stage;
    const at = KINDS.findIndex(([kind]) => kind === settings.kind);
    settings.kind = KINDS[(at + 1) % KINDS.length]?.[0] ?? "thickness";
    if (this.stage.toolName === "caliper") this.render();
    else this.editing(() => this.stage.setTool("caliper"));
  }

  /** Ctrl+Enter: the next thing to do, whatever the state. */
  async forward(): Promise<void> {
    const { state } = this.draft.derived;
    if (state === "draft") await this.complete();
    else if (state === "completed" && signsHere(this.assignment)) await this.sign();
    else this.goTo(this.assignment.next_url ?? this.assignment.worklist_url);
  }

  async skip(): Promise<void> {
    if (this.draft.derived.state !== "draft") return this.editing(() => undefined);
    if (this.assignment.leave) return this.tell(noEnd());
    if (corrects(this.read)) {
      if (await askDiscard(() => this.session.discard())) this.goTo(this.assignment.worklist_url);
      return;
    }
    const skipped = await askSkip((reason) => this.session.skip(reason));
    if (skipped) this.goTo(this.assignment.next_url ?? this.assignment.worklist_url);
  }

  async leave(): Promise<void> {
    if (this.assignment.leave) return this.assignment.leave();
    if (await this.session.autosave.flush()) this.goTo(this.assignment.worklist_url);
    else this.tell(gettext("Not everything is saved yet. Your changes are kept here."));
  }

  async complete(): Promise<void> {
    const first = this.panel.missing[0];
    if (first) return this.panel.focus(first.field);
    if (this.assignment.leave) return this.tell(noEnd());
    if (!(await this.session.autosave.flush())) return void this.mending.mend();
    await this.attempt(() => completeCase(this.session, this.draft));
    if (this.draft.derived.state !== "completed") return;
    if (signsHere(this.assignment)) await this.sign();
    else this.goTo(this.assignment.next_url ?? this.assignment.worklist_url);
  }

  async reopen(): Promise<void> {
    await this.attempt(async () => this.draft.adopt(await this.session.reopen()));
  }

  async sign(): Promise<void> {
    let address: string | null = null;
    const { next_url, worklist_url } = this.assignment;
    const facts = signingFacts(this.assignment, this.person.name);
    const signed = await askSignature({ ...facts, sign: async (password) => void (address = await this.session.sign(password)) });
    if (signed) this.goTo(address ?? (facts.correction ? null : next_url) ?? worklist_url);
  }

  /** Run a call that changes the state; what is missing gets its marks, anything else its words. */
  private async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const problem = (error as { problem?: { status: number; missing?: Read["missing"] } }).problem;
      if (problem?.missing) {
        const first = problem.missing[0];
        if (first) {
          this.panel.focus(first.field);
          this.tell(interpolate(gettext("Not completed: %(words)s"), { words: problem.missing.map(({ words }) => words).join(", ") }));
        }
      } else if (problem?.status === 412) await this.mending.settle();
      else if ((problem?.status === 401 || problem?.status === 403) && !(await signedIn())) await this.mending.logInAgain();
      else this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  // ---- saving

  private saveState(state: SaveState): void {
    this.head.setSave(state);
    if (state.kind === "saved") this.root.dataset["saved"] = String(this.session.autosave.draftNo);
    if (state.kind === "conflict" || state.kind === "password") void this.mending.mend();
  }

  goTo(address: string): void {
    this.leaving = true;
    window.location.assign(address);
  }

  // ---- showing

  goToFrame(id: string, frame: number): void {
    const clip = this.draft.clip(id);
    if (clip) this.stage.show(clip, frame);
  }

  keyFrameHere(number: number): void {
    const { current: clip, frame } = this.stage;
    this.editing(() => this.draft.setKeyFrame(number, clip, frame, this.draft.marks.region(clip.id)));
  }

  private clipShown(clip: Clip): void {
    const at = this.draft.clips.findIndex((one) => one.id === clip.id);
    this.head.setPlace(at + 1, this.draft.clips.length);
    this.bar.setClip(clip, this.stage.clock);
    this.showClock();
    this.strip.reveal(clip);
    this.render();
  }

  showClock(): void {
    this.bar.setClock(this.stage.clock, this.stage.current.frames, this.stage.assumedTimes);
  }

  tell(words: string): void {
    this.notice.replaceChildren(icon("ask", "is-ask"), el("span", {}, words));
    this.notice.classList.add("is-on");
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => this.notice.classList.remove("is-on"), 6000);
  }

  /** Everything that words or numbers show, once per animation frame. */
  private render(): void {
    if (this.queued || !this.stage) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.renderNow();
    });
  }

  private renderNow(): void {
    const { current: clip, frame } = this.stage;
    this.bar.setFrame(frame, clip, this.stage.clock.startOf(frame));
    this.root.dataset["frame"] = String(frame);
    this.options.setView(this.stage.view.state, this.stage.pane.scale);
    this.options.render(this.stage.toolName, this.stage.settings);
    this.carry.render();
    this.options.root.classList.toggle("is-carrying", this.carry.busy);
    this.rail.setTool(this.stage.toolName, this.stage.editable);
    if (this.stage.clock.playing && !this.answered) return;
    this.answered = false;
    const numbers = this.draft.store(clip.id).labelsOn(frame);
    this.panel.render(frame, numbers.map((number) => areaOf(this.draft, clip, frame, number)));
    this.bar.setMarks([...this.stage.marks(), ...this.carry.marks(clip.id)]);
    this.strip.render(clip);
  }
}
