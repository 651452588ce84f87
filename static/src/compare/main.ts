/** Entry of the comparison page. */
import "../css/compare.css";
import { toast } from "../base/toasts.ts";
import { get } from "../viewer/api.ts";
import { keysDialog } from "../viewer/keys.ts";
import { gettext } from "../viewer/words.ts";
import { LesionPairs } from "./lesions.ts";
import { Comments } from "./comments.ts";
import { FrameTable } from "./frametable.ts";
import type { LinkName } from "./linked.ts";
import { Errors } from "./errors.ts";
import { ComparePage, part } from "./page.ts";
import { Reasons } from "./reasons.ts";
import { walk } from "./rows.ts";
import { jump, shortcuts } from "./shortcuts.ts";
import { Tabs } from "./tabs.ts";
import type { Compare, Place } from "./types.ts";

const POLL_MS = 2000;

function documentOf(): Compare {
  const script = document.getElementById("compare-data");
  if (!script) throw new Error("the page has no compare document");
  return JSON.parse(script.textContent ?? "") as Compare;
}

function follow(selector: string): void {
  document.querySelector<HTMLAnchorElement>(selector)?.click();
}

function wire(root: HTMLElement, page: ComparePage): void {
  for (const button of root.querySelectorAll<HTMLElement>("[data-link]")) {
    button.addEventListener("click", () => link(root, page, button.dataset["link"] as LinkName));
  }
  const strength = strengthOf(root);
  strength.addEventListener("input", () => (page.opacity = Number(strength.value) / 100));
  strength.addEventListener("pointerup", () => strength.blur());
  for (const button of root.querySelectorAll<HTMLElement>("[data-go]")) {
    button.addEventListener("click", () => (button.dataset["go"] === "model_key" ? jump(page, "model_key") : step(root, page, 1)));
  }
  for (const button of root.querySelectorAll<HTMLElement>("[data-step]")) {
    button.addEventListener("click", () => page.step(Number(button.dataset["step"])));
  }
  part(root, "[data-play]").addEventListener("click", () => page.togglePlay());
  for (const button of root.querySelectorAll<HTMLElement>("[data-at]")) {
    button.addEventListener("click", () => {
      const [clip = "", frame = "1"] = (button.dataset["at"] ?? "").split(".");
      void page.go({ clip, frame: Number(frame), region: 0 });
    });
  }
  part(root, "[data-maps]").addEventListener("click", () => void page.nextMap());
  const hide = part(root, "[data-hide]");
  hide.addEventListener("pointerdown", () => page.hideMasks(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) hide.addEventListener(name, () => page.hideMasks(false));
  // A button pressed with the pointer gives the focus back, so that Space and Enter stay keys of the page.
  root.addEventListener("click", (event) => {
    const focused = document.activeElement;
    if (event.detail > 0 && focused instanceof HTMLButtonElement && root.contains(focused)) focused.blur();
  });
  for (const button of root.querySelectorAll<HTMLElement>("[data-further]")) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      page.showFurther(button.dataset["further"] ?? "", on);
    });
  }
  wireChoice(part(root, "[data-choice]"), page);
}

function link(root: HTMLElement, page: ComparePage, name: LinkName): void {
  root.querySelector(`[data-link="${name}"]`)?.setAttribute("aria-pressed", String(page.toggleLink(name)));
}

function strengthOf(root: HTMLElement): HTMLInputElement {
  const found = part(root, "[data-opacity]");
  if (!(found instanceof HTMLInputElement)) throw new Error("the strength of the marks is no input");
  return found;
}

/** Where the walk stands; who has gone elsewhere meanwhile begins again with the largest. */
let walked: Place | null = null;

/** To the next largest disagreement; the button says where in the order one stands. */
function step(root: HTMLElement, page: ComparePage, by: 1 | -1): void {
  const { place } = page;
  const still = place !== null && walked?.clip === place.clip && walked.frame === place.frame;
  const found = walk(page.data.differing, still ? walked : null, by);
  if (!found) return;
  walked = found.place;
  part(root, "[data-walk]").textContent = found.words;
  void page.go(found.place);
}

