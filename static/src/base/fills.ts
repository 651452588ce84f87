/** `data-fill="id"`: a button whose value is written into a field; `data-reveal="id"`: shows what a password field holds. */
export function startFills(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-reveal]") : null;
    const field = button ? document.getElementById(button.dataset["reveal"] ?? "") : null;
    if (!button || !(field instanceof HTMLInputElement)) return;
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    field.focus();
  });
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-fill]") : null;
    const field = button ? document.getElementById(button.dataset["fill"] ?? "") : null;
    if (!button || !(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
    field.value = button.value;
    field.focus();
  });
}
