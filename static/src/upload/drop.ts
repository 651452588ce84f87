/** The files of a drop or of a chooser, folders walked. What cannot be read is counted, the others go on. */
export interface Found {
  files: File[];
  unreadable: number;
}

export async function filesOf(transfer: DataTransfer): Promise<Found> {
  // Entries must be taken before the first await: the browser empties the transfer after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return { files: [...transfer.files], unreadable: 0 };
  const found: Found = { files: [], unreadable: 0 };
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: Found): Promise<void> {
  if (entry.name.startsWith(".")) return; // .DS_Store and its like
  try {
    if (entry.isFile) found.files.push(await fileOf(entry as FileSystemFileEntry));
    else for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) await walk(child, found);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    found.unreadable++;
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

/** All children: the reader gives at most 100 at a time. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (part.length === 0) return children;
    children.push(...part);
  }
}
