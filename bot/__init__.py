"""The composition root of Sekisho: settings, wiring, run loop, command line, health."""
