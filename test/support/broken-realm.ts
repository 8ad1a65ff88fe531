import { Administrator, type Office } from './administrator.ts';

type Entry = Record<string, unknown>;

/** A realm that somebody edits by hand, through Keycloak's admin API. */
export class BrokenRealm {
  readonly #administrator: Administrator;
  readonly #root: string;
  readonly #former: { path: string; entry: Entry }[] = [];

  constructor(stack: string, realm: string) {
    this.#administrator = new Administrator(stack);
    this.#root = `/admin/realms/${realm}`;
  }

  /** @param path of what is edited, below the realm. In brackets: that of a list with these members, as in `/clients[clientId=a]` */
  edit(path: string, change: (entry: Entry) => Entry): void {
    const found = this.#find(path);
    const entry = this.#administrator.run(get, found) as Entry;
    const changed = change(structuredClone(entry));
    if (JSON.stringify(changed) === JSON.stringify(entry)) throw new Error(`The edit of ${path} changes nothing.`);
    this.#former.unshift({ path: found, entry });
    this.#administrator.run(put, { path: found, entry: changed });
  }

  putBack(): void {
    for (const former of this.#former.splice(0)) this.#administrator.run(put, former);
  }

  leave(): void {
    this.#administrator.leave();
  }

  #find(path: string): string {
    const parts = path.match(/\/[^/[]+(\[[^\]]+\])?/g) ?? [];
    return parts.reduce((found, part) => {
      const [, list = '', member, value] = /^(\/[^[]+)(?:\[(\w+)=(.+)\])?$/.exec(part)!;
      if (member === undefined) return `${found}${list}`;
      const entries = this.#administrator.run(get, `${found}${list}`) as Entry[];
      return `${found}${list}/${String(entries.find((entry) => entry[member] === value)!.id)}`;
    }, this.#root);
  }
}

async function get({ origin, admin }: Office, path: string): Promise<unknown> {
  return (await fetch(`${origin}${path}`, { headers: admin })).json();
}

async function put({ origin, admin }: Office, { path, entry }: { path: string; entry: Entry }): Promise<void> {
  const answer = await fetch(`${origin}${path}`, { method: 'PUT', headers: admin, body: JSON.stringify(entry) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
