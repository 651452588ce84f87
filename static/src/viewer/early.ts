/** Pictures that were sent for before anything could show them, by address: who shows one takes it from here, once. */
const coming = new Map<string, Promise<Blob>>();

export async function fetchPicture(url: string, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(url, { credentials: "same-origin", ...(signal ? { signal } : {}) });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return response.blob();
}

/** Send for a picture now. What goes wrong is said where it is shown. */
export function fetchEarly(url: string): void {
  const picture = fetchPicture(url);
  picture.catch(() => coming.delete(url));
  coming.set(url, picture);
}

/** The picture, if it was sent for and is not taken yet. */
export function takeEarly(url: string): Promise<Blob> | undefined {
  const picture = coming.get(url);
  coming.delete(url);
  return picture;
}
