/** The upload island: files dropped anywhere on the page, three sent at a time, each followed until it is stored, held or refused. */
import { toast } from "../base/toasts.ts";
import { cookie, get, post } from "../viewer/api.ts";

const PARALLEL = 3;
const POLL_MS = 1000;
const SETTLED = new Set(["stored", "quarantined", "refused"]);

interface Upload {
  id: string;
  state: string;
  rule: string;
  tag: string;
  detail: string;
  clips: number;
  progress: { done: number; total: number };
  study: { id: string; label: string } | null;
}

interface Item {
  file: File;
  row: HTMLElement;
  id: string | null;
  state: string;
  failed: boolean;
}

class UploadIsland {
  private readonly root: HTMLElement;
  private readonly words: Record<string, string>;
  private readonly rows: HTMLElement;
  private readonly list: HTMLElement;
  private readonly summary: HTMLElement | null;
  private batch = crypto.randomUUID();
  private items: Item[] = [];
  private readonly queue: Item[] = [];
  private active = 0;
  private polling = 0;
  private depth = 0;

  constructor(root: HTMLElement, rows: HTMLElement, list: HTMLElement) {
    this.root = root;
    this.rows = rows;
    this.list = list;
    this.summary = root.querySelector("[data-upload-summary]");
    this.words = JSON.parse(root.dataset["words"] ?? "{}") as Record<string, string>;
    this.listen();
  }

  private word(key: string): string {
    return this.words[key] ?? key;
  }

