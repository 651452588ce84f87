/** Words of the page through Django's JavaScript catalogue where it is loaded; else as written here (English). */

interface Catalogue {
  gettext?: (text: string) => string;
  ngettext?: (one: string, many: string, count: number) => string;
}

function catalogue(): Catalogue {
  return (globalThis as { django?: Catalogue }).django ?? {};
}

export function gettext(text: string): string {
  return catalogue().gettext?.(text) ?? text;
}

export function ngettext(one: string, many: string, count: number): string {
  return catalogue().ngettext?.(one, many, count) ?? (count === 1 ? one : many);
}

/** Fill `%(name)s` places. */
export function interpolate(text: string, values: Record<string, string | number>): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
