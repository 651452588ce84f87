/** The page's dialogs: native <dialog>, title says the act, focus in the first field, Esc closes, focus returns. */
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el, icon, keycap } from "./dom.ts";

interface DialogParts {
  title: string;
  /** What follows from the act. */
  lead?: string;
  body?: Node[];
  cancel?: string;
  act: string;
  /** A second act between Cancel and the main one. */
  other?: { words: string; run: () => void };
  wide?: boolean;
  /** Throw to keep the dialog open; the message is shown. */
  run: () => Promise<void> | void;
}

/** Resolves true when the act was done, false when the dialog was closed without it. */
export function ask(parts: DialogParts): Promise<boolean> {
  const back = document.activeElement;
  const problem = el("p", { class: "rd-dialog-problem", role: "alert" });
  const act = el("button", { class: "rd-btn is-filled", type: "submit" }, parts.act, keycap("Ctrl", "⏎"));
  const form = el("form", { method: "dialog", class: "rd-dialog-form" });
  const dialog = el("dialog", { class: `dialog rd-dialog${parts.wide ? " is-wide" : ""}`, "aria-label": parts.title });
  let done = false;
  const cancel = button({ class: "rd-btn" }, () => dialog.close(), parts.cancel ?? gettext("Cancel"));
  const other = parts.other;
  const second = other && button({ class: "rd-btn" }, () => {
    other.run();
    done = true;
    dialog.close();
  }, other.words);
  form.append(
    el("header", {}, el("h2", {}, parts.title), el("span", { class: "rd-dialog-esc" }, keycap("Esc"), gettext("close"))),
    ...(parts.lead ? [el("p", { class: "rd-dialog-lead" }, parts.lead)] : []),
    el("div", { class: "rd-dialog-body" }, ...(parts.body ?? []), problem),
    el("footer", {}, cancel, second, act),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (act.getAttribute("aria-busy") === "true") return;
    act.setAttribute("aria-busy", "true");
    problem.textContent = "";
    Promise.resolve()
      .then(parts.run)
      .then(
        () => {
          done = true;
          dialog.close();
        },
        (error: unknown) => {
          problem.replaceChildren(icon("bad"), ` ${error instanceof Error ? error.message : String(error)}`);
          form.querySelector<HTMLElement>("input, textarea")?.focus();
        },
      )
      .finally(() => act.removeAttribute("aria-busy"));
  });
  form.addEventListener("keydown", (event) => {
    if (dialog.open && event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  (form.querySelector<HTMLElement>("input, textarea") ?? act).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back instanceof HTMLElement) back.focus();
      resolve(done);
    });
  });
}

export function fieldRow(label: string, ...content: (Node | string)[]): HTMLElement {
  return el("div", { class: "rd-field" }, el("div", { class: "rd-field-label" }, label), el("div", {}, ...content));
}

function passwordField(): { row: HTMLElement; input: HTMLInputElement } {
  const input = el("input", { type: "password", class: "rd-input", autocomplete: "current-password", required: "", "aria-label": gettext("Password") });
  return { row: fieldRow(gettext("Password"), input), input };
}

/** Signed out in mid-case: the password, in place. `logIn` throws with words when it was wrong. */
export function askPassword(name: string, logIn: (password: string) => Promise<void>): Promise<boolean> {
  const { row, input } = passwordField();
  return ask({
    title: gettext("Log in again"),
    lead: gettext("You were signed out. Your changes are kept here and are saved as soon as you are back."),
    body: [fieldRow(gettext("As"), name), row],
    act: gettext("Log in"),
    run: () => logIn(input.value),
  });
}

export interface SigningFacts {
  name: string;
  ground: string;
  meaning: string;
  reveals: string;
  /** It corrects a signed answer. */
  correction: boolean;
  sign: (password: string) => Promise<void>;
}

export function askSignature(facts: SigningFacts): Promise<boolean> {
  const { row, input } = passwordField();
  const act = facts.correction ? gettext("Sign this correction") : gettext("Sign this case");
  return ask({
    title: act,
    lead: gettext("After signing, an answer can only be corrected by a new revision with a reason."),
    wide: true,
    body: [
      fieldRow(gettext("Meaning"), facts.meaning),
      fieldRow(gettext("Signed as"), el("strong", {}, facts.name), ` ${facts.ground}`),
      fieldRow(gettext("Time"), utc(new Date())),
      fieldRow(gettext("Reveals"), facts.reveals),
      row,
    ],
    act,
    run: () => facts.sign(input.value),
  });
}

/** One reason where class and rule differ: a digit chooses it and goes on. */
export function askConflict(facts: { lead: string; choices: { value: string; words: string }[]; give: (value: string) => Promise<void> }): Promise<boolean> {
  const radios = facts.choices.map(({ value, words }, at) => {
    const input = el("input", { type: "radio", name: "conflict", value, required: "", id: `conflict-${value}` });
    return el("label", { class: "rd-checkline rd-conflict", for: `conflict-${value}` }, input, keycap(String(at + 1)), words);
  });
  const list = el("div", { class: "rd-conflicts", role: "radiogroup", "aria-label": gettext("Reason") }, ...radios);
  list.addEventListener("keydown", (event) => {
    const input = radios[Number(event.key) - 1]?.querySelector("input");
    if (!input || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    input.checked = true;
    input.form?.requestSubmit();
  });
  return ask({
    title: gettext("Your class and the rule differ"),
    lead: facts.lead,
    wide: true,
    body: [list],
    act: gettext("Complete with this reason"),
    run: () => facts.give(list.querySelector<HTMLInputElement>("input:checked")?.value ?? ""),
  });
}

export function askSkip(skip: (reason: string) => Promise<void>): Promise<boolean> {
  const input = el("input", { class: "rd-input", required: "", maxlength: "300", "aria-label": gettext("Reason") });
  return ask({
    title: gettext("Skip this case"),
    lead: gettext("The case counts as skipped, with your reason. What you answered stays a draft."),
    body: [fieldRow(gettext("Reason"), input)],
    act: gettext("Skip this case"),
    run: () => skip(input.value.trim()),
  });
}

/** Someone (you, elsewhere) saved this read in between. */
export function askStale(facts: { theirs: string[]; mine: string[]; takeTheirs: () => void; keepMine: () => void }): Promise<boolean> {
  const list = (lines: string[]): HTMLElement => el("ul", {}, ...lines.map((line) => el("li", {}, line)));
  return ask({
    title: gettext("Changed in another window"),
    lead: gettext("This case was saved elsewhere in between. Keep mine puts your unsaved changes over it; nothing else is touched."),
    body: [
      fieldRow(gettext("Saved there"), list(facts.theirs)),
      fieldRow(gettext("Not saved here"), list(facts.mine)),
    ],
    cancel: gettext("Later"),
    other: { words: gettext("Take the saved one"), run: facts.takeTheirs },
    act: gettext("Keep mine"),
    run: facts.keepMine,
  });
}

export function utc(date: Date): string {
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return interpolate(gettext("%(day)s, %(time)s UTC"), { day, time: date.toISOString().slice(11, 16) });
}
