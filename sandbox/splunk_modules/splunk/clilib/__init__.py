"""Stand-in for `splunk.clilib`."""
