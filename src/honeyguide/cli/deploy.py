"""`honeyguide deploy`: files for those who run it: Prometheus, Grafana, containers, systemd."""

from collections.abc import Mapping
from json import dumps as encode
from pathlib import Path
from typing import Annotated

import typer

import honeyguide
from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.opening import short
from honeyguide.cli.output import Json, Out
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.monitoring.alerts import rule_file
from honeyguide.monitoring.dashboards import DASHBOARDS, dashboard

app = typer.Typer(add_completion=False, help="Write files for Prometheus, containers and systemd.", cls=HelpfulGroup)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")]
Replace = Annotated[bool, typer.Option("--replace", help="Write over files that are there.")]
Runbook = Annotated[
    str, typer.Option("--runbook", metavar="URL", help="Address of the page that says what to do about an alert.")
]


@app.command()
def prometheus(
    context: typer.Context, folder: Folder, runbook: Runbook = "docs/alerts.md", replace: Replace = False, json: Json = False
) -> None:
    """A configuration, the alert rules, and an example for Alertmanager."""
    files = {"prometheus.yml": _PROMETHEUS, "honeyguide.rules.yml": rule_file(runbook), "alertmanager.yml": _ALERTMANAGER}
    _write(Out(json), folder, files, "promtool check config prometheus.yml", replace=replace)


@app.command()
def compose(context: typer.Context, folder: Folder, replace: Replace = False, json: Json = False) -> None:
    """A Dockerfile and a compose file: servers, a worker, Redis, PostgreSQL, Prometheus with the rules."""
    files = {
        "Dockerfile": _DOCKERFILE.format(version=honeyguide.__version__),
        "compose.yaml": _COMPOSE,
        "prometheus.yml": _inside(_PROMETHEUS),
        "honeyguide.rules.yml": rule_file("docs/alerts.md"),
        "alertmanager.yml": _ALERTMANAGER,
    }
    _write(Out(json), folder, files, "docker compose up", replace=replace)


@app.command()
def systemd(context: typer.Context, folder: Folder, replace: Replace = False, json: Json = False) -> None:
    """Hardened units for a server and for a worker."""
    server = _UNIT.format(what="server", command="serve --host 127.0.0.1 --port 8000")
    files = {"honeyguide.service": server, "honeyguide-worker.service": _UNIT.format(what="worker", command="worker")}
    _write(Out(json), folder, files, "systemd-analyze verify honeyguide.service", replace=replace)


@app.command()
def grafana(context: typer.Context, folder: Folder, replace: Replace = False, json: Json = False) -> None:
    """Three dashboards, and the file that has Grafana find them."""
    files = {f"honeyguide-{name}.json": encode(dashboard(name), indent=2) + "\n" for name in DASHBOARDS}
    _write(
        Out(json),
        folder,
        files | {"provider.yml": _PROVIDER},
        "cp provider.yml /etc/grafana/provisioning/dashboards/",
        replace=replace,
    )


def _inside(text: str) -> str:
    """The configuration of Prometheus beside the containers, with the key that they ask for."""
    text = text.replace('"127.0.0.1:8000"', '"api:8000", "worker:8000"').replace("127.0.0.1:9093", "alertmanager:9093")
    return text.replace(_KEYLESS, "    authorization: {credentials_file: /run/secrets/key}\n")


def _write(out: Out, folder: Path, files: Mapping[str, str], then: str, *, replace: bool) -> None:
    """Write all files, or none."""
    there = [name for name in files if (folder / name).exists()]
    if there and not replace:
        raise Conflict(
            f"{', '.join(there)} is there already in {short(folder)}.", cure="Name another folder, or add --replace."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be written to: {error.strerror}.", cure="Name a folder that this user may write to."
        ) from error
    out.result({"folder": str(folder), "files": sorted(files)})
    for name in files:
        out.show("written", short((folder / name).absolute()))
    out.hint(f"cd {short(folder.absolute())} && {then}")


_KEYLESS = "    # with auth.key: authorization: {credentials_file: /etc/prometheus/honeyguide.key}\n"
_PROVIDER = """\
apiVersion: 1
providers:
  - name: honeyguide
    folder: honeyguide
    options: {path: /var/lib/grafana/dashboards}
"""

_PROMETHEUS = """\
global:
  scrape_interval: 15s
  evaluation_interval: 30s
rule_files:
  - honeyguide.rules.yml
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["127.0.0.1:9093"]
scrape_configs:
  - job_name: honeyguide
    # with auth.key: authorization: {credentials_file: /etc/prometheus/honeyguide.key}
    static_configs:
      - targets: ["127.0.0.1:8000"]
"""

_ALERTMANAGER = """\
route:
  receiver: tickets
  group_by: [alertname]
  group_wait: 30s
  routes:
    - matchers: [severity="page"]
      receiver: pages
inhibit_rules:
  - source_matchers: [alertname="HoneyguideDown"]
    target_matchers: [alertname=~"Honeyguide.+", alertname!="HoneyguideDown"]
receivers:
  - name: pages
    webhook_configs:
      - url: https://example.org/pages
  - name: tickets
    webhook_configs:
      - url: https://example.org/tickets
"""

_DOCKERFILE = """\
FROM python:3.12-slim
ARG PACKAGE="honeyguide[redis,postgres]=={version}"
RUN pip install --no-cache-dir "$PACKAGE" \\
    && useradd --uid 10001 --create-home honeyguide \\
    && mkdir /data && chown honeyguide /data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz')"]
ENTRYPOINT ["honeyguide", "--data-dir", "/data"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
"""

_COMPOSE = """\
x-honeyguide: &honeyguide
  build: .
  read_only: true
  tmpfs: [/tmp]
  volumes: ["data:/data"]
  environment:
    HONEYGUIDE_AUTH__KEY: ${HONEYGUIDE_KEY:?set HONEYGUIDE_KEY to a long secret}
    HONEYGUIDE_STORAGE__URL: postgresql://honeyguide:${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}@postgres/honeyguide
    HONEYGUIDE_REDIS__URL: redis://redis:6379/0
  depends_on: [postgres, redis]
  restart: unless-stopped
services:
  api:
    <<: *honeyguide
    ports: ["127.0.0.1:8000:8000"]
  worker:
    <<: *honeyguide
    command: [worker, --host, 0.0.0.0, --port, "8000"]
  redis:
    image: redis:7
    command: [redis-server, --save, "", --maxmemory, 256mb, --maxmemory-policy, allkeys-lru]
  postgres:
    image: postgres:15
    environment: {POSTGRES_USER: honeyguide, POSTGRES_DB: honeyguide, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}"}
    volumes: ["postgres:/var/lib/postgresql/data"]
  prometheus:
    image: prom/prometheus
    volumes:
      - ./prometheus.yml:/etc/prometheus/prometheus.yml:ro
      - ./honeyguide.rules.yml:/etc/prometheus/honeyguide.rules.yml:ro
    secrets: [key]
  alertmanager:
    image: prom/alertmanager
    volumes: ["./alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro"]
volumes: {data: {}, postgres: {}}
secrets: {key: {environment: HONEYGUIDE_KEY}}
"""

_UNIT = """\
[Unit]
Description=honeyguide {what}
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/bin/env honeyguide --data-dir %S/honeyguide {command}
EnvironmentFile=-/etc/honeyguide.env
DynamicUser=yes
User=honeyguide
StateDirectory=honeyguide
Restart=on-failure
TimeoutStopSec=30
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
NoNewPrivileges=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
"""
