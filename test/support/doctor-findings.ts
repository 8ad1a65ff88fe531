import { expect } from 'vitest';
import type { ClientName, Diagnosis, Finding } from '../../doctor/index.ts';

export const everyone: readonly ClientName[] = ['claude', 'claude-code', 'chatgpt', 'vscode', 'cursor', 'inspector'];
export const hosted: readonly ClientName[] = ['claude', 'chatgpt'];

/** What is wrong according to a diagnosis; notes aside. */
export const troubles = ({ findings }: Diagnosis): string[] => findings.filter(({ weight }) => weight !== 'note').map(({ id, step, weight, clients }) => `${weight} ${id} at ${step}: ${clients.join(' ')}`);

/** The findings of a cause, which is expected to have been found once. */
export function found(diagnosis: Diagnosis, id: string): Finding {
  const findings = diagnosis.findings.filter((finding) => finding.id === id);
  expect(diagnosis.findings.map((finding) => finding.id)).toContain(id);
  expect(findings.map(({ what }) => what)).toHaveLength(1);
  return findings[0]!;
}
