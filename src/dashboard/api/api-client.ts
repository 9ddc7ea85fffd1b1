/**
 * Asks the HTTP API that serves this page. Owns addresses, headers and how refusals become
 * errors. Holds no token: after sign-in the browser sends a cookie that no script can read.
 */

import { ApiError, apiErrorFrom } from "./api-error.ts";

export type Query = Readonly<
  Record<string, string | number | readonly string[] | null | undefined>
>;

export interface ListAnswer<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
  /** The answer has less than was asked for, since looking further takes long. */
  readonly searchedTo: string | null;
}

export interface ApiClientOptions {
  /** Where the API is, with a slash at its end: "https://example.org/jobs/". */
  readonly root: string;
  /** Called when the API wants to know who asks. */
  readonly onSignedOut: () => void;
}

export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  address(path: string, query: Query = {}): string {
    const url = new URL(path.replace(/^\//, ""), this.#options.root);
    for (const [name, value] of Object.entries(query)) {
      const values = typeof value === "object" && value !== null ? value : [value];
      for (const one of values) {
        if (one !== null && one !== undefined && one !== "") {
          url.searchParams.append(name, String(one));
        }
      }
    }
    return url.href;
  }

  /** @throws ApiError */
  async get<Data>(path: string, query?: Query): Promise<Data> {
    const answer = await this.#ask("GET", this.address(path, query));
    return answer.data as Data; // why: the API answers what its documentation says
  }

  /** @throws ApiError */
  async list<Row>(path: string, query?: Query): Promise<ListAnswer<Row>> {
    const answer = await this.#ask("GET", this.address(path, query));
    const { next_cursor: next, searched_back_to: searched } = answer;
    return {
      rows: answer.data as readonly Row[], // why: the API answers what its documentation says
      nextCursor: typeof next === "string" ? next : null,
      searchedTo: typeof searched === "string" ? searched : null,
    };
  }

  /** @throws ApiError */
  async send<Data>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<Data> {
    const answer = await this.#ask(method, this.address(path), body);
    return answer.data as Data; // why: the API answers what its documentation says
  }

  /** @throws ApiError */
  async post<Data>(path: string, body?: unknown): Promise<Data> {
    return this.send<Data>("POST", path, body);
  }

  async #ask(method: string, url: string, body?: unknown): Promise<Record<string, unknown>> {
    const headers: Record<string, string> = { accept: "application/json" };
    // A page of another site can't set this one, so it can't act in the name of who is signed in.
    if (method !== "GET") headers["x-taskrun-request"] = "1";
    if (body !== undefined) headers["content-type"] = "application/json";
    const init = { method, headers, credentials: "same-origin", cache: "no-store" } as const;
    const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
    const response = await fetch(url, sent).catch(() => null);
    if (response === null) throw noAnswer();
    const answered: unknown = await response.json().catch(() => null);
    if (response.ok && typeof answered === "object" && answered !== null) {
      return { ...answered };
    }
    if (response.status === 401) this.#options.onSignedOut();
    throw apiErrorFrom(response.status, answered);
  }
}

function noAnswer(): ApiError {
  return new ApiError("The server doesn't answer.", {
    status: 0,
    code: "no-answer",
    nextStep: "It is asked again as long as this page is open.",
  });
}
