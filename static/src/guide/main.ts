/** The reading guide on the worklist: one button, one key; Esc closes it. */
import { GuidePanel } from "./panel.ts";
import type { GuideSection } from "./guide.ts";

export function startGuide(): void {
  const opener = document.querySelector<HTMLButtonElement>("[data-guide-open]");
  const text = document.getElementById("reading-guide")?.textContent;
  if (!opener || !text) return;
  const panel = new GuidePanel(JSON.parse(text) as GuideSection[], opener.dataset["guideTitle"] ?? "", (open) => opener.setAttribute("aria-expanded", String(open)));
  panel.root.classList.add("gd-over");
  document.body.append(panel.root);
  opener.addEventListener("click", () => panel.toggle());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]") && panel.close()) event.preventDefault();
  });
}
