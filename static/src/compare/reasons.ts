/** Why they differ: one key gives the reason, a comment goes with it. Every press is a new note; the last one counts. */
import { openDialog } from "../base/dialogs.ts";
import { toast } from "../base/toasts.ts";
import { ApiError, post } from "../viewer/api.ts";
import { gettext } from "../viewer/words.ts";
import type { Compare } from "./types.ts";

export class Reasons {
  private readonly root: HTMLElement;
  private readonly data: Compare;
  private readonly buttons: HTMLButtonElement[];
  private chosen: string | null;
  private comment: string;

  constructor(root: HTMLElement, data: Compare) {
    this.root = root;
    this.data = data;
    this.chosen = data.reason.chosen;
    this.comment = data.reason.comment;
    this.buttons = [...root.querySelectorAll<HTMLButtonElement>("[data-reason]")];
    for (const button of this.buttons) button.addEventListener("click", () => void this.give(button.dataset["reason"] ?? ""));
    root.querySelector("[data-comment]")?.addEventListener("click", () => this.ask());
    document.querySelector<HTMLFormElement>("[data-comment-form]")?.addEventListener("submit", (event) => this.saveComment(event));
  }

  /** The nth reason, from 1. */
  press(n: number): void {
    const reason = this.data.reason.choices[n - 1];
    if (reason && this.data.reason.may_note) void this.give(reason.key);
  }

  ask(): void {
    const dialog = document.querySelector<HTMLDialogElement>("[data-comment-dialog]");
    if (dialog && this.data.reason.may_note) openDialog(dialog);
  }

  private saveComment(event: SubmitEvent): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || (event.submitter instanceof HTMLButtonElement && event.submitter.value !== "save")) return;
    const fields = new FormData(form);
    this.comment = String(fields.get("comment") ?? "");
    void this.give(String(fields.get("reason") ?? ""));
  }

  private async give(reason: string): Promise<void> {
    const { read, prediction } = this.data;
    if (!read || !prediction || !reason) return;
    const before = this.chosen;
    this.show(reason);
    try {
      await post(`/api/v1/cases/${this.data.case.id}/notes/`, {
        read: read.id,
        prediction: prediction.id,
        reason,
        comment: this.comment,
      });
    } catch (error) {
      this.show(before);
      toast(error instanceof ApiError ? error.message : gettext("The reason was not saved: the server cannot be reached."), "bad");
    }
  }

  private show(reason: string | null): void {
    this.chosen = reason;
    for (const button of this.buttons) {
      const on = button.dataset["reason"] === reason;
      button.setAttribute("aria-pressed", String(on));
    }
    const select = document.querySelector<HTMLSelectElement>("#comment-reason");
    if (select && reason) select.value = reason;
    this.root.dataset["reasonGiven"] = reason ?? "";
  }
}
