// A person at a browser, somewhere in the lab: `browser.ts AUTHORIZATION_URL REDIRECT_URI USERNAME PASSWORD`. Signs in, agrees, and prints
// the parameters of the redirect to the client.
import { FormBrowser } from '../../support/form-browser.ts';

const [url = '', redirectUri = '', username = '', password = ''] = process.argv.slice(2);
console.log((await new FormBrowser({ username, password }).authorize(url, redirectUri)).toString());
