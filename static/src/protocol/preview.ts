/** The preview beside the protocol's form: the reading page itself, in a frame of the size of a reader's screen. */
import { el } from "../reading/dom.ts";
import { isFrom, type FromPreview, type ToPreview } from "../reading/says.ts";
import type { TrialGiven } from "../reading/types.ts";
import { gettext, interpolate } from "../viewer/words.ts";

/** The smallest screen on which cases are read. */
const SCREEN = { width: 1280, height: 720 };
const REST_MS = 300;
type Seen = "page" | "answers" | "guide";

export class Preview {
  private readonly card: HTMLElement;
  private readonly room: HTMLElement;
  private readonly note: HTMLElement | null;
  private readonly plain: string;
  private readonly frame: HTMLIFrameElement;
  private readonly back: () => void;
  private seen: Seen = "page";
  private writing: "answers" | "guide" = "answers";
  private given: TrialGiven | null = null;
  private sent = "";
  private study: string | null = null;
  private leftOut = 0;
  private refused = "";
  private ready = false;
  private timer = 0;

  /** `back` gives the keys to the form again. */
  static on(back: () => void): Preview | null {
    const card = document.querySelector<HTMLElement>("[data-preview]");
    const room = card?.querySelector<HTMLElement>("[data-preview-here]");
    return card && room ? new Preview(card, room, back) : null;
  }

  private constructor(card: HTMLElement, room: HTMLElement, back: () => void) {
    this.card = card;
    this.room = room;
    this.back = back;
    this.note = card.querySelector("[data-preview-note]");
    this.plain = this.note?.textContent ?? "";
    this.frame = el("iframe", { class: "pv-frame", title: gettext("Preview of the reading page"), src: card.dataset["preview"] ?? "" });
    window.addEventListener("message", (event) => {
      if (isFrom(event, this.frame.contentWindow)) this.heard(event.data as FromPreview);
    });
    for (const tab of this.tabs) tab.addEventListener("click", () => this.see(tab.dataset["previewView"] as Seen));
    room.append(this.frame);
    new ResizeObserver(() => this.fit()).observe(room);
    this.fit();
  }

  /** Show a form, a moment after it came to rest; `leftOut`: how many of its parts are not finished. */
  show(given: TrialGiven, leftOut: number): void {
    this.given = given;
    this.leftOut = leftOut;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.send(), REST_MS);
  }

  /** What is written now: the guide stands open beside the case while one writes in it. */
  write(what: "answers" | "guide"): void {
    if (what === this.writing) return;
    this.writing = what;
    if (this.seen === "page") this.tellGuide();
    else this.see(what);
  }

  private get tabs(): HTMLButtonElement[] {
    return [...this.card.querySelectorAll<HTMLButtonElement>("[data-preview-view]")];
  }

  private say(what: ToPreview): void {
    this.frame.contentWindow?.postMessage(what, window.location.origin);
  }

  private send(): void {
    if (!this.ready || !this.given) return;
    const words = JSON.stringify(this.given);
    if (words === this.sent) return this.tell(this.refused);
    this.sent = words;
    // Another case is another page.
    if (this.study !== null && this.study !== (this.given.study ?? "")) {
      this.ready = false;
      this.sent = "";
      this.study = null;
      this.frame.contentWindow?.location.reload();
      return;
    }
    this.study = this.given.study ?? "";
    this.say({ preview: "form", given: this.given });
  }

  private heard(said: FromPreview): void {
    if (said.preview === "ready") {
      this.ready = true;
      this.send();
      this.tellGuide();
    } else if (said.preview === "shown") {
      this.tell("");
      this.fit();
    } else if (said.preview === "moved") this.fit();
    else if (said.preview === "refused") this.tell(said.words);
    else this.back();
  }

  private tell(refused: string): void {
    this.refused = refused;
    const none = this.seen === "guide" && this.given?.form["guide"] === "[]" ? gettext("No reading guide: readers get no button for one.") : "";
    const left = this.leftOut ? gettext("What is not finished yet is left out.") : "";
    const words = refused ? interpolate(gettext("Not shown yet: %(words)s"), { words: refused }) : left || none || this.plain;
    if (this.note && this.note.textContent !== words) this.note.textContent = words;
    this.note?.classList.toggle("pq-problem", refused !== "");
  }

  private tellGuide(): void {
    this.say({ preview: "guide", open: this.seen === "guide" || (this.seen === "page" && this.writing === "guide") });
  }

  private see(what: Seen): void {
    this.seen = what;
    for (const tab of this.tabs) {
      const on = tab.dataset["previewView"] === what;
      tab.setAttribute("aria-pressed", String(on));
      tab.classList.toggle("is-on", on);
    }
    this.card.classList.toggle("is-close", what !== "page");
    this.tell(this.refused);
    this.tellGuide();
    this.fit();
  }

  /** The whole page made small, or a part of it in its own size. */
  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.room;
    const close = this.seen !== "page";
    const scale = close ? 1 : Math.min(1, width / SCREEN.width);
    const style = this.frame.style;
    style.width = `${SCREEN.width}px`;
    style.height = `${close ? Math.max(360, height) : SCREEN.height}px`;
    style.transform = scale === 1 ? "none" : `scale(${scale})`;
    if (!close) this.room.style.height = `${Math.ceil(SCREEN.height * scale)}px`;
    else this.room.style.removeProperty("height");
    const part = close ? this.frame.contentDocument?.querySelector(this.seen === "guide" ? ".gd:not([hidden])" : ".rd-panel") : null;
    this.room.scrollLeft = close ? (part?.getBoundingClientRect().right ?? SCREEN.width) - width : 0;
    this.room.scrollTop = 0;
  }
}
