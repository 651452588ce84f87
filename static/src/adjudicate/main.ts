/** Entry of the adjudicator's page. Step 1 knows pictures only; the reads come with step 2, without names. */
import "../css/adjudicate.css";
import { toast } from "../base/toasts.ts";
import { Unsent } from "../base/unsent.ts";
import { ApiError, gettext, interpolate, keysDialog, post } from "../viewer/index.ts";
import { Answer, type Kept, type Missing, type Question, type Said } from "./answer.ts";
import { keysOf } from "./keys.ts";
import { Pictures, type Adjudication } from "./pictures.ts";

function part(root: ParentNode, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

const MISSING: Record<Missing, () => string> = {
  take: () => gettext("whose answer"),
  class: () => gettext("class"),
  reason: () => gettext("why the reads differ"),
};

export class AdjudicatePage {
  readonly root: HTMLElement;
  readonly data: Adjudication;
  readonly answer: Answer;
  readonly pictures: Pictures;
  private readonly unsent: Unsent<Kept>;
  private busy = false;

  constructor(root: HTMLElement, data: Adjudication) {
    this.root = root;
    this.data = data;
    this.answer = new Answer(data.reads.length > 0);
    this.unsent = new Unsent<Kept>(root.dataset["user"] ?? "", `adjudication/${data.id}/${data.state}`);
    this.pictures = new Pictures(root, data, {
      caliper: (mark) => {
        this.answer.caliper = mark;
        this.measure(false);
        this.show();
      },
      shown: () => this.answer.caliper,
    });
    this.takeBack();
    this.wire();
    this.show();
  }

  get deciding(): boolean {
    return this.data.reads.length > 0;
  }

  /** The radio button of a field, as if it were pressed. */
  choose(name: string, value: string): void {
    const input = this.root.querySelector<HTMLInputElement>(`input[name="${name}"][value="${value}"]`);
    if (!input || input.closest("[hidden]")) return;
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  cycle(question: Question): void {
    if (!this.answer.needsFinding) return;
    this.answer.cycle(question);
    this.show();
  }

  measure(on = !this.pictures.measuring): void {
    if (on && !this.answer.needsFinding) return;
    this.pictures.measure(on);
    part(this.root, "[data-caliper]").setAttribute("aria-pressed", String(on));
  }

  async send(): Promise<void> {
    const [first] = this.answer.missing();
    if (this.busy) return;
    if (first) {
      const field = { take: "take", class: "reader_class", reason: "reason_code" }[first];
      this.root.querySelector<HTMLInputElement>(`input[name="${field}"]`)?.focus();
      return;
    }
    this.busy = true;
    part(this.root, "[data-error]").textContent = "";
    const { take, reasonCode } = this.answer;
    try {
      if (this.deciding) {
        await post(`/api/v1/adjudications/${this.data.id}/decide/`, { take, reason_code: reasonCode, finding: this.answer.finding() });
        this.unsent.forget();
        part(document, "[data-next]").dispatchEvent(new Event("go"));
      } else {
        await post(`/api/v1/adjudications/${this.data.id}/answer/`, this.answer.finding());
        this.unsent.forget();
        window.location.reload();
      }
    } catch (error) {
      this.busy = false;
      part(this.root, "[data-error]").textContent = error instanceof ApiError ? error.message : gettext("Not saved: the server cannot be reached.");
    }
  }

  async giveBack(): Promise<void> {
    try {
      await post(`/api/v1/adjudications/${this.data.id}/give-back/`);
      this.unsent.forget();
      this.root.querySelector<HTMLAnchorElement>("[data-back]")?.click();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), "bad");
    }
  }

  /** What was answered before a reload and not sent stands there again. */
  private takeBack(): void {
    const kept = this.unsent.get();
    if (!kept) return;
    const codes = [...this.root.querySelectorAll<HTMLInputElement>('input[name="reason_code"]')].map((one) => one.value);
    this.answer.restore(kept, { clips: this.data.clips, reads: this.data.reads.length, reasonCodes: codes });
    const { readerClass, take, reasonCode } = this.answer;
    const said = { reader_class: readerClass, take, reason_code: reasonCode };
    for (const input of this.root.querySelectorAll<HTMLInputElement>("input[type=radio]")) {
      const value = said[input.name as keyof typeof said];
      if (value !== null && value !== undefined) input.checked = input.value === String(value);
    }
  }

  private keep(): void {
    if (this.busy) return;
    if (this.answer.empty) this.unsent.forget();
    else this.unsent.put(this.answer.kept);
  }

  private wire(): void {
    const form = part(this.root, "[data-form]");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => this.changed(event.target));
    form.addEventListener("click", (event) => this.clicked(event));
    part(this.root, "[data-send]").addEventListener("click", () => void this.send());
    part(this.root, "[data-caliper]").addEventListener("click", () => this.measure());
    part(this.root, "[data-remove]").addEventListener("click", () => {
      this.answer.caliper = null;
      this.show();
    });
    this.root.querySelector("[data-give-back]")?.addEventListener("click", () => void this.giveBack());
    const next = part(document, "[data-next]");
    next.addEventListener("go", () => next instanceof HTMLFormElement && next.requestSubmit());
    // A control pressed with the pointer gives the focus back, so that digits and Space stay keys of the page.
    this.root.addEventListener("click", (event) => {
      const focused = document.activeElement;
      if (event.detail > 0 && focused instanceof HTMLElement && this.root.contains(focused)) focused.blur();
    });
  }

  private changed(target: EventTarget | null): void {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.name === "reader_class") this.answer.readerClass = Number(target.value);
    if (target.name === "take") this.answer.take = target.value;
    if (target.name === "reason_code") this.answer.reasonCode = target.value;
    this.show();
  }

  private clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("[data-answer]") : null;
    if (!button) return;
    const question = button.dataset["answer"] as Question;
    const said = button.value as Said;
    this.answer.say(question, this.answer.reasons[question] === said ? null : said);
    this.show();
  }

  private show(): void {
    const { answer } = this;
    this.keep();
    part(this.root, "[data-finding]").hidden = !answer.needsFinding;
    if (!answer.needsFinding && this.pictures.measuring) this.measure(false);
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("[data-answer]")) {
      button.setAttribute("aria-checked", String(answer.reasons[button.dataset["answer"] as Question] === button.value));
    }
    part(this.root, "[data-length]").textContent = this.pictures.lengthOf(answer.caliper);
    part(this.root, "[data-remove]").hidden = answer.caliper === null;
    const left = answer.missing();
    const send = part(this.root, "[data-send]");
    send.setAttribute("aria-disabled", String(left.length > 0));
    const words = left.map((one) => MISSING[one]()).join(", ");
    part(this.root, "[data-missing]").textContent = left.length ? interpolate(gettext("Missing: %(what)s"), { what: words }) : "";
    this.pictures.redraw();
  }
}

const root = document.querySelector<HTMLElement>("[data-adjudicate]");
const script = document.getElementById("adjudication-data");
if (root && script) {
  const page = new AdjudicatePage(root, JSON.parse(script.textContent) as Adjudication);
  const help = (): void => keysDialog(keys).showModal();
  const keys = keysOf(page, { help, back: () => root.querySelector<HTMLAnchorElement>("[data-back]")?.click() });
  keys.attach();
  root.querySelector("[data-keys]")?.addEventListener("click", help);
  page.pictures.start().then(
    () => (root.dataset["ready"] = "yes"),
    (error: unknown) => {
      root.dataset["ready"] = "failed";
      toast(`${gettext("The pictures did not open:")} ${error instanceof Error ? error.message : String(error)}`, "bad");
    },
  );
}
