import { createRequire } from 'node:module';
import { Server, ServerCredentials, status, type handleUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import type * as engineServices from '@pulumi/pulumi/proto/engine_grpc_pb.js';
import type * as engineMessages from '@pulumi/pulumi/proto/engine_pb.js';
import type * as resourceServices from '@pulumi/pulumi/proto/resource_grpc_pb.js';
import type * as resourceMessages from '@pulumi/pulumi/proto/resource_pb.js';
import type { Message } from 'google-protobuf';
import type * as emptyMessages from 'google-protobuf/google/protobuf/empty_pb.js';
import type * as structMessages from 'google-protobuf/google/protobuf/struct_pb.js';
import { providerUrn, readRegistration, type Registration } from './registration.ts';
import { EngineError, messageOf, type EngineEvent } from './types.ts';
import { fromWire, toWire, type Values } from './values.ts';

// The generated modules are CommonJS whose names Node cannot see from an import.
const require = createRequire(import.meta.url);
const resource = require('@pulumi/pulumi/proto/resource_pb.js') as typeof resourceMessages;
const { ResourceMonitorService } = require('@pulumi/pulumi/proto/resource_grpc_pb.js') as typeof resourceServices;
const engine = require('@pulumi/pulumi/proto/engine_pb.js') as typeof engineMessages;
const { EngineService } = require('@pulumi/pulumi/proto/engine_grpc_pb.js') as typeof engineServices;
const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js') as typeof emptyMessages;
const { Struct } = require('google-protobuf/google/protobuf/struct_pb.js') as typeof structMessages;

/** A call of a provider's function. */
export interface Invocation {
  name: string;
  /** URN of the explicit provider. */
  provider?: string;
  inputs: Values;
}

/** What the program's calls mean to a deployment. */
export interface Listener {
  register(registration: Registration): Promise<{ id: string | undefined; properties: Values }>;
  registerOutputs(urn: string, outputs: Values): void;
  invoke(invocation: Invocation): Promise<Values>;
  /** Properties of a reference to another stack. @param reference `organization/project/stack`, or the name alone */
  readStack(reference: string): Values;
  /** A call that no step answers for; the deployment has failed. */
  refuse(error: unknown): void;
  log(severity: Extract<EngineEvent, { kind: 'log' }>['severity'], message: string): void;
  /** The program has registered all it wants, without an error. */
  completed(): void;
}

const STACK_REFERENCE = 'pulumi:pulumi:StackReference';

const noLimits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

/** Serves pulumirpc `ResourceMonitor` and `Engine` on a loopback port. */
export async function serveMonitor(project: string, stack: string, listener: Listener): Promise<{ address: string; close: () => void }> {
  const answer = <Request extends Message, Response>(work: (request: Request) => Response | Promise<Response>): handleUnaryCall<Request, Response> =>
    (call, done: sendUnaryData<Response>) => {
      Promise.resolve(call.request).then(work).then(
        (response) => done(null, response),
        (error: unknown) => {
          listener.refuse(error);
          // The SDK takes UNAVAILABLE for "the engine stops here" and ends the program quietly: the engine says what failed.
          done({ code: status.UNAVAILABLE, details: messageOf(error) });
        },
      );
    };
  const unsupported = (what: string) => answer<Message, never>(() => {
    throw new EngineError(`The program uses ${what}, which the embedded engine does not know. Leave it out, or deploy with the Pulumi CLI.`);
  });

  // Features are claimed so that options arrive and can be refused by name, in words that fit.
  const { SECRETS, ALIAS_SPECS, DELETED_WITH, REPLACE_WITH, REPLACEMENT_TRIGGER, TRANSFORMS, INVOKE_TRANSFORMS, PARAMETERIZATION, RESOURCE_HOOKS, ERROR_HOOKS } = featureNumbers();
  const features = [SECRETS, ALIAS_SPECS, DELETED_WITH, REPLACE_WITH, REPLACEMENT_TRIGGER, TRANSFORMS, INVOKE_TRANSFORMS, PARAMETERIZATION, RESOURCE_HOOKS, ERROR_HOOKS];
  const severities = ['debug', 'info', 'warning', 'error'] as const;
  let root = '';

  const server = new Server(noLimits);
  server.addService(ResourceMonitorService, {
    getDeploymentInfo: answer(() => new resource.DeploymentInfo().setProject(project).setStack(stack).setSupportedfeaturesList(features as number[])),
    supportsFeature: unsupported('a version of @pulumi/pulumi that is older than the engine'),
    registerResource: answer(async (request: resourceMessages.RegisterResourceRequest) => {
      const registration = readRegistration(request, project, stack);
      const { id, properties } = await listener.register(registration);
      return new resource.RegisterResourceResponse().setUrn(registration.urn).setId(id ?? '').setObject(Struct.fromJavaScript(toWire(properties) as never));
    }),
    registerResourceOutputs: answer((request: resourceMessages.RegisterResourceOutputsRequest) => {
      listener.registerOutputs(request.getUrn(), fromWire(request.getOutputs()?.toJavaScript() ?? {}) as Values);
      return new Empty();
    }),
    // The SDK does not call it before all it depends on is known: in a preview it answers itself.
    invoke: answer(async (request: resourceMessages.ResourceInvokeRequest) => {
      const inputs = fromWire(request.getArgs()?.toJavaScript() ?? {}) as Values;
      const result = await listener.invoke({ name: request.getTok(), provider: providerUrn(request.getProvider()), inputs });
      return new resource.ResourceInvokeResponse().setReturn(Struct.fromJavaScript(toWire(result) as never));
    }),
    call: answer((request: resourceMessages.ResourceCallRequest): never => {
      throw new EngineError(`The program calls the method ${request.getTok()}, which the embedded engine does not know.`);
    }),
    readResource: answer(async (request: resourceMessages.ReadResourceRequest) => {
      if (request.getType() !== STACK_REFERENCE) throw new EngineError(`${request.getType()} ${request.getName()}: the embedded engine cannot read existing resources (get, id).`);
      const properties = await listener.readStack(request.getId());
      return new resource.ReadResourceResponse().setUrn(`urn:pulumi:${stack}::${project}::${STACK_REFERENCE}::${request.getName()}`).setProperties(Struct.fromJavaScript(toWire(properties) as never));
    }),
    registerStackTransform: unsupported('stack transforms'),
    registerStackInvokeTransform: unsupported('invoke transforms'),
    registerResourceHook: unsupported('resource hooks'),
    registerErrorHook: unsupported('error hooks'),
    registerPackage: unsupported('parameterized packages'),
    signalAndWaitForShutdown: answer(() => {
      listener.completed();
      return new Empty();
    }),
  });
  server.addService(EngineService, {
    log: answer((request: engineMessages.LogRequest) => {
      listener.log(severities[request.getSeverity()] ?? 'info', request.getMessage());
      return new Empty();
    }),
    getRootResource: answer(() => new engine.GetRootResourceResponse().setUrn(root)),
    setRootResource: answer((request: engineMessages.SetRootResourceRequest) => {
      root = request.getUrn();
      return new engine.SetRootResourceResponse();
    }),
    startDebugging: unsupported('a debugger'),
    // A demand on the Pulumi CLI's version says nothing about this engine, which comes with the SDK it serves.
    requirePulumiVersion: answer(() => new engine.RequirePulumiVersionResponse()),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

function featureNumbers(): Record<string, number> {
  const prefix = 'RESOURCE_MONITOR_FEATURE_';
  return Object.fromEntries(Object.entries(resource.ResourceMonitorFeature).map(([name, number]) => [name.slice(prefix.length), number as number]));
}
