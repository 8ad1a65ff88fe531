type Values = Readonly<Record<string, unknown>>;

/**
 * The config of a preview: its template's, with what differs.
 * @param template keys with their namespace or without; those of other namespaces are taken over
 * @returns keys with their namespace
 */
export function previewConfig(template: Values, namespace: string, changes: Values): Record<string, unknown> {
  const own = (key: string) => (key.includes(':') ? key : `${namespace}:${key}`);
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(template).map(([key, value]) => [own(key), value]));
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete merged[own(key)];
    else merged[own(key)] = value;
  }
  return merged;
}
