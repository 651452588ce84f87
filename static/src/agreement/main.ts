/** The agreement page: filters that apply at once, the sentence to copy, and charts that load when there is one to draw. */

import "./agreement.css";

import type { BlandAltmanData } from "./model";

function applyFilters(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-autosubmit]")) {
    form.querySelector("[data-without-script]")?.setAttribute("hidden", "");
    form.addEventListener("change", () => {
      form.requestSubmit();
    });
  }
}

async function copyText(button: HTMLElement): Promise<void> {
  const ids = (button.dataset["copy"] ?? "").split(" ");
  const texts = ids.map((id) => document.getElementById(id)?.textContent.trim().replace(/\s+/g, " ") ?? "");
  await navigator.clipboard.writeText(texts.filter(Boolean).join(" "));
  const label = button.querySelector("[data-copy-label]") ?? button;
  const before = label.textContent;
  label.textContent = button.dataset["copied"] ?? before;
  setTimeout(() => {
    label.textContent = before;
  }, 2000);
}

function copyButtons(): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-copy]")) {
    // Without a secure context there is no clipboard; the sentence can still be selected.
    if (!("clipboard" in navigator)) button.hidden = true;
    button.addEventListener("click", () => {
      void copyText(button);
    });
  }
}

async function charts(): Promise<void> {
  const nodes = [...document.querySelectorAll<HTMLElement>("[data-chart]")];
  if (nodes.length === 0) return;
  try {
    const { drawBlandAltman } = await import("./chart");
    for (const node of nodes) {
      const source = document.getElementById(node.dataset["chart"] ?? "");
      if (!source?.textContent) continue;
      node.hidden = false;
      drawBlandAltman(node, JSON.parse(source.textContent) as BlandAltmanData);
    }
  } catch (error) {
    // The table below each chart holds the same numbers: open it instead of leaving a gap.
    console.warn("chart not drawn", error);
    for (const node of nodes) {
      node.hidden = true;
      node.parentElement?.querySelector("details")?.setAttribute("open", "");
    }
  }
}

applyFilters();
copyButtons();
void charts();
