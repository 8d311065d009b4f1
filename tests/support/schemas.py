"""Kubernetes' schemas, each read once in a session: the library reads them anew for each manifest."""

from __future__ import annotations

from functools import cache

from kubernetes_validate import utils

read_once = cache(utils.schema_contents)
