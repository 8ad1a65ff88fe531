// Loaded into the program's process before the SDK. The SDK prints an unhandled error in colours, and up to Node 24 the
// colouring never ends on a frame like `node_modules/@pulumi/resource.ts` (nodejs/node#64011), which is how the SDK's
// source maps name its own files: the program would hang instead of saying what is wrong.
import util, { type InspectOptions } from 'node:util';

const inspect = util.inspect;
const plain = (value: unknown, options?: InspectOptions): string => inspect(value, { ...options, colors: false });
util.inspect = Object.assign(plain, inspect) as typeof inspect;
