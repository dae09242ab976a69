"""What lies in `deploy/` agrees with the code: exit codes, times, sizes and paths."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

from hub.api.feed import HEARTBEAT_S, MAX_WAIT_S
from hub.api.ingest import MAX_BODY
from hub.cli.exits import Code
from hub.cli.run import STOP_S

DEPLOY = Path(__file__).parents[1] / "deploy"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "skolnav.service")
    return parser["Service"]


def test_the_unit_lets_the_hub_end_in_order_and_does_not_repeat_what_a_person_must_mend() -> None:
    service = unit()
    assert float(service["TimeoutStopSec"]) > STOP_S
    assert service["RestartPreventExitStatus"] == f"{Code.USAGE.value} {Code.ANOTHER_HUB.value}"
    assert (service["Type"], service["ExecReload"]) == ("notify", "/bin/kill -HUP $MAINPID")
    assert "AF_UNIX" in service["RestrictAddressFamilies"]  # the command line's socket


def test_the_unit_lets_connectors_of_their_own_process_start_and_end() -> None:
    service = unit()
    assert service["KillMode"] == "mixed", "the hub ends them in order; SIGTERM would end them in the middle of a call"
    assert service["SystemCallFilter"] == "setpriority", "the last line: allowed again after ~@resources"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if not (analyze := shutil.which("systemd-analyze")):
        return  # not a skip: the checks above hold on every machine
    program = tmp_path / "skolnav"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / "skolnav.service"
    copy.write_text((DEPLOY / "skolnav.service").read_text().replace("/opt/skolnav/bin/skolnav", str(program)))
    said = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False).stderr
    assert [line for line in said.splitlines() if "skolnav.service" in line] == []


def test_the_proxies_wait_longer_than_the_hub_and_pass_what_it_accepts() -> None:
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    waits = [float(found) for found in re.findall(r"read_timeout (\d+)s", nginx + caddy)]
    assert len(waits) == 4
    assert min(waits) > max(MAX_WAIT_S, HEARTBEAT_S)
    assert min(int(found) for found in re.findall(r"client_max_body_size (\d+)m", nginx)) << 20 > MAX_BODY
    assert int(re.findall(r"max_size (\d+)MB", caddy)[0]) * 10**6 > MAX_BODY
    assert "proxy_buffering off" in nginx
    assert "flush_interval -1" in caddy
    assert "location /connectors/" in nginx
    assert 'proxy_set_header Forwarded ""' in nginx
    assert "header_up -Forwarded" in caddy


def test_nginx_logs_no_address_of_a_request_in_any_server() -> None:
    servers = re.split(r"^server \{", (DEPLOY / "nginx.conf").read_text(), flags=re.MULTILINE)[1:]
    assert len(servers) == 2
    assert all("access_log off;" in server for server in servers)


def test_the_container_installs_the_locked_packages_and_does_not_run_as_root() -> None:
    file = (DEPLOY / "Containerfile").read_text()
    assert "--require-hashes" in file
    assert "-r requirements.lock" in file
    assert re.findall(r"^USER (\d+):", file, re.MULTILINE) == ["10001"]
