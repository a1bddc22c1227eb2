"""Each definition that is made of a flow is valid by the schema that Globus has published, and the double is as strict.

The schema is in the package ``globus-automate-client``. That cannot be loaded beside ``globus-sdk`` 4: it is only read.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema.validators import validator_for

from steering.flows.globus_definition import definition_of
from steering.globus_double.definition import problems
from tests.flows.test_published_rules import BROKEN, NAMES, broken_by, flows


@pytest.fixture(scope="module")
def schema():
    (folder,) = find_spec("globus_automate_client").submodule_search_locations
    read = json.loads((Path(folder) / "flows_schema.json").read_text(encoding="utf-8"))
    kind = validator_for(read)
    kind.check_schema(read)
    return kind(read)


@given(name=NAMES, flow=flows())
def test_what_is_made_of_any_flow_is_valid(schema, name, flow):
    definition = json.loads(json.dumps(definition_of(name, flow)))
    assert [error.message for error in schema.iter_errors(definition)] == []


def test_the_double_is_as_strict(schema):
    """The schema's own rules are fewer than those of Globus' pages: the double has those too."""
    refused = [broken for what in BROKEN for _, broken in broken_by(what) if not schema.is_valid(broken)]
    assert len(refused) > len(BROKEN)
    assert all(problems(one) for one in refused)
