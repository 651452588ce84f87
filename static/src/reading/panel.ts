/** The answers panel: segments, lesions, this frame, class, quality, confidence, note; its foot says what is missing. */
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import type { Asked } from "./asked.ts";
import { Row, Segmented } from "./controls.ts";
import { button, el, flash, icon, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";
import type { Area } from "./ownscales.ts";
import { LesionList, type LesionActions } from "./lesions.ts";
import { missingOf } from "./missing.ts";
import { OwnQuestions } from "./own.ts";
import { QualityPart } from "./quality.ts";
import type { Extent, Finding, Missing, PlaqueAnswer, ReaderClass, Visibility } from "./types.ts";

export interface PanelActions extends LesionActions {
  complete(): void;
  skip(): void;
  reopen(): void;
  sign(): void;
  next(): void;
  addLesion(): void;
  none(): void;
  finding(segment: string, change: Partial<Finding>): void;
  extent(extent: Extent): void;
  /** Whether this round asks for the signature of each case here. */
  signsHere: boolean;
  /** A signed answer is corrected here. */
  corrects: boolean;
  /** Where this signed answer can be corrected. */
  correctUrl: string | null;
}

export class Panel {
  readonly root = el("aside", { class: "rd-panel", "aria-label": gettext("Answers") });
  private readonly draft: Draft;
  private readonly actions: PanelActions;
  private readonly asked: Asked | null;
  private readonly findings = new Map<string, { row: Row; seen: Segmented<Visibility>; plaque: Segmented<PlaqueAnswer> }>();
  private readonly noneWords = el("span", {});
  private readonly lesionCount = el("span", { class: "rd-faint" });
  private readonly list: LesionList;
  private readonly frameTitle = el("h2", {});
  private readonly frameArea = el("span", { class: "rd-faint" });
  private readonly extent: Segmented<Extent>;
  private readonly verdict = el("span", { class: "rd-faint rd-verdict" });
  private readonly classes = new Map<ReaderClass, HTMLButtonElement>();
  private readonly classBox: HTMLElement;
  private readonly quality: QualityPart;
  private readonly confidence: { row: Row; control: Segmented<"sure" | "probable" | "unsure"> };
  private readonly note = el("textarea", { class: "rd-input rd-note", rows: "1", placeholder: gettext("optional"), "aria-label": gettext("Note"), maxlength: "2000" });
  private readonly own: OwnQuestions;
  private readonly foot = el("div", { class: "rd-foot" });
  private footShape = "";
  private shown = false;

  constructor(draft: Draft, actions: PanelActions, asked: Asked | null = null) {
    this.draft = draft;
    this.asked = asked;
    this.actions = actions;
    this.list = new LesionList(draft, actions);
    this.extent = new Segmented<Extent>(gettext("What is marked on this frame"), [
      { value: "all_marked", words: gettext("All marked"), key: "X" },
      ...(asked ? [] : [{ value: "index_only" as const, words: gettext("Index only") }]),
      { value: "no_plaque", words: gettext("No plaque"), key: "E" },
      ...(asked ? [{ value: "unusable" as const, words: gettext("Unusable") }] : []),
    ], (value) => actions.extent(value), "seg-wide");
    const confidence = new Segmented(gettext("Confidence"), [
      { value: "sure" as const, words: gettext("Sure"), key: "3" },
      { value: "probable" as const, words: gettext("Probable"), key: "4" },
      { value: "unsure" as const, words: gettext("Unsure"), key: "5" },
    ], (value) => draft.answer("confidence", value), "seg-wide");
    this.quality = new QualityPart(draft, () => actions.here());
    this.confidence = { row: new Row(gettext("Confidence"), confidence.root), control: confidence };
    this.confidence.row.root.dataset["about"] = "confidence";
    this.own = new OwnQuestions(draft);
    this.own.root.dataset["about"] = "questions";
    this.classBox = this.buildClasses();
    this.note.addEventListener("input", () => draft.answer("note", this.note.value));
    this.root.append(this.buildBody(), this.foot);
  }

  get missing(): Missing[] {
    const missing = missingOf(this.draft, this.asked);
    return [...missing, ...this.own.wrong.filter(({ field }) => !missing.some((one) => one.field === field))];
  }

  render(frame: number, areas: Area[]): void {
    const { draft } = this;
    const locked = draft.derived.state !== "draft";
    const missing = this.missing;
    const fields = new Set(missing.map(({ field }) => field));
    for (const [key, { row, seen, plaque }] of this.findings) {
      const finding = draft.finding(key);
      seen.set(finding.visibility);
      seen.lock(locked);
      plaque.set(finding.plaque);
      plaque.quiet(finding.visibility === "not");
      if (locked) plaque.lock(true);
      row.missing(fields.has(`findings.${key}.visibility`) || fields.has(`findings.${key}.plaque`));
    }
    this.noneWords.textContent = draft.lesions.length ? gettext("nothing else found") : gettext("none in any segment seen");
    this.lesionCount.textContent = String(draft.lesions.length);
    this.list.render(fields, locked);
    this.asked?.render(this.actions.here().clip, frame);
    this.renderFrame(frame, areas, locked);
    this.renderClass(fields.has("reader_class"), locked);
    this.quality.render(this.actions.here().clip, fields, locked);
    this.confidence.control.set(draft.answers.confidence);
    this.confidence.control.lock(locked);
    this.confidence.row.missing(fields.has("confidence"));
    this.own.render(fields, locked);
    if (document.activeElement !== this.note) this.note.value = draft.answers.note;
    this.note.readOnly = locked;
    this.renderFoot(missing);
    this.root.classList.toggle("is-locked", locked);
  }

  /** Put the focus where a missing answer is given. */
  focus(field: string): void {
    const [head, name = "", part, region] = field.split(".");
    if (head === "findings") {
      const finding = this.findings.get(name);
      (part === "plaque" ? finding?.plaque : finding?.seen)?.focus();
    } else if (head === "frames") {
      if (region !== "extent" && region !== "masks") this.draft.marks.choose(name, Number(region));
      this.actions.go(name, Number(part));
      this.extent.focus();
    } else if (head === "lesions") {
      if (Number(name)) this.draft.choose(Number(name));
      const { key_clip, key_frame } = this.draft.lesion(Number(name)) ?? {};
      if (["thickness", "mask", "wall"].includes(part ?? "") && key_clip && key_frame) this.actions.go(key_clip, key_frame);
      this.list.focus(field);
    } else if (head === "own") this.own.focus(name);
    else if (head === "quality") this.quality.focus();
    else if (head === "confidence") this.confidence.control.focus();
    else this.classes.get(0)?.focus();
  }

  private buildBody(): HTMLElement {
    const none = button({ class: "rd-act" }, this.actions.none, keycap("N"), this.noneWords);
    const add = button({ class: "rd-act" }, this.actions.addLesion, keycap("L"), gettext("add"));
    const head = (title: Node | string, ...side: Node[]): HTMLElement =>
      el("header", {}, typeof title === "string" ? el("h2", {}, title) : title, ...side);
    const section = (about: string, ...children: Node[]): HTMLElement => el("section", { class: "rd-section", ...(about ? { "data-about": about } : {}) }, ...children);
    const marks = section("marking", head(this.frameTitle, this.frameArea), this.extent.root);
    if (this.asked?.only) return el("div", { class: "rd-panel-body" }, this.asked.root, marks);
    const columns = el("div", { class: "rd-columns", "aria-hidden": "true" }, el("span", {}, gettext("seen")), el("span", {}, gettext("plaque")));
    return el(
      "div",
      { class: "rd-panel-body" },
      this.asked?.root,
      section("findings", head(gettext("Segments"), none), columns, ...this.draft.protocol.segments.map(({ key, label }) => this.buildFinding(key, label))),
      section("lesions", head(el("h2", {}, gettext("Lesions"), " ", this.lesionCount), add), this.list.root),
      marks,
      section("class", head(gettext("Study class"), this.verdict), this.classBox),
      section("", this.quality.root, this.confidence.row.root, el("div", { class: "rd-row rd-row-note" }, el("div", { class: "rd-row-label" }, gettext("Note")), this.note)),
      this.own.root,
    );
  }

  private buildFinding(key: string, label: string): HTMLElement {
    const seen = new Segmented<Visibility>(interpolate(gettext("%(segment)s seen"), { segment: label }), [
      { value: "well", words: gettext("Well") },
      { value: "partly", words: gettext("Partly") },
      { value: "not", words: gettext("Not") },
    ], (visibility) => this.actions.finding(key, { visibility }), "seg-seen");
    const plaque = new Segmented<PlaqueAnswer>(interpolate(gettext("%(segment)s plaque"), { segment: label }), [
      { value: "none", words: gettext("None") },
      { value: "present", words: gettext("Present") },
      { value: "unclear", words: "?", spoken: gettext("Cannot tell") },
    ], (value) => this.actions.finding(key, { plaque: value }), "seg-plaque");
    const row = new Row(label, seen.root, plaque.root);
    row.root.classList.add("rd-row-finding");
    this.findings.set(key, { row, seen, plaque });
    return row.root;
  }

  private buildClasses(): HTMLElement {
    const choices: [ReaderClass, string, string, string][] = [
      [0, "0", gettext("Not complex"), "0"],
      [1, "1", gettext("Complex"), "1"],
      [9, "–", gettext("Can’t assess"), "9"],
    ];
    const box = el("div", { class: "rd-classes", role: "radiogroup", "aria-label": gettext("Study class") });
    for (const [value, digit, words, key] of choices) {
      const made = button({ class: "rd-class", role: "radio", "aria-checked": "false" }, () => {
        if (this.draft.derived.state !== "draft") return;
        this.draft.answer("reader_class", value);
      }, el("strong", {}, digit), el("span", {}, words), keycap(key));
      this.classes.set(value, made);
      box.append(made);
    }
    return box;
  }

  private renderFrame(frame: number, areas: Area[], locked: boolean): void {
    const { clip } = this.actions.here();
    const several = this.draft.marks.regions(clip).length > 1;
    this.frameTitle.textContent = interpolate(several ? gettext("Frame %(frame)s, region %(region)s") : gettext("Frame %(frame)s"), { frame, region: this.draft.marks.region(clip) });
    const px = areas.reduce((sum, area) => sum + area.px, 0);
    const mm2 = areas.some((area) => area.mm2 === null) ? null : areas.reduce((sum, area) => sum + (area.mm2 ?? 0), 0);
    const size = mm2 === null ? interpolate(gettext("%(px)s px painted"), { px }) : interpolate(areas.some(({ manual }) => manual) ? gettext("%(mm2)s mm² painted, manual scale") : gettext("%(mm2)s mm² painted"), { mm2: mm2.toFixed(0) });
    this.frameArea.textContent = px === 0 ? "" : size;
    this.extent.set(this.draft.frameMarks(clip, frame)?.extent ?? null);
    this.extent.lock(locked);
  }

  private renderClass(missing: boolean, locked: boolean): void {
    const chosen = this.draft.answers.reader_class;
    for (const [value, element] of this.classes) {
      if (value === chosen && !element.classList.contains("is-on") && this.shown) flash(element);
      element.classList.toggle("is-on", value === chosen);
      element.setAttribute("aria-checked", String(value === chosen));
      element.setAttribute("aria-disabled", String(locked));
    }
    this.shown = true;
    this.classBox.parentElement?.classList.toggle("is-missing", missing);
    const { rule_class, rule_reason, rule_agrees } = this.draft.derived;
    const version = this.draft.protocol.version;
    let words = "";
    if (chosen !== null && rule_class !== null) {
      if (rule_agrees) words = interpolate(gettext("rule v%(version)s agrees: %(reason)s"), { version, reason: rule_reason });
      else {
        const verdict = rule_class === 1 ? gettext("complex (1)") : gettext("not complex (0)");
        words = interpolate(gettext("rule v%(version)s: %(verdict)s, %(reason)s"), { version, verdict, reason: rule_reason });
      }
    } else if (chosen !== null && rule_reason) words = interpolate(gettext("rule v%(version)s: %(reason)s"), { version, reason: rule_reason });
    this.verdict.textContent = words.replace(/[:,]\s*$/, "");
    this.verdict.title = this.draft.protocol.rule.words;
    this.verdict.classList.toggle("is-ask", chosen !== null && rule_agrees === false);
  }

  private renderFoot(missing: Missing[]): void {
    const { state } = this.draft.derived;
    const shape = JSON.stringify([state, missing]);
    if (shape === this.footShape) return;
    this.footShape = shape;
    if (state === "draft") this.foot.replaceChildren(...this.footDraft(missing));
    else this.foot.replaceChildren(...this.footDone(state));
  }

  private footDraft(missing: Missing[]): Node[] {
    const line = el("div", { class: "rd-left", role: "status" });
    if (missing.length) {
      const count = interpolate(ngettext("%(n)s answer left:", "%(n)s answers left:", missing.length), { n: missing.length });
      const fit = missing.length > 2 || this.asked ? 1 : 2;
      const shown = missing.slice(0, fit).map((one) => button({ class: "rd-link is-plain" }, () => this.focus(one.field), one.words));
      const more = missing.length > fit ? el("span", { class: "rd-faint" }, interpolate(gettext("and %(n)s more"), { n: missing.length - fit })) : null;
      line.append(icon("ask", "is-ask"), count, ...shown, ...(more ? [more] : []));
    } else line.append(icon("done", "is-ok"), gettext("All answers given"));
    const { corrects } = this.actions;
    const words = corrects ? gettext("Complete and sign…") : gettext("Complete case");
    const complete = button({ class: `rd-btn rd-complete${missing.length ? " is-notyet" : " is-filled"}` }, this.actions.complete, words, keycap("Ctrl", "⏎"));
    const skip = button({ class: "rd-btn is-bare" }, this.actions.skip, corrects ? gettext("Discard…") : gettext("Skip…"), keycap("S"));
    return [line, el("div", { class: "rd-foot-acts" }, complete, skip)];
  }

  private footDone(state: string): Node[] {
    const signed = state === "signed";
    const words = signed ? gettext("Signed. A correction is a new revision.") : gettext("Completed, not signed");
    const { correctUrl } = this.actions;
    const line = el("div", { class: "rd-left", role: "status" }, icon("done", signed ? "is-ok" : ""), words);
    const sign = this.actions.signsHere && !signed;
    const first = sign
      ? button({ class: "rd-btn is-filled rd-complete" }, this.actions.sign, this.actions.corrects ? gettext("Sign this correction") : gettext("Sign this case"), keycap("Ctrl", "⏎"))
      : button({ class: "rd-btn is-filled rd-complete" }, this.actions.next, gettext("Next case"), keycap("Ctrl", "⏎"));
    const correct = correctUrl ? el("a", { class: "rd-btn", href: correctUrl }, gettext("Correct…")) : null;
    const second = signed ? correct : button({ class: "rd-btn" }, this.actions.reopen, gettext("Reopen"));
    return [line, el("div", { class: "rd-foot-acts" }, first, ...(second ? [second] : []))];
  }
}
