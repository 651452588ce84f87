/** The upload island: files dropped anywhere on the page, three sent at a time, each followed until it is stored, held or refused. */
import { wakeLive } from "../base/live.ts";
import { toast } from "../base/toasts.ts";
import { cookie, get, post } from "../viewer/api.ts";
import { gettext, interpolate, ngettext } from "../viewer/words.ts";
import { filesOf, type Found } from "./drop.ts";
import { countOf, isDone, isSettled, membersOf, type Upload } from "./model.ts";
import { Row } from "./rows.ts";

const PARALLEL = 3;
const POLL_MS = 1000;

/** A file of this page; its name never leaves the browser. */
interface Item {
  file: File;
  batch: string;
  row: Row;
  upload: Upload | null;
  state: "waits" | "sending" | "sent" | "failed";
  members: Map<string, Row>;
}

interface Page {
  next: string | null;
  results: Upload[];
}

class UploadIsland {
  private readonly root: HTMLElement;
  private readonly rows: HTMLElement;
  private readonly list: HTMLElement;
  private readonly items: Item[] = [];
  private readonly queue: Item[] = [];
  private readonly known = new Map<string, Upload>();
  private batch = "";
  private polling = 0;
  private asking = false;
  private depth = 0;

  constructor(root: HTMLElement, rows: HTMLElement, list: HTMLElement) {
    this.root = root;
    this.rows = rows;
    this.list = list;
    this.listenToChoosers();
    root.dataset["ready"] = "true";
    this.listenToDrops();
    window.addEventListener("beforeunload", (event) => {
      if (this.sending()) event.preventDefault();
    });
  }

  private sending(): boolean {
    return this.items.some((item) => item.state === "sending" || item.state === "waits");
  }

