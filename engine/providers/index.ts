import { EngineError } from '../types.ts';
import { command } from './command.ts';
import { container } from './container.ts';
import { image } from './image.ts';
import { network } from './network.ts';
import type { Provider, ProviderFunction } from './provider.ts';
import { randomPassword } from './random-password.ts';
import { tunnelConfig } from './tunnel-config.ts';
import { tunnelToken } from './tunnel-token.ts';
import { tunnel } from './tunnel.ts';
import { volume } from './volume.ts';

const providers: Record<string, Provider> = {
  'cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared': tunnel,
  'cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig': tunnelConfig,
  'command:local:Command': command,
  'docker:index/container:Container': container,
  'docker:index/network:Network': network,
  'docker:index/remoteImage:RemoteImage': image,
  'docker:index/volume:Volume': volume,
  'random:index/randomPassword:RandomPassword': randomPassword,
};

const functions: Record<string, ProviderFunction> = {
  'cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken': tunnelToken,
};

export const knowsType = (type: string): boolean => Object.hasOwn(providers, type);

/** @throws EngineError naming the type, when the engine has no provider for it */
export function providerOf(type: string, name: string): Provider {
  const provider = knowsType(type) ? providers[type] : undefined;
  if (provider) return provider;
  throw new EngineError(`${name}: the embedded engine does not know the resource type ${type}. It knows ${Object.keys(providers).join(', ')}. Deploy with the Pulumi CLI instead.`);
}

/** @throws EngineError naming the function, when the engine does not know it */
export function functionOf(name: string): ProviderFunction {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found) return found;
  throw new EngineError(`The program calls the function ${name}, which the embedded engine does not know.`);
}
