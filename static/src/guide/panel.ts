/** The reading guide as a calm panel at the side: contents, sections, pictures. It takes no key that the page needs. */
import "../css/guide.css";
import { gettext, interpolate } from "../viewer/words.ts";
import { blocksOf, sectionFor, type GuidePicture, type GuideSection } from "./guide.ts";
import { button, el, keycap } from "../reading/dom.ts";

/** Keys that scroll while the guide has the focus; all others stay the page's. */
const SCROLLS = /^(?:ArrowUp|ArrowDown|PageUp|PageDown|Home|End|Space)$/;

export class GuidePanel {
  readonly root: HTMLElement;
  private readonly body = el("div", { class: "gd-body", tabindex: "0", role: "region", "aria-label": gettext("Text of the reading guide") });
  private readonly sections: readonly GuideSection[];
  private readonly parts: HTMLElement[];
  private readonly shown: (open: boolean) => void;
  private back: Element | null = null;

  constructor(sections: readonly GuideSection[], title: string, shown: (open: boolean) => void = () => undefined) {
    this.sections = sections;
    this.shown = shown;
    this.parts = sections.map(sectionOf);
    const contents = el("nav", { class: "gd-contents", "aria-label": gettext("Contents of the reading guide") }, ...sections.map(({ title: words }, at) => button({ class: "gd-entry" }, () => this.show(at), words)));
    if (sections.length > 1) this.body.append(contents);
    this.body.append(...this.parts);
    const close = button({ class: "gd-close" }, () => this.close(), keycap("Esc"), gettext("close"));
    this.root = el("aside", { class: "gd", "aria-label": gettext("Reading guide"), hidden: "" }, el("header", { class: "gd-head" }, el("h2", {}, gettext("Reading guide")), el("span", { class: "gd-faint" }, title), close), this.body);
    this.body.addEventListener("keydown", (event) => {
      if (SCROLLS.test(event.code) && !event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation();
    });
  }

  get isOpen(): boolean {
    return !this.root.hidden;
  }

  /** Open at the section about the nearest of these; else where it was left. Unless `focus`, the keys stay where they are. */
  open(abouts: readonly string[] = [], focus = true): void {
    if (!this.isOpen) {
      this.back = document.activeElement;
      this.root.hidden = false;
      this.shown(true);
    }
    const at = sectionFor(this.sections, abouts);
    if (at >= 0) this.show(at);
    if (focus) this.body.focus({ preventScroll: true });
  }

  /** Returns whether it was open. */
  close(): boolean {
    if (!this.isOpen) return false;
    const inside = this.root.contains(document.activeElement);
    this.root.hidden = true;
    this.shown(false);
    if (inside && this.back instanceof HTMLElement && this.back !== document.body && this.back.isConnected) this.back.focus({ preventScroll: true });
    return true;
  }

  toggle(abouts: readonly string[] = []): void {
    if (!this.close()) this.open(abouts);
  }

  private show(at: number): void {
    const part = this.parts[at];
    if (!part) return;
    // Not scrollIntoView: that would move the page behind it too.
    this.body.scrollTop += part.getBoundingClientRect().top - this.body.getBoundingClientRect().top;
    for (const one of this.parts) one.classList.toggle("is-here", one === part);
  }
}

/** One section as it is read. */
function sectionOf(section: GuideSection): HTMLElement {
  const blocks = blocksOf(section.text).map(({ kind, lines }) => (kind === "list" ? el("ul", {}, ...lines.map((line) => el("li", {}, line))) : el("p", {}, lines.join(" "))));
  return el("section", { class: "gd-section" }, el("h3", {}, section.title), ...blocks, ...section.pictures.map(figureOf));
}

function figureOf(picture: GuidePicture): HTMLElement {
  const image = imageOf(picture);
  image.loading = "lazy";
  const larger = button({ class: "gd-picture", "aria-label": interpolate(gettext("Show larger: %(alt)s"), { alt: picture.alt }) }, () => showLarge(picture), image);
  return el("figure", {}, larger, picture.caption ? el("figcaption", {}, picture.caption) : null);
}

function imageOf(picture: GuidePicture): HTMLImageElement {
  const size = picture.width && picture.height ? { width: String(picture.width), height: String(picture.height) } : {};
  return el("img", { src: picture.url, alt: picture.alt, ...size });
}

function showLarge(picture: GuidePicture): void {
  const close = button({ class: "gd-close" }, () => dialog.close(), keycap("Esc"), gettext("close"));
  const dialog: HTMLDialogElement = el("dialog", { class: "dialog gd-large", "aria-label": picture.caption || picture.alt }, imageOf(picture), el("footer", {}, el("p", {}, picture.caption || picture.alt), close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
