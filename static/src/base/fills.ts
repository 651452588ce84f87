/** `data-fill="id"`: a button whose value is written into a field, e.g. one of the usual reasons. */
export function startFills(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-fill]") : null;
    const field = button ? document.getElementById(button.dataset["fill"] ?? "") : null;
    if (!button || !(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
    field.value = button.value;
    field.focus();
  });
}
