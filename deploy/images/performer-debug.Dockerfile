# square-performer with a shell, for looking at a container from inside: `docker exec -it … /busybox/sh`. Not for production.
FROM scratch

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="square-performer-debug" \
      org.opencontainers.image.description="The sample performer of Hourglass: squares a hexadecimal number" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/Layr-Labs/hourglass-monorepo" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# All files, with their owners and without a time: the program, Debian's CA roots (ca-certificates) and busybox (busybox-static).
ADD performer-debug.tar /

ENV PATH=/:/busybox \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

USER 65532:65532
WORKDIR /
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/square-performer"]
