/** The page of a new round: parts of the form appear where a choice asks for them. Without it, all of them stand there. */
function value(form: HTMLElement, name: string): string {
  return form.querySelector<HTMLSelectElement>(`[data-shows="${name}"]`)?.value ?? "";
}

/** "policy=ai_assisted,concurrent": one of these; "list=": none chosen; "repeat=*": any chosen. */
export function applies(rule: string, chosen: (name: string) => string): boolean {
  const at = rule.indexOf("=");
  const wanted = rule.slice(at + 1);
  const now = chosen(rule.slice(0, at));
  return wanted === "*" ? now !== "" : wanted.split(",").includes(now);
}

function show(form: HTMLElement): void {
  for (const part of form.querySelectorAll<HTMLElement>("[data-when]")) {
    part.hidden = !applies(part.dataset["when"] ?? "", (name) => value(form, name));
  }
}

function begin(form: HTMLElement): void {
  form.addEventListener("change", () => show(form));
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-all]")) {
    button.addEventListener("click", () => {
      const boxes = [...form.querySelectorAll<HTMLInputElement>(`input[name="${button.dataset["all"]}"]`)];
      const on = !boxes.every((box) => box.checked);
      for (const box of boxes) box.checked = on;
      form.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
  show(form);
}

if (typeof document !== "undefined") {
  const form = document.querySelector<HTMLElement>("[data-round-form]");
  if (form) begin(form);
}
