/** The answers panel of the reading page, as the edited version would show it. It answers, and saves nothing. */
import { Draft } from "../reading/draft.ts";
import { Panel } from "../reading/panel.ts";
import type { Answers, Protocol } from "../reading/types.ts";
import type { Clip } from "../viewer/index.ts";

const CLIP: Clip = {
  id: "preview", number: 1, kind: "cine", frames: 12, rows: 480, columns: 640, frame_times_ms: [], stored_as: "png_lossless", synthetic: true,
  segment: "", view: "SAX", state: "stored", cine_url: "", frame_url: "",
  regions: [{ id: "region", number: 1, kind: "tissue_2d", x0: 0, y0: 0, x1: 639, y1: 479, row_mm: 0.2, col_mm: 0.2, source: "us_region", valid: true, reason: "", view: "SAX" }],
};

export class Preview {
  private readonly host: HTMLElement;
  private draft: Draft | null = null;
  private panel: Panel | null = null;
  private shape = "";

  constructor(host: HTMLElement) {
    this.host = host;
  }

  /** Show a version; what was tried in the last one stays, as far as it is still asked. */
  show(protocol: Protocol): void {
    const shape = JSON.stringify(protocol);
    if (shape === this.shape) return;
    this.shape = shape;
    const scroll = this.host.querySelector(".rd-panel-body")?.scrollTop ?? 0;
    const before = this.draft;
    const draft = new Draft([CLIP], protocol);
    if (before) carryOver(before, draft);
    else draft.addLesion();
    const nothing = (): void => undefined;
    this.panel = new Panel(draft, {
      complete: () => this.panel?.focus(this.panel.missing[0]?.field ?? ""), skip: nothing, reopen: nothing, sign: nothing, next: nothing, go: nothing,
      addLesion: () => void draft.addLesion(), none: () => draft.noneInAnySeen(), remove: (number) => draft.removeLesion(number),
      extent: (extent) => draft.setExtent(CLIP, 1, draft.frameMarks(CLIP.id, 1)?.extent === extent ? null : extent),
      keyFrameHere: (number) => draft.setKeyFrame(number, CLIP, 1, 1), here: () => ({ clip: CLIP.id, frame: 1 }), signsHere: false, corrects: false, correctUrl: null,
    });
    draft.onChange(() => this.panel?.render(1, []));
    this.draft = draft;
    this.host.replaceChildren(this.panel.root);
    this.panel.render(1, []);
    this.host.querySelector(".rd-panel-body")?.scrollTo(0, scroll);
  }
}

function carryOver(from: Draft, to: Draft): void {
  const kept = structuredClone(from.answers) satisfies Answers;
  const choices = new Map(to.protocol.questions.map(({ key, kind, choices: all }) => [key, kind === "choice" ? new Set(all?.map(({ value }) => value)) : null]));
  kept.own = Object.fromEntries(Object.entries(kept.own).filter(([key, value]) => choices.has(key) && (choices.get(key)?.has(String(value)) ?? true)));
  to.answers = kept;
  to.lesions = structuredClone(from.lesions);
  to.active = from.active;
}
