"""The command line: verbs only - parsing, screen, exit codes. What they do lives in the packages."""
