import { authorizeCauses } from './authorize.ts';
import { callCauses } from './call.ts';
import type { Cause } from './cause.ts';
import { challengeCauses } from './challenge.ts';
import { edgeCauses } from './edge.ts';
import { reachCauses } from './reach.ts';
import { registrationCauses } from './registration.ts';
import { resourceMetadataCauses } from './resource-metadata.ts';
import { serverMetadataCauses } from './server-metadata.ts';
import { streamCauses } from './stream.ts';
import { tokenCauses } from './token.ts';

export const causes: readonly Cause[] = [...reachCauses, ...edgeCauses, ...challengeCauses, ...resourceMetadataCauses, ...serverMetadataCauses, ...registrationCauses, ...authorizeCauses, ...tokenCauses, ...callCauses, ...streamCauses];
