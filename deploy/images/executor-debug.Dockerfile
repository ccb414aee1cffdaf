# hourglass-executor with a shell, for looking at a container from inside: `docker exec -it … /busybox/sh`. Not for production.
FROM scratch

ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="hourglass-executor-debug" \
      org.opencontainers.image.description="Runs AVS workloads for an operator of EigenLayer services" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/Layr-Labs/hourglass-monorepo" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# All files, with their owners and without a time: the program, Debian's CA roots (ca-certificates) and busybox (busybox-static),
# and directories of user 65532: a volume that is mounted on one for the first time takes its owner.
ADD executor-debug.tar /

ENV PATH=/:/busybox \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    CONFIG_PATH=/etc/hourglass/executor.yaml

# There is no /etc/passwd: a number needs none.
USER 65532:65532
WORKDIR /var/lib/hourglass
VOLUME /var/lib/hourglass
# Tasks; metrics; health.
EXPOSE 9095 8080 8090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/hourglass-executor", "healthcheck"]
ENTRYPOINT ["/hourglass-executor"]
CMD ["run"]
