"""The validator of Provenance Run Crates, and of all they build on, as it runs offline."""

import io
import tempfile
from functools import cache
from pathlib import Path

import requests
import requests_cache
import rocrate
from rocrate_validator import services
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"  # all that the validator asks the web for


BIOSCHEMAS = {  # what 1.1 has for the terms that were renamed since
    f"https://bioschemas.org/terms/{term}": f"https://bioschemas.org/{place}{term}"
    for term, place in (
        ("ComputationalWorkflow", ""), ("FormalParameter", ""),
        ("input", "ComputationalWorkflow#"), ("output", "ComputationalWorkflow#"),
    )
}  # fmt: skip


class _Shipped(requests.adapters.BaseAdapter):
    """Answers with the RO-Crate context that the package rocrate ships, in place of the web.

    That one is of a later version than 1.1: terms that it renamed have their old meaning, but one
    that 1.1 lacks isn't told.
    """

    def send(self, request, **options):
        content = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
        for new, old in BIOSCHEMAS.items():
            content = content.replace(f'"{new}"'.encode(), f'"{old}"'.encode())
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/ld+json"
        answer.raw = HTTPResponse(io.BytesIO(content), answer.headers, 200, preload_content=False)
        return answer

    def close(self):
        pass


@cache
def _answers() -> Path:
    """Return the validator's store of web answers, with the context in it."""
    path = Path(tempfile.mkdtemp()) / "http"
    with requests_cache.CachedSession(str(path), backend="sqlite", expire_after=-1) as session:
        session.mount("https://", _Shipped())
        session.get(CONTEXT)
    return path


def problems(folder: Path, severity: str = "REQUIRED") -> list[str]:
    """Return what the validator says of a crate's folder, up to "REQUIRED" or "RECOMMENDED"."""
    settings = services.ValidationSettings(
        rocrate_uri=str(folder), profile_identifier="provenance-run-crate",
        requirement_severity=severity, offline=True, cache_path=_answers(),
    )  # fmt: skip
    issues = services.validate(settings).get_issues()
    return [f"{issue.violatingEntity}: {issue.message}" for issue in issues]
