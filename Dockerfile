# syntax=docker/dockerfile:1
# The service, and every job of leadtime, in one image: `docker build -t leadtime .`

FROM python:3.11-slim-bookworm AS packages
# What runs is exactly what was tested: the locked versions, each checked by its hash. The lock is complete; pip itself
# would look for what extras ask for under names that the lock does not have.
COPY requirements/runtime.lock /tmp/runtime.lock
RUN python -m venv /opt/leadtime \
    && /opt/leadtime/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/runtime.lock

FROM python:3.11-slim-bookworm
# LightGBM's threads; nothing else is needed from the system.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /srv/leadtime --shell /usr/sbin/nologin leadtime \
    && install -d -o leadtime -g leadtime /srv/leadtime/var
COPY --from=packages /opt/leadtime /opt/leadtime
WORKDIR /srv/leadtime
COPY leadtime.toml ./
COPY features ./features
COPY model ./model
COPY training ./training
COPY serving ./serving
ENV PATH=/opt/leadtime/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=PASSIVE \
    NUMBA_CACHE_DIR=/tmp/numba \
    LEADTIME_HOST=0.0.0.0
USER 10001
# SQLite's files, where no LEADTIME_DATABASE_URL names a PostgreSQL.
VOLUME /srv/leadtime/var
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "serving"]
