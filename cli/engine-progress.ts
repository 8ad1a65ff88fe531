import type { Action, EngineEvent } from '../engine/index.ts';
import type { Progress } from './progress.ts';

/** Words for the resource types that people wait for. Others only group these. */
const words: Record<string, string> = {
  'docker:index/network:Network': 'network',
  'docker:index/volume:Volume': 'volume',
  'docker:index/remoteImage:RemoteImage': 'image',
  'docker:index/container:Container': 'container',
  'command:local:Command': 'command',
  'random:index/randomPassword:RandomPassword': 'secret',
  'cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared': 'tunnel',
  'cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig': 'tunnel configuration',
};

type Verb = { doing: string; done: string; plan: string; failed: string };

const verbs: Record<Exclude<Action, 'same'>, Verb> = {
  create: { doing: 'creating', done: 'created', plan: '+ create', failed: 'could not create' },
  update: { doing: 'updating', done: 'updated', plan: '~ update', failed: 'could not update' },
  replace: { doing: 'replacing', done: 'replaced', plan: '± replace', failed: 'could not replace' },
  delete: { doing: 'removing', done: 'removed', plan: '- delete', failed: 'could not remove' },
};
/** It leaves the stack and stays where it is. */
const retaining: Verb = { doing: 'letting go of', done: 'let go of', plan: '- let go of', failed: 'could not let go of' };
const verbOf = (action: Exclude<Action, 'same'>, retained = false): Verb => (retained ? retaining : verbs[action]);

/** Shows what the engine does, step by step. What stays as it is is not shown. */
export function showEvents(progress: Progress): (event: EngineEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'planned':
        return;
      case 'started': {
        const what = nounOf(event);
        if (what && event.action !== 'same') progress.start(event.urn, `${verbOf(event.action, event.retained).doing} ${what}${because(event.reason)}`);
        return;
      }
      case 'progress':
        return progress.line(event.urn, event.line);
      case 'finished': {
        const what = nounOf(event);
        if (what && event.action !== 'same') progress.finish(event.urn, `${verbOf(event.action, event.retained).done} ${what}`, event.seconds);
        return;
      }
      case 'failed':
        // The whole text comes with the error that ends the command.
        return progress.fail(event.urn, `${event.action === 'same' ? 'could not check' : verbs[event.action].failed} ${nounOf(event) ?? event.name}`);
      case 'log':
        if (event.severity !== 'debug') progress.say(`  ${event.severity === 'info' ? '' : `${event.severity}: `}${event.message}`);
    }
  };
}

/** One line of a preview, or undefined where nothing is going to happen. */
export function planLine(event: EngineEvent): string | undefined {
  if (event.kind !== 'planned' || event.action === 'same') return undefined;
  const what = nounOf(event);
  return what && `  ${verbOf(event.action, event.retained).plan} ${what}${because(event.reason)}`;
}

/** `2 created, 1 replaced`, or `No changes`. */
export function summary(changes: Readonly<Partial<Record<Action, number>>>, tense: 'done' | 'plan' = 'done'): string {
  const parts = (['create', 'update', 'replace', 'delete'] as const)
    .filter((action) => changes[action])
    .map((action) => `${changes[action]} ${tense === 'done' ? verbs[action].done : `to ${action}`}`);
  return parts.length > 0 ? parts.join(', ') : 'No changes';
}

/** `container keycloak`: the type in a human word, and the name without it. */
export function nounOf({ urn, name }: { urn: string; name: string }): string | undefined {
  // A URN holds the types of all parents too: urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>.
  const word = words[urn.split('::')[2]?.split('$').at(-1) ?? ''];
  return word && `${word} ${name.startsWith(`${word}-`) ? name.slice(word.length + 1) : name}`;
}

const because = (reason: string | undefined) => (reason ? ` (${reason})` : '');
