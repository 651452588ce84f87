/** What was typed and not sent yet, kept in this tab over a reload. Bound to the person and the place it belongs to. */
const PREFIX = "plaqueweb-unsent/";

export class Unsent<T> {
  private readonly key: string;

  constructor(user: string, place: string) {
    this.key = `${PREFIX}${user}/${place}`;
  }

  /** What was kept, or null. A tab without storage, or with something that is no JSON in it, keeps nothing. */
  get(): T | null {
    try {
      const kept = sessionStorage.getItem(this.key);
      return kept === null ? null : (JSON.parse(kept) as T);
    } catch {
      return null;
    }
  }

  put(value: T): void {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(value));
    } catch {
      // A full or forbidden storage: the page itself still holds it.
    }
  }

  forget(): void {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // Nothing was kept.
    }
  }
}

function keys(): string[] {
  try {
    const all = Array.from({ length: sessionStorage.length }, (_none, at) => sessionStorage.key(at) ?? "");
    return all.filter((key) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
}

/** How many places have something unsent in this tab. */
export function unsentPlaces(): number {
  return keys().length;
}

/** Throw away all that this tab kept, whoever's it was. */
export function forgetUnsent(): void {
  for (const key of keys()) sessionStorage.removeItem(key);
}
