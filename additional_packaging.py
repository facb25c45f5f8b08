"""What ucc-gen's output still needs; ucc-gen calls :func:`cleanup_output_files` at the end of its build.

Files in ``package/`` replace what ucc-gen generates, so a small change to a generated file has its place here: a
hand-written ``inputs.conf``, for instance, would lose ``python.required``. Each fix below says what stands in the way
without it. A fix that finds nothing to do raises, so that none outlives its reason unseen.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path


def cleanup_output_files(output_path: str, ta_name: str) -> None:
    """Fix the built add-on in ``output_path/ta_name``. Called by ucc-gen, in the environment of tools/package.py."""
    addon = Path(output_path) / ta_name
    remove_compiled_parts(addon / "lib")
    keep_licences_only(addon / "lib", addon / "LICENSES")
    remove_test_code(addon / "lib")
    start_without_shell(addon / "default" / "inputs.conf")
    speak_in_sentences(addon / "bin")
    say_the_language(addon / "appserver" / "templates")
    set_build_time(addon, os.environ["SOURCE_DATE_EPOCH"])


def remove_compiled_parts(lib: Path) -> None:
    """Remove what was compiled for the build machine, and the scripts that name its interpreter.

    charset_normalizer brings two ``.so`` beside the same modules in Python; idna and charset_normalizer bring
    commands for ``lib/bin``, whose first line is the path of the build's Python.
    """
    for pattern in ("*.so", "*.pyd", "*.pyc"):
        for path in lib.rglob(pattern):
            path.unlink()
    shutil.rmtree(lib / "bin")


def keep_licences_only(lib: Path, licences: Path) -> None:
    """Move each bundled distribution's licence to ``LICENSES/`` and drop the rest of its ``dist-info``.

    The rest are records for pip, which nothing reads at run time. They depend on the build machine (RECORD lists the
    compiled parts of its platform, METADATA is partly written by its setuptools), and the prose in them sets off
    AppInspect's search for IP addresses.
    """
    infos = sorted(lib.glob("*.dist-info"))
    if not infos:
        raise RuntimeError(f"no *.dist-info in {lib}: nothing was installed")
    for info in infos:
        target = licences / info.name[: -len(".dist-info")]
        for path in sorted(info.rglob("*")):
            if path.is_file() and re.match(r"(?i)(licen[cs]e|copying|notice|authors)", path.name):
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / path.name)
        shutil.rmtree(info)


def remove_test_code(lib: Path) -> None:
    """Remove tests that a library ships; they import what is not here."""
    shutil.rmtree(lib / "certifi" / "tests")


def start_without_shell(inputs_conf: Path) -> None:
    """Let splunkd start the inputs itself.

    By default there is a shell between splunkd and the input on Unix. The input would then see a parent that lives
    on when splunkd dies, and never notice that it is an orphan.
    """
    text, stanzas = re.subn(
        r"^(\[strava_\w+\]\n)", r"\1start_by_shell = false\n", inputs_conf.read_text("utf-8"), flags=re.MULTILINE
    )
    if not stanzas:
        raise RuntimeError(f"no stanza of an input in {inputs_conf}")
    inputs_conf.write_text(text, "utf-8")


def speak_in_sentences(bin_folder: Path) -> None:
    """Give the REST handlers that ucc-gen generates for the settings and the inputs our base class.

    ucc-gen takes no class for the tabs of settings. Its own shows tracebacks and regular expressions in the browser.
    """
    changed = 0
    for path in sorted(bin_folder.glob("*_rh_*.py")):
        text = path.read_text("utf-8")
        ours = text.replace(
            "from splunktaucclib.rest_handler.admin_external import AdminExternalHandler",
            "from strava_webhook_page_handler import PageHandler",
        ).replace("handler=AdminExternalHandler", "handler=PageHandler")
        if ours != text:
            path.write_text(ours, "utf-8")
            changed += 1
    if not changed:
        raise RuntimeError(f"no handler of ucc-gen's in {bin_folder} needs our base class any more")


def say_the_language(templates: Path) -> None:
    """Say that the pages are in English, so that a screen reader pronounces them so; ucc-gen leaves it empty."""
    changed = 0
    for path in sorted(templates.glob("*.html")):
        text = path.read_text("utf-8")
        ours = text.replace('<html class="no-js" lang="">', '<html class="no-js" lang="en">')
        if ours != text:
            path.write_text(ours, "utf-8")
            changed += 1
    if not changed:
        raise RuntimeError(f"no template in {templates} leaves its language empty any more")


def set_build_time(addon: Path, build_time: str) -> None:
    """Replace the time of the build by the time of the commit, in the three files that ucc-gen writes it into.

    Splunk Web uses it as the version of the static files; the package's bytes must not depend on it.
    """
    app_conf = addon / "default" / "app.conf"
    found = re.search(r"^build = (\d+)$", app_conf.read_text("utf-8"), flags=re.MULTILINE)
    if not found:
        raise RuntimeError(f"no build time in {app_conf}")
    for path in (app_conf, *sorted((addon / "appserver" / "templates").glob("*.html"))):
        path.write_text(path.read_text("utf-8").replace(found.group(1), build_time), "utf-8")
