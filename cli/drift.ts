import * as engine from '../engine/index.ts';
import type { DriftReport } from './drift/facts.ts';
import { lookAt, lookByPulumi } from './drift/look.ts';
import { driftLines } from './drift/text.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { refuseUnknownLocal } from './standing-stack.ts';

/**
 * Says where a stack is not as its config says: state, containers, realm, front, DNS and firewall. Changes nothing.
 * @returns the exit code: 1 where something differs, or could not be looked at
 * @throws CommandError where the Pulumi CLI deployed it, and is not here
 */
export async function drift({ stack, json = false }: { stack: string; json?: boolean }): Promise<0 | 1> {
  const config = readStackConfig(stack);
  const options = { projectDirectory, stateDirectory, stack };
  const isOurs = (await engine.outputs(options)) !== undefined;
  if (!isOurs) refuseUnknownLocal(stack, config);
  const { findings, beside, unknown } = isOurs ? await lookAt(options, config) : await lookByPulumi(stack, config);
  const report: DriftReport = { stack, ok: findings.length + unknown.length === 0, findings, beside, unknown };
  const up = isOurs ? `npm run up -- --stack ${stack} --refresh` : `pulumi up --refresh --stack ${stack}`;
  console.log(json ? JSON.stringify(report, null, 2) : driftLines(report, up).join('\n'));
  return report.ok ? 0 : 1;
}
