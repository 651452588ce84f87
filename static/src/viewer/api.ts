/** fetch for /api/v1/: session cookie, CSRF header, JSON both ways, RFC 9457 problems as ApiError. */
import { gettext } from "./words.ts";

export interface Problem {
  title: string;
  status: number;
  detail?: string;
  rule?: string;
  tag?: string;
  trace_id?: string;
  [extra: string]: unknown;
}

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.problem = problem;
  }

  get rule(): string {
    return this.problem.rule ?? "";
  }
}

/** The server could not be reached at all. */
export class OfflineError extends Error {
  constructor() {
    super(gettext("The server cannot be reached."));
    this.name = "OfflineError";
  }
}

export interface Answer<T> {
  data: T;
  etag: string | null;
  status: number;
}

export interface CallOptions {
  body?: unknown;
  /** Fields and files, in place of a JSON body. */
  form?: FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  keepalive?: boolean;
}

export function cookie(name: string): string {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** Method, path and body to an answer. Throws ApiError (the server said no) or OfflineError (no answer). */
export async function call<T>(method: string, url: string, options: CallOptions = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken");
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      redirect: "error",
      ...(options.form ? { body: options.form } : options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.keepalive ? { keepalive: true } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new OfflineError();
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  const text = await response.text();
  return { data: (text ? JSON.parse(text) : null) as T, etag: response.headers.get("ETag"), status: response.status };
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { title: `${response.status} ${response.statusText}`.trim(), status: response.status };
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>), status: response.status };
  } catch {
    return fallback;
  }
}

export const get = async <T>(url: string, options?: CallOptions): Promise<T> => (await call<T>("GET", url, options)).data;
export const post = async <T>(url: string, body: unknown = {}, options?: CallOptions): Promise<T> =>
  (await call<T>("POST", url, { ...options, body })).data;
