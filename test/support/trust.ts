// Clients trust the stack's own CA, as a user's machine would after installing it: no check is switched off.
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { outputs } from './outputs.ts';

if (outputs.caCertificate) setDefaultCACertificates([...getCACertificates('default'), outputs.caCertificate]);
