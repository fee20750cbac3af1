"""A file with the answer of Prometheus, checked against its schema."""

from __future__ import annotations

import json
from pathlib import Path

from ambimigrate import catalogue
from ambimigrate.traffic import Traffic, flows

_MOST = 3  # faults that are named


class TrafficError(Exception):
    """The file is no answer to the query; the message names the file and what is wrong."""


def read(path: str) -> Traffic:
    """The flows in the file. Raises TrafficError."""
    try:
        answer = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise TrafficError(f"{path}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise TrafficError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise TrafficError(f"{path}: is not UTF-8") from None
    import jsonschema

    schema = json.loads((catalogue.folder() / "schemas" / "traffic.json").read_text(encoding="utf-8"))
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(answer))
    if faults:
        said = "; ".join(
            f"{'.'.join(map(str, each.absolute_path)) or 'the file'}: {each.message[:120]}" for each in faults[:_MOST]
        )
        raise TrafficError(f"{path}: is no answer to the query of `ambimigrate plan --traffic-query`: {said}")
    return Traffic(tuple(flow for flow in flows(answer) if flow.rate == flow.rate and flow.rate != float("inf")))
