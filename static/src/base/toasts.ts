/** One line at the bottom right: 6 s, errors stay until closed. */
import { gettext } from "../viewer/words.ts";

export type Tone = "info" | "bad";

const SECONDS = 6;

export function toast(text: string, tone: Tone = "info", action?: { label: string; run: () => void }): void {
  const box = document.querySelector<HTMLElement>("[data-toasts]");
  if (!box) return;
  const line = document.createElement("div");
  line.className = "toast-line";
  line.dataset["tone"] = tone;
  line.setAttribute("role", tone === "bad" ? "alert" : "status");
  line.append(text);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = action?.label ?? gettext("Close");
  button.addEventListener("click", () => {
    action?.run();
    line.remove();
  });
  line.append(button);
  box.append(line);
  if (tone !== "bad") window.setTimeout(() => { line.remove(); }, SECONDS * 1000);
}

export function startToasts(): void {
  for (const line of document.querySelectorAll<HTMLElement>("[data-toast]")) {
    if (line.dataset["tone"] !== "error") window.setTimeout(() => { line.remove(); }, SECONDS * 1000);
  }
}
