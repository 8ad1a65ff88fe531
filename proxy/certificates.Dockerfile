# certbot in a loop: issues and renews the certificate that the front serves.
ARG BASE
FROM ${BASE}
# Named volumes take over the owner that a directory has in the image: uid 101 writes, group 0 may read certificates.
RUN mkdir -m 0755 /certificates && mkdir -m 0700 /acme && chown 101:0 /certificates /acme
COPY proxy/certificates /usr/local/lib/drawbridge/certificates
USER 101:0
ENTRYPOINT ["python3", "-B", "/usr/local/lib/drawbridge/certificates"]
