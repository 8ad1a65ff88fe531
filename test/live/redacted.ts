import { inject } from 'vitest';
import { redact } from '../../doctor/evidence.ts';
import { outputs } from '../support/outputs.ts';

const { testUser, bearerToken } = outputs as Partial<Record<'testUser', { password: string }> & Record<'bearerToken', string>>;
const secrets = [inject('looks')?.token, testUser?.password, bearerToken].filter((secret) => secret !== undefined);

/** What a server says, without the tokens that it was given: some echo them, and reports are pasted and commented. */
export const redacted = (text: string): string => redact(text, secrets);
