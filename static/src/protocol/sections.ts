/** The reading guide while it is written: nothing typed is lost by moving, removing and undo. No DOM. */
import type { GuidePicture, GuideSection } from "../guide/guide.ts";

export interface EditedSection extends GuideSection {
  id: number;
}

interface Removed {
  section: number;
  at: number;
  /** What was removed: the whole section, or one picture of it. */
  what: EditedSection | GuidePicture;
}

export class Sections {
  readonly list: EditedSection[] = [];
  private readonly address: (sha256: string) => string;
  private readonly removed: Removed[] = [];
  private last = 0;

  /** `address` says where a picture is. */
  constructor(address: (sha256: string) => string) {
    this.address = address;
  }

  load(given: readonly Partial<GuideSection>[]): void {
    this.list.length = 0;
    for (const one of given) this.add(one);
  }

  add({ title = "", about = "", text = "", pictures = [] }: Partial<GuideSection> = {}): EditedSection {
    const shown = pictures.map((picture) => ({ ...picture, url: this.address(picture.sha256) }));
    const made = { id: ++this.last, title, about, text, pictures: shown };
    this.list.push(made);
    return made;
  }

  section(id: number): EditedSection | undefined {
    return this.list.find((one) => one.id === id);
  }

  move(id: number, by: -1 | 1): boolean {
    const at = this.list.findIndex((one) => one.id === id);
    const [here, there] = [this.list[at], this.list[at + by]];
    if (!here || !there) return false;
    this.list[at] = there;
    this.list[at + by] = here;
    return true;
  }

  remove(id: number): void {
    const at = this.list.findIndex((one) => one.id === id);
    const [what] = at < 0 ? [] : this.list.splice(at, 1);
    if (what) this.removed.push({ section: id, at, what });
  }

  removePicture(id: number, at: number): void {
    const [what] = this.section(id)?.pictures.splice(at, 1) ?? [];
    if (what) this.removed.push({ section: id, at, what });
  }

  /** What undo would bring back, in words; null: nothing. */
  get undoable(): { words: string; section: number } | null {
    const last = this.removed.at(-1);
    if (!last) return null;
    return { words: "title" in last.what ? last.what.title : last.what.caption || last.what.alt, section: last.section };
  }

  undo(): void {
    const last = this.removed.pop();
    if (!last) return;
    if ("title" in last.what) this.list.splice(last.at, 0, last.what);
    else this.section(last.section)?.pictures.splice(last.at, 0, last.what); // a section that went after it is back before
  }

  /** What can be read already: a title with a text or a picture that says what it shows. */
  finished(): EditedSection[] {
    return this.list
      .map((one) => ({ ...one, pictures: one.pictures.filter(({ alt }) => alt.trim() !== "") }))
      .filter(({ title, text, pictures }) => title.trim() !== "" && (text.trim() !== "" || pictures.length > 0));
  }

  /** As the server takes it. */
  wire(list: readonly EditedSection[] = this.list): Record<string, unknown>[] {
    return list.map(({ title, about, text, pictures }) => ({ title, about, text, pictures: pictures.map(({ sha256, caption, alt }) => ({ sha256, caption, alt })) }));
  }
}