/** Another read or pipeline is another address; the place on the pictures goes along. */
function wireChoice(form: HTMLElement, page: ComparePage): void {
  if (!(form instanceof HTMLFormElement)) return;
  // The selects stand over the panes, outside of the form: its changes are heard where they pass.
  document.addEventListener("change", (event) => {
    const changed = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement ? event.target : null;
    if (changed?.form !== form) return;
    if (event.target instanceof HTMLInputElement) {
      limitFurther(form);
      return; // several are ticked before they are shown
    }
    if (document.activeElement instanceof HTMLSelectElement) document.activeElement.blur();
    show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  limitFurther(form);
  const show = (): void => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && value) query.append(name, value);
    window.location.assign(`${window.location.pathname}?${query}${page.address ? `#${page.address}` : ""}`);
  };
}

const FURTHER_READS = 4;

/** More than four thin lines cannot be told apart: the rest waits until one is taken away. */
function limitFurther(form: HTMLFormElement): void {
  const boxes = [...form.querySelectorAll<HTMLInputElement>("input[name=more]")];
  const full = boxes.filter((box) => box.checked).length >= FURTHER_READS;
  for (const box of boxes) if (!box.dataset["shown"]) box.disabled = full && !box.checked;
}

/** While the model is still at work, ask how far it is; when its result is there, show it. */
function waitForModel(root: HTMLElement, data: Compare): void {
  const said = root.querySelector<HTMLElement>("[data-model-state]");
  if (!said || !data.model_state?.live) return;
  const ask = async (): Promise<void> => {
    const now = await get<Compare>(`/api/v1/cases/${data.case.id}/compare/${window.location.search}`).catch(() => null);
    if (now?.prediction) {
      window.location.reload();
      return;
    }
    if (now?.model_state) said.textContent = now.model_state.words;
    if (now === null || now.model_state?.live) window.setTimeout(() => void ask(), POLL_MS);
  };
  window.setTimeout(() => void ask(), POLL_MS);
}

const root = document.querySelector<HTMLElement>("[data-compare]");
if (root) {
  const data = documentOf();
  const page = new ComparePage(root, data);
  const errors = data.errors ? new Errors(root, data.errors) : null;
  const table = new FrameTable(part(root, "[data-frames]"), data, (place) => void page.go(place));
  const tabs = new Tabs(root, (name) => {
    if (name === "frames") void table.show();
  });
  const comments = new Comments(part(root, "[data-comments]"), data, root.dataset["user"] ?? "", {
    go: (place) => void page.go(place),
    spot: () => page.spot,
    redraw: () => page.redrawPins(),
    reveal: () => tabs.show("comments"),
  });
  page.pinned = comments;
  page.onPlace((place) => table.setPlace(place));
  if (comments.waiting) tabs.show("comments");
  const help = (): void => keysDialog(keys).showModal();
  const keys = shortcuts(page, errors ?? new Reasons(root, data), {
    help,
    back: () => follow("[data-back]"),
    next: () => (errors ? void errors.save() : follow("[data-next]")),
    link: (name) => link(root, page, name),
    walk: (by) => step(root, page, by),
    table: () => tabs.show(tabs.shown === "frames" ? "numbers" : "frames"),
    say: () => comments.add(),
    strength: (by) => {
      const input = strengthOf(root);
      input.value = String(Number(input.value) + 10 * by);
      page.opacity = Number(input.value) / 100;
    },
  });
  // "?" lies on another key on other layouts: the character counts, before the keys by place are asked.
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
    if (event.key !== "?" || typing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    help();
  });
  const holder = root.querySelector<HTMLElement>("[data-lesion-pairs]");
  if (holder && data.lesions.left) {
    const go = (clip: string, frame: number): void => void page.go({ clip, frame, region: 0 });
    new LesionPairs(holder, data.case.id, data.lesions, go, () => tabs.show("numbers")).bind(keys);
  }
  keys.attach();
  root.querySelector("[data-keys]")?.addEventListener("click", help);
  wire(root, page);
  waitForModel(root, data);
  page.start().catch((error: unknown) => {
    root.dataset["ready"] = "failed";
    toast(`${gettext("The pictures did not open:")} ${error instanceof Error ? error.message : String(error)}`, "bad");
  });
}
