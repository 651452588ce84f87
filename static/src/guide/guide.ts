/** A reading guide: its shape, how its plain text is cut into blocks, and which section fits. No DOM. */

export interface GuidePicture {
  sha256: string;
  caption: string;
  alt: string;
  url: string;
  width?: number;
  height?: number;
}

export interface GuideSection {
  title: string;
  /** What it is about, "" in general: quality, mobile, ulceration, … */
  about: string;
  text: string;
  pictures: GuidePicture[];
}

export interface Block {
  kind: "text" | "list";
  lines: string[];
}

/** A blank line parts paragraphs; lines that begin with "- " are a list. Nothing else is markup. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (!line) {
      open = undefined;
      continue;
    }
    const kind = /^- +\S/.test(line) ? "list" : "text";
    if (open?.kind !== kind) {
      open = { kind, lines: [] };
      blocks.push(open);
    }
    open.lines.push(kind === "list" ? line.replace(/^- +/, "") : line);
  }
  return blocks;
}

/** The first section about the nearest of what the reader is at; -1 where none is. */
export function sectionFor(sections: readonly GuideSection[], abouts: readonly string[]): number {
  for (const about of abouts) {
    const at = about ? sections.findIndex((section) => section.about === about) : -1;
    if (at >= 0) return at;
  }
  return -1;
}
