# One image for all there is to run: `gunicorn app:app` (unless told otherwise), `celery --app tasks worker` and
# `stockroom migrate`. It runs as a user without rights on a read-only root; written are only the data folder and /tmp.

FROM debian:12.15-slim AS build
# The newest packages of this release are those with its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/stockroom
# pip stays in this stage.
RUN python3 -m venv --without-pip .venv
# `--build-arg REQUIREMENTS=requirements-extras.lock` for files in a bucket and for traces.
ARG REQUIREMENTS=requirements.lock
COPY requirements.lock requirements-extras.lock ./
RUN pip --python .venv/bin/python install --no-cache-dir --require-hashes --requirement "$REQUIREMENTS"
COPY . .
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m compileall -q app.py handlers stockroom tasks

FROM debian:12.15-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 stockroom \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/stockroom stockroom \
    && install --directory --mode 0700 --owner stockroom --group stockroom /var/lib/stockroom
COPY --from=build /opt/stockroom /opt/stockroom
WORKDIR /opt/stockroom
ENV PATH=/opt/stockroom/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STOCKROOM_DATA_DIR=/var/lib/stockroom \
    STOCKROOM_HOST=0.0.0.0 \
    STOCKROOM_PORT=8000
VOLUME /var/lib/stockroom
EXPOSE 8000
# By number, so that an orchestrator sees that it is not root.
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-m", "stockroom.process.health", "http://127.0.0.1:8000/health/live"]
CMD ["gunicorn", "app:app"]
