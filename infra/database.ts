import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { createContainer } from './container.ts';
import type { Machine } from './machine.ts';
import { backupCommand, labels, objectName } from './stack.ts';

export interface DatabaseArgs {
  image: pulumi.Input<string>;
  machine: Machine;
  network: docker.Network;
  password: pulumi.Input<string>;
  /** Keep the data: a destroy stops until the protection is taken off by hand. */
  protect: boolean;
}

/**
 * PostgreSQL's image takes the password for a new cluster only. Here the cluster gets the one of the stack at each start, from
 * within, before anyone can connect; so that to change it is to start once more.
 */
const withCurrentPassword = `
if [ -s "$PGDATA/PG_VERSION" ]; then
  postgres --single -j -c exit_on_error=on -D "$PGDATA" postgres <<< "ALTER ROLE \\"$POSTGRES_USER\\" PASSWORD '$POSTGRES_PASSWORD';" > /dev/null ||
    echo 'The password of the stack was not set; the one from before is in force.' >&2
fi
exec docker-entrypoint.sh postgres`;

const credentials = { database: 'keycloak', username: 'keycloak' };

/** Keycloak's PostgreSQL: no published port, on a network that only Keycloak shares. */
export class Database extends pulumi.ComponentResource {
  /** Connection facts for Keycloak. */
  readonly host = 'database';
  readonly database = credentials.database;
  readonly username = credentials.username;

  /** For a stack that is to be without it: what stops Pulumi if there was one, and how to go on. */
  static stillProtected(machine: Machine): string {
    const urn = `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::drawbridge:infra:Database$docker:index/volume:Volume::${machine.named('database-data')}`;
    return [
      'This stack is to have no Keycloak. If it had one, its users are in a protected volume, and the update stops before it deletes them.',
      `Save them:           ${backupCommand()}`,
      `Then give them up:   pulumi state unprotect '${urn}'`,
      'Or keep them: set drawbridge:auth and drawbridge:authorizationServer back.',
    ].join('\n');
  }

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Database', name, {}, { ...opts, ...args.machine.options });
    const volume = new docker.Volume(
      args.machine.named(`${name}-data`),
      { name: objectName('database'), labels: labels() },
      { parent: this, protect: args.protect, dependsOn: args.machine.checked },
    );
    createContainer(
      'database',
      {
        machine: args.machine,
        image: args.image,
        user: '999:999',
        alias: this.host,
        networks: [args.network.name],
        entrypoint: ['bash', '-c', withCurrentPassword],
        // Keycloak has its sessions committed without waiting for the disk (SET LOCAL synchronous_commit TO OFF, and no option for it):
        // a crash of the database would cost the sign-ins of the last 600 ms, three rounds of the WAL writer. So they are 30.
        settings: { POSTGRES_USER: this.username, POSTGRES_DB: this.database, POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --auth-local=scram-sha-256 --set=wal_writer_delay=10ms' },
        secrets: { POSTGRES_PASSWORD: args.password },
        tmpfs: { '/run/postgresql': 'rw,uid=999,gid=999,mode=0750', '/tmp': 'rw,mode=1777' },
        volumes: [{ volume: volume.name, path: '/var/lib/postgresql/data' }],
        health: { command: ['pg_isready', '--username', this.username, '--host', '127.0.0.1'], within: 120 },
        stopTimeout: 30,
        memory: 512,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
