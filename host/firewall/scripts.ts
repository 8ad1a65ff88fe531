import { quote } from '../shell.ts';
import { directory } from './facts.ts';
import type { Opening } from './openings.ts';
import { renderTable } from './table.ts';
import { renderUnit, unitName } from './unit.ts';
import { ruleComment, tableName, type Wanted } from './wanted.ts';

const head = 'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"';

const write = (file: string, content: string): string => `printf %s ${quote(content)} > ${file}`;

/** What is recorded apart, so that it can be undone apart: what the stack's own table goes with, and the ports of the front. */
const guarded = (stack: string): string => `${directory(stack)}/openings`;
const published = (stack: string): string => `${directory(stack)}/public`;

/** What a tool forgets when the machine restarts. No rule is in the way of the others. */
const atStart = (openings: readonly Opening[]): string[] => openings.flatMap(({ atStart, open }) => (atStart ? [open] : []));

/** What runs now and at each start of the machine. */
const startScript = (stack: string, openings: readonly Opening[]): string =>
  [`# ${ruleComment(stack)}`, head, `nft -f ${directory(stack)}/firewall.nft || exit 1`, ...atStart(openings), `[ ! -f ${published(stack)}.sh ] || . ${published(stack)}.sh`, ''].join('\n');

/** Opens, each recorded with what undoes it before it is made. What an earlier run opened stays, since it may serve until now. */
const openAll = (record: string, openings: readonly Opening[]): string => `
${write(`${record}.new`, openings.map(({ close }) => `${close}\n`).join(''))}
touch ${record}
# Undone in the opposite order, those of an earlier run before the ones of this run.
grep -vxFf ${record}.new ${record} >> ${record}.new || true
mv ${record}.new ${record}
${openings.map(({ open }) => `{ ${open}; } >/dev/null`).join('\n')}
`;

/** Closes what is private on a machine, and lets in whom the stack itself needs. The table comes first, so that nothing is open before it is closed. */
export function guardScript(wanted: Wanted, openings: readonly Opening[]): string {
  const { stack } = wanted;
  const own = directory(stack);
  return `${head}
set -eu
umask 022
mkdir -p ${own}
${write(`${own}/target`, wanted.target)}
${write(`${own}/firewall.nft`, renderTable(wanted))}
${write(`${own}/firewall.sh`, startScript(stack, openings))}
${write(`/etc/systemd/system/${unitName(stack)}`, renderUnit(stack))}
nft -f ${own}/firewall.nft
${openAll(guarded(stack), openings)}
if systemctl daemon-reload 2>/dev/null; then
  systemctl --quiet enable ${unitName(stack)}
  systemctl restart ${unitName(stack)}
else
  echo 'no systemd runs here: after a restart of the machine, \`up\` has to be run again' >&2
fi
`;
}

/** Opens the front's ports, on a machine that is guarded. */
export const openScript = (stack: string, openings: readonly Opening[]): string => `${head}
set -eu
umask 022
${write(`${published(stack)}.sh`, atStart(openings).map((line) => `${line}\n`).join(''))}
${openAll(published(stack), openings)}`;

/** Closes what is open and nobody wants any more. */
export const surplusScript = (stack: string, surplus: readonly string[]): string => `${head}
set -eu
umask 022
${write(`${directory(stack)}/surplus`, surplus.map((line) => `${line}\n`).join(''))}
${closeAll(`${directory(stack)}/surplus`)}
for record in ${guarded(stack)} ${published(stack)}; do
  [ ! -f $record ] || { grep -vxFf ${directory(stack)}/surplus $record > $record.new || true; mv $record.new $record; }
done
rm ${directory(stack)}/surplus
`;

/** Not where the stack has come back to the machine by another name or user since: what stands there now is not what is to be removed. */
const unlessItCameBack = ({ stack, target }: Removed): string => `[ "$(cat ${directory(stack)}/target 2>/dev/null)" = ${quote(target)} ] || exit 0`;
type Removed = Pick<Wanted, 'stack' | 'target'>;

/** Closes the front's ports. The rest stays guarded. */
export const closeScript = (removed: Removed): string => `${head}
set -u
${unlessItCameBack(removed)}
${closeRecorded(published(removed.stack))}
rm -f ${published(removed.stack)} ${published(removed.stack)}.sh
`;

/** Deletes exactly what was added, and is content where there is nothing (any more). */
export function removeScript(removed: Removed): string {
  const { stack } = removed;
  const own = directory(stack);
  return `${head}
set -u
${unlessItCameBack(removed)}
${closeRecorded(published(stack))}
${closeRecorded(guarded(stack))}
if [ -f /etc/systemd/system/${unitName(stack)} ]; then
  if systemctl daemon-reload 2>/dev/null; then systemctl --quiet disable ${unitName(stack)} && systemctl stop ${unitName(stack)}; fi
  rm -f /etc/systemd/system/${unitName(stack)}
  systemctl daemon-reload 2>/dev/null || true
fi
if nft list table inet ${tableName(stack)} >/dev/null 2>&1; then nft delete table inet ${tableName(stack)} || exit 1; fi
rm -rf ${own}
rmdir /etc/drawbridge 2>/dev/null || true
`;
}

const closeRecorded = (record: string): string => `if [ -f ${record} ]; then
  ${closeAll(record)}
fi`;

/** Last opened, first closed. A rule that somebody else removed by hand is closed already. */
const closeAll = (file: string): string => `sed '1!G;h;$!d' ${file} | while IFS= read -r line; do sh -c "$line" >/dev/null 2>&1 </dev/null || echo "was closed already: $line"; done`;
