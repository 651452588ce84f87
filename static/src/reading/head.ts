/** The header of the reading page: where one is, and whether it is saved. */
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import type { SaveState } from "./autosave.ts";
import { button, el, icon, keycap } from "./dom.ts";
import type { Assignment } from "./types.ts";

export interface HeadActions {
  leave(): void;
  keys(): void;
  guide(): void;
  /** The save state was pressed: compare, password, or try again. */
  mend(): void;
}

export class Head {
  readonly root: HTMLElement;
  private readonly place = el("span", { class: "rd-faint rd-place" });
  private readonly kept: boolean;
  private readonly save = el("div", { class: "rd-save", role: "status" });

  constructor(assignment: Assignment, actions: HeadActions) {
    this.kept = !assignment.trial;
    const badges: HTMLElement[] = [];
    if (assignment.leave) badges.push(el("span", { class: "rd-badge is-unreal" }, gettext("preview: nothing is kept")));
    else if (assignment.trial) badges.push(el("span", { class: "rd-badge is-unreal" }, gettext("test read: nothing is kept")));
    else if (assignment.arm === "blind") badges.push(el("span", { class: "rd-badge" }, gettext("blinded")));
    if (assignment.arm === "aided") badges.push(el("span", { class: "rd-badge is-model" }, gettext("after disclosure: with the model")));
    if (assignment.arm === "concurrent") badges.push(el("span", { class: "rd-badge is-model" }, gettext("with the model")));
    if (assignment.stage > 1 && assignment.arm === "blind") badges.push(el("span", { class: "rd-badge" }, gettext("second stage: given frames")));
    if (assignment.round.demo && assignment.round.reveal === "after_each") {
      badges.push(el("span", { class: "rd-badge" }, gettext("demo round: revealed after each case")));
    }
    const title = interpolate(gettext("Case %(number)s of %(of)s"), { number: assignment.number, of: assignment.of });
    const back = el("a", { class: "rd-back", href: assignment.worklist_url }, keycap("Esc"), assignment.trial ? gettext("Protocol") : gettext("Worklist"));
    back.addEventListener("click", (event) => {
      event.preventDefault();
      actions.leave();
    });
    const keys = button({ class: "rd-act" }, actions.keys, keycap("?"), gettext("Keys"));
    const guide = assignment.protocol.guide?.length ? button({ class: "rd-act" }, actions.guide, keycap("/"), gettext("Guide")) : "";
    const protocol = interpolate(gettext("Protocol v%(version)s"), { version: assignment.protocol.version });
    this.save.addEventListener("click", () => actions.mend());
    this.root = el(
      "header",
      { class: "rd-head" },
      icon("logo", "rd-logo"), back, el("span", { class: "rd-rule" }),
      el("h1", {}, title), this.place, ...badges,
      el("span", { class: "rd-gap" }),
      this.save, el("span", { class: "rd-rule" }),
      el("span", { class: "rd-faint" }, protocol), guide, keys,
    );
  }

  setPlace(clip: number, clips: number): void {
    this.place.textContent = interpolate(gettext("clip %(clip)s of %(clips)s"), { clip, clips });
  }

  setSave(state: SaveState): void {
    // A test read is checked by the server as a read is, and never saved: it does not say so either.
    const { mark, words, press } = this.kept || state.kind !== "saved" ? saveWords(state) : { mark: "", words: gettext("Nothing is kept"), press: false };
    const inner: Node[] = mark === "" ? [] : [icon(mark, state.kind === "saved" ? "is-ok" : state.kind === "conflict" ? "is-ask" : state.kind === "refused" || state.kind === "password" ? "is-bad" : "")];
    inner.push(press ? el("button", { type: "button", class: "rd-link is-plain" }, words) : el("span", {}, words));
    if (this.save.textContent !== words || this.save.dataset["kind"] !== state.kind) this.save.replaceChildren(...inner);
    this.save.dataset["kind"] = state.kind;
  }
}

export function clockWords(at: string | Date): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** Glyph, words and whether pressing helps, for each state of saving. */
export function saveWords(state: SaveState): { mark: string; words: string; press: boolean } {
  switch (state.kind) {
    case "saved":
      return { mark: "done", words: state.at ? interpolate(gettext("Saved %(time)s"), { time: clockWords(state.at) }) : gettext("Nothing to save yet"), press: false };
    case "waiting":
    case "saving":
      return { mark: "arc", words: gettext("Saving"), press: false };
    case "offline": {
      const kept = ngettext("Offline since %(time)s, %(n)s change kept here", "Offline since %(time)s, %(n)s changes kept here", state.changes);
      return { mark: "clock", words: interpolate(kept, { time: clockWords(state.since), n: state.changes }), press: false };
    }
    case "conflict":
      return { mark: "ask", words: gettext("Changed in another window: compare"), press: true };
    case "password":
      return { mark: "bad", words: gettext("Not saved: password needed"), press: true };
    case "refused":
      return { mark: "bad", words: interpolate(gettext("Not saved: %(detail)s"), { detail: state.detail }), press: true };
  }
}
