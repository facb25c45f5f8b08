"""Who may do what: roles, their capabilities (authorize.conf) and the access to objects (metadata)."""

from __future__ import annotations

import re

from .configuration import Configuration, Stanzas, parse_conf
from .entities import RestFault
from .sessions import Sessions

#: Whoever has it passes every check of an object's access.
_EVERYTHING = "admin_all_objects"

#: What Splunk ships, as far as the add-on can meet it. An administrator has what a user has, and more.
SHIPPED = {
    "role_user": {
        "change_own_password": "enabled",
        "list_inputs": "enabled",
        "rest_apps_view": "enabled",
        "rest_properties_get": "enabled",
        "search": "enabled",
    },
    "role_admin": {
        "importRoles": "user",
        _EVERYTHING: "enabled",
        "edit_storage_passwords": "enabled",
        "indexes_edit": "enabled",
        "list_settings": "enabled",
        "list_storage_passwords": "enabled",
        "rest_properties_set": "enabled",
    },
}


class Authorization:
    """Decides by what is in the files now, so that a change counts at once."""

    def __init__(self, configuration: Configuration, sessions: Sessions) -> None:
        self._configuration = configuration
        self._sessions = sessions

    def roles(self, caller: str) -> tuple[str, ...]:
        """Roles of a user; none for the process of an input, which acts for the system."""
        return self._sessions.USERS.get(caller, ())

    def capabilities(self, caller: str) -> list[str]:
        """What the caller's roles are given in authorize.conf, also through `importRoles`; sorted."""
        stanzas = self._configuration.read("authorize")
        waiting, seen, found = list(self.roles(caller)), set(), set()
        while waiting:
            role = waiting.pop()
            if role in seen:
                continue
            seen.add(role)
            stanza = stanzas.get(f"role_{role}")
            settings = dict(stanza.settings) if stanza else {}
            waiting += [one for one in settings.pop("importRoles", "").split(";") if one]
            found |= {name for name, value in settings.items() if value == "enabled"}
        return sorted(found)

    def require(self, caller: str, *capabilities: str) -> None:
        """Let pass whoever has one of the capabilities.

        Raises:
            RestFault: 403.
        """
        if _is_system(caller) or set(capabilities) & set(self.capabilities(caller)):
            return
        wanted = " OR ".join(capabilities)
        raise RestFault(
            403,
            f"You (user={caller}) do not have permission to perform this operation (requires capability: {wanted}).",
        )

    def may_read(self, caller: str, app: str, conf: str, stanza: str) -> bool:
        return self._allowed(caller, "read", app, conf, stanza)

    def require_write(self, caller: str, app: str, conf: str, stanza: str) -> None:
        """Let pass whoever may change the object.

        Raises:
            RestFault: 403.
        """
        if self._allowed(caller, "write", app, conf, stanza):
            return
        roles = ", ".join(self.roles(caller))
        raise RestFault(403, f"User '{caller}' with roles {{ {roles} }} cannot write: /nobody/{app}/{conf}/{stanza}")

    def _allowed(self, caller: str, action: str, app: str, conf: str, stanza: str) -> bool:
        if _is_system(caller) or _EVERYTHING in self.capabilities(caller):
            return True
        found = self._permitted(action, app, conf, stanza)
        roles = set(self.roles(caller))
        permitted = ["*" in one or bool(roles & one) for one in found]
        # default.meta.spec: whoever reads an object may read the app, its kind of objects, and itself.
        return all(permitted) if action == "read" else permitted[:1] == [True]

    def _permitted(self, action: str, app: str, conf: str, stanza: str) -> list[set[str]]:
        """Roles by the metadata of the app, as far as it says: of the object, of its kind, of the app."""
        metadata = self._metadata(app)
        sections = (metadata.get(section, {}).get("access", "") for section in (f"{conf}/{stanza}", conf, ""))
        matches = (re.search(rf"{action}\s*:\s*\[([^\]]*)\]", access) for access in sections)
        return [{role.strip() for role in match[1].split(",")} for match in matches if match]

    def _metadata(self, app: str) -> Stanzas:
        merged: Stanzas = {}
        for name in ("default.meta", "local.meta"):
            path = self._configuration.folder(app) / "metadata" / name
            for section, settings in (parse_conf(path.read_text("utf-8")) if path.is_file() else {}).items():
                merged.setdefault(section, {}).update(settings)
        return merged


def _is_system(caller: str) -> bool:
    """The process of an input has a key of splunkd itself."""
    return "://" in caller
