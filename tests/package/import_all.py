"""Imports every module of the add-on and prints those that cannot be; run by a bare interpreter, without the tests.

Arguments: the add-on's folder, then folders that stand in for what Splunk's Python has of its own.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys


def main() -> None:
    addon, *stand_ins = sys.argv[1:]
    sys.argv[1:] = []  # a module that is a command would read them
    foreign = [path for path in sys.path[1:] if path.endswith("-packages")]
    assert not foreign, foreign
    folders = [f"{addon}/bin", f"{addon}/lib"]
    sys.path[:1] = folders + stand_ins  # in place of this script's folder
    # The REST handlers learn the app's name from where the script that splunkd started lies.
    sys.modules["__main__"].__file__ = f"{addon}/bin/import_all.py"
    output, sys.stdout = sys.stdout, sys.stderr  # splunktaucclib prints when it is imported
    modules, faults = [], {}
    for module in pkgutil.walk_packages(folders, onerror=lambda name: None):
        modules.append(module.name)
        try:
            importlib.import_module(module.name)
        except (Exception, SystemExit) as error:
            faults[module.name] = f"{type(error).__name__}: {error}"
    outside = [
        name
        for name in modules
        if name in sys.modules and not str(getattr(sys.modules[name], "__file__", None) or addon).startswith(addon)
    ]
    print(json.dumps({"modules": modules, "faults": faults, "outside": outside}), file=output)


main()
