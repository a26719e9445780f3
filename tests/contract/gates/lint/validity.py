"""Validity: all that is no valid OpenAPI 3.0, as openapi-spec-validator finds it.

At start, Connexion holds the contract against the schema of OpenAPI and tells of the first fault. This tells
of all, looks at more (defaults, path parameters), and takes twice as long.
"""

from openapi_spec_validator import OpenAPIV30SpecValidator
from openapi_spec_validator.validation.exceptions import (
    DuplicateOperationIDError,
    UnresolvableParameterError,
)

from stockroom.contract.document import Document


def invalidities(document: Document) -> list[str]:
    """A line each, as `openapi/openapi.yaml:LINE: message`."""
    return [
        document.fault(tuple(error.absolute_path), error.message[:300])
        for error in OpenAPIV30SpecValidator(document.raw).iter_errors()
        # These do not tell where; the policies do.
        if not isinstance(error, (DuplicateOperationIDError, UnresolvableParameterError))
    ]
