// The walls of the house: who may import whom, and where a URL may be put together.
import tseslint from 'typescript-eslint';

const wall = (files, group, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] },
});

const urlsComeFromEndpoints = {
  selector: 'Literal[value=/\\u002frealms\\u002f|\\.well-known/], TemplateElement[value.raw=/\\u002frealms\\u002f|\\.well-known/]',
  message: 'URLs and their paths are put together in infra/endpoints.ts only; take them as arguments.',
};

export default tseslint.config(
  { ignores: ['node_modules/', '.drawbridge/'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  wall(['keycloak/**/*.ts', 'proxy/**/*.ts'], ['**/infra/**', '**/cloudflare/**', '**/server/**', '**/cli/**', '**/engine/**', '@pulumi/*'], 'keycloak/ and proxy/ get values as arguments.'),
  wall(['host/**/*.ts'], ['**/infra/**', '**/cloudflare/**', '**/keycloak/**', '**/proxy/**', '**/server/**', '**/backends/**', '**/cli/**', '**/engine/**', '@pulumi/*', '@modelcontextprotocol/*'], 'host/ knows machines, and nothing of Pulumi or MCP.'),
  wall(['cloudflare/**/*.ts'], ['**/infra/**', '**/keycloak/**', '**/proxy/**', '**/server/**', '**/backends/**', '**/cli/**', '**/engine/**', '@pulumi/*', '@modelcontextprotocol/*'], 'cloudflare/ knows Cloudflare’s API, and nothing of Pulumi or MCP.'),
  wall(['doctor/**/*.ts'], ['**/infra/**', '**/cloudflare/**', '**/keycloak/**', '**/proxy/**', '**/server/**', '**/backends/**', '**/host/**', '**/cli/**', '**/engine/**', '@pulumi/*', '@modelcontextprotocol/*'], 'doctor/ knows MCP and OAuth clients as servers meet them, and nothing of stacks.'),
  wall(['server/**/*.ts'], ['**/infra/**', '**/cloudflare/**', '**/keycloak/**', '**/proxy/**', '**/backends/**', '**/cli/**', '**/engine/**', '@pulumi/*'], 'server/ gets its settings from its environment.'),
  wall(['backends/**/*.ts'], ['**/infra/**', '**/cloudflare/**', '**/server/**', '**/keycloak/**', '**/proxy/**', '**/cli/**', '**/engine/**', '@pulumi/*'], 'backends/ are programs of their own: they hear from the gateway by HTTP only.'),
  wall(['infra/**/*.ts'], ['**/cli/**', '**/engine/**'], 'infra/ is the Pulumi program; it knows no caller.'),
  wall(['engine/**/*.ts'], ['**/infra/**', '**/keycloak/**', '**/proxy/**', '**/server/**', '**/cli/**', '@modelcontextprotocol/*'], 'engine/ knows pulumirpc and nothing about MCP.'),
  wall(['deployers/**/*.ts'], ['**/infra/**', '**/keycloak/**', '**/proxy/**', '**/server/**', '**/cli/**', '@modelcontextprotocol/*'], 'deployers/ runs the Pulumi program, and knows nothing of what it makes.'),
  wall(['cli/**/*.ts', 'images/**/*.ts', 'bench/**/*.ts', 'soak/**/*.ts'], ['@pulumi/*'], 'Only infra/, engine/ and deployers/ speak Pulumi.'),
  {
    files: ['server/**/*.ts', 'backends/**/*.ts', 'keycloak/**/*.ts', 'proxy/**/*.ts', 'infra/**/*.ts', 'cli/**/*.ts', 'bench/**/*.ts', 'soak/**/*.ts'],
    ignores: ['infra/endpoints.ts'],
    rules: { 'no-restricted-syntax': ['error', urlsComeFromEndpoints] },
  },
  {
    files: ['server/**/*.ts'],
    ignores: ['server/main.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'The environment is read in server/main.ts only.' }],
    },
  },
);
