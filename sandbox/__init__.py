"""The add-on without Splunk and without Strava: stand-ins that run on loopback.

They serve the demo, the tests and the benchmarks, and are not part of the package. A stand-in refuses what
the real one would refuse, and keeps a list of what a well-behaved client would not have done.
"""
