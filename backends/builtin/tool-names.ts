/** The tools of the demonstration server, for whoever has to name them without running it. */
export const toolNames = ['whoami', 'echo', 'wait', 'note_read', 'note_write'] as const;
