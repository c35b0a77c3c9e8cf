"""The OpenAPI document of the gateway names only what exists."""

import pathlib
import re

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"


def test_openapi_names_only_what_exists():
    text = (SCHEMAS / "openapi.yaml").read_text(encoding="utf-8")
    files = set(re.findall(r"\$ref: '(topics/[^#']+)'", text))
    assert files and all((SCHEMAS / file).exists() for file in files)
    for pointer in re.findall(r"\$ref: '#/components/(\w+/\w+)'", text):
        section, name = pointer.split("/")
        assert re.search(rf"^  {section}:$", text, re.M)
        assert re.search(rf"^    {name}:$", text, re.M), pointer
