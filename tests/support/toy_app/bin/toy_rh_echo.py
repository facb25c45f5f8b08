"""A REST handler that gives back what it was sent, or fails as it is told to."""

import os

import splunk.admin as admin


class Echo(admin.MConfigHandler):
    def setup(self):
        if self.requestedAction == admin.ACTION_CREATE:
            self.supportedArgs.addReqArg("text")
        if self.requestedAction in (admin.ACTION_CREATE, admin.ACTION_EDIT):
            self.supportedArgs.addOptArg("fail")

    def handleList(self, confInfo):  # noqa: N802, N803 - the interface of splunk.admin
        confInfo["process"]["pid"] = os.getpid()

    def handleCreate(self, confInfo):  # noqa: N802, N803 - the interface of splunk.admin
        print("a stray line on standard output")
        confInfo[self.callerArgs.id]["text"] = self.callerArgs.data["text"][0]
        confInfo[self.callerArgs.id]["session_key"] = self.getSessionKey()

    def handleEdit(self, confInfo):  # noqa: N802, N803 - the interface of splunk.admin
        if self.callerArgs.data["fail"] == ["known"]:
            raise admin.NotFoundException("There is no such thing.")
        if self.callerArgs.data["fail"] == ["die"]:
            os._exit(3)
        raise ValueError("It broke.")


if __name__ == "__main__":
    admin.init(Echo, admin.CONTEXT_APP_ONLY)