  private listen(): void {
    const input = this.root.querySelector<HTMLInputElement>("[data-upload-input]");
    const folder = this.root.querySelector<HTMLInputElement>("[data-upload-folder-input]");
    for (const chooser of [input, folder]) {
      chooser?.addEventListener("change", () => {
        this.add([...(chooser.files ?? [])]);
        chooser.value = "";
      });
    }
    document.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest("[data-upload-choose]")) input?.click();
      if (target?.closest("[data-upload-folder]")) folder?.click();
    });
    const zone = this.root.querySelector<HTMLElement>("[data-drop-zone]");
    const stays = zone ? !zone.hidden : false;
    const drag = (on: boolean): void => {
      this.root.classList.toggle("dragging", on);
      if (zone && !stays) zone.hidden = !on;
    };
    const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    document.addEventListener("dragenter", (event) => {
      if (!files(event)) return;
      this.depth++;
      drag(true);
    });
    document.addEventListener("dragleave", () => {
      this.depth = Math.max(0, this.depth - 1);
      if (this.depth === 0) drag(false);
    });
    document.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    document.addEventListener("drop", (event) => {
      if (!files(event) || !event.dataTransfer) return;
      event.preventDefault();
      this.depth = 0;
      drag(false);
      void filesOf(event.dataTransfer).then((found) => { this.add(found); });
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.active > 0 || this.queue.length > 0) event.preventDefault();
    });
  }

  private add(files: File[]): void {
    if (files.length === 0) return;
    if (this.active === 0 && this.queue.length === 0) this.batch = crypto.randomUUID();
    this.list.hidden = false;
    const limit = Number(this.root.dataset["maxBytes"] ?? Infinity);
    for (const file of files) {
      const item: Item = { file, row: this.makeRow(file.name), id: null, state: "waits", failed: false };
      this.items.push(item);
      if (file.size > limit) this.fail(item, `${this.word("tooLarge")} (${Math.round(limit / 2 ** 20)} MiB)`, false);
      else this.queue.push(item);
    }
    this.pump();
    this.tell();
  }

  private makeRow(name: string): HTMLElement {
    const row = document.createElement("div");
    row.className = "upload-row";
    const label = Object.assign(document.createElement("span"), { className: "name", textContent: name, title: name });
    const state = Object.assign(document.createElement("span"), { className: "state" });
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    const act = Object.assign(document.createElement("span"), { className: "act num" });
    row.append(label, state, bar, act);
    this.rows.append(row);
    this.paint(row, "waits", this.word("waits"), 0);
    return row;
  }

  private paint(row: HTMLElement, state: string, words: string, share: number | null): void {
    const glyphs: Record<string, [string, string]> = {
      waits: ["waits", ""], sending: ["arc", "run"], received: ["queued", ""], parsed: ["arc", "run"],
      stored: ["tick", "ok"], quarantined: ["diamond", "ask"], refused: ["octagon", "bad"], failed: ["octagon", "bad"],
    };
    const [glyph, tone] = glyphs[state] ?? ["waits", ""];
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.dataset["tone"] = tone;
    chip.dataset["state"] = state;
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#s-${glyph}`);
    icon.append(use);
    chip.append(icon, Object.assign(document.createElement("span"), { textContent: words }));
    row.querySelector(".state")?.replaceChildren(chip);
    const bar = row.querySelector("progress");
    if (bar) {
      bar.hidden = share === null;
      bar.value = share ?? 0;
    }
  }

  private act(row: HTMLElement, node: HTMLElement | null): void {
    row.querySelector(".act")?.replaceChildren(...(node ? [node] : []));
  }

  private pump(): void {
    while (this.active < PARALLEL) {
      const item = this.queue.shift();
      if (!item) break;
      this.active++;
      void this.send(item).finally(() => {
        this.active--;
        this.pump();
        if (this.active === 0 && this.queue.length === 0) void this.closeBatch();
      });
    }
  }

  private send(item: Item): Promise<void> {
    return new Promise((resolve) => {
      const form = new FormData();
      form.append("project", this.root.dataset["project"] ?? "");
      form.append("batch", this.batch);
      form.append("file", item.file);
      const request = new XMLHttpRequest();
      request.open("POST", this.root.dataset["url"] ?? "");
      request.setRequestHeader("X-CSRFToken", cookie("csrftoken"));
      request.upload.addEventListener("progress", (event) => {
        const share = event.lengthComputable ? event.loaded / event.total : 0;
        this.paint(item.row, "sending", `${this.word("sending")} ${Math.round(share * 100)} %`, share);
      });
      request.addEventListener("load", () => {
        if (request.status === 201) {
          const upload = JSON.parse(request.responseText) as Upload;
          item.id = upload.id;
          this.follow(item, upload);
          this.poll();
        } else this.fail(item, detailOf(request), request.status >= 500);
        resolve();
      });
      request.addEventListener("error", () => {
        this.fail(item, this.word("offline"), true);
        resolve();
      });
      request.send(form);
    });
  }

  private fail(item: Item, why: string, retry: boolean): void {
    item.failed = true;
    item.state = "failed";
    this.paint(item.row, "failed", `${this.word("failed")}: ${why}`, null);
    if (retry) {
      const again = Object.assign(document.createElement("button"), { className: "button small", type: "button", textContent: this.word("retry") });
      again.addEventListener("click", () => {
        item.failed = false;
        this.act(item.row, null);
        this.queue.push(item);
        this.pump();
      });
      this.act(item.row, again);
    }
    this.tell();
  }

  private async closeBatch(): Promise<void> {
    if (!this.items.some((item) => item.id)) return;
    try {
      await post(`${this.root.dataset["closeUrl"] ?? ""}${this.batch}/close/`, { project: this.root.dataset["project"] });
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), "bad");
    }
  }

  private poll(): void {
    if (this.polling) return;
    this.polling = window.setInterval(() => {
      void this.refresh().catch(() => undefined); // the next tick asks again
    }, POLL_MS);
  }

  private async refresh(): Promise<void> {
    const waiting = new Map(this.items.filter((item) => item.id && !SETTLED.has(item.state)).map((item) => [item.id, item]));
    if (waiting.size === 0) {
      window.clearInterval(this.polling);
      this.polling = 0;
      return;
    }
    const page = await get<{ results: Upload[] }>(`${this.root.dataset["listUrl"] ?? ""}?batch=${this.batch}&page_size=200`);
    for (const upload of page.results) {
      const item = waiting.get(upload.id);
      if (item) this.follow(item, upload);
    }
    this.tell();
  }

  private follow(item: Item, upload: Upload): void {
    item.state = upload.state;
    const { done, total } = upload.progress;
    const counting = total > 1 && !SETTLED.has(upload.state);
    const where = upload.study ? ` · ${upload.study.label}` : "";
    const words = counting ? `${done} ${this.word("of")} ${total} ${this.word("clips")}` : `${this.word(upload.state)}${where}${upload.detail ? `: ${upload.detail}` : ""}`;
    this.paint(item.row, upload.state, words, counting ? done / total : null);
    if (upload.state === "quarantined") this.act(item.row, this.link(`${this.root.dataset["releaseUrl"] ?? ""}${upload.id}/`, this.word("look")));
    if (upload.state === "refused") this.explain(item, upload);
    if (upload.state === "stored" && upload.study) this.act(item.row, this.link(`${(this.root.dataset["releaseUrl"] ?? "").replace(/release\/$/, "studies/")}${upload.study.id}/`, this.word("open")));
  }

  private link(href: string, words: string): HTMLElement {
    return Object.assign(document.createElement("a"), { className: "button small", href, textContent: words });
  }

  private explain(item: Item, upload: Upload): void {
    const why = Object.assign(document.createElement("button"), { className: "button small", type: "button", textContent: this.word("why") });
    why.setAttribute("aria-expanded", "false");
    why.addEventListener("click", () => {
      const open = item.row.querySelector(".why");
      why.setAttribute("aria-expanded", String(!open));
      if (open) open.remove();
      else item.row.append(Object.assign(document.createElement("span"), { className: "why", textContent: [upload.detail, upload.rule, upload.tag].filter(Boolean).join(" · ") }));
    });
    this.act(item.row, why);
  }

  private tell(): void {
    if (!this.summary) return;
    const settled = this.items.filter((item) => SETTLED.has(item.state)).length;
    const parts = [`${settled} ${this.word("of")} ${this.items.length}`];
    const held = this.items.filter((item) => item.state === "quarantined").length;
    const refused = this.items.filter((item) => item.state === "refused").length;
    if (held) parts.push(`${held} ${this.word("held")}`);
    if (refused) parts.push(`${refused} ${this.word("refused")}`);
    if ((held || refused) && settled < this.items.length) parts.push(this.word("restOn"));
    this.summary.textContent = parts.join(", ");
  }
}

function detailOf(request: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(request.responseText) as { detail?: string; rule?: string };
    return [problem.detail, problem.rule].filter(Boolean).join(" · ");
  } catch {
    return String(request.status);
  }
}

/** Files of a drop, folders walked. */
async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  const found: File[] = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (entry.isFile) {
    found.push(await new Promise<File>((resolve, reject) => { (entry as FileSystemFileEntry).file(resolve, reject); }));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (part.length === 0) return;
    for (const child of part) await walk(child, found);
  }
}

export function startUpload(): void {
  const root = document.querySelector<HTMLElement>("[data-upload]");
  const rows = root?.querySelector<HTMLElement>("[data-upload-rows]");
  const list = root?.querySelector<HTMLElement>("[data-upload-list]");
  if (root && rows && list) new UploadIsland(root, rows, list);
}
