# The sample performer, and nothing else. `make images` builds it; see docs/adr/0018.
# No HEALTHCHECK: its health is asked over gRPC by the executor, which turns an image's own check off.
FROM scratch

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="square-performer" \
      org.opencontainers.image.description="The sample performer of Hourglass: squares a hexadecimal number" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/Layr-Labs/hourglass-monorepo" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# All files, with their owners and without a time: the program, Debian's CA roots (ca-certificates).
ADD performer.tar /

ENV PATH=/ \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

USER 65532:65532
WORKDIR /
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/square-performer"]
