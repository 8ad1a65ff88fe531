import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { createContainer } from './container.ts';
import { labels, objectName } from './stack.ts';

export interface DatabaseArgs {
  image: pulumi.Input<string>;
  network: docker.Network;
  password: pulumi.Input<string>;
  /** Keep the data: a destroy stops until the protection is taken off by hand. */
  protect: boolean;
}

/** Keycloak's PostgreSQL: no published port, on a network that only Keycloak shares. */
export class Database extends pulumi.ComponentResource {
  /** Connection facts for Keycloak. */
  readonly host = 'database';
  readonly database = 'keycloak';
  readonly username = 'keycloak';
  /** Shell command that writes all its data to a file, for `pg_restore`. */
  readonly backup = `docker exec ${objectName('database')} sh -c 'PGPASSWORD="$POSTGRES_PASSWORD" pg_dump --username ${this.username} --format custom ${this.database}' > ${objectName('database')}.dump`;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Database', name, {}, opts);
    const volume = new docker.Volume(
      `${name}-data`,
      { name: objectName('database'), labels: labels() },
      { parent: this, protect: args.protect },
    );
    createContainer(
      'database',
      {
        image: args.image,
        user: '999:999',
        alias: this.host,
        networks: [args.network.name],
        settings: { POSTGRES_USER: this.username, POSTGRES_DB: this.database, POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --auth-local=scram-sha-256' },
        secrets: { POSTGRES_PASSWORD: args.password },
        tmpfs: { '/run/postgresql': 'rw,uid=999,gid=999,mode=0750', '/tmp': 'rw,mode=1777' },
        volumes: [{ volume: volume.name, path: '/var/lib/postgresql/data' }],
        health: { command: ['pg_isready', '--username', this.username, '--host', '127.0.0.1'], within: 60 },
        stopTimeout: 30,
        memory: 512,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
