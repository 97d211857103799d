"""The timeline and its dialogs."""
