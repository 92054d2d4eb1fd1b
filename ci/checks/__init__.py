"""The whole-project check, `./dev check`: each check is a module or a program of its own."""
