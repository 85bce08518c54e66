# Sekisho in a container. tests/project/test_container.py runs the steps of the first stage into a
# folder. They install as `make` does: every file checked against its hash, wheels alone.

FROM python:3.13-slim AS build
WORKDIR /src
COPY locks/build.txt locks/runtime.txt locks/
# The build tools go into this stage's own Python, Sekisho into an environment of its own.
RUN python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: \
      -r locks/build.txt && \
    python -m venv --without-pip /opt/sekisho && \
    python -m pip --python /opt/sekisho/bin/python install --no-cache-dir --require-hashes \
      --no-deps --only-binary :all: -r locks/runtime.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY approvals approvals
COPY bot bot
COPY defender defender
COPY delivery delivery
COPY feeds feeds
COPY handlers handlers
COPY sandbox sandbox
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/dist . && \
    python -m pip --python /opt/sekisho/bin/python install --no-cache-dir --no-deps --no-index \
      --find-links /opt/dist sekisho && \
    mkdir -p /var/lib/sekisho

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Sekisho" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/sekisho /opt/sekisho
# For the embedded Valkey's data and for the second sink, where the settings put them here.
COPY --from=build --chown=65532:65532 /var/lib/sekisho /var/lib/sekisho
ENV PATH=/opt/sekisho/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/sekisho
VOLUME ["/var/lib/sekisho"]
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["sekisho", "health"]
ENTRYPOINT ["sekisho"]
CMD ["run"]
