// In place of @pulumi/docker, for a program of which only what it does at Cloudflare is looked at: makes nothing.
import { createHash } from 'node:crypto';
import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';

class Nothing extends command.local.Command {
  constructor(name, args, opts) {
    const digest = pulumi.jsonStringify(args).apply((text) => createHash('sha256').update(text).digest('hex'));
    super(name, { create: 'true', environment: { ARGUMENTS: pulumi.unsecret(digest) } }, opts);
    this.name = pulumi.output(args.name);
  }
}

export { Nothing as Container, Nothing as Network, Nothing as Volume, Nothing as RemoteImage, Nothing as Provider };
