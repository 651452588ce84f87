/** The clip strip: first frames, number of frames, and what was done with each clip. */
import { frameAddress, type Clip } from "../viewer/index.ts";
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import { button, el, icon, keycap } from "./dom.ts";
import type { Draft } from "./draft.ts";

type ClipState = "waits" | "half" | "none" | "marked";

export class Strip {
  readonly root = el("nav", { class: "rd-strip", "aria-label": gettext("Clips") });
  private readonly items = new Map<string, { element: HTMLButtonElement; state: HTMLElement }>();
  private readonly draft: Draft;
  private readonly seen = new Set<string>();

  constructor(draft: Draft, onPick: (clip: Clip) => void) {
    this.draft = draft;
    const list = el("div", { class: "rd-strip-list" });
    for (const clip of draft.clips) {
      const state = el("span", { class: "rd-clip-state" });
      const size = clip.kind === "still" || clip.frames === 1 ? gettext("still") : String(clip.frames);
      const image = el("img", { src: frameAddress(clip, 1), alt: "", loading: "lazy", draggable: "false" });
      const element = button({ class: "rd-clip" }, () => onPick(clip), image, el("span", { class: "rd-clip-foot" }, el("strong", {}, String(clip.number)), ` ${size}`, state));
      this.items.set(clip.id, { element, state });
      list.append(element);
    }
    this.root.append(list, el("div", { class: "rd-strip-foot" }, keycap("↑", "↓"), gettext("clips")));
  }

  render(current: Clip): void {
    this.seen.add(current.id);
    for (const clip of this.draft.clips) {
      const item = this.items.get(clip.id);
      if (!item) continue;
      const state = this.stateOf(clip);
      if (item.state.dataset["state"] !== state) {
        item.state.dataset["state"] = state;
        item.state.replaceChildren(icon(state));
      }
      const here = clip.id === current.id;
      item.element.classList.toggle("is-on", here);
      item.element.setAttribute("aria-current", String(here));
      const frames = interpolate(ngettext("%(n)s frame", "%(n)s frames", clip.frames), { n: clip.frames });
      item.element.setAttribute("aria-label", interpolate(gettext("Clip %(n)s, %(frames)s, %(state)s"), { n: clip.number, frames, state: this.words(state) }));
    }
  }

  reveal(clip: Clip): void {
    this.items.get(clip.id)?.element.scrollIntoView({ block: "nearest" });
  }

  private stateOf(clip: Clip): ClipState {
    const marked = this.draft.marked(clip.id);
    if (marked.some(({ drawn }) => drawn)) return "marked";
    if (marked.some(({ extent }) => extent === "no_plaque")) return "none";
    return this.seen.has(clip.id) ? "half" : "waits";
  }

  private words(state: ClipState): string {
    if (state === "marked") return gettext("plaque marked");
    if (state === "none") return gettext("examined, no plaque");
    return state === "half" ? gettext("looked at") : gettext("not looked at");
  }
}
