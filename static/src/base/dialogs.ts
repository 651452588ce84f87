/** `data-dialog-open="id"` opens a native dialog, focus starts in its first field; `data-dialog-close` closes it. */
export function openDialog(dialog: HTMLDialogElement): void {
  if (dialog.open) return;
  dialog.showModal();
  const first = dialog.querySelector<HTMLElement>("[autofocus], input:not([type=hidden]):not([type=checkbox]), textarea, select, button.primary");
  first?.focus();
}

export function startDialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const opener = target?.closest<HTMLElement>("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset["dialogOpen"] ?? "");
      if (dialog instanceof HTMLDialogElement) openDialog(dialog);
      return;
    }
    if (target?.closest("[data-dialog-close]")) target.closest("dialog")?.close();
  });
  const wanted = document.querySelector<HTMLDialogElement>("dialog[data-open-at-once]");
  if (wanted) openDialog(wanted);
}
