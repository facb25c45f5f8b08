"""``make soak``: the built input at a fifth of what this computer gets through, for an hour, and what grows meanwhile.

Who acts and the account at the end are those of ``sandbox.chaos``; but nothing is killed here, because what grows in a
process is seen only while the process lives. ``happenings`` has what an hour brings along: certificates that are
renewed, athletes who connect again, a log file that is full, outages. ``samples`` measures the process, ``slopes`` says
what is too steep.
"""
