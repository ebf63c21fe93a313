"""read.py SARIF OCSF JUNIT [FORM FROM TO]... - reads three reports of one audit by others' models of their forms.

Prints a line of JSON: of every form, how many verdicts of each kind it has. What a model does not take ends the program. Then
does the same with FROM replaced by TO in the report of FORM, each time with the untouched one, and prints those that are taken
all the same or that have no FROM.
"""
import collections
import json
import pathlib
import re
import sys
import types
import typing
import urllib.parse

import jsonschema
import junitparser
import pydantic
import sarif_om
import sarif_pydantic
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding


# OASIS' own schema of SARIF, where "prepare" was given it.
SCHEMA = pathlib.Path(sarif_pydantic.__file__).parents[2] / "sarif-schema-2.1.0.json"


def sarif(text):
    """SARIF 2.1.0: sarif_pydantic says which object is where and of what type its members are; sarif_om, which was made from
    OASIS' JSON schema, which members an object has and must have."""
    if SCHEMA.exists():
        schema = json.loads(SCHEMA.read_text())
        faults = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(json.loads(text))
        assert not (found := [fault.message for fault in faults]), found
    run_all(json.loads(text), sarif_pydantic.Sarif, "$")
    log = sarif_pydantic.Sarif.model_validate_json(text)
    assert log.version == "2.1.0" and len(log.runs) == 1
    run = log.runs[0]
    rules = {rule.id: rule for rule in run.tool.driver.rules}
    assert len(rules) == len(run.tool.driver.rules), "a rule is there twice"
    seen = set()
    for result in run.results:
        assert result.rule_id in rules and result.message.text, result
        assert result.kind in ("pass", "fail", "open", "notApplicable"), result.kind
        # SARIF 3.27.10: a level other than none is for kind fail alone.
        assert (result.kind == "fail") == (result.level.value != "none"), result
        place = result.locations[0].physical_location.artifact_location.uri
        assert not re.search(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]", place), place
        assert not urllib.parse.urlparse(place).scheme, place
        mark = tuple(result.partial_fingerprints.values())
        assert mark not in seen, "two results have one fingerprint"
        seen.add(mark)
    times = [invocation["endTimeUtc"] for invocation in json.loads(text)["runs"][0]["invocations"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", time) for time in times), times
    return collections.Counter(result.kind for result in run.results)


# The other name of two classes.
OFFICIAL = {"Sarif": "SarifLog", "ToolDriver": "ToolComponent"}


def run_all(value, kind, place):
    """Refuses members that the schema does not have, and misses those that it requires, all the way down."""
    kind, inner = unwrapped(kind)
    if kind is list:
        for number, item in enumerate(value):
            run_all(item, inner, f"{place}[{number}]")
    if not (isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)):
        return
    official = getattr(sarif_om, OFFICIAL.get(kind.__name__, kind.__name__))
    members = {field.metadata["schema_property_name"]: field for field in official.__attrs_attrs__}
    members.setdefault("$schema", members.get("$schema"))
    unknown = set(value) - set(members)
    assert not unknown, f"{place} has {unknown}"
    missing = {name for name, field in members.items() if field and field.default is REQUIRED} - set(value)
    assert not missing, f"{place} lacks {missing}"
    known = {field.alias: field.annotation for field in kind.model_fields.values()}
    for name, item in value.items():
        if name in known:
            run_all(item, known[name], f"{place}.{name}")


REQUIRED = sarif_om.ReportingDescriptor.__attrs_attrs__[0].default


def unwrapped(kind):
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return unwrapped(next(one for one in typing.get_args(kind) if one is not type(None)))
    if origin is list:
        return list, typing.get_args(kind)[0]
    return kind, None


# OCSF 1.3 recommends these members of a device, and the model requires them.
RECOMMENDED = {"ip", "name", "region", "uid"}
# Members that OCSF 1.3 has and the model does not.
UNMODELLED = {"Compliance": {"status"}}


def ocsf(text):
    """OCSF 1.3.0, class 2003, one object a line."""
    verdicts = collections.Counter()
    for line in text.splitlines():
        event = json.loads(line)
        event["device"] = dict.fromkeys(RECOMMENDED, "") | event["device"]
        strict(event, ComplianceFinding, "$")
        found = ComplianceFinding.model_validate(event)
        assert found.metadata.version == "1.3.0" and found.class_uid == 2003
        assert found.type_uid == found.class_uid * 100 + found.activity_id
        assert found.compliance.standards, "a Compliance has standards"
        verdicts[found.compliance.status_id.name] += 1
    return verdicts


def strict(value, kind, place):
    """The model lets members pass that it does not know; here they are refused."""
    kind, inner = unwrapped(kind)
    if kind is list:
        for number, item in enumerate(value):
            strict(item, inner, f"{place}[{number}]")
    if not (isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)):
        return
    unknown = set(value) - set(kind.model_fields) - UNMODELLED.get(kind.__name__, set())
    assert not unknown, f"{place} has {unknown}"
    for name, item in value.items():
        if name in kind.model_fields:
            strict(item, kind.model_fields[name].annotation, f"{place}.{name}")


# What Jenkins' junit-10 schema lets each element have; the first ones must be there.
ATTRIBUTES = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"name"},
        {"tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package", "group", "log", "url"},
    ),
    "testcase": ({"name"}, {"classname", "time", "assertions", "status", "group"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
}


def junit(text):
    """JUnit XML: junitparser's reading, the schema's attributes, and sums that agree with what they are sums of."""
    suites = junitparser.JUnitXml.fromstring(text.encode())
    for element in suites._elem.iter():
        needed, more = ATTRIBUTES[element.tag]
        assert needed <= set(element.attrib) <= needed | more, element.attrib
    verdicts = collections.Counter()
    for suite in suites:
        own = collections.Counter(case.result[0].__class__.__name__ if case.result else "Passed" for case in suite)
        assert suite.tests == sum(own.values()) and suite.failures == own["Failure"], suite
        assert suite.errors == own["Error"] and suite.skipped == own["Skipped"], suite
        verdicts += own
    assert suites.tests == sum(verdicts.values()) and suites.failures == verdicts["Failure"]
    assert suites.errors == verdicts["Error"]
    return verdicts


def main():
    forms = {"sarif": sarif, "ocsf": ocsf, "junit": junit}
    texts = {form: open(path).read() for form, path in zip(forms, sys.argv[1:4])}
    counts = {form: read(texts[form]) for form, read in forms.items()}
    taken = []
    for form, old, new in zip(*[iter(sys.argv[4:])] * 3):
        try:
            if old in texts[form]:
                forms[form](texts[form].replace(old, new))
        except (AssertionError, AttributeError, KeyError, ValueError):
            continue
        taken.append(f"{form}: {new}")
    print(json.dumps(counts | {"taken": taken, "schema": SCHEMA.exists()}, sort_keys=True))


main()
