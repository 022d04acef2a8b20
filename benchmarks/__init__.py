"""Every figure in the docs is printed by a command in here."""
