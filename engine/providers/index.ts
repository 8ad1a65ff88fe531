import { EngineError } from '../types.ts';
import { command } from './command.ts';
import { container } from './container.ts';
import { image } from './image.ts';
import { network } from './network.ts';
import type { Provider } from './provider.ts';
import { randomPassword } from './random-password.ts';
import { volume } from './volume.ts';

const providers: Record<string, Provider> = {
  'command:local:Command': command,
  'docker:index/container:Container': container,
  'docker:index/network:Network': network,
  'docker:index/remoteImage:RemoteImage': image,
  'docker:index/volume:Volume': volume,
  'random:index/randomPassword:RandomPassword': randomPassword,
};

/** @throws EngineError naming the type, when the engine has no provider for it */
export function providerOf(type: string, name: string): Provider {
  const provider = Object.hasOwn(providers, type) ? providers[type] : undefined;
  if (provider) return provider;
  throw new EngineError(`${name}: the embedded engine does not know the resource type ${type}. It knows ${Object.keys(providers).join(', ')}. Deploy with the Pulumi CLI instead.`);
}
