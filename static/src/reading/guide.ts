/** The reading guide beside the case: opens at what the reader is at, and leaves everything else as it is. */
import type { GuideSection } from "../guide/guide.ts";
import { GuidePanel } from "../guide/panel.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import type { ToolName } from "./rail.ts";

/** What a tool in hand is for. */
const OF_TOOL: Partial<Record<ToolName, string>> = {
  caliper: "thickness", brush: "marking", eraser: "marking", polygon: "marking", threshold: "marking", grow: "marking", wall: "marking",
};

/** What is named around an element, nearest first. */
function aboutsAround(element: Element | null): string[] {
  const found: string[] = [];
  for (let at = element?.closest<HTMLElement>("[data-about]"); at; at = at.parentElement?.closest<HTMLElement>("[data-about]")) found.push(at.dataset["about"] ?? "");
  return found;
}

export class ReadingGuide {
  private readonly panel: GuidePanel;
  private readonly answers: HTMLElement;
  private readonly tool: () => ToolName;
  private last: string[] = [];

  /** Null where the protocol has no guide. `main` holds the picture, `answers` the panel with what is asked. */
  static of(sections: readonly GuideSection[] | null, version: number, main: HTMLElement, answers: HTMLElement, tool: () => ToolName): ReadingGuide | null {
    return sections?.length ? new ReadingGuide(sections, version, main, answers, tool) : null;
  }

  private constructor(sections: readonly GuideSection[], version: number, main: HTMLElement, answers: HTMLElement, tool: () => ToolName) {
    this.panel = new GuidePanel(sections, interpolate(gettext("protocol v%(version)s"), { version }), (open) => main.classList.toggle("has-guide", open));
    this.answers = answers;
    this.tool = tool;
    main.append(this.panel.root);
    const touched = (event: Event): void => void (this.last = event.target instanceof Element ? aboutsAround(event.target) : []);
    for (const kind of ["focusin", "pointerdown"]) answers.addEventListener(kind, touched);
  }

  get root(): HTMLElement {
    return this.panel.root;
  }

  /** Open or closed as said, the focus where it is (the preview). */
  show(open: boolean): void {
    if (open) this.panel.open(this.abouts, false);
    else this.panel.close();
  }

  toggle(): void {
    this.panel.toggle(this.abouts);
  }

  close(): boolean {
    return this.panel.close();
  }

  /** The question under the pointer, the one with the focus, the tool in hand, the one answered last. */
  private get abouts(): string[] {
    const pointed = [...this.answers.querySelectorAll("[data-about]:hover")].pop() ?? null;
    const tool = OF_TOOL[this.tool()];
    const focused = this.answers.contains(document.activeElement) ? document.activeElement : null;
    return [...aboutsAround(pointed), ...aboutsAround(focused), ...(tool ? [tool] : []), ...this.last];
  }
}
