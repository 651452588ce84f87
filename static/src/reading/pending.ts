/** What is not on the server yet, kept in the browser (IndexedDB), bound to the person and the assignment. */
import type { Patch } from "./types.ts";

const DATABASE = "plaqueweb-reading";
const STORE = "pending";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

async function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => { readonly result: T }): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB"));
    });
  } finally {
    database.close();
  }
}

/** One person's unsaved patches of one assignment. A browser without IndexedDB keeps them in memory only. */
export class PendingStore {
  private readonly key: string;
  private last: Promise<unknown> = Promise.resolve();

  constructor(user: string, assignment: string) {
    this.key = `${user}/${assignment}`;
  }

  async get(): Promise<Patch[]> {
    try {
      return ((await run("readonly", (store) => store.get(this.key))) as Patch[] | undefined) ?? [];
    } catch {
      return [];
    }
  }

  /** In the order of the calls; an empty queue takes the entry away. */
  put(queue: readonly Patch[]): Promise<void> {
    const copy = structuredClone([...queue]);
    const next = this.last.then(() =>
      (copy.length
        ? run<unknown>("readwrite", (store) => store.put(copy, this.key))
        : run<unknown>("readwrite", (store) => store.delete(this.key))
      ).then(
        () => undefined,
        () => undefined,
      ),
    );
    this.last = next;
    return next;
  }
}

/** How many cases have changes here that are not on the server. Nothing is made where nothing was kept. */
export async function pendingCases(): Promise<number> {
  try {
    if (!(await indexedDB.databases()).some(({ name }) => name === DATABASE)) return 0;
    return (await run("readonly", (store) => store.getAllKeys())).length;
  } catch {
    return 0;
  }
}

/** Throw away all that was kept in this browser, whoever's it was. */
export function forgetPending(): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(DATABASE);
    request.onsuccess = request.onerror = request.onblocked = () => resolve();
  });
}