  private listenToChoosers(): void {
    const input = this.root.querySelector<HTMLInputElement>("[data-upload-input]");
    const folder = this.root.querySelector<HTMLInputElement>("[data-upload-folder-input]");
    for (const chooser of [input, folder]) {
      chooser?.addEventListener("change", () => {
        const files = [...(chooser.files ?? [])].filter((file) => !file.name.startsWith("."));
        chooser.value = "";
        this.add({ files, unreadable: 0 });
      });
    }
    document.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest("[data-upload-choose]")) input?.click();
      if (target?.closest("[data-upload-folder]")) folder?.click();
    });
  }

  private listenToDrops(): void {
    const zone = this.root.querySelector<HTMLElement>("[data-drop-zone]");
    const stays = zone ? !zone.hidden : false;
    const drag = (on: boolean): void => {
      this.root.classList.toggle("dragging", on);
      if (zone && !stays) zone.hidden = !on;
      if (on) this.root.scrollIntoView({ block: "nearest" });
    };
    const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    document.addEventListener("dragenter", (event) => {
      if (files(event) && this.depth++ === 0) drag(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (!files(event)) return;
      this.depth = Math.max(0, this.depth - 1);
      if (this.depth === 0) drag(false);
    });
    document.addEventListener("dragover", (event) => {
      if (files(event)) event.preventDefault();
    });
    document.addEventListener("drop", (event) => {
      if (!files(event) || !event.dataTransfer) return;
      event.preventDefault();
      this.depth = 0;
      drag(false);
      void filesOf(event.dataTransfer).then((found) => { this.add(found); });
    });
  }

  /** One drop is one batch: its files without DICOM tags form one study. What is added while it is sent joins it. */
  private add({ files, unreadable }: Found): void {
    if (unreadable > 0) {
      const words = ngettext("%(n)s file or folder could not be read by the browser.", "%(n)s files or folders could not be read by the browser.", unreadable);
      toast(interpolate(words, { n: unreadable }), "bad");
    }
    if (files.length === 0) {
      if (unreadable === 0) toast(gettext("There is no file in what was dropped."), "bad");
      return;
    }
    if (!this.sending()) this.batch = crypto.randomUUID();
    this.list.hidden = false;
    const limit = Number(this.root.dataset["maxBytes"] || Infinity);
    for (const file of files) {
      const item: Item = { file, batch: this.batch, row: new Row(file.name), upload: null, state: "waits", members: new Map() };
      this.items.push(item);
      this.rows.append(item.row.root);
      item.row.paint("waits", gettext("waits"));
      if (file.size > limit) this.fail(item, `${gettext("larger than the limit")} (${Math.round(limit / 2 ** 20)} MiB)`, false);
      else this.queue.push(item);
    }
    wakeLive();
    this.pump();
    this.tell();
  }

  private pump(): void {
    while (this.items.filter((item) => item.state === "sending").length < PARALLEL) {
      const item = this.queue.shift();
      if (!item) return;
      item.state = "sending";
      void this.send(item).then(() => {
        this.pump();
        this.tell();
        this.closeIfLast(item.batch);
      });
    }
  }

  private send(item: Item): Promise<void> {
    const form = new FormData();
    form.append("project", this.root.dataset["project"] ?? "");
    form.append("batch", item.batch);
    const site = document.querySelector<HTMLInputElement>("[data-upload-site]")?.value.trim();
    if (site) form.append("site", site);
    form.append("file", item.file, "upload"); // the name stays here
    const request = new XMLHttpRequest();
    request.open("POST", this.root.dataset["url"] ?? "");
    request.setRequestHeader("X-CSRFToken", cookie("csrftoken"));
    request.setRequestHeader("Accept", "application/json");
    item.row.paint("sending", gettext("sending"), 0);
    request.upload.addEventListener("progress", (event) => {
      const share = event.lengthComputable ? event.loaded / event.total : 0;
      item.row.paint("sending", `${gettext("sending")} ${Math.round(share * 100)} %`, share);
    });
    return new Promise((resolve) => {
      request.addEventListener("load", () => {
        if (request.status === 201) this.sent(item, JSON.parse(request.responseText) as Upload);
        else this.fail(item, detailOf(request), request.status >= 500 || request.status === 429);
      });
      request.addEventListener("error", () => { this.fail(item, gettext("no answer from the server"), true); });
      request.addEventListener("loadend", () => { resolve(); });
      request.send(form);
    });
  }

  private sent(item: Item, upload: Upload): void {
    item.state = "sent";
    this.known.set(upload.id, upload);
    item.upload = upload;
    this.show(item);
    if (!this.polling) this.polling = window.setInterval(() => { void this.refresh(); }, POLL_MS);
  }

  private fail(item: Item, why: string, again: boolean): void {
    item.state = "failed";
    item.row.paint("failed", `${gettext("not sent")}: ${why}`);
    if (!again) return;
    item.row.button(gettext("Retry"), () => {
      item.row.clearAct();
      item.row.paint("waits", gettext("waits"));
      item.state = "waits";
      this.queue.push(item);
      this.pump();
    });
  }

  /** Say that the last file of a drop was sent, so that its studies need not wait for silence. */
  private closeIfLast(batch: string): void {
    const own = this.items.filter((item) => item.batch === batch);
    if (own.some((item) => item.state === "waits" || item.state === "sending") || !own.some((item) => item.upload)) return;
    post(`${this.root.dataset["url"] ?? ""}batches/${batch}/close/`, { project: this.root.dataset["project"] }).catch((error: unknown) => {
      toast(error instanceof Error ? error.message : String(error), "bad");
    });
  }

  /** Ask for every batch that still moves. A failed question is asked again by the next tick. */
  private async refresh(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const open = this.items.filter((item) => item.upload && !isDone(item.upload, this.known.values()));
      for (const batch of new Set(open.map((item) => item.batch))) await this.ask(batch);
      for (const item of this.items) this.show(item);
      this.tell();
      if (open.length === 0) this.stop();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    } finally {
      this.asking = false;
    }
  }

  private async ask(batch: string): Promise<void> {
    let url: string | null = `${this.root.dataset["url"] ?? ""}?batch=${batch}&page_size=200`;
    while (url) {
      const page: Page = await get<Page>(url);
      for (const upload of page.results) this.known.set(upload.id, upload);
      url = page.next;
    }
    for (const item of this.items) if (item.upload) item.upload = this.known.get(item.upload.id) ?? item.upload;
  }

  private stop(): void {
    window.clearInterval(this.polling);
    this.polling = 0;
    wakeLive();
  }

  private show(item: Item): void {
    const { upload, row } = item;
    if (!upload) return;
    if (upload.kind === "archive" && upload.state !== "refused") this.showArchive(item, upload);
    else this.showFile(row, upload);
  }

  private showFile(row: Row, upload: Upload): void {
    const { done, total } = upload.progress;
    if (!isSettled(upload) && total > 1) {
      row.paint(upload.state, interpolate(gettext("%(done)s of %(total)s frames"), { done, total }), done / total);
      return;
    }
    const study = upload.study && upload.state !== "refused" ? ` · ${upload.study.label}` : "";
    const why = upload.state === "quarantined" ? upload.findings[0] : upload.state === "refused" ? refusedWords(upload) : "";
    row.paint(upload.state, `${stateWords(upload.state)}${why ? `: ${why}` : ""}${study}`);
    const release = this.root.dataset["releaseUrl"] ?? "";
    if (upload.state === "quarantined") row.link(`${release}${upload.id}/`, gettext("Look"));
    if (upload.state === "stored" && upload.study) row.link(`${release.replace(/release\/$/, "studies/")}${upload.study.id}/`, gettext("Open"));
    if (upload.state === "refused") row.explain(gettext("Why"), refusal(upload));
  }

  /** A zip counts its files; those that are held or refused get a line of their own, by their place in the zip. */
  private showArchive(item: Item, upload: Upload): void {
    const members = membersOf(upload.id, this.known.values());
    if (!isSettled(upload) && members.length === 0) {
      item.row.paint(upload.state, upload.state === "received" ? gettext("received") : gettext("being unpacked"));
      return;
    }
    const count = countOf(members);
    const settled = members.filter(isSettled).length;
    const studies = new Set(members.flatMap((member) => (member.study ? [member.study.id] : []))).size;
    const parts = [interpolate(ngettext("%(done)s of %(n)s file in %(s)s", "%(done)s of %(n)s files in %(s)s", count.total), { done: settled, n: count.total, s: studyWords(studies) }), ...outcome(count)];
    const done = isDone(upload, this.known.values());
    item.row.paint(done ? "stored" : "parsed", parts.join(", "), done ? null : settled / Math.max(1, count.total));
    members.forEach((member, index) => {
      if (member.state !== "quarantined" && member.state !== "refused") return;
      let row = item.members.get(member.id);
      if (!row) {
        row = new Row(interpolate(gettext("file %(n)s in the zip"), { n: index + 1 }), "member");
        item.members.set(member.id, row);
        const last = [...item.members.values()].at(-2) ?? item.row;
        last.root.after(row.root);
      }
      this.showFile(row, member);
    });
  }

  private tell(): void {
    const summary = this.root.querySelector("[data-upload-summary]");
    if (!summary) return;
    const done = this.items.filter((item) => item.state === "failed" || isDone(item.upload, this.known.values())).length;
    const parts = [interpolate(ngettext("%(done)s of %(n)s file", "%(done)s of %(n)s files", this.items.length), { done, n: this.items.length })];
    const files = [...this.known.values()].filter((upload) => upload.kind !== "archive" || upload.state === "refused");
    parts.push(...outcome(countOf(files)));
    const failed = this.items.filter((item) => item.state === "failed").length;
    if (failed) parts.push(interpolate(gettext("%(n)s not sent"), { n: failed }));
    if (parts.length > 1 && done < this.items.length) parts.push(gettext("the rest go on"));
    summary.textContent = parts.join(", ");
  }
}

