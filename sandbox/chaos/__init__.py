"""``make chaos``: thousands of notifications while everything fails that can, and an account of each at the end.

The add-on is the built one, its process the real one, TLS as always. The stand-ins play Strava and splunkd; what
goes wrong is done to the process (SIGKILL, a disk that is full, a pipe that nobody reads) or by the stand-ins (errors
of Strava, a splunkd that does not answer). ``plan`` says what happens, ``cast`` and ``trouble`` do it, ``account``
holds the outcome against what Strava was told and has.
"""
