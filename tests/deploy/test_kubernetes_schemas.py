"""The manifests are as the schemas of Kubernetes and KEDA say, and Kustomize takes them."""

import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda import v1alpha1 as keda

from tests.deploy.manifests import (
    BASE,
    BUILT_IN,
    EXAMPLE,
    QUEUE,
    Document,
    containers,
    literals,
    name_of,
    of,
)
from tests.deploy.tools import IMAGE, documents, program

# The oldest version that is held to, and the newest whose schemas are at hand.
VERSIONS = ["1.27", kubernetes_validate.latest_version()]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", BUILT_IN, ids=name_of)
def test_a_manifest_is_as_the_schema_of_kubernetes_says(document: Document, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_does_not_exist_is_found() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(of("Deployment", "stockroom-api")))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("document", documents(QUEUE / "worker-autoscaling.yaml"), ids=name_of)
def test_a_manifest_is_as_the_models_of_keda_say(document: Document) -> None:
    def known(document: Document) -> Document:
        """What of it KEDA knows."""
        read = getattr(keda, document["kind"]).model_validate(document)
        known: Document = read.model_dump(by_alias=True, exclude_none=True, mode="json")
        return known

    assert known(document) == document
    odd = document | {"spec": document["spec"] | {"odd": 1}}
    assert known(odd) != odd


# Kustomize


@pytest.mark.parametrize("folder", [BASE, QUEUE], ids=lambda folder: folder.name)
def test_every_file_is_part_of_its_kustomization(folder: Path) -> None:
    (kustomization,) = documents(folder / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == sorted(
        path.name for path in folder.iterdir() if path.stem != "kustomization"
    )


def rendered(folder: Path) -> list[Document]:
    done = subprocess.run(
        [program("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=True
    )
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("folder", [BASE, QUEUE], ids=lambda folder: folder.name)
def test_kustomize_takes_every_manifest(folder: Path) -> None:
    given = documents(*(path for path in folder.glob("*.yaml") if path.stem != "kustomization"))
    names = {name_of(document) for document in rendered(folder)}
    assert {name_of(document) for document in given} <= names


def test_the_settings_reach_every_pod_under_a_name_of_their_own() -> None:
    manifests = rendered(BASE)
    (settings,) = [document for document in manifests if document["kind"] == "ConfigMap"]
    assert settings["data"] == literals()
    name = settings["metadata"]["name"]
    # The name depends on what is in it, so that pods are replaced when a setting changes.
    assert re.fullmatch(r"stockroom-[0-9a-z]{10}", name)
    for workload in (one for one in manifests if one["kind"] == "Deployment"):
        for container in containers(workload):
            assert container["envFrom"] == [{"configMapRef": {"name": name}}]


def test_the_example_names_its_own_image_and_host() -> None:
    if "v2.0.3" in kustomize_version():
        pytest.skip("this kubectl has a Kustomize that knows no overlays of folders")
    manifests = rendered(EXAMPLE)
    for document in manifests:
        assert document["metadata"]["namespace"] == "stockroom"
        if document["apiVersion"] != "keda.sh/v1alpha1":
            kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
    images = {
        container["image"]
        for workload in manifests
        if workload["kind"] in {"Deployment", "Job"}
        for container in containers(workload)
    }
    assert images == {f"registry.example.com/{IMAGE}"}
    (ingress,) = [document for document in manifests if document["kind"] == "Ingress"]
    assert ingress["spec"]["rules"][0]["host"] == ingress["spec"]["tls"][0]["hosts"][0] == "stock.example.org"


def kustomize_version() -> str:
    """The version that this kubectl has; until kubectl 1.21 it was v2.0.3, of which kubectl does not tell."""
    done = subprocess.run(
        [program("kubectl"), "version", "--client"], capture_output=True, text=True, check=True
    )
    return done.stdout if "Kustomize" in done.stdout else "v2.0.3"
