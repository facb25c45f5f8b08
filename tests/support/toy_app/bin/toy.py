"""A modular input of plain files that behaves as its stanza says."""

import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET

SCHEME = """<scheme><title>Toy</title><description>A toy.</description>
<use_external_validation>true</use_external_validation><streaming_mode>xml</streaming_mode>
<use_single_instance>false</use_single_instance><endpoint><args>
<arg name="name"><required_on_create>true</required_on_create></arg>
<arg name="behaviour"><required_on_create>true</required_on_create></arg>
</args></endpoint></scheme>"""

AT = 1780293600
stopped = threading.Event()


def event(number, padding=""):
    text = f'{{"at":{AT + number},"number":{number},"pid":{os.getpid()},"padding":"{padding}"}}'
    return f'<event unbroken="1"><time>{AT + number}.000</time><data>{text}</data><done/></event>'


def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def validate():
    params = {param.get("name"): param.text for param in ET.parse(sys.stdin).iter("param")}
    if params["behaviour"] == "refused":
        write("<error><message>Two faults: this and that.</message></error>")
        return 1
    if params["behaviour"] == "crash":
        raise RuntimeError("the validation itself broke")
    return 0


def run():
    root = ET.parse(sys.stdin).getroot()
    params = {param.get("name"): param.text for param in root.iter("param")}
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    globals()["do_" + params["behaviour"]](root)


def do_stay(root):
    sys.stderr.write(f"WARN checkpoint_dir={root.findtext('checkpoint_dir')} path={os.environ.get('PYTHONPATH')}\n")
    write("<stream>" + event(1))
    stopped.wait()
    write("</stream>")


def do_exit(root):
    write("<stream>" + event(1) + "</stream>")


def do_deaf(root):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write("<stream>" + event(1))
    threading.Event().wait()


def do_half(root):
    write("<stream>" + event(1) + event(2)[:60])
    threading.Event().wait()


def do_give_up(root):
    write("<stream>" + event(1) + event(2)[:60])


def do_flood(root):
    """A megabyte, which no pipe holds."""
    write("<stream>")
    for number in range(100):
        write(event(number, "x" * 10_000))
    stopped.wait()
    write("</stream>")


def do_ask(root):
    """Ask splunkd who is there until the session has expired."""
    request = urllib.request.Request(root.findtext("server_uri") + "/services/messages")
    request.add_header("Authorization", "Splunk " + root.findtext("session_key"))
    write("<stream>" + event(1))
    while not stopped.is_set():
        try:
            urllib.request.urlopen(request, context=ssl._create_unverified_context()).close()
        except urllib.error.HTTPError as fault:
            fault.close()
            write(event(fault.code))
            break
        time.sleep(0.01)
    write("</stream>")


if __name__ == "__main__":
    if sys.argv[1:] == ["--scheme"]:
        write(SCHEME)
    elif sys.argv[1:] == ["--validate-arguments"]:
        sys.exit(validate())
    else:
        run()
