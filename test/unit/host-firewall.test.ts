import { expect, it } from 'vitest';
import { findEnforcers, namesOf } from '../../host/firewall/enforcers.ts';
import { parseFacts } from '../../host/firewall/facts.ts';
import { HostError } from '../../host/shell.ts';

const withUfw = parseFacts('\n%% nft\n/usr/sbin/nft\n\n%% ufw\nufw allow 22\n');

it('the firewall that the config names is the one in which ports are opened', () => {
  expect(namesOf(findEnforcers(withUfw, 'ufw'))).toEqual(['ufw']);
});

it('one that does not enforce is an error of the machine, which says what does and what to do', () => {
  const found = () => findEnforcers(withUfw, 'firewalld');
  expect(found).toThrow(HostError);
  expect(found).toThrow('drawbridge:firewall is firewalld, which does not enforce there; what does: ufw. Set it to auto, or switch firewalld on.');
});
