/**
 * A path as rules see it: Cloudflare normalises before it evaluates them, by RFC 3986, and passes on to the origin what came (Rules,
 * "URL normalization", its defaults).
 */
export function normalized(path: string): string {
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (escape, code: string) => {
    const character = String.fromCharCode(Number.parseInt(code, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
  });
  return withoutDotSegments(decoded.replaceAll('\\', '%5C'));
}

/** RFC 3986 §5.2.4. */
function withoutDotSegments(path: string): string {
  const segments = path.split('/').slice(1);
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
