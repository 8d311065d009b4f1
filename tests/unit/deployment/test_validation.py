"""What engines have against rendered files, before they are given to them."""

from __future__ import annotations

import shutil

import pytest
import yaml
from kubernetes_validate import utils

from support.deployed import RELEASES, environment
from support.schemas import read_once
from weighlock.deployment.environment import Route
from weighlock.deployment.render import render
from weighlock.deployment.targets import Gateway, Kubernetes, Machine, Tls
from weighlock.deployment.validation import faults, manifest_faults


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", read_once)


CLUSTER = Kubernetes(gateway=Gateway(name="public"))
nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx")


def rendered(**target: object) -> dict[str, str]:
    return render("production", environment(Route(weight=10), **target), RELEASES)


def test_what_is_rendered_is_taken() -> None:
    assert faults("production", rendered(kubernetes=CLUSTER)) == []


def test_unknown_fields_and_kinds_are_named_with_their_file() -> None:
    files = rendered(kubernetes=CLUSTER)
    path = next(path for path in files if path.endswith("route.yaml") or "HTTPRoute" in files[path])
    files[path] = files[path].replace("backendRefs:", "backends:", 1)
    found = faults("production", files)
    assert len(found) == 1
    assert found[0].startswith(f"`{path}`: `spec.rules[0]")
    assert "is no field that is published" in found[0]
    assert faults("production", {"kubernetes/x.yaml": "a: [}"})[0].startswith("`kubernetes/x.yaml`: while parsing")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"portz": []}}, "portz"),
        ({"apiVersion": "v9", "kind": "Service", "metadata": {"name": "a"}}, "v9"),
        ({"kind": "Service"}, "it says no `apiVersion`"),
        (["Service"], "it says no `apiVersion`"),
    ],
)
def test_a_manifest_that_a_server_would_refuse(manifest: object, said: str) -> None:
    assert said in " ".join(manifest_faults(manifest))


@nginx
def test_nginx_is_asked_wherever_the_target_is() -> None:
    tls = Tls(certificate="/nowhere/chain.pem", key="/nowhere/key.pem")
    machine = Machine(listen=443, address="203.0.113.7", tls=tls, server_names=["a.example.com"])
    files = rendered(machine=machine)
    assert faults("production", files) == []

    site = "machine/weighlock-production.conf"
    files[site] = files[site].replace("server_tokens off;", "server_tokens of;")
    (found,) = faults("production", files)
    assert found.startswith(f"`{site}`: nginx refuses it: ")
    assert 'invalid value "of"' in found


def test_the_manifests_are_yaml_of_known_kinds() -> None:
    kinds = {
        one["kind"]
        for path, text in rendered(kubernetes=CLUSTER).items()
        if path.startswith("kubernetes/")
        for one in yaml.safe_load_all(text)
    }
    assert {"Deployment", "Service", "HTTPRoute", "ServiceMonitor"} <= kinds