function stateWords(state: string): string {
  const words: Record<string, string> = {
    received: gettext("received"),
    parsed: gettext("being parsed"),
    stored: gettext("stored"),
    quarantined: gettext("held"),
    refused: gettext("refused"),
  };
  return words[state] ?? state;
}

function refusedWords(upload: Upload): string {
  const detail = upload.detail.replace(/\.$/, "");
  return upload.rule ? interpolate(gettext("%(detail)s (rule %(rule)s)"), { detail, rule: upload.rule }) : detail;
}

function studyWords(n: number): string {
  return interpolate(ngettext("%(n)s study", "%(n)s studies", n), { n });
}

function outcome(count: { held: number; refused: number }): string[] {
  const parts: string[] = [];
  if (count.held) parts.push(interpolate(gettext("%(n)s held"), { n: count.held }));
  if (count.refused) parts.push(interpolate(gettext("%(n)s refused"), { n: count.refused }));
  return parts;
}

/** Rule and tag of a refusal in one line. */
function refusal(upload: Upload): string {
  const rule = interpolate(gettext("rule %(rule)s"), { rule: upload.rule });
  const tag = upload.tag ? interpolate(gettext("tag %(tag)s"), { tag: upload.tag }) : "";
  return [upload.detail, rule, tag].filter(Boolean).join(" · ");
}

function detailOf(request: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(request.responseText) as { detail?: string; rule?: string };
    return [problem.detail, problem.rule].filter(Boolean).join(" · ") || String(request.status);
  } catch {
    return String(request.status);
  }
}

export function startUpload(): void {
  const root = document.querySelector<HTMLElement>("[data-upload]");
  const rows = root?.querySelector<HTMLElement>("[data-upload-rows]");
  const list = root?.querySelector<HTMLElement>("[data-upload-list]");
  if (root && rows && list) new UploadIsland(root, rows, list);
}
