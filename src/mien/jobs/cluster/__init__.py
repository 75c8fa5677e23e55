"""Many inputs beyond one machine: manifests, object stores, Ray (extra ``scale``)."""

from __future__ import annotations

from mien.jobs.cluster.engine import Engine
from mien.jobs.cluster.ledger import LEDGER, Ledger
from mien.jobs.cluster.manifest import Manifest
from mien.jobs.cluster.places import RemoteJob, is_url
from mien.jobs.cluster.run import run_manifest

__all__ = ["LEDGER", "Engine", "Ledger", "Manifest", "RemoteJob", "is_url", "run_manifest"]
