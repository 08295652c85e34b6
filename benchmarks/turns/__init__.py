"""`make bench`: a turn of this bot beside a bare relay and beside what the public SDKs make of an echo."""
