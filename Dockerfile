# Worker, gateway and command line in one image; docker-compose.yml says which of them runs.
FROM python:3.12-slim-bookworm AS packages
COPY requirements-runtime.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements-runtime.lock

FROM python:3.12-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib
RUN groupadd --gid 10001 autopilot && useradd --uid 10001 --gid autopilot --no-create-home autopilot \
    && install -d /etc/autopilot && install -d -o autopilot -g autopilot /var/lib/autopilot
COPY --from=packages /venv /venv
WORKDIR /app
COPY worker.py starter.py ./
COPY activities activities
COPY autopilot autopilot
COPY cli cli
COPY workflows workflows
COPY playbooks playbooks
USER autopilot
VOLUME /var/lib/autopilot
CMD ["python", "worker.py"]
