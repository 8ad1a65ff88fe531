import { parseConfig } from '../../infra/config.ts';

/** The lifetimes that a stack has where its config says nothing of them. */
export const { sessions } = parseConfig({ profile: 'local' });
