"""The command line: one module per command. No Qt, and no torch before a command needs it."""
