"""Log Analytics' query service: tables of typed columns, and refusals nested as deep as Azure's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from sandbox.azure import kql
from sandbox.azure.call import Answer, Call
from sandbox.azure.errors import ArmError
from sandbox.azure.rights import Rights
from sandbox.azure.wire import Json, instant_text, parse_duration, parse_instant
from sandbox.azure.workspaces import Workspaces

QUERY_READ = "Microsoft.OperationalInsights/workspaces/query/read"


class _Asked(msgspec.Struct):
    query: str
    timespan: str | None = None


class LogAnalytics:
    """One method per route."""

    def __init__(self, workspaces: Workspaces, rights: Rights) -> None:
        self._workspaces = workspaces
        self._rights = rights

    def query(self, call: Call) -> Answer:
        """POST /v1/workspaces/{id}/query."""
        workspace = self._workspaces.find(call.parts["workspace"])
        if workspace is None:
            raise no_path()
        if not self._rights.may(QUERY_READ, workspace.arm_id):
            raise no_access()
        asked = _asked(call.body)
        if workspace.is_blank:
            return Answer(204)
        tables = self._workspaces.tables(workspace, call.now)
        try:
            found = kql.run(asked.query, tables, now=call.now, span=_span(asked.timespan, call.now))
        except kql.KqlError as error:
            raise _bad_query(error) from error
        return Answer(200, self._body(found))

    def _body(self, found: kql.Result) -> Json:
        rows = [[_cell(row.get(name)) for name in found.schema] for row in found.rows]
        body: Json = {
            "tables": [
                {
                    "name": "PrimaryResult",
                    "columns": [{"name": n, "type": kind} for n, kind in found.schema.items()],
                    "rows": rows,
                }
            ]
        }
        faults = self._workspaces.faults
        if faults.partial_answers > 0:
            faults.partial_answers -= 1
            body["tables"][0]["rows"] = rows[: len(rows) // 2]
            body["error"] = _PARTIAL
        return body


_PARTIAL: Json = {
    "code": "PartialError",
    "message": "There were some errors when processing your query.",
    "details": [
        {
            "code": "EngineError",
            "message": "Something went wrong processing your query on the server.",
            "innererror": {
                "code": "-2133196797",
                "message": "The results of this query exceed the set limit of 64000000 bytes, "
                "so not all records were returned.",
                "severity": 2,
                "severityName": "Error",
            },
        }
    ],
}


def _asked(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body, type=_Asked)
    except msgspec.MsgspecError as error:
        raise _bad({"code": "InvalidJsonBody", "message": str(error)}) from error


def _span(text: str | None, now: datetime) -> tuple[datetime, datetime] | None:
    """The window on TimeGenerated that a request may carry beside its query."""
    if not text:
        return None
    first, slash, last = text.partition("/")
    if not slash:
        length = parse_duration(text)
        return None if length is None else (now - length, now + timedelta(days=1))
    start, end = parse_instant(first), parse_instant(last)
    if start is None or end is None:
        raise _bad({"code": "InvalidTimespan", "message": "The timespan is not valid."})
    return start, end


def _cell(value: Any) -> Any:
    return instant_text(value) if isinstance(value, datetime) else value


def no_path() -> ArmError:
    """No such workspace, or no such route."""
    return ArmError(404, "PathNotFoundError", "The requested path does not exist")


def no_access() -> ArmError:
    """The identity may not query this workspace."""
    return ArmError(
        403,
        "InsufficientAccessError",
        "The provided credentials have insufficient access to perform the requested operation",
    )


def _bad(inner: Json) -> ArmError:
    text = "The request had some invalid properties"
    return ArmError(400, "BadArgumentError", text, more={"innererror": inner})


def _bad_query(error: kql.KqlError) -> ArmError:
    if error.kind == "SyntaxError":
        inner = {"code": "SYN0002", "message": error.message}
        return _bad({"code": "SyntaxError", "message": "Syntax Error", "innererror": inner})
    inner = {"code": "SEM0100", "message": error.message}
    return _bad(
        {"code": "SemanticError", "message": "A semantic error occurred.", "innererror": inner}
    )
