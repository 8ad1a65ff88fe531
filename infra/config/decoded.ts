/**
 * A value of a config in the form in which it is checked. Pulumi hands all values to the program as texts, objects and lists as JSON; and in a
 * stack's file each `pulumi config set` makes a text of every number and boolean that stands there by itself.
 */
export function decoded(value: string): unknown {
  if (!/^[[{]|^(true|false|-?\d+)$/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
