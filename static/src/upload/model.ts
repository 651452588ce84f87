/** What the server says of an upload, and what a drop adds up to. No DOM: tested alone. */
export interface Upload {
  id: string;
  batch: string;
  parent: string | null;
  kind: string;
  state: string;
  rule: string;
  tag: string;
  detail: string;
  findings: string[];
  progress: { done: number; total: number };
  working: boolean;
  study: { id: string; label: string } | null;
}

const SETTLED = new Set(["stored", "quarantined", "refused"]);

export function isSettled(upload: Upload | null): boolean {
  return upload !== null && SETTLED.has(upload.state) && !upload.working;
}

export interface Count {
  total: number;
  stored: number;
  held: number;
  refused: number;
}

export function countOf(uploads: readonly Upload[]): Count {
  const of = (state: string): number => uploads.filter((upload) => upload.state === state).length;
  return { total: uploads.length, stored: of("stored"), held: of("quarantined"), refused: of("refused") };
}

/** Files of a zip, in the order in which they lay in it (keys grow with time). */
export function membersOf(parent: string, uploads: Iterable<Upload>): Upload[] {
  return [...uploads].filter((upload) => upload.parent === parent).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A zip is done when it is unpacked and none of its files is on its way. */
export function isDone(upload: Upload | null, all: Iterable<Upload>): boolean {
  if (upload === null || !isSettled(upload)) return false;
  return upload.kind !== "archive" || membersOf(upload.id, all).every(isSettled);
}
