/** By which a stack knows its own: the comment of a DNS record, and the description of a rule. Compared as a whole: `a` is not `a-b`. */
export const markOf = (stack: string): string => `drawbridge ${stack}`;
