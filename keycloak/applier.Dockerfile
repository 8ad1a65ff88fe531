# The realm applier: runs once inside the container network, reads its orders from standard input, and ends.
ARG BASE
FROM ${BASE}
WORKDIR /app
# The same first steps as the server's, so that both share these layers.
COPY package.json package-lock.json ./
# No install scripts: what is installed runs nothing before the server imports it.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY keycloak/apply.ts keycloak/look.ts keycloak/built-in-scopes.ts keycloak/desired-realm.ts keycloak/
COPY keycloak/applier/ keycloak/applier/
ENV NODE_ENV=production
USER 1000:1000
ENTRYPOINT ["node", "keycloak/apply.ts"]
