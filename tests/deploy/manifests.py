"""The manifests for Kubernetes, and what several tests look up in them."""

from typing import Any

import pytest

from tests.deploy.tools import documents
from tests.processes import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
BASE, QUEUE, EXAMPLE = (FOLDER / name for name in ("base", "queue", "example"))

Document = dict[str, Any]

BUILT_IN = documents(*(path for path in sorted(BASE.glob("*.yaml")) if path.stem != "kustomization"))
"""Those whose kinds every cluster knows."""

WORKLOADS = [document for document in BUILT_IN if document["kind"] in {"Deployment", "Job"}]


def of(kind: str, name: str) -> Document:
    (found,) = [one for one in BUILT_IN if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def pod(workload: Document) -> Document:
    """The specification of a workload's pods."""
    found: Document = workload["spec"]["template"]["spec"]
    return found


def containers(workload: Document) -> list[Document]:
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def labels(workload: Document) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def literals() -> dict[str, str]:
    """The settings in the ConfigMap that is made of the kustomization."""
    (kustomization,) = documents(BASE / "kustomization.yaml")
    (generator,) = kustomization["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


every_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
every_deployment = pytest.mark.parametrize(
    "workload", [document for document in WORKLOADS if document["kind"] == "Deployment"], ids=name_of
)
