import { setTimeout as delay } from 'node:timers/promises';
import type { Tokens } from './sign-in.ts';

/** What all the clients of a soak went through. */
export interface Tally {
  /** Refreshes that were answered at once. */
  refreshed: number;
  /** Refreshes whose answer did not come: who sent it cannot know whether Keycloak had carried it out. */
  swallowed: number;
  /** Those of them that the same token, sent again, brought to an end. */
  continued: number;
  /** Clients that have to ask their user to sign in again, and whether that was after a swallowed answer. */
  lost: { afterSwallowed: boolean; why: string }[];
  /** Calls of a tool with a token just received, by how they were answered. */
  calls: { answered: number; unanswered: number; refused: number };
  /** Milliseconds of each refresh that was answered at once. */
  durations: number[];
}

export const emptyTally = (): Tally => ({ refreshed: 0, swallowed: 0, continued: 0, lost: [], calls: { answered: 0, unanswered: 0, refused: 0 }, durations: [] });

/** Milliseconds between two attempts at the same refresh. */
const PAUSE = 500;
/** Milliseconds after which an answer is given up. */
const PATIENCE = 15_000;

/** A client whose user has signed in: it refreshes as real ones do, and calls a tool with what it got. */
export class SignedIn {
  readonly #tokenEndpoint: string;
  readonly #resource: string;
  readonly #clientId: string;
  readonly #tally: Tally;
  #tokens: Tokens;
  #lost = false;

  constructor(where: { tokenEndpoint: string; resource: string; clientId: string }, tokens: Tokens, tally: Tally) {
    this.#tokenEndpoint = where.tokenEndpoint;
    this.#resource = where.resource;
    this.#clientId = where.clientId;
    this.#tokens = tokens;
    this.#tally = tally;
  }

  /** Refreshes and calls until told to stop or signed out. @param rest in milliseconds, before each refresh */
  async live(goesOn: () => boolean, rest: () => number): Promise<void> {
    while (goesOn() && !this.#lost) {
      await delay(rest());
      await this.refresh();
      if (!this.#lost) await this.#call();
    }
  }

  /** Ends with new tokens or with the sign-in lost, however long Keycloak is away. */
  async refresh(): Promise<void> {
    const start = performance.now();
    if (await this.#attempt(false)) {
      this.#tally.durations.push(performance.now() - start);
      return;
    }
    this.#tally.swallowed++;
    do await delay(PAUSE);
    while (!(await this.#attempt(true)));
  }

  /** @returns whether there was an answer, good or bad */
  async #attempt(again: boolean): Promise<boolean> {
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: this.#clientId, refresh_token: this.#tokens.refresh_token });
    const answer = await this.#ask(this.#tokenEndpoint, { method: 'POST', body });
    if (!answer || answer.status >= 500) return false;
    if (answer.status === 200) {
      this.#tokens = JSON.parse(answer.text) as Tokens;
      if (again) this.#tally.continued++;
      else this.#tally.refreshed++;
    } else {
      this.#lost = true;
      this.#tally.lost.push({ afterSwallowed: again, why: answer.text });
    }
    return true;
  }

  async #call(): Promise<void> {
    const headers = { authorization: `Bearer ${this.#tokens.access_token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } });
    const answer = await this.#ask(this.#resource, { method: 'POST', headers, body });
    if (answer?.status === 200) this.#tally.calls.answered++;
    else if (!answer || answer.status >= 500) this.#tally.calls.unanswered++;
    else this.#tally.calls.refused++;
  }

  /** @returns undefined where the connection broke off */
  async #ask(url: string, init: RequestInit): Promise<{ status: number; text: string } | undefined> {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined;
    }
  }
}
