"""The real Admin schema, loaded once for the whole run; absent on a machine that was
not given it."""

import gzip
import json
import os
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_client_schema

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("PARSTOCK_SHARED", ROOT.parent / "shared"))
REAL_SCHEMA = SHARED / "shopify" / "admin-2026-10.json.gz"


@pytest.fixture(scope="session")
def real_schema() -> GraphQLSchema:
    if not REAL_SCHEMA.is_file():
        pytest.skip(f"the real Shopify schema is absent: {REAL_SCHEMA}")
    with gzip.open(REAL_SCHEMA) as stream:
        return build_client_schema(json.load(stream)["data"])
