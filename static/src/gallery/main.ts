/** The discordance gallery: pictures, arrow keys, and a reason by one key. */
import "./gallery.css";

import { toast } from "../base/toasts.ts";
import { showKeys } from "../base/keys.ts";
import { ApiError, post } from "../viewer/api.ts";
import { gettext } from "../viewer/words.ts";
import { drawLayer, type CardPicture, type Layer } from "./draw.ts";
import { walk } from "./walk.ts";

const cards = [...document.querySelectorAll<HTMLElement>("[data-wall] > li")];

function applyFilters(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-autosubmit]")) {
    form.querySelector("[data-without-script]")?.setAttribute("hidden", "");
    form.addEventListener("change", () => {
      form.requestSubmit();
    });
  }
}

function draw(card: HTMLElement, picture: CardPicture): void {
  const canvases = [...card.querySelectorAll<HTMLCanvasElement>("canvas[data-layer]")];
  const image = new Image();
  const paint = (): void => {
    for (const canvas of canvases) drawLayer(canvas, image, picture, canvas.dataset["layer"] as Layer);
    card.dataset["drawn"] = "yes";
  };
  image.addEventListener("load", () => {
    paint();
    new ResizeObserver(paint).observe(card);
  });
  image.addEventListener("error", () => {
    const note = document.createElement("span");
    note.className = "wall-without mute small";
    note.textContent = gettext("The picture could not be loaded.");
    card.querySelector(".wall-pictures")?.replaceChildren(note);
    card.dataset["drawn"] = "no";
  });
  image.src = picture.url;
}

function pictures(): void {
  const source = document.getElementById("gallery-pictures")?.textContent;
  const found = source ? (JSON.parse(source) as Record<string, CardPicture>) : {};
  for (const card of cards) {
    const picture = found[card.dataset["case"] ?? ""];
    if (picture) draw(card, picture);
  }
}

function columns(): number {
  const top = cards[0]?.offsetTop;
  return Math.max(1, cards.filter((card) => card.offsetTop === top).length);
}

function current(): number {
  return cards.findIndex((card) => card.contains(document.activeElement));
}

async function giveReason(card: HTMLElement, number: string): Promise<void> {
  const template = document.querySelector<HTMLTemplateElement>("template[data-page-keys]");
  const choice = template?.content.querySelector<HTMLElement>(`[data-reason-key][data-k="${number}"]`);
  const words = card.querySelector<HTMLElement>("[data-reason-words]");
  const chip = card.querySelector<HTMLElement>("[data-reason]");
  if (!choice || !words || !chip) return;
  const before = { words: words.textContent, tone: chip.dataset["tone"] ?? "", mark: chip.querySelector("use")?.getAttribute("href") ?? "" };
  const show = (text: string, tone: string, mark: string): void => {
    words.textContent = text;
    chip.dataset["tone"] = tone;
    chip.querySelector("use")?.setAttribute("href", mark);
  };
  show(choice.textContent.trim(), "ok", "#s-tick");
  try {
    await post(`/api/v1/cases/${card.dataset["case"] ?? ""}/notes/`, {
      read: card.dataset["read"],
      prediction: card.dataset["prediction"],
      reason: choice.dataset["reasonKey"],
      comment: "",
    });
  } catch (error) {
    show(before.words, before.tone, before.mark);
    toast(error instanceof ApiError ? error.message : gettext("The reason was not saved: the server cannot be reached."), "bad");
  }
}

function keys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "?") {
      showKeys();
      return;
    }
    const at = current();
    const next = walk(event.key, at, cards.length, columns());
    if (next !== null) {
      event.preventDefault();
      cards[next]?.querySelector<HTMLElement>("[data-open]")?.focus();
      return;
    }
    const digit = /^(?:Digit|Numpad)([1-8])$/.exec(event.code)?.[1];
    const card = cards[at];
    if (digit && card) void giveReason(card, digit);
  });
}

applyFilters();
pictures();
keys();
