import type { Era } from '../envelope.ts';

/** Whose session it is. One user with two clients has two. */
export interface Owner {
  /** Name of the MCP server. */
  readonly server: string;
  readonly subject: string;
  readonly clientId: string;
}

/** What the gateway knows of one conversation, toward the client and toward the backend. */
export interface Session {
  /** The gateway's own id, which a client of an earlier version gets as `Mcp-Session-Id` and never needs to send. */
  readonly id: string;
  readonly owner: Owner;
  /** What the backend speaks in it. */
  readonly era: Era;
  /** The backend's own session, where it keeps one. */
  readonly backendId: string | undefined;
  readonly protocolVersion: string;
  /** The answer to `initialize`: capabilities, server information, instructions. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** Headers of the gateway for a backend: who calls. */
export type BackendHeaders = Readonly<Record<string, string>>;

/** The sessions of all workers. A session is made once, whoever asks first. */
export interface Sessions {
  /** For a client that begins. The same user with the same client and the same words gets the session that is there. */
  initialize(owner: Owner, params: Readonly<Record<string, unknown>>, headers: BackendHeaders): Promise<Session>;
  /** The newest session of an owner, made when there is none: for clients that send no session id. */
  current(owner: Owner, headers: BackendHeaders): Promise<Session>;
  /** A session for clients of 2026-07-28 with an earlier backend: it promises the backend nothing on the client's behalf. */
  bridge(owner: Owner, headers: BackendHeaders): Promise<Session>;
  /** The same for an id that a process before this one may have given out; none for one that was ended here, or is another user's. */
  resume(id: string, owner: Owner, headers: BackendHeaders): Promise<Session | undefined>;
  /** The owner's session of that id. Another user's is as good as none. */
  find(id: string, owner: Owner): Promise<Session | undefined>;
  /** The session with a new one at the backend in the place of `lost`, which the backend has forgotten. None: the client ended it. */
  renew(id: string, lost: string | undefined, headers: BackendHeaders): Promise<Session | undefined>;
  /** The client ends it. */
  end(id: string, owner: Owner): Promise<void>;
  /** These are still in use. */
  touch(ids: readonly string[]): void;
  /** Whether the backend speaks 2026-07-28; at once where it is known. */
  isModern(server: string, headers: BackendHeaders): boolean | Promise<boolean>;
}

/** A backend that begins no session says so in these words. */
export class SessionError extends Error {
  /** HTTP status for the client. */
  readonly status: number;
  readonly code: number;
  readonly data: unknown;

  constructor(status: number, code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'SessionError';
    this.status = status;
    this.code = code;
    this.data = data;
  }
}
