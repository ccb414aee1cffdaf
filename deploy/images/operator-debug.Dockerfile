# hourglass-operator with a shell, for looking at a container from inside. Not for production.
FROM scratch

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="hourglass-operator" \
      org.opencontainers.image.description="Makes Performer and HourglassExecutor resources running, healthy, upgradable workloads" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/Layr-Labs/hourglass-monorepo" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# All files, with their owners and without a time: the program, Debian's CA roots (ca-certificates) and busybox (busybox-static).
ADD operator-debug.tar /

ENV PATH=/:/busybox \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

# There is no /etc/passwd: a number needs none.
USER 65532:65532
# Metrics; health.
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# As the earlier operator was called: manifests name it. Without arguments it runs.
ENTRYPOINT ["/manager"]
