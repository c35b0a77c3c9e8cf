# The image of parstock: the program and the libraries that it loads; no shell, no package manager, uid 65532, made for a read-only root.
# Its root file system is made by tests/setup/image.py, so that `make image` (no container engine) and this file give the same.
#
#     docker build -t parstock .
#
# The base is used to build only: nothing of its layers is in the image. It is pinned by its full tag; pin its content with
# --build-arg DEBIAN=debian@sha256:..., as your registry shows it. The librdkafka source is checked by hash, whatever the base.
ARG DEBIAN=debian:12.11-slim

FROM ${DEBIAN} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends make python3 ca-certificates openssl npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Makefile LICENSE ./
COPY tests/setup tests/setup
# Its own layer: the packages and librdkafka are built anew only when the set-up changes.
RUN make deps-build
COPY common common
COPY schemas schemas
COPY workers workers
RUN make -j"$(nproc)" all && tests/setup/image.py --root /image

FROM scratch
COPY --from=build --chown=0:0 /image/ /
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /
EXPOSE 8080 9464
ENTRYPOINT ["/usr/bin/parstock"]
CMD ["help"]
