"""An app's views and its navigation, from `default/data/ui`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from .static_files import find


@dataclass(frozen=True)
class NavigationItem:
    """One entry of the bar on top."""

    view: str
    label: str
    default: bool


@dataclass(frozen=True)
class Dashboard:
    """A view of Dashboard Studio."""

    label: str
    description: str
    #: `light` or `dark`, unless who looks at it wants the other.
    theme: str
    definition: dict[str, object]


class Views:
    """What one app shows."""

    def __init__(self, app_folder: Path, app: str) -> None:
        """`app_folder` is the app's own, or its sources' (which have no navigation and none of UCC's pages)."""
        self._folder = app_folder
        self._app = app

    def navigation(self) -> list[NavigationItem]:
        """The entries in their order. A view that the app does not have is one of Splunk's own, say `search`."""
        found = ElementTree.parse(self._ui / "nav" / "default.xml").getroot()
        return [
            NavigationItem(
                view=str(element.get("name")),
                label=self._label(str(element.get("name"))),
                default=element.get("default") == "true",
            )
            for element in found.iter("view")
        ]

    def default(self) -> str:
        """The view that opening the app shows."""
        items = self.navigation()
        return next((item.view for item in items if item.default), items[0].view)

    def dashboard(self, view: str) -> Dashboard | None:
        """A view as a dashboard; None if the app has no such view, or if it is none."""
        file = find(self._ui / "views", f"{view}.xml")
        root = None if file is None else ElementTree.parse(file).getroot()
        if root is None or root.tag != "dashboard":
            return None
        if root.get("version") != "2":
            raise ValueError(f"The view {view} is a dashboard of another kind.")
        return Dashboard(
            label=root.findtext("label") or view,
            description=root.findtext("description") or "",
            theme=root.get("theme") or "light",
            definition=json.loads(root.findtext("definition") or ""),
        )

    def page(self, view: str) -> str | None:
        """The HTML of a view that has a template; None if the app has no such view.

        Raises:
            ValueError: the view is of a kind that is not stood in for.
        """
        file = find(self._ui / "views", f"{view}.xml")
        if file is None:
            return None
        root = ElementTree.parse(file).getroot()
        app, _, path = (root.get("template") or "").partition(":")
        if root.get("type") != "html" or app != self._app:
            raise ValueError(f"The view {view} is no page with a template of {self._app}.")
        template = find(self._folder / "appserver", path.lstrip("/"))
        if template is None:
            raise ValueError(f"The template {path} of the view {view} is missing.")
        text = template.read_text("utf-8")
        if "${" in text or "<%" in text:
            raise ValueError(f"The template {path} has expressions, and nothing here evaluates them.")
        return text

    @property
    def _ui(self) -> Path:
        return self._folder / "default" / "data" / "ui"

    def _label(self, view: str) -> str:
        file = find(self._ui / "views", f"{view}.xml")
        if file is None:
            return view.capitalize()
        return ElementTree.parse(file).getroot().findtext("label") or view
