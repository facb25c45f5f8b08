"""REST handlers that are Python scripts (`[admin_external:…]` of restmap.conf).

splunkd starts the script once and sends it one request per line of standard input; each gets one line
back. How the two speak is the sandbox's own invention, a JSON object per line; what a handler sees of
it (`callerArgs`, `supportedArgs`, `confInfo`, which errors become which text) is what the open-source
packages rely on.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import splunk

ACTION_CREATE = 1
ACTION_LIST = 2
ACTION_EDIT = 3
ACTION_REMOVE = 4
ACTION_MEMBERS = 5
ACTION_RELOAD = 6
ACTION_CUSTOM = 7
_ACTIONS = {
    "create": ACTION_CREATE,
    "list": ACTION_LIST,
    "edit": ACTION_EDIT,
    "remove": ACTION_REMOVE,
    "members": ACTION_MEMBERS,
    "_reload": ACTION_RELOAD,
}

CONTEXT_NONE = 1
CONTEXT_APP_ONLY = 2
CONTEXT_APP_AND_USER = 3

EAI_ENTRY_ACL = "eai:acl"
EAI_ENTRY_ATTRIBUTES = "eai:attributes"
EAI_META_PREFIX = "eai:"


class AdminManagerException(Exception):
    """Base of the errors that splunkd shows as they are, each with a status of its own."""

    status = 500


class ArgValidationException(AdminManagerException):
    """An argument has a value that will not do."""

    status = 400


class BadActionException(AdminManagerException):
    """The handler does not know this action."""

    status = 405


class PermissionsException(AdminManagerException):
    status = 403


class NotFoundException(AdminManagerException):
    status = 404


class AlreadyExistsException(AdminManagerException):
    status = 409


class InternalException(AdminManagerException):
    status = 500


class ServiceUnavailableException(AdminManagerException):
    status = 503


class SupportedArgs:
    """Which arguments a handler takes; splunkd refuses anything else."""

    def __init__(self) -> None:
        self.required: list[str] = []
        self.optional: list[str] = []

    def addReqArg(self, name: str) -> None:  # noqa: N802 - the name that handlers use
        self.required.append(name)

    def addOptArg(self, name: str) -> None:  # noqa: N802 - the name that handlers use
        self.optional.append(name)

    def check(self, given: Mapping[str, object]) -> None:
        for name in given:
            if name not in self.required and name not in self.optional:
                raise ArgValidationException(f'Argument "{name}" is not supported by this handler.')
        missing = [name for name in self.required if name not in given]
        if missing:
            raise ArgValidationException(f"The following required arguments are missing: {', '.join(missing)}.")


class CallerArgs:
    """What the caller sent: the entity's name, and each argument as a list of values."""

    def __init__(self, entity: str | None, data: dict[str, list[str | None]]) -> None:
        self.id = entity
        self.data = data

    def get(self, name: str, default: Any = None) -> Any:
        return self.data.get(name, default)

    def __getitem__(self, name: str) -> list[str | None]:
        return self.data[name]

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)


class ConfigInfoItem:
    """One entity of an answer."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.content[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    def __contains__(self, name: str) -> bool:
        return name in self.content

    def append(self, name: str, value: Any) -> None:
        self.content[name] = value

    def setMetadata(self, name: str, value: Any) -> None:  # noqa: N802 - the name that handlers use
        if not name.startswith(EAI_META_PREFIX):
            raise InternalException(f"Metadata must begin with {EAI_META_PREFIX!r}: {name!r}")
        self.metadata[name] = value


class ConfigInfo(dict[str, ConfigInfoItem]):
    """The answer that a handler fills: an unknown name is a new entity."""

    def __missing__(self, name: str) -> ConfigInfoItem:
        item = self[name] = ConfigInfoItem()
        return item


class MConfigHandler:
    """Base of every handler. It takes the request at hand from `init`."""

    def __init__(self, request: Mapping[str, Any], ctxInfo: int) -> None:  # noqa: N803 - keyword of the interface
        self._session_key = str(request["session_key"])
        self.context = ctxInfo
        self.requestedAction = _ACTIONS.get(request["action"], ACTION_CUSTOM)
        self.customAction = request["action"] if self.requestedAction == ACTION_CUSTOM else ""
        self.callerArgs = CallerArgs(request["id"], dict(request["arguments"]))
        self.supportedArgs = SupportedArgs()
        #: What splunkd will show of the entities: it cuts, whether or not the handler takes notice.
        self.posOffset = int(request["offset"])
        self.maxCount = int(request["count"])
        self.appName = request["app"]
        self.userName = request["owner"]

    def getSessionKey(self) -> str:  # noqa: N802 - the name that handlers use
        """The caller's session key: a handler can do what its caller may do."""
        return self._session_key

    def setup(self) -> None:
        """Declare the supported arguments of `requestedAction`."""

    def _unsupported(self, confInfo: ConfigInfo) -> None:  # noqa: N803 - as in the handlers
        raise BadActionException("This handler does not support this action.")

    handleList = handleCreate = handleEdit = handleRemove = _unsupported  # noqa: N815 - names of the interface
    handleMembers = handleCustom = _unsupported  # noqa: N815 - names of the interface

    def handleReload(self, confInfo: ConfigInfo) -> None:  # noqa: N802, N803 - name of the interface
        """Nothing to load again."""


_METHODS = {
    ACTION_CREATE: "handleCreate",
    ACTION_LIST: "handleList",
    ACTION_EDIT: "handleEdit",
    ACTION_REMOVE: "handleRemove",
    ACTION_MEMBERS: "handleMembers",
    ACTION_RELOAD: "handleReload",
    ACTION_CUSTOM: "handleCustom",
}


def init(handler: type[MConfigHandler], ctxInfo: int = CONTEXT_NONE) -> None:  # noqa: N803 - keyword of the interface
    """Answer requests until standard input ends. Called at the end of every handler's script."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a handler prints must not end up between the answers; splunkd logs standard error.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with answers:
        for line in sys.stdin:
            answers.write(json.dumps(_answer(handler, ctxInfo, json.loads(line))) + "\n")
            answers.flush()


def _answer(handler: type[MConfigHandler], context: int, request: Mapping[str, Any]) -> dict[str, Any]:
    splunk.setSessionKey(request["session_key"])
    info = ConfigInfo()
    try:
        one = handler(request, context)
        one.setup()
        one.supportedArgs.check(one.callerArgs.data)
        getattr(one, _METHODS[one.requestedAction])(info)
    except AdminManagerException as fault:
        return {"status": fault.status, "error": str(fault)}
    # The handler's own SystemExit or anything else must not take the process down.
    except BaseException as fault:
        traceback.print_exc()
        text = f'Unexpected error "{type(fault)}" from python handler: "{fault}".'
        return {"status": 500, "error": f"{text} See splunkd.log/python.log for more details."}
    finally:
        splunk.setSessionKey(None)
    return {
        "entries": [{"name": name, "content": item.content, "metadata": item.metadata} for name, item in info.items()]
    }
