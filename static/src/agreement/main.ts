/** The tabs of the dashboard: filters that apply at once, sentences to copy, and charts that load when there is one to draw. */

import "./agreement.css";

function applyFilters(): void {
  for (const one of document.querySelectorAll("[data-without-script]")) one.setAttribute("hidden", "");
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-autosubmit]")) {
    form.addEventListener("change", () => {
      form.requestSubmit();
    });
    // Empty filters have no place in the address.
    form.addEventListener("submit", () => {
      for (const field of form.querySelectorAll<HTMLSelectElement | HTMLInputElement>("select, input")) field.disabled = field.value === "";
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

function instead(node: HTMLElement): void {
  // The table below each chart holds the same numbers: open it instead of leaving a gap.
  node.hidden = true;
  node.closest(".chart-card")?.querySelector("details.chart-table")?.setAttribute("open", "");
}

async function charts(): Promise<void> {
  const nodes = [...document.querySelectorAll<HTMLElement>("[data-chart]")];
  if (nodes.length === 0) return;
  const kit = await import("./charts/kit.ts");
  for (const node of nodes.filter((one) => !("offscreen" in one.dataset))) {
    try {
      const payload = kit.payloadOf(node);
      if (!payload) continue;
      node.hidden = false;
      kit.mount(node, payload);
    } catch (error) {
      console.warn("chart not drawn", error);
      instead(node);
    }
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-save]")) {
    const node = nodes.find((one) => one.dataset["chart"] === button.dataset["of"]);
    if (!node) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      void kit.download(node, button.dataset["save"] === "png" ? "png" : "svg");
    });
  }
}

applyFilters();
copyButtons();
charts().catch((error: unknown) => {
  console.warn("charts not loaded", error);
  for (const node of document.querySelectorAll<HTMLElement>("[data-chart]:not([data-offscreen])")) instead(node);
});
