# A throwaway ACME CA for the local profile.
ARG BASE
# Any image with openssl: the official Pebble image holds the program and nothing else.
ARG TOOLS
FROM ${TOOLS} AS identity
# Pebble speaks TLS only. Nobody verifies this certificate: what Pebble signs is worth no more than the network it is on.
RUN mkdir /identity \
 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=pebble \
      -keyout /identity/key.pem -out /identity/certificate.pem \
 && chmod 0444 /identity/key.pem
FROM ${BASE}
COPY --from=identity /identity /identity
COPY proxy/pebble.json /pebble.json
# Validate at once, accept every nonce: its delays and refusals are for testing ACME clients.
ENV PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
USER 65534:65534
ENTRYPOINT ["/app", "-config", "/pebble.json"]
